// `tag` with gopher_v2 from .jsonl.gz to .jsonl.zst: MB/s of uncompressed JSONL per core of CPU.
//
//   tag_benchmark [--input FILE.jsonl.gz] [--threads 1] [--rounds 5]
//
// Without an input it makes 64 MB of text. Before it times, every 50th document of the output is
// compared with the plain form of the rules (testing/plain_gopher.h).
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "datalake/base/clock.h"
#include "datalake/base/thread_pool.h"
#include "datalake/curate/attribute_writer.h"
#include "datalake/curate/tag.h"
#include "datalake/format/document_reader.h"
#include "datalake/io/local_file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/writer.h"
#include "datalake/testing/plain_gopher.h"
#include "datalake/testing/temp_dir.h"

#include "benchmarks/machine_facts.h"
#include "benchmarks/made_corpus.h"

namespace datalake::benchmarks {
namespace {

constexpr std::size_t kMadeBytes = 64'000'000;
constexpr int kVerifyEvery = 50;

struct Arguments {
  std::string input;
  std::size_t threads = 1;
  int rounds = 5;
};

Status MakeInput(io::FileSystem& fs, const std::string& path) {
  MadeCorpus corpus(0.05);
  std::string lines;
  while (lines.size() < kMadeBytes) {
    lines += MadeCorpus::Line(corpus.Next());
  }
  return WriteLines(fs, path, lines);
}

std::string ExpectedLine(const format::Document& document) {
  std::string line;
  json::Writer writer(line);
  writer.BeginObject();
  writer.Key("id");
  writer.String(document.id);
  writer.Key("attributes");
  writer.BeginObject();
  const testing::GopherScores scores = testing::PlainGopher(std::string(document.text));
  double chars = 0;
  for (const auto& [type, score] : scores) {
    chars = type == "character_count" ? score : chars;
  }
  for (const auto& [type, score] : scores) {
    std::string number;
    curate::AppendScore(number, score);
    writer.Key("bench__gopher_v2__" + type);
    writer.Raw(fmt::format("[[0,{},{}]]", static_cast<std::uint64_t>(chars), number));
  }
  writer.EndObject();
  writer.Key("source");
  writer.String(document.source);
  writer.EndObject();
  return line;
}

Status Verify(io::FileSystem& fs, const std::string& input, const std::string& output) {
  DATALAKE_TRY_ASSIGN(const std::string attributes, ReadLines(fs, output));
  DATALAKE_TRY_ASSIGN(const auto reader, format::OpenDocuments(fs, input));
  format::DocumentBatch batch;
  std::size_t at = 0;
  int number = 0;
  while (true) {
    DATALAKE_TRY_ASSIGN(const bool more, reader->Next(batch));
    if (!more) {
      break;
    }
    for (const format::Document& document : batch.documents()) {
      const std::size_t end = std::min(attributes.find('\n', at), attributes.size());
      if (number++ % kVerifyEvery == 0 &&
          std::string_view(attributes).substr(at, end - at) != ExpectedLine(document)) {
        return Error{ErrorCode::kInternal,
                     fmt::format("wrong attributes: {}", batch.Where(document.line))};
      }
      at = end + 1;
    }
  }
  if (at != attributes.size()) {
    return Error{ErrorCode::kInternal, "attributes have another number of lines"};
  }
  return {};
}

Status Run(const Arguments& arguments) {
  testing::TempDir folder;
  io::LocalFileSystem fs;
  std::string input = arguments.input;
  if (input.empty()) {
    input = io::JoinPath(folder.path(), "made.jsonl.gz");
    DATALAKE_TRY(MakeInput(fs, input));
  }
  curate::TaggerRegistry registry;
  DATALAKE_TRY(curate::AddBuiltinTaggers(registry));
  const std::string destination = io::JoinPath(folder.path(), "attributes");
  const curate::TagOptions options{.documents = {input},
                                   .destination = {destination},
                                   .taggers = {"gopher_v2"},
                                   .experiment = "bench",
                                   .existing = curate::ExistingOutputs::kReplace,
                                   .compression = "zst"};
  const SystemClock clock;
  NullProgress progress;
  ThreadPool pool(arguments.threads);
  DATALAKE_TRY_ASSIGN(const curate::TagPlan plan, curate::PlanTag(fs, options, registry));
  double best_cpu = 1e9;
  double best_wall = 1e9;
  curate::TagReport report;
  for (int round = 0; round <= arguments.rounds; ++round) {
    const double cpu = ProcessCpuSeconds();
    const std::int64_t wall = clock.SteadyNanos();
    DATALAKE_TRY_ASSIGN(report, curate::RunTag(options, registry, {fs, clock, pool, progress, {}}));
    if (round == 0) {  // verified, not timed
      DATALAKE_TRY(Verify(fs, input, plan.units[0].outputs[0].path));
      continue;
    }
    best_cpu = std::min(best_cpu, ProcessCpuSeconds() - cpu);
    best_wall = std::min(best_wall, static_cast<double>(clock.SteadyNanos() - wall) * 1e-9);
  }
  DATALAKE_TRY_ASSIGN(const double inflate, InflateMbps(fs, input));
  const double megabytes = static_cast<double>(report.bytes) / 1e6;
  const double rate = megabytes / best_cpu;
  fmt::print("input                {:.1f} MB of JSONL, {} documents, verified\n", megabytes,
             report.documents);
  fmt::print("isa-l inflate        {:.0f} MB/s per core\n", inflate);
  fmt::print("tag gopher_v2        {:.0f} MB/s and {:.0f} documents/s per core of CPU\n", rate,
             static_cast<double>(report.documents) / best_cpu);
  fmt::print("  scaled             {:.0f} MB/s at {:.0f} MB/s of inflate (floor 60)\n",
             ScaledMbps(rate, inflate), kReferenceInflateMbps);
  fmt::print("  wall, {} threads    {:.0f} MB/s\n", arguments.threads, megabytes / best_wall);
  fmt::print("peak memory          {:.0f} MB\n", static_cast<double>(PeakMemoryBytes()) / 1e6);
  return {};
}

}  // namespace
}  // namespace datalake::benchmarks

int main(int argc, char** argv) {
  datalake::benchmarks::Arguments arguments;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--input") {
      arguments.input = argv[i + 1];
    } else if (name == "--threads") {
      arguments.threads = static_cast<std::size_t>(std::atoi(argv[i + 1]));
    } else if (name == "--rounds") {
      arguments.rounds = std::atoi(argv[i + 1]);
    }
  }
  const datalake::Status status = datalake::benchmarks::Run(arguments);
  if (!status) {
    fmt::print(stderr, "tag_benchmark: {}\n", status.error().message);
    return 1;
  }
  return 0;
}

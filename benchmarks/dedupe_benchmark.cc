// Exact document dedup, marks only, from .jsonl.gz: MB/s of uncompressed JSONL per core of CPU.
//
//   dedupe_benchmark [--threads 1] [--megabytes 256] [--rounds 5]
//
// A made corpus of four files, one document in five a copy. Before it times, every row written is
// compared with the answer of a set of the whole texts.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

#include "datalake/base/clock.h"
#include "datalake/base/progress.h"
#include "datalake/curate/dedupe.h"
#include "datalake/io/local_file_system.h"
#include "datalake/testing/temp_dir.h"

#include "benchmarks/machine_facts.h"
#include "benchmarks/made_corpus.h"

namespace datalake::benchmarks {
namespace {

constexpr int kFiles = 4;

struct Arguments {
  std::size_t threads = 1;
  std::size_t megabytes = 256;
  int rounds = 5;
};

struct Corpus {
  std::vector<std::string> expected;  // the attribute rows of each file
  std::uint64_t bytes = 0;
};

Result<Corpus> MakeCorpus(io::FileSystem& fs, const std::string& root, std::size_t megabytes) {
  Corpus corpus;
  MadeCorpus documents(0.2);
  std::unordered_set<std::string> seen;
  for (int file = 0; file < kFiles; ++file) {
    std::string lines;
    std::string rows;
    while (lines.size() < megabytes * 1'000'000 / kFiles) {
      const MadeCorpus::Document document = documents.Next();
      lines += MadeCorpus::Line(document);
      rows += seen.insert(document.text).second
                  ? fmt::format("{{\"attributes\":{{}},\"id\":\"{}\"}}\n", document.id)
                  : fmt::format("{{\"attributes\":{{\"dup\":[[0,{},1]]}},\"id\":\"{}\"}}\n",
                                document.text.size(), document.id);
    }
    corpus.bytes += lines.size();
    corpus.expected.push_back(std::move(rows));
    DATALAKE_TRY(WriteLines(fs, fmt::format("{}/documents/{}.jsonl.gz", root, file), lines));
  }
  return corpus;
}

Result<curate::DedupeReport> Dedupe(io::FileSystem& fs, const std::string& root,
                                    std::size_t threads) {
  curate::DedupeOptions options;
  options.documents = {root + "/documents/*"};
  options.attribute_name = "dup";
  options.compression = "zst";
  const SystemClock clock;
  NullProgress progress;
  return curate::RunDedupe(options, {fs, clock, progress, threads, {}});
}

Status Verify(io::FileSystem& fs, const std::string& root, const Corpus& corpus) {
  for (int file = 0; file < kFiles; ++file) {
    const std::string path = fmt::format("{}/attributes/dup/{}.jsonl.zst", root, file);
    DATALAKE_TRY_ASSIGN(const std::string rows, ReadLines(fs, path));
    if (rows != corpus.expected[static_cast<std::size_t>(file)]) {
      return Error{ErrorCode::kInternal, fmt::format("wrong rows: {}", path)};
    }
  }
  return {};
}

Status Run(const Arguments& arguments) {
  const testing::TempDir folder;
  io::LocalFileSystem fs;
  DATALAKE_TRY_ASSIGN(const Corpus corpus, MakeCorpus(fs, folder.path(), arguments.megabytes));
  DATALAKE_TRY_ASSIGN(const curate::DedupeReport report,
                      Dedupe(fs, folder.path(), arguments.threads));
  DATALAKE_TRY(Verify(fs, folder.path(), corpus));
  DATALAKE_TRY_ASSIGN(const double inflate,
                      InflateMbps(fs, folder.path() + "/documents/0.jsonl.gz"));
  double best = 0;
  double best_wall = 0;
  const SystemClock clock;
  for (int round = 0; round < arguments.rounds; ++round) {
    const double cpu = ProcessCpuSeconds();
    const std::int64_t wall = clock.SteadyNanos();
    DATALAKE_TRY(Dedupe(fs, folder.path(), arguments.threads));
    const double megabytes = static_cast<double>(corpus.bytes) * 1e-6;
    best = std::max(best, megabytes / (ProcessCpuSeconds() - cpu));
    best_wall =
        std::max(best_wall, megabytes / (static_cast<double>(clock.SteadyNanos() - wall) * 1e-9));
  }
  fmt::print("dedupe: {} documents, {:.0f} MB, {} duplicates, threads {}, rows verified\n",
             report.all.documents, static_cast<double>(corpus.bytes) * 1e-6, report.all.duplicates,
             arguments.threads);
  fmt::print(
      "dedupe: {:.0f} MB/s per core of CPU; inflate {:.0f} MB/s; scaled to {:.0f}: {:.0f} "
      "MB/s (floor 200)\n",
      best, inflate, kReferenceInflateMbps, ScaledMbps(best, inflate));
  fmt::print(
      "dedupe: {:.0f} MB/s wall; table {:.1f} MB; peak memory {:.0f} MB, the expected rows "
      "included\n",
      best_wall, static_cast<double>(report.key_bytes) * 1e-6,
      static_cast<double>(PeakMemoryBytes()) * 1e-6);
  return {};
}

}  // namespace
}  // namespace datalake::benchmarks

int main(int argc, char** argv) {
  datalake::benchmarks::Arguments arguments;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const int value = std::atoi(argv[i + 1]);
    if (name == "--threads") {
      arguments.threads = static_cast<std::size_t>(std::max(value, 1));
    } else if (name == "--megabytes") {
      arguments.megabytes = static_cast<std::size_t>(std::max(value, 1));
    } else if (name == "--rounds") {
      arguments.rounds = std::max(value, 1);
    }
  }
  if (const datalake::Status status = datalake::benchmarks::Run(arguments); !status) {
    fmt::print(stderr, "dedupe_benchmark: {}\n", status.error().message);
    return 1;
  }
  return 0;
}

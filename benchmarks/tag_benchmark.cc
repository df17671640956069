// `tag` from .jsonl.gz: MB/s of uncompressed JSONL per core of CPU, for the sets of taggers and the
// forms of attributes that have a floor; where the time goes; what a second thread gives; time per
// GB of a small and a large file.
//
//   tag_benchmark [--input FILE.jsonl.gz] [--megabytes 64] [--rounds 5] [--part rates|threads|flat]
//       [--work NUMBER]
//
// Rates are medians of the rounds. Before and after each round the input is inflated once, and the
// round is scaled by the mean of both. --work is one of the sets of taggers alone, from 0.
// Without an input it makes text. Before it times, every 50th document of each output is compared
// with the plain form of the Gopher rules (testing/plain_gopher.h), in Parquet too.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "datalake/base/clock.h"
#include "datalake/base/thread_pool.h"
#include "datalake/curate/attribute_reader.h"
#include "datalake/curate/attribute_writer.h"
#include "datalake/curate/tag.h"
#include "datalake/format/document_reader.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/local_file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/writer.h"
#include "datalake/testing/plain_gopher.h"
#include "datalake/testing/temp_dir.h"

#include "benchmarks/machine_facts.h"
#include "benchmarks/made_corpus.h"

namespace datalake::benchmarks {
namespace {

constexpr int kVerifyEvery = 50;

struct Arguments {
  std::string input;
  std::string part;
  std::size_t megabytes = 64;
  int rounds = 5;
  int work = -1;
};

struct Work {
  std::string name;
  std::vector<std::string> taggers;
  curate::AttributesFormat format = curate::AttributesFormat::kLines;
  double floor = 0;
  double aim = 0;
};

const std::vector<Work>& Works() {
  using curate::AttributesFormat;
  static const std::vector<Work> works = {
      {"gopher_v2", {"gopher_v2"}, AttributesFormat::kLines, 60, 60},
      {"gopher_v2 + c4_v2", {"gopher_v2", "c4_v2"}, AttributesFormat::kLines, 110, 150},
      {"gopher_v2 + c4_v2", {"gopher_v2", "c4_v2"}, AttributesFormat::kParquet, 140, 195},
      {"gopher_v2 + c4_v2 + pii + paragraph lengths",
       {"gopher_v2", "c4_v2", "pii_regex_v2", "char_length_with_paragraphs_v1"},
       AttributesFormat::kLines,
       80,
       120}};
  return works;
}

Result<std::string> MadeLines(std::size_t bytes) {
  MadeCorpus corpus(0.05);
  std::string lines;
  while (lines.size() < bytes) {
    lines += MadeCorpus::Line(corpus.Next());
  }
  return lines;
}

// The row of a document as far as gopher_v2, which comes first, makes it.
std::string ExpectedBegin(const format::Document& document) {
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
  return line;
}

Status Verify(io::FileSystem& fs, const std::string& input, const std::string& output) {
  DATALAKE_TRY_ASSIGN(const auto attributes, curate::AttributeReader::Open(fs, output));
  DATALAKE_TRY_ASSIGN(const auto reader, format::OpenDocuments(fs, input));
  format::DocumentBatch batch;
  curate::AttributeBatch rows;
  int number = 0;
  while (true) {
    DATALAKE_TRY_ASSIGN(const bool more, reader->Next(batch));
    DATALAKE_TRY_ASSIGN(const std::uint64_t count,
                        attributes->Read(more ? batch.num_lines() : 1, rows));
    if (count != (more ? batch.num_lines() : 0)) {
      return Error{ErrorCode::kInternal, "attributes have another number of rows"};
    }
    if (!more) {
      return {};
    }
    DATALAKE_TRY(attributes->Decode(rows));
    for (const format::Document& document : batch.documents()) {
      if (number++ % kVerifyEvery == 0 &&
          !rows.rows()[document.line].starts_with(ExpectedBegin(document))) {
        return Error{ErrorCode::kInternal,
                     fmt::format("wrong attributes: {}", batch.Where(document.line))};
      }
    }
  }
}

struct Timing {
  double cpu = 1e9;  // seconds, of the best round
  double wall = 1e9;
  curate::TagReport report;  // of that round
  ScaledRounds rounds;       // without a rate when the input is not inflated
  double peak_megabytes = 0;
};

class Bench {
 public:
  explicit Bench(const Arguments& arguments) : arguments_(arguments) {}

  Status Run() {
    DATALAKE_TRY(curate::AddBuiltinTaggers(registry_));
    if (arguments_.part.empty() || arguments_.part == "rates") {
      DATALAKE_TRY(Rates());
    }
    if (arguments_.part.empty() || arguments_.part == "threads") {
      DATALAKE_TRY(Threads());
    }
    if (arguments_.part.empty() || arguments_.part == "flat") {
      DATALAKE_TRY(Flat());
    }
    return {};
  }

 private:
  Status Rates() {
    std::string input = arguments_.input;
    if (input.empty()) {
      DATALAKE_TRY_ASSIGN(input, MakeInput("rates.jsonl.gz", arguments_.megabytes * 1'000'000));
    }
    for (int i = 0; i < static_cast<int>(Works().size()); ++i) {
      if (arguments_.work < 0 || arguments_.work == i) {
        DATALAKE_TRY(Rate(Works()[static_cast<std::size_t>(i)], input));
      }
    }
    return {};
  }

  Status Rate(const Work& work, const std::string& input) {
    DATALAKE_TRY_ASSIGN(const Timing timing, Time({input}, work, 1, Inflate::kBetweenRounds));
    fmt::print("{}, {}: {:.1f} MB, {} documents, verified\n", work.name,
               work.format == curate::AttributesFormat::kParquet ? "Parquet" : ".jsonl.zst",
               static_cast<double>(timing.report.bytes) / 1e6, timing.report.documents);
    fmt::print(
        "  {:.0f} MB/s per core of CPU; {:.0f} scaled from {:.0f} to {:.0f} MB/s of inflate (floor "
        "{:.0f}, aim {:.0f}); peak memory {:.0f} MB\n",
        timing.rounds.raw_mbps(), timing.rounds.scaled_mbps(), timing.rounds.inflate_mbps(),
        kReferenceInflateMbps, work.floor, work.aim, timing.peak_megabytes);
    PrintCosts(timing);
    return {};
  }

  static void PrintCosts(const Timing& timing) {
    double rest = timing.cpu;
    for (const curate::RunCost& cost : timing.report.costs) {
      const double seconds = static_cast<double>(cost.nanos) * 1e-9;
      rest -= seconds;
      fmt::print("    {:<32} {:5.1f} %\n", cost.name, 100 * seconds / timing.cpu);
    }
    fmt::print("    {:<32} {:5.1f} %\n", "rest", 100 * rest / timing.cpu);
  }

  // The same text as one file of each form and as eight.
  Status Threads() {
    const std::size_t bytes = arguments_.megabytes * 1'000'000;
    fmt::print("threads: wall seconds, gopher_v2 + c4_v2 to .jsonl.zst\n");
    for (const std::string suffix : {".jsonl", ".jsonl.zst", ".jsonl.gz"}) {
      DATALAKE_TRY_ASSIGN(const std::string input, MakeInput("one" + suffix, bytes));
      DATALAKE_TRY(PrintThreads("one " + suffix, {input}));
    }
    std::vector<std::string> eight;
    for (int i = 0; i < 8; ++i) {
      DATALAKE_TRY_ASSIGN(std::string input,
                          MakeInput(fmt::format("eight-{}.jsonl.gz", i), bytes / 8));
      eight.push_back(std::move(input));
    }
    return PrintThreads("eight .jsonl.gz", eight);
  }

  // Rounds of one thread, of two, and of two runs of one thread side by side, which share nothing
  // but the machine: what two threads could reach on it at that moment.
  Status PrintThreads(const std::string& name, const std::vector<std::string>& inputs) {
    std::vector<double> gains;
    std::vector<double> ceilings;
    double one = 1e9;
    double two = 1e9;
    for (int round = 0; round <= arguments_.rounds; ++round) {
      DATALAKE_TRY_ASSIGN(const double alone, WallSeconds(inputs, 1, "attributes"));
      DATALAKE_TRY_ASSIGN(const double both, WallSeconds(inputs, 2, "attributes"));
      DATALAKE_TRY_ASSIGN(const double apart, WallSecondsOfTwoRuns(inputs));
      if (round == 0) {  // verified, not timed
        DATALAKE_TRY_ASSIGN(
            const curate::TagPlan plan,
            curate::PlanTag(fs_, Options(inputs, Works()[1], "attributes"), registry_));
        DATALAKE_TRY(Verify(fs_, inputs[0], plan.units[0].outputs[0].path));
      } else {
        gains.push_back(alone / both);
        ceilings.push_back(2 * alone / apart);
        one = std::min(one, alone);
        two = std::min(two, both);
      }
    }
    fmt::print(
        "  {:<16} one {:.2f} s, two {:.2f} s: {:.2f} times at the best, {:.2f} in the median; "
        "two programs apart {:.2f}\n",
        name, one, two, one / two, Median(gains), Median(ceilings));
    return {};
  }

  Result<double> WallSeconds(const std::vector<std::string>& inputs, std::size_t threads,
                             const std::string& destination) {
    const curate::TagOptions options = Options(inputs, Works()[1], destination);
    NullProgress progress;
    ThreadPool pool(threads);
    const std::int64_t begin = clock_.SteadyNanos();
    DATALAKE_TRY(curate::RunTag(options, registry_, {fs_, clock_, pool, progress, {}}));
    return static_cast<double>(clock_.SteadyNanos() - begin) * 1e-9;
  }

  Result<double> WallSecondsOfTwoRuns(const std::vector<std::string>& inputs) {
    std::array<Result<double>, 2> walls = {0.0, 0.0};
    {
      const std::jthread other([&] { walls[1] = WallSeconds(inputs, 1, "attributes-2"); });
      walls[0] = WallSeconds(inputs, 1, "attributes");
    }
    DATALAKE_TRY_ASSIGN(const double first, std::move(walls[0]));
    DATALAKE_TRY_ASSIGN(const double second, std::move(walls[1]));
    return std::max(first, second);
  }

  Status Flat() {
    for (const std::size_t parts : {1, 10, 40}) {
      DATALAKE_TRY_ASSIGN(const std::string input, MakeRepeated("flat.jsonl.gz", parts));
      DATALAKE_TRY_ASSIGN(const Timing timing, Time({input}, Works()[1], 1));
      fmt::print("{:.1f} GB: {:.2f} CPU seconds per GB, peak memory {:.0f} MB\n",
                 static_cast<double>(timing.report.bytes) / 1e9,
                 timing.cpu / static_cast<double>(timing.report.bytes) * 1e9,
                 timing.peak_megabytes);
    }
    return {};
  }

  // 100 MB of text `parts` times: gzip members may stand one behind the other.
  Result<std::string> MakeRepeated(const std::string& name, std::size_t parts) {
    DATALAKE_TRY_ASSIGN(const std::string one, MakeInput("part.jsonl.gz", 100'000'000));
    DATALAKE_TRY_ASSIGN(const std::string bytes, io::ReadFile(fs_, one, std::uint64_t{1} << 30));
    const std::string path = io::JoinPath(folder_.path(), name);
    DATALAKE_TRY(fs_.RemoveTree(path));
    DATALAKE_TRY_ASSIGN(const auto file, fs_.Create(path));
    for (std::size_t i = 0; i < parts; ++i) {
      DATALAKE_TRY(file->Write(std::string_view(bytes)));
    }
    DATALAKE_TRY(file->Close());
    return path;
  }

  enum class Inflate : std::uint8_t { kNever, kBetweenRounds };

  curate::TagOptions Options(const std::vector<std::string>& inputs, const Work& work,
                             const std::string& destination) {
    const std::string folder = io::JoinPath(folder_.path(), destination);
    return {.documents = inputs,
            .destination = std::vector<std::string>(inputs.size(), folder),
            .taggers = work.taggers,
            .experiment = "bench",
            .existing = curate::ExistingOutputs::kReplace,
            .compression = "zst",
            .format = work.format};
  }

  Result<Timing> Time(const std::vector<std::string>& inputs, const Work& work, std::size_t threads,
                      Inflate inflate = Inflate::kNever) {
    const curate::TagOptions options = Options(inputs, work, "attributes");
    NullProgress progress;
    ThreadPool pool(threads);
    DATALAKE_TRY_ASSIGN(const curate::TagPlan plan, curate::PlanTag(fs_, options, registry_));
    Timing best;
    double inflate_before = 0;
    ResetPeakMemory();
    for (int round = 0; round <= arguments_.rounds; ++round) {
      const double cpu = ProcessCpuSeconds();
      const std::int64_t wall = clock_.SteadyNanos();
      DATALAKE_TRY_ASSIGN(curate::TagReport report,
                          curate::RunTag(options, registry_, {fs_, clock_, pool, progress, {}}));
      const double seconds = ProcessCpuSeconds() - cpu;
      best.wall = std::min(best.wall, static_cast<double>(clock_.SteadyNanos() - wall) * 1e-9);
      if (round == 0) {  // verified, not timed
        DATALAKE_TRY(Verify(fs_, inputs[0], plan.units[0].outputs[0].path));
        best.wall = 1e9;
        ResetPeakMemory();
      }
      double inflate_after = 0;
      if (inflate == Inflate::kBetweenRounds) {
        DATALAKE_TRY_ASSIGN(inflate_after, InflateOnceMbps(fs_, inputs[0]));
      }
      if (round > 0) {
        best.rounds.Add(static_cast<double>(report.bytes) / 1e6 / seconds,
                        (inflate_before + inflate_after) / 2);
        if (seconds < best.cpu) {
          best.cpu = seconds;
          best.report = std::move(report);
        }
      }
      inflate_before = inflate_after;
    }
    best.peak_megabytes = static_cast<double>(PeakMemoryBytes()) / 1e6;
    return best;
  }

  Result<std::string> MakeInput(const std::string& name, std::size_t bytes) {
    const std::string path = io::JoinPath(folder_.path(), name);
    DATALAKE_TRY(fs_.RemoveTree(path));
    DATALAKE_TRY_ASSIGN(const std::string lines, MadeLines(bytes));
    DATALAKE_TRY(WriteLines(fs_, path, lines));
    return path;
  }

  const Arguments& arguments_;
  testing::TempDir folder_;
  io::LocalFileSystem fs_;
  const SystemClock clock_;
  curate::TaggerRegistry registry_;
};

}  // namespace
}  // namespace datalake::benchmarks

int main(int argc, char** argv) {
  datalake::benchmarks::Arguments arguments;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--input") {
      arguments.input = argv[i + 1];
    } else if (name == "--megabytes") {
      arguments.megabytes = static_cast<std::size_t>(std::atoi(argv[i + 1]));
    } else if (name == "--rounds") {
      arguments.rounds = std::atoi(argv[i + 1]);
    } else if (name == "--work") {
      arguments.work = std::atoi(argv[i + 1]);
    } else if (name == "--part") {
      arguments.part = argv[i + 1];
    }
  }
  const datalake::Status status = datalake::benchmarks::Bench(arguments).Run();
  if (!status) {
    fmt::print(stderr, "tag_benchmark: {}\n", status.error().message);
    return 1;
  }
  return 0;
}

// `mix` from .jsonl.gz documents and .jsonl.zst attributes to .jsonl.zst: MB/s of uncompressed
// documents per core of CPU.
//
//   mix_benchmark [--threads 1] [--megabytes 192] [--rounds 5]
//
// A made corpus of four files with 18 attributes a document in the form of gopher_v2 and of dedupe.
// Filters on one attribute of each keep about 60 %. Timed: zstd level 3 and 1, the same filters in
// jq, and a rule besides that replaces a span in one document of ten. Before it is timed, each
// one's output rows are compared with those made from the corpus.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "datalake/base/clock.h"
#include "datalake/base/progress.h"
#include "datalake/curate/mix.h"
#include "datalake/io/local_file_system.h"
#include "datalake/json/writer.h"
#include "datalake/testing/temp_dir.h"

#include "benchmarks/machine_facts.h"
#include "benchmarks/made_corpus.h"

namespace datalake::benchmarks {
namespace {

constexpr int kFiles = 4;
constexpr int kTags = 17;
constexpr int kMinScore = 25;

struct Arguments {
  std::size_t threads = 1;
  std::size_t megabytes = 192;
  int rounds = 5;
};

// One way to mix the corpus.
struct Variant {
  std::string_view name;
  int level = 1;
  bool is_jq = false;
  bool replaces = false;
};

constexpr Variant kVariants[] = {{.name = "zstd-3", .level = 3},
                                 {.name = "zstd-1"},
                                 {.name = "zstd-1, jq", .is_jq = true},
                                 {.name = "zstd-1, spans", .replaces = true}};

struct Corpus {
  std::string expected;  // without replacements
  std::string expected_replaced;
  std::uint64_t documents = 0;
  std::uint64_t kept = 0;
  std::uint64_t bytes = 0;
};

std::string TagRow(const MadeCorpus::Document& document, int score, bool has_span) {
  std::string row = fmt::format("{{\"id\":\"{}\",\"attributes\":{{", document.id);
  for (int tag = 0; tag < kTags; ++tag) {
    row += fmt::format("{}\"bench__gopher_v2__measure_{}\":[[0,{},{}.5]]", tag == 0 ? "" : ",", tag,
                       document.text.size(), (score + tag) % 100);
  }
  row +=
      fmt::format(",\"bench__spans\":[{}]}},\"source\":\"made\"}}\n", has_span ? "[0,4,1.0]" : "");
  return row;
}

// What the mixer has to write for a document that is kept.
std::string ExpectedRow(const MadeCorpus::Document& document, bool has_span, int file, int line) {
  std::string row = fmt::format("{{\"id\":\"{}\",\"text\":", document.id);
  json::AppendString(row, has_span ? "<>" + document.text.substr(4) : document.text);
  row += fmt::format(
      ",\"source\":\"made\",\"metadata\":{{\"url\":\"https://example.org/{}\","
      "\"provenance\":\"{}.jsonl.gz:{}\"}}}}\n",
      document.id, file, line);
  return row;
}

Result<Corpus> MakeCorpus(io::FileSystem& fs, const std::string& root, std::size_t megabytes) {
  Corpus corpus;
  MadeCorpus documents(0.2);
  for (int file = 0; file < kFiles; ++file) {
    std::string lines;
    std::string tags;
    std::string marks;
    for (int line = 1; lines.size() < megabytes * 1'000'000 / kFiles; ++line) {
      const MadeCorpus::Document document = documents.Next();
      const int score = static_cast<int>((corpus.documents * 37) % 100);
      const bool is_ascii = document.text.find('\xc3') > 4;
      const bool has_span = corpus.documents % 10 == 0 && is_ascii;
      ++corpus.documents;
      lines += MadeCorpus::Line(document);
      tags += TagRow(document, score, has_span);
      marks += fmt::format("{{\"attributes\":{{{}}},\"id\":\"{}\"}}\n",
                           document.is_copy ? "\"dup\":[[0,9,1]]" : "", document.id);
      if (score >= kMinScore && !document.is_copy) {
        ++corpus.kept;
        corpus.expected += ExpectedRow(document, false, file, line);
        corpus.expected_replaced += ExpectedRow(document, has_span, file, line);
      }
    }
    corpus.bytes += lines.size();
    DATALAKE_TRY(WriteLines(fs, fmt::format("{}/documents/{}.jsonl.gz", root, file), lines));
    DATALAKE_TRY(WriteLines(fs, fmt::format("{}/attributes/tags/{}.jsonl.zst", root, file), tags));
    DATALAKE_TRY(WriteLines(fs, fmt::format("{}/attributes/dup/{}.jsonl.zst", root, file), marks));
  }
  return corpus;
}

curate::MixOptions Options(const std::string& root, const Variant& variant) {
  curate::MixStream stream;
  stream.name = "mixed";
  stream.documents = {root + "/documents/*"};
  stream.attributes = {"tags", "dup"};
  if (variant.is_jq) {
    stream.filter_syntax = curate::SelectorSyntax::kJq;
    stream.include = {
        fmt::format(".attributes.bench__gopher_v2__measure_0[0][2] >= {}", kMinScore)};
    stream.exclude = {".attributes.dup[0][2] >= 1.0"};
  } else {
    stream.include = {
        fmt::format("$.attributes[?(@.bench__gopher_v2__measure_0[0][2] >= {})]", kMinScore)};
    stream.exclude = {"$@.attributes[?(@.dup && @.dup[0] && @.dup[0][2] >= 1.0)]"};
  }
  if (variant.replaces) {
    stream.span_rules = {
        {.span = "$.attributes.bench__spans", .min_score = 0.5, .replacement = "<>"}};
  }
  stream.output_path = root + "/out";
  stream.discard_fields = {"attributes"};
  stream.compression = "zst";
  stream.compression_level = variant.level;
  curate::MixOptions options;
  options.streams = {stream};
  options.ignore_existing = true;
  return options;
}

Result<curate::MixReport> Mix(io::FileSystem& fs, const std::string& root, const Variant& variant,
                              std::size_t threads) {
  const SystemClock clock;
  NullProgress progress;
  return curate::RunMix(Options(root, variant), {fs, clock, progress, threads, {}});
}

Status Verify(io::FileSystem& fs, const std::string& root, const Variant& variant,
              const Corpus& corpus, std::size_t threads) {
  DATALAKE_TRY_ASSIGN(const curate::MixReport report, Mix(fs, root, variant, threads));
  std::string rows;
  for (const std::string& output : report.outputs) {
    DATALAKE_TRY_ASSIGN(const std::string part, ReadLines(fs, output));
    rows += part;
  }
  if (rows != (variant.replaces ? corpus.expected_replaced : corpus.expected)) {
    return Error{ErrorCode::kInternal, fmt::format("wrong output rows: {}", variant.name)};
  }
  return {};
}

Status Measure(io::FileSystem& fs, const std::string& root, const Variant& variant,
               const Corpus& corpus, const Arguments& arguments) {
  DATALAKE_TRY(Verify(fs, root, variant, corpus, arguments.threads));
  double best = 0;
  double best_wall = 0;
  const SystemClock clock;
  DATALAKE_TRY_ASSIGN(const double inflate, InflateMbps(fs, root + "/documents/0.jsonl.gz"));
  for (int round = 0; round < arguments.rounds; ++round) {
    const double cpu = ProcessCpuSeconds();
    const std::int64_t wall = clock.SteadyNanos();
    DATALAKE_TRY(Mix(fs, root, variant, arguments.threads));
    const double megabytes = static_cast<double>(corpus.bytes) * 1e-6;
    best = std::max(best, megabytes / (ProcessCpuSeconds() - cpu));
    best_wall =
        std::max(best_wall, megabytes / (static_cast<double>(clock.SteadyNanos() - wall) * 1e-9));
  }
  fmt::print(
      "mix to {}: {:.0f} MB/s per core of CPU; inflate {:.0f} MB/s; scaled to {:.0f}: {:.0f} MB/s; "
      "{:.0f} MB/s wall\n",
      variant.name, best, inflate, kReferenceInflateMbps, ScaledMbps(best, inflate), best_wall);
  return {};
}

Status Run(const Arguments& arguments) {
  const testing::TempDir folder;
  io::LocalFileSystem fs;
  DATALAKE_TRY_ASSIGN(const Corpus corpus, MakeCorpus(fs, folder.path(), arguments.megabytes));
  fmt::print("mix: {} documents, {:.0f} MB, {} kept, threads {}, rows verified\n", corpus.documents,
             static_cast<double>(corpus.bytes) * 1e-6, corpus.kept, arguments.threads);
  for (const Variant& variant : kVariants) {
    DATALAKE_TRY(Measure(fs, folder.path(), variant, corpus, arguments));
  }
  fmt::print("mix: peak memory {:.0f} MB, the expected rows included\n",
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
    fmt::print(stderr, "mix_benchmark: {}\n", status.error().message);
    return 1;
  }
  return 0;
}

// Dedup, marks only, from .jsonl.gz: MB/s of uncompressed JSONL per core of CPU.
//
//   dedupe_benchmark [--work documents] [--threads 1] [--megabytes 256] [--rounds 5]
//
// Works: documents, paragraphs, paragraphs-bloom, ngrams, ngrams-bloom (13-grams), and spill:
// paragraphs whose keys do not fit into memory. A made corpus of four files, one document in five a
// copy. Before it times, every row written for a corpus of at most 24 MB is compared with the
// answer of a set of the whole texts.
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
#include "datalake/json/writer.h"
#include "datalake/testing/temp_dir.h"
#include "datalake/text/utf8.h"
#include "datalake/text/word_segments.h"

#include "benchmarks/machine_facts.h"
#include "benchmarks/made_corpus.h"

namespace datalake::benchmarks {
namespace {

constexpr int kFiles = 4;
constexpr std::size_t kNgramWords = 13;
constexpr std::size_t kVerifiedMegabytes = 24;
constexpr double kBloomError = 1e-7;

struct Work {
  std::string_view name;
  curate::DedupeUnitKind unit;
  curate::SeenKind kind;
  bool is_spilling;
  int floor;
};

constexpr Work kWorks[] = {
    {"documents", curate::DedupeUnitKind::kDocuments, curate::SeenKind::kExact, false, 300},
    {"paragraphs", curate::DedupeUnitKind::kParagraphs, curate::SeenKind::kExact, false, 200},
    {"paragraphs-bloom", curate::DedupeUnitKind::kParagraphs, curate::SeenKind::kBloom, false, 200},
    {"ngrams", curate::DedupeUnitKind::kNgrams, curate::SeenKind::kExact, false, 0},
    {"ngrams-bloom", curate::DedupeUnitKind::kNgrams, curate::SeenKind::kBloom, false, 90},
    {"spill", curate::DedupeUnitKind::kParagraphs, curate::SeenKind::kExact, true, 0},
};

struct Arguments {
  Work work = kWorks[0];
  std::size_t threads = 1;
  std::size_t megabytes = 256;
  int rounds = 5;
};

// What dedupe answers, said plainly with whole strings.
class PlainDedupe {
 public:
  explicit PlainDedupe(const Work& work) : work_(work) {}

  std::string Row(const MadeCorpus::Document& document) {
    const std::string spans = Spans(document.text);
    return fmt::format("{{\"attributes\":{{{}}},\"id\":\"{}\"}}\n", spans, document.id);
  }

 private:
  bool IsKnown(std::string key) { return !seen_.insert(std::move(key)).second; }

  std::string Spans(const std::string& text) {
    if (work_.unit == curate::DedupeUnitKind::kDocuments) {
      return IsKnown(text) ? fmt::format("\"dup\":[[0,{},1]]", text.size()) : "";
    }
    std::string spans;
    std::size_t chars = 0;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t newline = std::min(text.find('\n', begin), text.size());
      const std::string paragraph = text.substr(begin, newline - begin);
      const std::size_t from = chars;
      chars += text::CountCodePoints(paragraph) + (newline < text.size() ? 1 : 0);
      begin = newline + 1;
      if (const std::string score = Score(paragraph); !score.empty()) {
        spans += fmt::format("{}[{},{},{}]", spans.empty() ? "" : ",", from, chars, score);
      }
    }
    return fmt::format("\"dup\":[{}]", spans);
  }

  // "" where no span is written.
  std::string Score(const std::string& paragraph) {
    if (work_.unit == curate::DedupeUnitKind::kParagraphs) {
      return IsKnown(paragraph) ? "1" : "";
    }
    std::vector<text::Word> words;
    text::SplitNonBlankWordSegments(paragraph, words);
    int tested = 0;
    int known = 0;
    for (std::size_t i = 0; i + kNgramWords <= words.size(); ++i) {
      std::string gram = "n";
      for (std::size_t j = i; j < i + kNgramWords; ++j) {
        gram += '\0' + paragraph.substr(words[j].begin, words[j].end - words[j].begin);
      }
      ++tested;
      known += IsKnown(std::move(gram)) ? 1 : 0;
    }
    const float score = tested < 2 ? (IsKnown(paragraph) ? 1.0F : 0.0F)
                                   : static_cast<float>(known) / static_cast<float>(tested);
    std::string out;
    if (score >= 0.5F) {
      json::AppendDouble(out, static_cast<double>(score));
    }
    return out;
  }

  const Work& work_;
  std::unordered_set<std::string> seen_;
};

struct Corpus {
  std::vector<std::string> expected;  // the attribute rows of each file
  std::uint64_t bytes = 0;
};

Result<Corpus> MakeCorpus(io::FileSystem& fs, const std::string& root, std::size_t megabytes,
                          const Work* verified) {
  Corpus corpus;
  MadeCorpus documents(0.2);
  PlainDedupe plain(verified == nullptr ? kWorks[0] : *verified);
  for (int file = 0; file < kFiles; ++file) {
    std::string lines;
    std::string rows;
    while (lines.size() < megabytes * 1'000'000 / kFiles) {
      const MadeCorpus::Document document = documents.Next();
      lines += MadeCorpus::Line(document);
      if (verified != nullptr) {
        rows += plain.Row(document);
      }
    }
    corpus.bytes += lines.size();
    corpus.expected.push_back(std::move(rows));
    DATALAKE_TRY(WriteLines(fs, fmt::format("{}/documents/{}.jsonl.gz", root, file), lines));
  }
  return corpus;
}

Result<curate::DedupeReport> Dedupe(io::FileSystem& fs, const std::string& root,
                                    const Arguments& arguments, std::uint64_t bytes) {
  const Work& work = arguments.work;
  curate::DedupeOptions options;
  options.documents = {root + "/documents/*"};
  options.attribute_name = "dup";
  options.compression = "zst";
  options.unit = work.unit;
  options.kind = work.kind;
  if (work.unit == curate::DedupeUnitKind::kNgrams) {
    options.ngram_length = kNgramWords;
    options.overlap_threshold = 0.5F;
  }
  // As many keys as there will be at most: words of five bytes, paragraphs of a hundred.
  options.bloom_keys = bytes / (work.unit == curate::DedupeUnitKind::kNgrams ? 5 : 100);
  options.bloom_error = kBloomError;
  options.memory_limit_bytes = work.is_spilling ? std::uint64_t{4} << 20 : 0;
  const SystemClock clock;
  NullProgress progress;
  return curate::RunDedupe(options, {fs, clock, progress, arguments.threads, {}});
}

// Errors: kInternal (a wrong row).
Status Verify(io::FileSystem& fs, const std::string& root, const Arguments& arguments) {
  DATALAKE_TRY_ASSIGN(
      const Corpus corpus,
      MakeCorpus(fs, root, std::min(arguments.megabytes, kVerifiedMegabytes), &arguments.work));
  DATALAKE_TRY(Dedupe(fs, root, arguments, corpus.bytes));
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
  io::LocalFileSystem fs;
  {
    const testing::TempDir folder;
    DATALAKE_TRY(Verify(fs, folder.path(), arguments));
  }
  const testing::TempDir folder;
  DATALAKE_TRY_ASSIGN(const Corpus corpus,
                      MakeCorpus(fs, folder.path(), arguments.megabytes, nullptr));
  DATALAKE_TRY_ASSIGN(const double inflate,
                      InflateMbps(fs, folder.path() + "/documents/0.jsonl.gz"));
  double best = 0;
  double best_wall = 0;
  curate::DedupeReport report;
  const SystemClock clock;
  for (int round = 0; round < arguments.rounds; ++round) {
    const double cpu = ProcessCpuSeconds();
    const std::int64_t wall = clock.SteadyNanos();
    DATALAKE_TRY_ASSIGN(report, Dedupe(fs, folder.path(), arguments, corpus.bytes));
    const double megabytes = static_cast<double>(corpus.bytes) * 1e-6;
    best = std::max(best, megabytes / (ProcessCpuSeconds() - cpu));
    best_wall =
        std::max(best_wall, megabytes / (static_cast<double>(clock.SteadyNanos() - wall) * 1e-9));
  }
  fmt::print(
      "dedupe {}: {} documents, {:.0f} MB, {} of {} marked, {} keys, {} threads, rows of {} "
      "MB verified\n",
      arguments.work.name, report.all.documents, static_cast<double>(corpus.bytes) * 1e-6,
      report.all.duplicates, report.all.units, report.keys, arguments.threads,
      std::min(arguments.megabytes, kVerifiedMegabytes));
  fmt::print(
      "dedupe {}: {:.0f} MB/s per core of CPU; inflate {:.0f} MB/s; scaled to {:.0f}: {:.0f} "
      "MB/s (floor {})\n",
      arguments.work.name, best, inflate, kReferenceInflateMbps, ScaledMbps(best, inflate),
      arguments.work.floor);
  fmt::print("dedupe {}: {:.0f} MB/s wall; keys {:.1f} MB, {} on disk; peak memory {:.0f} MB\n",
             arguments.work.name, best_wall, static_cast<double>(report.key_bytes) * 1e-6,
             report.spilled_keys, static_cast<double>(PeakMemoryBytes()) * 1e-6);
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
    } else if (name == "--work") {
      for (const auto& work : datalake::benchmarks::kWorks) {
        if (work.name == argv[i + 1]) {
          arguments.work = work;
        }
      }
    }
  }
  if (const datalake::Status status = datalake::benchmarks::Run(arguments); !status) {
    fmt::print(stderr, "dedupe_benchmark: {}\n", status.error().message);
    return 1;
  }
  return 0;
}

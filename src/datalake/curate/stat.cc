#include "datalake/curate/stat.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <re2/re2.h>

#include "datalake/base/ordered_pipeline.h"
#include "datalake/base/thread_pool.h"
#include "datalake/curate/attribute_reader.h"
#include "datalake/curate/document_paths.h"
#include "datalake/curate/file_progress.h"
#include "datalake/curate/output_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/config_reader.h"
#include "datalake/json/flat_tree.h"

namespace datalake::curate {
namespace {

constexpr std::uint64_t kRowsOfBlock = 4096;
constexpr std::size_t kShownBins = 10;
constexpr std::uint64_t kMaxBins = 1'000'000;
constexpr std::string_view kReportName = "report.json";  // of the run that made the attributes

// A sum that forgets nothing that one more double can hold (Neumaier 1974).
class Sum {
 public:
  void Add(double value) {
    const double sum = sum_ + value;
    lost_ += std::abs(sum_) >= std::abs(value) ? (sum_ - sum) + value : (value - sum) + sum_;
    sum_ = sum;
  }

  void Add(const Sum& other) {
    Add(other.sum_);
    Add(other.lost_);
  }

  double value() const { return sum_ + lost_; }

 private:
  double sum_ = 0;
  double lost_ = 0;
};

struct Values {
  ValueBins bins;
  std::uint64_t total = 0;
  Sum sum;

  void Add(double value) {
    bins.Add(value);
    ++total;
    sum.Add(value);
  }

  void Add(const Values& other) {
    bins.Add(other.bins);
    total += other.total;
    sum.Add(other.sum);
  }
};

struct AttributeValues {
  Values scores;
  Values lengths;
};

// By key, in order of the first row that has it.
class Series {
 public:
  AttributeValues& Of(std::string_view key) {
    const auto at = index_.find(key);
    if (at != index_.end()) {
      return *values_[at->second].second;
    }
    index_.emplace(key, values_.size());
    return *values_.emplace_back(std::string(key), std::make_unique<AttributeValues>()).second;
  }

  void Add(const Series& other) {
    for (const auto& [key, values] : other.values_) {
      AttributeValues& sum = Of(key);
      sum.scores.Add(values->scores);
      sum.lengths.Add(values->lengths);
    }
  }

  const std::vector<std::pair<std::string, std::unique_ptr<AttributeValues>>>& all() const {
    return values_;
  }

 private:
  std::vector<std::pair<std::string, std::unique_ptr<AttributeValues>>> values_;
  std::map<std::string, std::size_t, std::less<>> index_;
};

struct Block {
  AttributeBatch batch;
  json::FlatTreeParser parser;
  json::FlatTree tree;
  std::vector<json::RawField> fields;
  Series series;
  Status status;
};

class FileRun {
 public:
  FileRun(const std::string& path, const re2::RE2* regex, const CurateContext& context,
          ThreadPool& pool, FileProgress& progress)
      : path_(path), regex_(regex), context_(context), pool_(pool), progress_(progress) {}

  Result<Series> Run() {
    DATALAKE_TRY_ASSIGN(reader_, AttributeReader::Open(context_.fs, path_, &pool_));
    blocks_.resize(OrderedSlots(pool_));
    DATALAKE_TRY(RunOrdered(pool_, context_.stop,
                            {.read = [this](std::size_t slot) { return Read(blocks_[slot]); },
                             .work = [this](std::size_t slot) { Work(blocks_[slot]); },
                             .emit = [this](std::size_t slot) { return Emit(blocks_[slot]); }}));
    progress_.AddFile();
    return std::move(series_);
  }

 private:
  Result<bool> Read(Block& block) {
    DATALAKE_TRY_ASSIGN(const std::uint64_t rows, reader_->Read(kRowsOfBlock, block.batch));
    return rows > 0;
  }

  void Work(Block& block) const {
    block.series = {};
    block.status = reader_->Decode(block.batch);
    for (std::size_t i = 0; i < block.batch.rows().size() && block.status; ++i) {
      block.status = AddRow(block, block.batch.rows()[i]);
      if (!block.status) {
        block.status.error().message += fmt::format(": {}:{}", path_, block.batch.first_row() + i);
      }
    }
  }

  Status AddRow(Block& block, std::string_view row) const {
    block.tree.Clear();
    block.fields.clear();
    const std::size_t root = block.tree.Open(json::NodeType::kObject, {});
    DATALAKE_TRY(block.parser.AppendMembersOf(row, "attributes", block.tree, block.fields));
    block.tree.Close(root);
    block.tree.EraseRepeated(root);
    const bool has_attributes =
        std::any_of(block.fields.begin(), block.fields.end(),
                    [](const json::RawField& field) { return field.key == "attributes"; });
    if (!has_attributes) {
      return Error{ErrorCode::kInvalidArgument, "no `attributes`: is this an attribute file?"};
    }
    const json::FlatNode* value = &block.tree.root() + 1;
    for (std::uint32_t i = 0; i < block.tree.root().size; ++i, value += value->span) {
      if (!value->is_erased && Matches(value->key)) {
        DATALAKE_TRY(AddSpans(*value, block.series.Of(value->key)));
      }
    }
    return {};
  }

  bool Matches(std::string_view key) const {
    return regex_ == nullptr || re2::RE2::PartialMatch({key.data(), key.size()}, *regex_);
  }

  static Status AddSpans(const json::FlatNode& value, AttributeValues& values) {
    if (value.type != json::NodeType::kArray) {
      return NoSpans(value);
    }
    if (value.size == 0) {
      values.scores.Add(0);
      values.lengths.Add(0);
    }
    // fastText gives probabilities a little above 1.
    const bool is_label = value.key.find("__label__") != std::string_view::npos;
    const json::FlatNode* span = &value + 1;
    for (std::uint32_t i = 0; i < value.size; ++i, span += span->span) {
      if (span->type != json::NodeType::kArray || span->size != 3 || span->span != 4 ||
          !json::IsNumber(span[1]) || !json::IsNumber(span[2]) || !json::IsNumber(span[3])) {
        return NoSpans(value);
      }
      const double score = json::AsDouble(span[3]);
      values.scores.Add(is_label ? std::min(score, 1.0) : score);
      values.lengths.Add(json::AsDouble(span[2]) - json::AsDouble(span[1]));
    }
    return {};
  }

  static Error NoSpans(const json::FlatNode& value) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("no list of spans [start, end, score]: {}", value.key)};
  }

  Status Emit(Block& block) {
    DATALAKE_TRY(block.status);
    series_.Add(block.series);
    progress_.AddRows(block.batch.num_rows());
    return {};
  }

  const std::string& path_;
  const re2::RE2* const regex_;
  const CurateContext& context_;
  ThreadPool& pool_;
  FileProgress& progress_;
  std::unique_ptr<AttributeReader> reader_;
  std::vector<Block> blocks_;
  Series series_;
};

StatSummary Summarize(std::string name, const Values& values, std::uint64_t bins) {
  StatSummary summary;
  summary.name = std::move(name);
  summary.histogram = values.bins.Summarize(bins);
  summary.shown = values.bins.SummarizeEqually(kShownBins);
  summary.total = values.total;
  summary.sum = values.sum.value();
  return summary;
}

Status WriteSummaries(const StatOptions& options, const CurateContext& context,
                      StatReport& report) {
  if (options.report.empty()) {
    return {};
  }
  report.summaries_path = io::JoinPath(options.report, "summaries.jsonl.gz");
  DATALAKE_TRY_ASSIGN(OutputFile file, OutputFile::Make(context.fs, report.summaries_path));
  DATALAKE_TRY(file.Write(SummaryLines(report)));
  return file.Publish();
}

}  // namespace

Status StatOptions::Validate() const {
  if (attributes.empty()) {
    return Error{ErrorCode::kInvalidArgument, "no attributes: name files or globs"};
  }
  if (bins < 1 || bins > kMaxBins) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("bins must be from 1 to {}: {}", kMaxBins, bins)};
  }
  return {};
}

Result<StatOptions> ReadStatOptions(json::ConfigReader& config) {
  StatOptions options;
  config.Read("attributes", options.attributes);
  config.Read("report", options.report);
  config.Read("bins", options.bins);
  config.Read("total", options.is_total);
  config.Read("regex", options.regex);
  // Checked and not needed: nothing is drawn by lot, nothing is put down on the way.
  std::uint64_t ignored = 0;
  bool ignored_flag = false;
  std::string ignored_text;
  config.Read("processes", ignored);
  config.Read("seed", ignored);
  config.Read("debug", ignored_flag);
  config.Read("dryrun", ignored_flag);
  config.Read("compat", ignored_text);
  if (auto work_dir = config.Object("work_dir")) {
    work_dir->Read("input", ignored_text);
    work_dir->Read("output", ignored_text);
    config.Merge(*work_dir);
  }
  DATALAKE_TRY(config.Finish());
  return options;
}

Result<StatReport> RunStat(const StatOptions& options, const CurateContext& context) {
  DATALAKE_TRY(options.Validate());
  std::unique_ptr<re2::RE2> regex;
  if (!options.regex.empty()) {
    regex = std::make_unique<re2::RE2>(options.regex, re2::RE2::Quiet);
    if (!regex->ok()) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("bad regex: {}: {}", regex->error(), options.regex)};
    }
  }
  StatReport report;
  DATALAKE_TRY_ASSIGN(std::vector<std::string> files,
                      ExpandDocuments(context.fs, options.attributes, report.warnings));
  std::erase_if(files, [](const std::string& path) { return io::BaseName(path) == kReportName; });
  FileProgress progress(context, "stat", files.size(), "rows");
  std::vector<Series> by_file(files.size());
  {
    ThreadPool pool(context.threads);
    DATALAKE_TRY(ParallelFor(pool, files.size(), context.stop, [&](std::size_t i) -> Status {
      DATALAKE_TRY_ASSIGN(by_file[i],
                          FileRun(files[i], regex.get(), context, pool, progress).Run());
      return {};
    }));
  }
  progress.Report();
  Series all;
  for (Series& series : by_file) {
    all.Add(series);
    series = {};
  }
  report.files = files.size();
  report.rows = progress.rows();
  for (const auto& [key, values] : all.all()) {
    report.series.push_back(Summarize(key + "/score", values->scores, options.bins));
    report.series.push_back(Summarize(key + "/length", values->lengths, options.bins));
    report.series.back().is_integer = true;
  }
  DATALAKE_TRY(WriteSummaries(options, context, report));
  return report;
}

}  // namespace datalake::curate

// Each file of documents is read in order together with the same rows of the attributes beside it,
// block by block; blocks are decoded and checked on any thread and their findings put together in
// order (base/ordered_pipeline.h). Files are worked on in parallel.
#include "datalake/curate/validate.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/hash.h"
#include "datalake/base/mutex.h"
#include "datalake/base/ordered_pipeline.h"
#include "datalake/base/thread_pool.h"
#include "datalake/curate/attribute_reader.h"
#include "datalake/curate/validate_ids.h"
#include "datalake/curate/validate_layout.h"
#include "datalake/curate/validate_rows.h"
#include "datalake/format/document_reader.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"

namespace datalake::curate {
namespace {

constexpr std::int64_t kReportNanos = 250'000'000;
constexpr std::size_t kMaxSources = 1000;
constexpr std::size_t kMaxFiles = std::size_t{1} << 24;  // RowPlace

// Errors that say that the file is bad, not the machine.
bool IsOfFile(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kCorruption:
    case ErrorCode::kNotFound:
    case ErrorCode::kUnsupported:
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kPermissionDenied:
      return true;
    default:
      return false;
  }
}

// What an error says without the path, which the finding has already, and the line behind it.
Finding WithoutPath(std::string message, std::string_view path) {
  Finding finding;
  const std::string part = fmt::format(": {}", path);
  const std::size_t at = message.find(part);
  if (at != std::string::npos) {
    std::size_t end = at + part.size();
    if (message.substr(end).starts_with(':')) {
      const char* const digits = message.data() + end + 1;
      const auto [stop, error] =
          std::from_chars(digits, message.data() + message.size(), finding.line);
      end = error == std::errc() ? static_cast<std::size_t>(stop - message.data()) : end;
    }
    message.erase(at, end - at);
  }
  finding.what = std::move(message);
  return finding;
}

void AddFileError(const Error& error, FileFindings& findings) {
  const bool is_suffix = error.code == ErrorCode::kInvalidArgument &&
                         error.message.find("its name says") != std::string::npos;
  Finding finding = WithoutPath(error.message, findings.path());
  findings.Add(is_suffix ? FindingKind::kCompression : FindingKind::kUnreadable, finding.line,
               std::move(finding.what));
}

// Counts of a whole run, and its progress. Thread-safe.
class Progress {
 public:
  Progress(const CurateContext& context, std::uint64_t files) : context_(context), files_(files) {
    Report();
  }

  void AddBlock(std::uint64_t documents) {
    documents_ += documents;
    const std::int64_t now = context_.clock.SteadyNanos();
    std::int64_t due = due_.load();
    if (now >= due && due_.compare_exchange_strong(due, now + kReportNanos)) {
      Report();
    }
  }

  void AddFile() { ++files_done_; }

  void Report() {
    context_.progress.Report({.phase = "validate",
                              .items_done = files_done_,
                              .items_total = files_,
                              .unit = fmt::format("files, {} documents", documents_.load())});
  }

 private:
  const CurateContext& context_;
  const std::uint64_t files_;
  std::atomic<std::uint64_t> files_done_{0};
  std::atomic<std::uint64_t> documents_{0};
  std::atomic<std::int64_t> due_{0};
};

using Sources = std::map<std::string, std::uint64_t, std::less<>>;

// What was found in a file of documents and those beside it.
struct UnitResult {
  std::uint64_t documents = 0;
  std::uint64_t bytes = 0;
  Sources sources;
  std::vector<std::uint64_t> attribute_rows;  // 0 for a file that could not be read
  std::vector<FindingGroup> findings;
};

// The rows of one attribute file that belong to a block.
struct AttributePart {
  AttributePart(const std::string& path, std::uint64_t max_shown) : findings(path, max_shown) {}

  AttributeBatch batch;
  bool is_read = false;
  FileFindings findings;
};

struct Block {
  Block(const ValidateUnit& unit, std::uint64_t max_shown) : findings(unit.documents, max_shown) {
    for (const ValidateUnit::Beside& beside : unit.attributes) {
      attributes.push_back(std::make_unique<AttributePart>(beside.path, max_shown));
    }
  }

  format::DocumentBatch batch;
  std::uint64_t num_rows = 0;  // of the batch, that are looked at
  RowValidator validator;
  std::vector<ValidatedRow> rows;
  std::vector<IdRecord> ids;
  std::string key;
  Sources sources;
  FileFindings findings;
  std::vector<std::unique_ptr<AttributePart>> attributes;
  Status status;
};

class UnitRun {
 public:
  UnitRun(const ValidateOptions& options, const ValidateUnit& unit, std::uint64_t number,
          const CurateContext& context, ThreadPool& pool, RepeatedIds& ids, Progress& progress)
      : options_(options),
        unit_(unit),
        number_(number),
        context_(context),
        pool_(pool),
        ids_(ids),
        progress_(progress),
        findings_(unit.documents, options.max_shown) {
    for (const ValidateUnit::Beside& beside : unit.attributes) {
      attributes_.emplace_back(beside.path, options.max_shown);
    }
  }

  Result<UnitResult> Run() {
    DATALAKE_TRY(Open());
    if (documents_ != nullptr) {
      for (std::size_t slot = OrderedSlots(pool_); slot > 0; --slot) {
        blocks_.push_back(std::make_unique<Block>(unit_, options_.max_shown));
      }
      DATALAKE_TRY(RunOrdered(pool_, context_.stop,
                              {.read = [this](std::size_t slot) { return Read(*blocks_[slot]); },
                               .work = [this](std::size_t slot) { Work(*blocks_[slot]); },
                               .emit = [this](std::size_t slot) { return Emit(*blocks_[slot]); }}));
    }
    if (read_error_.has_value()) {
      AddFileError(*read_error_, findings_);
    }
    findings_.MoveTo(result_.findings);
    for (Attributes& attributes : attributes_) {
      DATALAKE_TRY(Finish(attributes));
      attributes.findings.MoveTo(result_.findings);
      result_.attribute_rows.push_back(attributes.rows);
    }
    progress_.AddFile();
    return std::move(result_);
  }

 private:
  struct Attributes {
    Attributes(const std::string& path, std::uint64_t max_shown) : findings(path, max_shown) {}

    std::unique_ptr<AttributeReader> reader;  // null: could not be opened
    std::optional<Error> error;               // of reading
    std::uint64_t rows = 0;
    FileFindings findings;
  };

  // Opens `file` with `open`; errors of the file are findings, all others are given back.
  template <typename Reader, typename Open>
  static Status OpenOne(FileFindings& findings, Reader& reader, Open open) {
    auto opened = open();
    if (opened) {
      reader = *std::move(opened);
      return {};
    }
    if (!IsOfFile(opened.error())) {
      return opened.error();
    }
    AddFileError(opened.error(), findings);
    return {};
  }

  Status Open() {
    DATALAKE_TRY(OpenOne(findings_, documents_,
                         [&] { return format::OpenDocuments(context_.fs, unit_.documents); }));
    for (Attributes& attributes : attributes_) {
      DATALAKE_TRY(OpenOne(attributes.findings, attributes.reader, [&] {
        return AttributeReader::Open(context_.fs, attributes.findings.path(), &pool_);
      }));
    }
    return {};
  }

  Result<bool> Read(Block& block) {
    if (options_.sample_rows != 0 && rows_read_ >= options_.sample_rows) {
      return false;
    }
    Result<bool> more = documents_->ReadBlock(block.batch);
    if (!more) {
      if (!IsOfFile(more.error())) {
        return more;
      }
      read_error_ = std::move(more).error();
      return false;
    }
    if (!*more) {
      is_complete_ = true;
      return false;
    }
    block.num_rows = block.batch.num_lines();
    if (options_.sample_rows != 0) {
      block.num_rows = std::min(block.num_rows, options_.sample_rows - rows_read_);
    }
    rows_read_ += block.num_rows;
    for (std::size_t i = 0; i < attributes_.size(); ++i) {
      DATALAKE_TRY_ASSIGN(block.attributes[i]->is_read,
                          ReadRows(attributes_[i], block.num_rows, block.attributes[i]->batch));
    }
    return true;
  }

  // Reads up to `rows` rows; false when they cannot be read.
  static Result<bool> ReadRows(Attributes& attributes, std::uint64_t rows, AttributeBatch& batch) {
    if (attributes.reader == nullptr || attributes.error.has_value()) {
      return false;
    }
    const Result<std::uint64_t> read = attributes.reader->Read(rows, batch);
    if (read) {
      attributes.rows += *read;
      return *read > 0;
    }
    if (!IsOfFile(read.error())) {
      return read.error();
    }
    attributes.error = read.error();
    return false;
  }

  void Work(Block& block) {
    block.ids.clear();
    block.sources.clear();
    block.status = block.validator.CheckDocuments(*documents_, block.num_rows, block.batch,
                                                  block.findings, block.rows);
    for (std::size_t i = 0; i < block.rows.size(); ++i) {
      if (block.rows[i].has_id) {
        AddId(block, block.rows[i], block.batch.first_line() + i);
      }
    }
    for (std::size_t i = 0; i < attributes_.size() && block.status; ++i) {
      AttributePart& part = *block.attributes[i];
      if (!part.is_read) {
        continue;
      }
      if (const Status checked = block.validator.CheckAttributes(*attributes_[i].reader, block.rows,
                                                                 part.batch, part.findings);
          !checked) {
        AddFileError(checked.error(), part.findings);
      }
    }
  }

  void AddId(Block& block, const ValidatedRow& row, std::uint64_t line) const {
    // The size keeps ("ab", "c") and ("a", "bc") apart.
    block.key.clear();
    fmt::format_to(std::back_inserter(block.key), "{}:{}{}", row.source.size(), row.source, row.id);
    block.ids.push_back(IdRecord::Of(Xxh3Hash128(block.key), {number_, line}));
    if (const auto at = block.sources.find(row.source); at != block.sources.end()) {
      ++at->second;
    } else if (block.sources.size() < kMaxSources) {
      block.sources.emplace(row.source, 1);
    }
  }

  Status Emit(Block& block) {
    DATALAKE_TRY(block.status);
    findings_.Append(block.findings);
    for (std::size_t i = 0; i < attributes_.size(); ++i) {
      attributes_[i].findings.Append(block.attributes[i]->findings);
    }
    result_.documents += block.num_rows;
    result_.bytes += block.batch.size_bytes();
    for (const auto& [source, documents] : block.sources) {
      if (result_.sources.size() < kMaxSources || result_.sources.contains(source)) {
        result_.sources[source] += documents;
      }
    }
    DATALAKE_TRY(ids_.Add(block.ids));
    progress_.AddBlock(block.num_rows);
    return {};
  }

  // Counts the rows behind those of the documents, and compares.
  Status Finish(Attributes& attributes) {
    const std::uint64_t beside = attributes.rows;
    if (is_complete_) {
      AttributeBatch batch;
      bool more = true;
      while (more) {
        DATALAKE_TRY_ASSIGN(more, ReadRows(attributes, kRowsAtOnce, batch));
      }
    }
    if (attributes.error.has_value()) {
      AddFileError(*attributes.error, attributes.findings);
    } else if (attributes.reader != nullptr &&
               (is_complete_ ? attributes.rows : beside) != rows_read_ && !read_error_) {
      attributes.findings.Add(
          FindingKind::kAttributeRows, 0,
          fmt::format("{} rows, its documents have {}{}: {}", attributes.rows,
                      is_complete_ ? "" : "at least ", rows_read_, unit_.documents));
    }
    return {};
  }

  static constexpr std::uint64_t kRowsAtOnce = 1024;

  const ValidateOptions& options_;
  const ValidateUnit& unit_;
  const std::uint64_t number_;
  const CurateContext& context_;
  ThreadPool& pool_;
  RepeatedIds& ids_;
  Progress& progress_;
  UnitResult result_;
  FileFindings findings_;
  std::unique_ptr<format::DocumentReader> documents_;
  std::vector<Attributes> attributes_;
  std::vector<std::unique_ptr<Block>> blocks_;
  std::optional<Error> read_error_;  // of the documents
  std::uint64_t rows_read_ = 0;
  bool is_complete_ = false;  // all documents were read
};

// The first few rows of each file that repeat an id, and how many there are.
class RepeatedRows {
 public:
  RepeatedRows(const std::vector<ValidateUnit>& units, std::uint64_t max_shown)
      : units_(units), max_shown_(max_shown) {}

  void Add(RowPlace first, RowPlace again) {
    File& file = files_[again.file];
    ++file.count;
    file.rows.push_back({again.line, first});
    if (file.rows.size() > 4 * max_shown_ + 64) {
      Trim(file);
    }
  }

  void MoveTo(std::vector<FindingGroup>& out) {
    for (auto& [number, file] : files_) {
      Trim(file);
      FindingGroup& group = out.emplace_back();
      group.path = units_[number].documents;
      group.kind = FindingKind::kRepeatedId;
      group.count = file.count;
      for (const auto& [line, first] : file.rows) {
        group.shown.push_back({line, fmt::format("same source and id as {}:{}",
                                                 units_[first.file].documents, first.line)});
      }
    }
  }

 private:
  struct Row {
    std::uint64_t line = 0;
    RowPlace first;
  };

  struct File {
    std::uint64_t count = 0;
    std::vector<Row> rows;
  };

  void Trim(File& file) const {
    std::sort(file.rows.begin(), file.rows.end(),
              [](const Row& a, const Row& b) { return a.line < b.line; });
    file.rows.resize(std::min<std::size_t>(file.rows.size(), max_shown_));
  }

  const std::vector<ValidateUnit>& units_;
  const std::uint64_t max_shown_;
  std::map<std::uint64_t, File> files_;
};

void Add(const ValidateUnit& unit, UnitResult& result, ValidateReport& report) {
  report.documents += result.documents;
  report.bytes += result.bytes;
  for (const auto& [source, documents] : result.sources) {
    report.sources[source] += documents;
  }
  for (std::size_t i = 0; i < result.attribute_rows.size(); ++i) {
    ValidatedAttributes& attributes = report.attributes[unit.attributes[i].name];
    ++attributes.files;
    attributes.rows += result.attribute_rows[i];
  }
  std::move(result.findings.begin(), result.findings.end(), std::back_inserter(report.findings));
}

}  // namespace

Status ValidateOptions::Validate() const {
  if (paths.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "nothing to validate: name a dataset folder, files or globs"};
  }
  if (spill_folder.empty()) {
    return Error{ErrorCode::kInvalidArgument, "no folder for temporary files"};
  }
  return {};
}

Result<ValidateReport> RunValidate(const ValidateOptions& options, const CurateContext& context) {
  DATALAKE_TRY(options.Validate());
  DATALAKE_TRY_ASSIGN(ValidateInputs inputs,
                      FindValidateInputs(context.fs, options.paths, options.max_shown));
  if (inputs.units.size() > kMaxFiles) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("more than {} files: validate them in parts", kMaxFiles)};
  }
  io::RemoveDeadTemporaries(context.fs, options.spill_folder);
  RepeatedIds ids(context.fs, options.spill_folder, options.memory_bytes);
  Progress progress(context, inputs.units.size());
  std::vector<UnitResult> results(inputs.units.size());
  {
    ThreadPool pool(context.threads);
    DATALAKE_TRY(ParallelFor(pool, inputs.units.size(), context.stop, [&](std::size_t i) -> Status {
      UnitRun run(options, inputs.units[i], i, context, pool, ids, progress);
      DATALAKE_TRY_ASSIGN(results[i], run.Run());
      return {};
    }));
  }
  progress.Report();
  ValidateReport report;
  report.files = inputs.units.size();
  report.findings = std::move(inputs.findings);
  for (std::size_t i = 0; i < results.size(); ++i) {
    Add(inputs.units[i], results[i], report);
  }
  RepeatedRows repeated(inputs.units, options.max_shown);
  DATALAKE_TRY(ids.Finish([&](RowPlace first, RowPlace again) { repeated.Add(first, again); }));
  repeated.MoveTo(report.findings);
  std::stable_sort(report.findings.begin(), report.findings.end(),
                   [](const FindingGroup& a, const FindingGroup& b) {
                     return std::pair(std::string_view(a.path), a.kind) <
                            std::pair(std::string_view(b.path), b.kind);
                   });
  for (const FindingGroup& group : report.findings) {
    report.num_findings += group.count;
  }
  return report;
}

}  // namespace datalake::curate

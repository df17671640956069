// A file of documents is read in order together with the same rows of the attributes beside it,
// block by block; blocks are decoded and checked on any thread and their findings put together in
// order (base/ordered_pipeline.h).
#include "datalake/curate/validate_unit.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/hash.h"
#include "datalake/base/ordered_pipeline.h"
#include "datalake/base/thread_pool.h"
#include "datalake/curate/attribute_reader.h"
#include "datalake/curate/validate_rows.h"
#include "datalake/format/document_reader.h"

namespace datalake::curate {
namespace {

constexpr std::size_t kMaxSources = 1000;

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
  ValidatedUnit::Sources sources;
  FileFindings findings;
  std::vector<std::unique_ptr<AttributePart>> attributes;
  Status status;
};

class UnitRun {
 public:
  UnitRun(const ValidateOptions& options, const ValidateUnit& unit, std::uint64_t number,
          const CurateContext& context, ThreadPool& pool, RepeatedIds& ids, FileProgress& progress)
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

  Result<ValidatedUnit> Run() {
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
    progress_.AddRows(block.num_rows);
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
  FileProgress& progress_;
  ValidatedUnit result_;
  FileFindings findings_;
  std::unique_ptr<format::DocumentReader> documents_;
  std::vector<Attributes> attributes_;
  std::vector<std::unique_ptr<Block>> blocks_;
  std::optional<Error> read_error_;  // of the documents
  std::uint64_t rows_read_ = 0;
  bool is_complete_ = false;  // all documents were read
};

}  // namespace

Result<ValidatedUnit> RunValidateUnit(const ValidateUnit& unit, std::uint64_t number,
                                      const ValidateShared& shared) {
  return UnitRun(shared.options, unit, number, shared.context, shared.pool, shared.ids,
                 shared.progress)
      .Run();
}

}  // namespace datalake::curate

// Passes over the files that differ: the rows of pass p are those whose key's hash is p modulo the
// number of passes, so memory is bounded whatever the number of rows, and nothing is spilled. A
// pass reads the older files into a map of hashes, then the newer ones against it, and when older
// rows are left over or changed, the older files again to tell them.
#include "datalake/table/diff.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/compute/api_vector.h>
#include <arrow/datum.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/base/hash.h"
#include "datalake/base/name.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/row_json.h"
#include "datalake/table/read.h"

namespace datalake::table {
namespace {

// What a key costs in the map, about.
constexpr std::uint64_t kEntryBytes = 96;

// Rows of a file of which the log does not say how many it has.
constexpr std::uint64_t kBytesOfUnknownRow = 32;

constexpr char kChangeColumn[] = "_change_type";

enum class Change : std::uint8_t { kNone, kInsert, kDelete, kBefore, kAfter };

constexpr std::string_view kChangeNames[] = {"", "insert", "delete", "update_preimage",
                                             "update_postimage"};

enum class Side : std::uint8_t { kFrom, kTo };

// What is known of a key of this pass.
struct Entry {
  enum class State : std::uint8_t { kOld, kNew, kSame, kChanged };

  std::uint64_t row_hash = 0;
  std::int64_t open = 0;  // without a key: older rows not yet met among the newer ones
  State state = State::kOld;
};

struct HashOfHash {
  std::size_t operator()(const Hash128& hash) const { return hash.high; }
};

class DiffRows final : public arrow::RecordBatchReader {
 public:
  DiffRows(io::FileSystem& fs, std::shared_ptr<const TableSnapshot> schema_of,
           std::vector<TableFilePtr> from, std::vector<TableFilePtr> to, const DiffOptions& options)
      : fs_(fs),
        schema_of_(std::move(schema_of)),
        from_(std::move(from)),
        to_(std::move(to)),
        has_key_(!options.key.empty()) {
    for (const std::string& column : options.key) {
      key_.push_back(schema_of_->schema()->GetFieldIndex(column));
    }
    arrow::FieldVector fields = {arrow::field(kChangeColumn, arrow::utf8(), /*nullable=*/false)};
    const auto& columns = schema_of_->schema()->fields();
    fields.insert(fields.end(), columns.begin(), columns.end());
    schema_ = arrow::schema(std::move(fields));
    const std::uint64_t bytes = kEntryBytes * (RowsOf(from_) + (has_key_ ? RowsOf(to_) : 0));
    passes_ = 1 + bytes / std::max<std::uint64_t>(options.memory_bytes, 1);
  }

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    if (failed_.has_value()) {
      return format::ToArrow(*failed_);
    }
    auto batch = NextBatch();
    if (!batch) {
      failed_ = batch.error();
      return format::ToArrow(*failed_);
    }
    *out = std::move(batch).value();
    return arrow::Status::OK();
  }

  DiffCounts counts;

 private:
  enum class Phase : std::uint8_t { kLoadFrom, kReadTo, kTellFrom };

  static std::uint64_t RowsOf(const std::vector<TableFilePtr>& files) {
    std::uint64_t rows = 0;
    for (const TableFilePtr& file : files) {
      rows += file->num_rows >= 0 ? static_cast<std::uint64_t>(file->num_rows)
                                  : file->size_bytes / kBytesOfUnknownRow;
    }
    return rows;
  }

  Result<std::shared_ptr<arrow::RecordBatch>> NextBatch() {
    while (pass_ < passes_) {
      if (rows_ == nullptr) {
        const auto& files = phase_ == Phase::kReadTo ? to_ : from_;
        DATALAKE_TRY_ASSIGN(rows_, ReadTableFiles(fs_, schema_of_, files));
      }
      DATALAKE_TRY_ASSIGN(const auto batch, format::FromArrow(rows_->Next(), "cannot read rows"));
      if (batch == nullptr) {
        EndPhase();
        continue;
      }
      DATALAKE_TRY_ASSIGN(auto changed, Visit(*batch));
      if (changed != nullptr) {
        return changed;
      }
    }
    return nullptr;
  }

  void EndPhase() {
    rows_ = nullptr;
    if (phase_ == Phase::kLoadFrom) {
      phase_ = Phase::kReadTo;
    } else if (phase_ == Phase::kReadTo && untold_ > 0) {
      phase_ = Phase::kTellFrom;
    } else {
      phase_ = Phase::kLoadFrom;
      ++pass_;
      untold_ = 0;
      entries_.clear();
    }
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Visit(const arrow::RecordBatch& batch) {
    std::vector<Change> changes(static_cast<std::size_t>(batch.num_rows()), Change::kNone);
    bool has_change = false;
    for (std::int64_t row = 0; row < batch.num_rows(); ++row) {
      row_text_.clear();
      DATALAKE_TRY(format::AppendRowJson(batch, row, {}, row_text_));
      key_text_ = has_key_ ? std::string() : row_text_;
      for (const int column : key_) {
        DATALAKE_TRY(format::AppendValueJson(*batch.column(column), row, {}, key_text_));
        key_text_ += '\n';
      }
      const Hash128 key = Xxh3Hash128(key_text_);
      if (key.low % passes_ != pass_) {
        continue;
      }
      DATALAKE_TRY_ASSIGN(const Change change, VisitRow(key, Xxh3Hash64(row_text_)));
      changes[static_cast<std::size_t>(row)] = change;
      has_change |= change != Change::kNone;
    }
    return has_change ? ChangedRows(batch, changes)
                      : Result<std::shared_ptr<arrow::RecordBatch>>(nullptr);
  }

  Result<Change> VisitRow(const Hash128& key, std::uint64_t row_hash) {
    const auto [at, is_new] = entries_.try_emplace(key);
    Entry& entry = at->second;
    switch (phase_) {
      case Phase::kLoadFrom:
        if (has_key_ && !is_new) {
          return Duplicate(Side::kFrom);
        }
        entry.row_hash = row_hash;
        ++entry.open;
        ++untold_;
        return Change::kNone;
      case Phase::kReadTo:
        return has_key_ ? VisitNewByKey(entry, is_new, row_hash) : VisitNewRow(entry);
      case Phase::kTellFrom:
        return TellOld(entry);
    }
    return Change::kNone;
  }

  Change VisitNewRow(Entry& entry) {
    if (entry.open > 0) {
      --entry.open;
      --untold_;
      return Change::kNone;
    }
    ++counts.added;
    return Change::kInsert;
  }

  Result<Change> VisitNewByKey(Entry& entry, bool is_new, std::uint64_t row_hash) {
    if (is_new) {
      entry.state = Entry::State::kNew;
      ++counts.added;
      return Change::kInsert;
    }
    if (entry.state != Entry::State::kOld) {
      return Duplicate(Side::kTo);
    }
    if (entry.row_hash == row_hash) {
      entry.state = Entry::State::kSame;
      --untold_;
      return Change::kNone;
    }
    entry.state = Entry::State::kChanged;
    ++counts.changed;
    return Change::kAfter;
  }

  Change TellOld(Entry& entry) {
    if (entry.state == Entry::State::kChanged) {
      return Change::kBefore;
    }
    if (entry.state == Entry::State::kOld && entry.open > 0) {
      --entry.open;
      ++counts.removed;
      return Change::kDelete;
    }
    return Change::kNone;
  }

  Error Duplicate(Side side) const {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("key is not unique in the {} version: {}",
                             side == Side::kFrom ? "older" : "newer", key_text_)};
  }

  Result<std::shared_ptr<arrow::RecordBatch>> ChangedRows(
      const arrow::RecordBatch& batch, const std::vector<Change>& changes) const {
    return format::FromArrow(
        [&]() -> arrow::Result<std::shared_ptr<arrow::RecordBatch>> {
          arrow::StringBuilder names;
          arrow::BooleanBuilder mask;
          for (const Change change : changes) {
            ARROW_RETURN_NOT_OK(names.Append(kChangeNames[static_cast<std::size_t>(change)]));
            ARROW_RETURN_NOT_OK(mask.Append(change != Change::kNone));
          }
          ARROW_ASSIGN_OR_RAISE(auto name_column, names.Finish());
          arrow::ArrayVector columns = {std::move(name_column)};
          columns.insert(columns.end(), batch.columns().begin(), batch.columns().end());
          ARROW_ASSIGN_OR_RAISE(auto keeps, mask.Finish());
          auto all = arrow::RecordBatch::Make(schema_, batch.num_rows(), std::move(columns));
          ARROW_ASSIGN_OR_RAISE(auto kept, arrow::compute::Filter(all, keeps));
          return kept.record_batch();
        }(),
        "cannot tell changed rows");
  }

  io::FileSystem& fs_;
  const std::shared_ptr<const TableSnapshot> schema_of_;
  const std::vector<TableFilePtr> from_;
  const std::vector<TableFilePtr> to_;
  const bool has_key_;
  std::vector<int> key_;
  std::shared_ptr<arrow::Schema> schema_;
  std::uint64_t passes_ = 1;
  std::uint64_t pass_ = 0;
  Phase phase_ = Phase::kLoadFrom;
  std::shared_ptr<arrow::RecordBatchReader> rows_;
  std::unordered_map<Hash128, Entry, HashOfHash> entries_;
  std::int64_t untold_ = 0;  // older rows of this pass that the third reading must tell
  std::string row_text_;
  std::string key_text_;
  std::optional<Error> failed_;
};

class Diff final : public TableDiff {
 public:
  explicit Diff(std::shared_ptr<DiffRows> rows) : rows_(std::move(rows)) {}

  std::shared_ptr<arrow::RecordBatchReader> rows() override { return rows_; }

  DiffCounts counts() const override { return rows_->counts; }

 private:
  const std::shared_ptr<DiffRows> rows_;
};

// The files of `snapshot` that `other` lacks.
std::vector<TableFilePtr> FilesOnlyIn(const TableSnapshot& snapshot, const TableSnapshot& other) {
  std::set<std::string_view> known;
  for (const TableFilePtr& file : other.files()) {
    known.insert(file->path);
  }
  std::vector<TableFilePtr> files;
  for (const TableFilePtr& file : snapshot.files()) {
    if (!known.contains(file->path)) {
      files.push_back(file);
    }
  }
  return files;
}

}  // namespace

Result<std::unique_ptr<TableDiff>> DiffVersions(io::FileSystem& fs,
                                                std::shared_ptr<const TableSnapshot> from,
                                                std::shared_ptr<const TableSnapshot> to,
                                                const DiffOptions& options) {
  if (from->id() != to->id()) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("versions of two tables cannot be compared: {} and {}", from->root(),
                             to->root())};
  }
  const auto& newer = from->version() > to->version() ? from : to;
  for (const std::string& column : options.key) {
    if (newer->schema()->GetFieldIndex(column) < 0) {
      return UnknownNameError("column", column, newer->schema()->field_names());
    }
  }
  auto removed = FilesOnlyIn(*from, *to);
  auto added = FilesOnlyIn(*to, *from);
  DiffCounts counts{.files_read = static_cast<std::int64_t>(removed.size() + added.size())};
  counts.files_skipped = static_cast<std::int64_t>(from->files().size() - removed.size());
  auto rows = std::make_shared<DiffRows>(fs, newer, std::move(removed), std::move(added), options);
  rows->counts = counts;
  return std::make_unique<Diff>(std::move(rows));
}

}  // namespace datalake::table

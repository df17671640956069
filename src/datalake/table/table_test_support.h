#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <arrow/json/from_string.h>

#include "datalake/base/random.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/table/file_bounds.h"
#include "datalake/table/read.h"
#include "datalake/table/row_predicate.h"
#include "datalake/table/table.h"
#include "datalake/testing/manual_clock.h"

namespace datalake::table {

/// Rows from JSON text, as one batch.
inline std::shared_ptr<arrow::RecordBatchReader> Rows(const std::shared_ptr<arrow::Schema>& schema,
                                                      const std::string& json) {
  auto array =
      arrow::json::ArrayFromJSONString(arrow::struct_(schema->fields()), json).ValueOrDie();
  auto batch = arrow::RecordBatch::FromStructArray(array).ValueOrDie();
  return arrow::RecordBatchReader::Make({std::move(batch)}, schema).ValueOrDie();
}

/// All rows of a snapshot; the test ends when they cannot be read.
inline std::shared_ptr<arrow::Table> AllRows(io::FileSystem& fs,
                                             std::shared_ptr<const TableSnapshot> snapshot) {
  auto reader = ReadTable(fs, std::move(snapshot));
  return (*reader)->ToTable().ValueOrDie();
}

/// The column as text, for short expectations.
inline std::string ColumnText(const arrow::Table& table, const std::string& name) {
  std::string text;
  for (const auto& chunk : table.GetColumnByName(name)->chunks()) {
    for (std::int64_t i = 0; i < chunk->length(); ++i) {
      text += (text.empty() ? "" : " ") + chunk->GetScalar(i).ValueOrDie()->ToString();
    }
  }
  return text;
}

/// Means the rows whose `id` (a long) is one of `ids`; uses the statistics of the log.
class IdPredicate final : public RowPredicate {
 public:
  IdPredicate(io::FileSystem& fs, std::set<std::int64_t> ids) : fs_(fs), ids_(std::move(ids)) {}

  bool MayMatch(const TableSnapshot& snapshot, const TableFile& file) override {
    const std::string column = "id";
    const ColumnBounds bounds = FileBounds(snapshot, file).Of(std::span(&column, 1));
    return std::any_of(ids_.begin(), ids_.end(), [&](std::int64_t id) {
      const arrow::Int64Scalar value(id);
      return bounds.min == nullptr ||
             (CompareScalars(*bounds.min, value) <= 0 && CompareScalars(*bounds.max, value) >= 0);
    });
  }

  Result<std::vector<bool>> Match(const std::shared_ptr<const TableSnapshot>& snapshot,
                                  const TableFilePtr& file) override {
    const std::vector<std::string> columns = {"id"};
    DATALAKE_TRY_ASSIGN(auto rows, ReadTableFiles(fs_, snapshot, std::span(&file, 1), columns));
    std::vector<bool> is_meant;
    std::shared_ptr<arrow::RecordBatch> batch;
    while (true) {
      if (const arrow::Status status = rows->ReadNext(&batch); !status.ok()) {
        return Error{ErrorCode::kIo, status.ToString()};
      }
      if (batch == nullptr) {
        return is_meant;
      }
      const auto& values = static_cast<const arrow::Int64Array&>(*batch->column(0));
      for (std::int64_t i = 0; i < values.length(); ++i) {
        is_meant.push_back(values.IsValid(i) && ids_.contains(values.Value(i)));
      }
    }
  }

 private:
  io::FileSystem& fs_;
  std::set<std::int64_t> ids_;
};

/// A table with the columns `id` (long), `text` and the partition column `p` in memory.
class SmallTable {
 public:
  explicit SmallTable(const TableOptions& options = {},
                      std::map<std::string, std::string> configuration = {}, std::uint64_t seed = 1)
      : random_(seed) {
    auto made = Table::Create(environment_, root_,
                              {.schema = arrow::schema({arrow::field("id", arrow::int64()),
                                                        arrow::field("text", arrow::utf8()),
                                                        arrow::field("p", arrow::utf8())}),
                               .partition_columns = {"p"},
                               .configuration = std::move(configuration)},
                              {.operation = "create"}, options);
    table_ = std::move(made).value();
  }

  Table& table() { return *table_; }

  io::MemoryFileSystem& fs() { return fs_; }

  testing::ManualClock& clock() { return clock_; }

  const TableEnvironment& environment() const { return environment_; }

  const std::string& root() const { return root_; }

  /// Commits one file with these ids, each with the text `text`.
  Result<CommitResult> Append(const std::string& p, const std::vector<std::int64_t>& ids,
                              const std::string& text = "x") {
    clock_.Advance(std::chrono::seconds(1));
    return table_->Append(*Rows(rows_, Json(ids, text)), {{"p", p}}, {.operation = "append"});
  }

  static std::string Json(const std::vector<std::int64_t>& ids, const std::string& text = "x") {
    std::string json = "[";
    for (const std::int64_t id : ids) {
      json += (json.size() > 1 ? "," : "") + ("{\"id\":" + std::to_string(id)) + ",\"text\":\"" +
              text + "\"}";
    }
    return json + "]";
  }

  /// The ids of a version, in order of files and rows.
  std::string Ids(std::optional<std::int64_t> version = std::nullopt) {
    return ColumnText(*AllRows(fs_, *table_->Snapshot(version)), "id");
  }

  std::vector<std::string> Paths() {
    std::vector<std::string> paths;
    for (const TableFilePtr& file : (*table_->Snapshot())->files()) {
      paths.push_back(file->os_path);
    }
    return paths;
  }

  std::shared_ptr<arrow::Schema> rows_schema() const { return rows_; }

 private:
  io::MemoryFileSystem fs_;
  testing::ManualClock clock_;
  SeededRandom random_;
  TableEnvironment environment_{fs_, clock_, random_};
  std::string root_ = "/lake/t";
  std::shared_ptr<arrow::Schema> rows_ =
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("text", arrow::utf8())});
  std::unique_ptr<Table> table_;
};

}  // namespace datalake::table

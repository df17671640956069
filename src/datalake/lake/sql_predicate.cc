#include "datalake/lake/sql_predicate.h"

#include <algorithm>
#include <utility>

#include <arrow/array/array_primitive.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/format/arrow_status.h"
#include "datalake/query/sql_text.h"
#include "datalake/table/file_bounds.h"
#include "datalake/table/read.h"

namespace datalake::lake {
namespace {

using query::Condition;

constexpr char kRowColumn[] = "__datalake_row";

// The column that the names of an expression mean: its path by the table's own spelling. Empty when
// that is not certain.
std::vector<std::string> ResolveColumn(const std::vector<std::string>& names,
                                       const arrow::Schema& schema) {
  std::vector<std::string> path;
  arrow::FieldVector fields = schema.fields();
  for (const std::string& name : names) {
    const std::string folded = query::FoldName(name);
    const auto found = std::find_if(fields.begin(), fields.end(), [&](const auto& field) {
      return query::FoldName(field->name()) == folded;
    });
    if (found == fields.end()) {
      return {};
    }
    path.push_back((*found)->name());
    const auto& type = *(*found)->type();
    fields = type.id() == arrow::Type::STRUCT ? type.fields() : arrow::FieldVector();
  }
  return path;
}

const arrow::DataType* TypeAt(const std::vector<std::string>& path, const arrow::Schema& schema) {
  const arrow::DataType* type = nullptr;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const auto field = i == 0
                           ? schema.GetFieldByName(path[0])
                           : static_cast<const arrow::StructType&>(*type).GetFieldByName(path[i]);
    type = field->type().get();
  }
  return type;
}

class FileCheck {
 public:
  FileCheck(const table::TableSnapshot& snapshot, const table::TableFile& file)
      : schema_(*snapshot.schema()), bounds_(snapshot, file) {}

  bool MayMatch(const Condition& condition) const {
    const auto may_match = [this](const Condition& child) { return MayMatch(child); };
    switch (condition.kind) {
      case Condition::Kind::kUnknown:
        return true;
      case Condition::Kind::kAnd:
        return std::all_of(condition.children.begin(), condition.children.end(), may_match);
      case Condition::Kind::kOr:
        return std::any_of(condition.children.begin(), condition.children.end(), may_match);
      default:
        break;
    }
    const std::vector<std::string> path = ResolveColumn(condition.column, schema_);
    if (path.empty()) {
      return true;
    }
    const table::ColumnBounds bounds = bounds_.Of(path);
    if (condition.kind == Condition::Kind::kIsNull) {
      return bounds.null_count != 0;
    }
    if (bounds.null_count.has_value() && bounds.null_count == bounds_.num_rows()) {
      return false;
    }
    return condition.kind == Condition::Kind::kIsNotNull ||
           MayCompare(condition, bounds, *TypeAt(path, schema_));
  }

 private:
  static bool MayCompare(const Condition& condition, const table::ColumnBounds& bounds,
                         const arrow::DataType& type) {
    // A float that is compared with a double is widened first; a NaN that a writer left out of its
    // maximum is above every number.
    if (type.id() == arrow::Type::FLOAT) {
      return true;
    }
    const auto value = table::ScalarFromJson(condition.value, type);
    if (value == nullptr) {
      return true;
    }
    const auto is_below_all = [&](bool or_equal) {
      if (bounds.min == nullptr) {
        return false;
      }
      const auto order = table::CompareScalars(*value, *bounds.min);
      return order < 0 || (or_equal && order == 0);
    };
    const auto is_above_all = [&](bool or_equal) {
      if (bounds.max == nullptr) {
        return false;
      }
      const auto order = table::CompareScalars(*value, *bounds.max);
      return order > 0 || (or_equal && order == 0);
    };
    const bool may_hold_nan = type.id() == arrow::Type::DOUBLE;
    switch (condition.comparison) {
      case Condition::Comparison::kEqual:
        return !is_below_all(false) && !is_above_all(false);
      case Condition::Comparison::kLess:
        return !is_below_all(true);
      case Condition::Comparison::kLessOrEqual:
        return !is_below_all(false);
      case Condition::Comparison::kGreater:
        return may_hold_nan || !is_above_all(true);
      case Condition::Comparison::kGreaterOrEqual:
        return may_hold_nan || !is_above_all(false);
    }
    return true;
  }

  const arrow::Schema& schema_;
  const table::FileBounds bounds_;
};

// Rows with their number in one more column.
class NumberedRows final : public arrow::RecordBatchReader {
 public:
  NumberedRows(std::shared_ptr<arrow::RecordBatchReader> rows,
               std::shared_ptr<arrow::Schema> schema)
      : rows_(std::move(rows)), schema_(std::move(schema)) {}

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    ARROW_RETURN_NOT_OK(rows_->ReadNext(out));
    if (*out == nullptr) {
      return arrow::Status::OK();
    }
    arrow::Int64Builder numbers;
    ARROW_RETURN_NOT_OK(numbers.Reserve((*out)->num_rows()));
    for (std::int64_t i = 0; i < (*out)->num_rows(); ++i) {
      numbers.UnsafeAppend(next_++);
    }
    arrow::ArrayVector columns = (*out)->columns();
    ARROW_ASSIGN_OR_RAISE(columns.emplace_back(), numbers.Finish());
    *out = arrow::RecordBatch::Make(schema_, (*out)->num_rows(), std::move(columns));
    return arrow::Status::OK();
  }

 private:
  const std::shared_ptr<arrow::RecordBatchReader> rows_;
  const std::shared_ptr<arrow::Schema> schema_;
  std::int64_t next_ = 0;
};

// How many rows a file has, by reading its narrowest facts when the log does not say.
Result<std::int64_t> RowsOf(io::FileSystem& fs,
                            const std::shared_ptr<const table::TableSnapshot>& snapshot,
                            const table::TableFilePtr& file,
                            const std::vector<std::string>& columns) {
  if (file->num_rows >= 0) {
    return file->num_rows;
  }
  DATALAKE_TRY_ASSIGN(const auto rows,
                      table::ReadTableFiles(fs, snapshot, std::span(&file, 1), columns));
  std::int64_t count = 0;
  while (true) {
    DATALAKE_TRY_ASSIGN(const auto batch, format::FromArrow(rows->Next(), "cannot read rows"));
    if (batch == nullptr) {
      return count;
    }
    count += batch->num_rows();
  }
}

}  // namespace

SqlPredicate::SqlPredicate(io::FileSystem& fs, query::QueryEngine& engine, std::string where,
                           query::ConditionFacts facts)
    : fs_(fs), engine_(engine), where_(std::move(where)), facts_(std::move(facts)) {}

Result<std::unique_ptr<SqlPredicate>> SqlPredicate::Make(io::FileSystem& fs,
                                                         query::QueryEngine& engine,
                                                         std::string where) {
  DATALAKE_TRY_ASSIGN(query::ConditionFacts facts, engine.ParseCondition(where));
  return std::unique_ptr<SqlPredicate>(  // NOLINT: private constructor
      new SqlPredicate(fs, engine, std::move(where), std::move(facts)));
}

bool SqlPredicate::MayMatch(const table::TableSnapshot& snapshot, const table::TableFile& file) {
  return lake::MayMatch(facts_.condition, snapshot, file);
}

Result<std::vector<bool>> SqlPredicate::Match(
    const std::shared_ptr<const table::TableSnapshot>& snapshot, const table::TableFilePtr& file) {
  std::vector<std::string> columns;
  arrow::FieldVector fields;
  for (const auto& field : snapshot->schema()->fields()) {
    if (!facts_.names.has_value() || facts_.names->contains(query::FoldName(field->name()))) {
      columns.push_back(field->name());
      fields.push_back(field);
    }
  }
  if (columns.empty()) {  // an expression without columns is the same for every row
    fields.push_back(snapshot->schema()->field(0));
    columns.push_back(fields.front()->name());
  }
  fields.push_back(arrow::field(kRowColumn, arrow::int64()));
  const auto schema = arrow::schema(std::move(fields));
  const auto open =
      [&](const std::vector<int>&) -> Result<std::shared_ptr<arrow::RecordBatchReader>> {
    DATALAKE_TRY_ASSIGN(auto rows,
                        table::ReadTableFiles(fs_, snapshot, std::span(&file, 1), columns));
    return std::make_shared<NumberedRows>(std::move(rows), schema);
  };
  query::Relation relation;
  relation.batches.push_back({.schema = schema, .open = open});
  DATALAKE_TRY_ASSIGN(const std::int64_t count, RowsOf(fs_, snapshot, file, columns));
  std::vector<bool> is_match(static_cast<std::size_t>(count), false);
  DATALAKE_TRY_ASSIGN(const auto rows, engine_.Select(query::MakeView(std::move(relation)),
                                                      {.where = where_, .columns = {kRowColumn}}));
  while (true) {
    DATALAKE_TRY_ASSIGN(const auto batch, format::FromArrow(rows->Next(), "cannot find rows"));
    if (batch == nullptr) {
      return is_match;
    }
    const auto& numbers = static_cast<const arrow::Int64Array&>(*batch->column(0));
    for (std::int64_t i = 0; i < numbers.length(); ++i) {
      if (numbers.Value(i) >= count) {
        return Error{ErrorCode::kCorruption,
                     fmt::format("data file has more rows than the log says: {}", file->os_path)};
      }
      is_match[static_cast<std::size_t>(numbers.Value(i))] = true;
    }
  }
}

bool MayMatch(const Condition& condition, const table::TableSnapshot& snapshot,
              const table::TableFile& file) {
  return FileCheck(snapshot, file).MayMatch(condition);
}

}  // namespace datalake::lake

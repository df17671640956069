// Relations as SQL. All files of one set of types are one read_parquet over an explicit list, with
// the schema given, so no footer is opened while planning (DuckDB matches columns by name and fills
// missing ones with the default). Few partitions become branches of a UNION ALL with constants,
// which prunes best; of many, the values are lists that DuckDB's virtual column `file_index` picks
// from: once a chunk of rows, in the order of the files, where a join with a table of names would
// not keep it. A branch costs about 1 ms of planning, a listed file about 0.02 ms.
#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include <arrow/type.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "datalake/query/duck_type.h"
#include "datalake/query/relation_sql_internal.h"
#include "datalake/query/sql_text.h"

namespace datalake::query {
namespace {

constexpr std::size_t kMaxBranches = 16;
constexpr std::string_view kFileIndex = "file_index";  // virtual, of read_parquet
constexpr std::string_view kAlwaysNull = "";           // the type of a column without any value

struct PlannedColumn {
  std::string name = {};
  std::string type = {};
  std::shared_ptr<arrow::DataType> data_type = {};  // of `type`; null where that is a common one
  bool has_conflict = false;
  bool is_partition = false;
};

// The columns of a relation, by folded name.
class ColumnPlan {
 public:
  Status Add(const arrow::Schema& schema, const std::vector<std::string>& partition_columns) {
    for (const auto& field : schema.fields()) {
      DATALAKE_TRY(CheckSqlText("column name", field->name()));
      DATALAKE_TRY_ASSIGN(const std::string type, TypeOf(*field));
      const auto [at, is_new] = index_.try_emplace(FoldName(field->name()), columns_.size());
      if (is_new) {
        columns_.push_back({.name = field->name(), .type = type, .data_type = field->type()});
      }
      PlannedColumn& column = columns_[at->second];
      column.is_partition |= std::find(partition_columns.begin(), partition_columns.end(),
                                       field->name()) != partition_columns.end();
      DATALAKE_TRY(Merge(column, *field, type));
    }
    return {};
  }

  Status AddConstants(const std::map<std::string, std::string>& constants) {
    arrow::FieldVector fields;
    std::vector<std::string> names;
    for (const auto& [name, value] : constants) {
      DATALAKE_TRY(CheckSqlText("constant", value));
      fields.push_back(arrow::field(name, arrow::utf8()));
      names.push_back(name);
    }
    return Add(arrow::Schema(fields), names);
  }

  // Partition columns first; columns without any value become INTEGER.
  void Finish() {
    std::stable_partition(columns_.begin(), columns_.end(),
                          [](const PlannedColumn& column) { return column.is_partition; });
    for (PlannedColumn& column : columns_) {
      column.type = column.type == kAlwaysNull ? "INTEGER" : column.type;
    }
  }

  const std::vector<PlannedColumn>& columns() const { return columns_; }

  static Result<std::string> TypeOf(const arrow::Field& field) {
    if (field.type()->id() == arrow::Type::NA) {
      return std::string(kAlwaysNull);
    }
    return DuckTypeName(*field.type(), field.name());
  }

 private:
  static Status Merge(PlannedColumn& column, const arrow::Field& field, const std::string& type) {
    if (type == column.type || type == kAlwaysNull) {
      return {};
    }
    if (column.type == kAlwaysNull) {
      column.type = type;
      column.data_type = field.type();
      return {};
    }
    column.has_conflict = true;
    const std::string common = CommonDuckType(column.type, type);
    const bool may_join = common.empty() && column.data_type != nullptr;
    column.data_type = may_join ? CommonStruct(column.data_type, field.type()) : nullptr;
    if (column.data_type != nullptr) {
      DATALAKE_TRY_ASSIGN(column.type, DuckTypeName(*column.data_type, column.name));
    } else {
      column.type = common.empty() ? "VARCHAR" : common;
    }
    return {};
  }

  std::vector<PlannedColumn> columns_;
  std::map<std::string, std::size_t> index_;
};

// How one planned column comes out of one group.
struct GroupColumn {
  std::optional<std::size_t> partition = {};  // index in partition_columns
  std::string read_type;  // type in the group; planned type when it lacks the column
  bool is_present = false;
};

Result<std::vector<GroupColumn>> MapColumns(const arrow::Schema& schema,
                                            const std::vector<std::string>& partition_columns,
                                            const std::vector<PlannedColumn>& planned) {
  std::map<std::string, const arrow::Field*> fields;
  for (const auto& field : schema.fields()) {
    fields.emplace(FoldName(field->name()), field.get());
  }
  std::vector<GroupColumn> columns;
  columns.reserve(planned.size());
  for (const PlannedColumn& want : planned) {
    GroupColumn column{.partition = std::nullopt, .read_type = want.type};
    if (const auto found = fields.find(FoldName(want.name)); found != fields.end()) {
      const auto at =
          std::find(partition_columns.begin(), partition_columns.end(), found->second->name());
      if (at != partition_columns.end()) {
        column.partition = static_cast<std::size_t>(at - partition_columns.begin());
      }
      column.is_present = true;
      DATALAKE_TRY_ASSIGN(const std::string type, ColumnPlan::TypeOf(*found->second));
      if (want.has_conflict && type != kAlwaysNull) {
        column.read_type = type;
      }
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

bool IsNested(std::string_view type) {
  return type.ends_with("[]") || type.starts_with("STRUCT(") || type.starts_with("MAP(");
}

std::string CastTo(const std::string& expression, const std::string& from, const std::string& to) {
  if (from == to) {
    return expression;
  }
  if (to == "VARCHAR" && IsNested(from)) {
    return fmt::format("CAST(to_json({}) AS VARCHAR)", expression);
  }
  return fmt::format("CAST({} AS {})", expression, to);
}

std::string Constant(const std::optional<std::string>& value, const std::string& type) {
  return fmt::format("CAST({} AS {})", value ? QuoteLiteral(*value) : "NULL", type);
}

using PartitionTuple = std::vector<std::optional<std::string>>;  // by planned column

// Files that are read with the same types: one or more groups.
struct FileSet {
  std::vector<GroupColumn> columns = {};
  std::vector<PartitionTuple> tuples = {};           // distinct, in order of appearance
  std::vector<std::vector<std::string>> files = {};  // of each tuple
  std::map<PartitionTuple, std::size_t> tuple_index = {};
};

class FileSetSql {
 public:
  FileSetSql(const FileSet& set, const std::vector<PlannedColumn>& planned)
      : set_(set), planned_(planned) {}

  void AppendTo(std::vector<std::string>& selects) const {
    const bool hides_index = std::any_of(
        planned_.begin(), planned_.end(),
        [](const PlannedColumn& column) { return FoldName(column.name) == kFileIndex; });
    if (set_.tuples.size() > kMaxBranches && !hides_index) {
      selects.push_back(SelectByIndex());
      return;
    }
    for (std::size_t t = 0; t < set_.tuples.size(); ++t) {
      const auto constant = [&](std::size_t column) {
        return Constant(set_.tuples[t][column], planned_[column].type);
      };
      selects.push_back(fmt::format("SELECT {} FROM {}", Columns(constant), Scan(set_.files[t])));
    }
  }

 private:
  std::string Columns(const std::function<std::string(std::size_t)>& partition_value) const {
    std::vector<std::string> items;
    for (std::size_t i = 0; i < planned_.size(); ++i) {
      const std::string name = QuoteIdentifier(planned_[i].name);
      const std::string value =
          set_.columns[i].partition
              ? partition_value(i)
              : CastTo("r." + name, set_.columns[i].read_type, planned_[i].type);
      items.push_back(fmt::format("{} AS {}", value, name));
    }
    return fmt::format("{}", fmt::join(items, ", "));
  }

  std::string Scan(const std::vector<std::string>& files) const {
    std::string sql = "read_parquet([";
    for (const std::string& file : files) {
      sql += (sql.ends_with('[') ? "" : ",") + QuoteLiteral(file);
    }
    sql += "], schema=MAP{";
    for (std::size_t i = 0; i < planned_.size(); ++i) {
      if (!set_.columns[i].partition) {
        const std::string name = QuoteLiteral(planned_[i].name);
        fmt::format_to(std::back_inserter(sql), "{}{}: {{name: {}, type: {}, default_value: NULL}}",
                       sql.ends_with('{') ? "" : ", ", name, name,
                       QuoteLiteral(set_.columns[i].read_type));
      }
    }
    return sql + "}) AS r";
  }

  std::string SelectByIndex() const {
    std::vector<std::string> all;
    for (const std::vector<std::string>& files : set_.files) {
      all.insert(all.end(), files.begin(), files.end());
    }
    return fmt::format("SELECT {} FROM {}",
                       Columns([&](std::size_t column) { return ListOf(column); }), Scan(all));
  }

  // The value of a partition column, for the file that a row is from.
  std::string ListOf(std::size_t column) const {
    const bool is_one = std::all_of(
        set_.tuples.begin(), set_.tuples.end(),
        [&](const PartitionTuple& tuple) { return tuple[column] == set_.tuples.front()[column]; });
    if (is_one) {
      return Constant(set_.tuples.front()[column], planned_[column].type);
    }
    std::string list;
    for (std::size_t t = 0; t < set_.tuples.size(); ++t) {
      const std::optional<std::string>& value = set_.tuples[t][column];
      const std::string literal = value ? QuoteLiteral(*value) : "NULL";
      for (std::size_t file = 0; file < set_.files[t].size(); ++file) {
        list += (list.empty() ? "" : ",") + literal;
      }
    }
    return fmt::format("CAST(CAST([{}] AS VARCHAR[])[CAST(r.{} AS BIGINT) + 1] AS {})", list,
                       kFileIndex, planned_[column].type);
  }

  const FileSet& set_;
  const std::vector<PlannedColumn>& planned_;
};

// What decides whether two groups can be read together.
std::string ReadKey(const std::vector<GroupColumn>& columns) {
  std::string key;
  for (const GroupColumn& column : columns) {
    key += column.partition ? "=;" : column.read_type + ";";
  }
  return key;
}

Status AddFiles(const FileGroup& group, FileSet& set, const std::vector<GroupColumn>& columns) {
  for (const DataFile& file : group.files) {
    DATALAKE_TRY(CheckSqlText("file name", file.path));
    if (file.partition_values.size() != group.partition_columns.size()) {
      return Error{ErrorCode::kInternal,
                   fmt::format("file without its partition values: {}", file.path)};
    }
    PartitionTuple tuple(columns.size());
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].partition) {
        tuple[i] = file.partition_values[*columns[i].partition];
        DATALAKE_TRY(CheckSqlText("partition value", tuple[i].value_or("")));
      }
    }
    const auto [at, is_new] = set.tuple_index.try_emplace(tuple, set.tuples.size());
    if (is_new) {
      set.tuples.push_back(std::move(tuple));
      set.files.emplace_back();
    }
    set.files[at->second].push_back(file.path);
  }
  return {};
}

Result<std::vector<FileSet>> GatherFiles(const Relation& relation,
                                         const std::vector<PlannedColumn>& planned) {
  std::vector<FileSet> sets;
  std::map<std::string, std::size_t> set_index;
  for (const FileGroup& group : relation.files) {
    DATALAKE_TRY_ASSIGN(std::vector<GroupColumn> columns,
                        MapColumns(*group.schema, group.partition_columns, planned));
    const auto [at, is_new] = set_index.try_emplace(ReadKey(columns), sets.size());
    if (is_new) {
      sets.push_back({.columns = columns});
    }
    DATALAKE_TRY(AddFiles(group, sets[at->second], columns));
  }
  return sets;
}

Result<std::string> BatchesSelect(const BatchGroup& group,
                                  const std::vector<PlannedColumn>& planned,
                                  const BatchScan& scan) {
  DATALAKE_TRY_ASSIGN(const std::vector<GroupColumn> columns,
                      MapColumns(*group.schema, {}, planned));
  DATALAKE_TRY_ASSIGN(const std::string from, scan(group));
  std::vector<std::string> items;
  for (std::size_t i = 0; i < planned.size(); ++i) {
    const std::string name = QuoteIdentifier(planned[i].name);
    std::string value = fmt::format("CAST(NULL AS {})", planned[i].type);
    if (columns[i].is_present) {
      value = CastTo("r." + name, columns[i].read_type, planned[i].type);
    } else if (const auto constant = group.constants.find(planned[i].name);
               constant != group.constants.end()) {
      value = Constant(constant->second, planned[i].type);
    }
    items.push_back(fmt::format("{} AS {}", value, name));
  }
  return fmt::format("SELECT {} FROM {} AS r", fmt::join(items, ", "), from);
}

std::string NoRows(const std::vector<PlannedColumn>& planned) {
  std::vector<std::string> items;
  for (const PlannedColumn& column : planned) {
    items.push_back(
        fmt::format("CAST(NULL AS {}) AS {}", column.type, QuoteIdentifier(column.name)));
  }
  return fmt::format("SELECT {} WHERE false", fmt::join(items, ", "));
}

}  // namespace

Result<RelationSql> BuildRelationSql(const Relation& relation, const BatchScan& scan) {
  ColumnPlan plan;
  for (const FileGroup& group : relation.files) {
    DATALAKE_TRY(plan.Add(*group.schema, group.partition_columns));
  }
  for (const BatchGroup& group : relation.batches) {
    DATALAKE_TRY(plan.AddConstants(group.constants));
    DATALAKE_TRY(plan.Add(*group.schema, {}));
  }
  plan.Finish();
  if (plan.columns().empty()) {
    return Error{ErrorCode::kInternal, "a relation without columns"};
  }
  DATALAKE_TRY_ASSIGN(const std::vector<FileSet> sets, GatherFiles(relation, plan.columns()));
  std::vector<std::string> selects;
  for (const FileSet& set : sets) {
    FileSetSql(set, plan.columns()).AppendTo(selects);
  }
  for (const BatchGroup& group : relation.batches) {
    DATALAKE_TRY_ASSIGN(std::string select, BatchesSelect(group, plan.columns(), scan));
    selects.push_back(std::move(select));
  }
  RelationSql built;
  for (const PlannedColumn& column : plan.columns()) {
    built.columns.push_back({column.name, column.type});
  }
  built.sql = selects.empty() ? NoRows(plan.columns())
                              : fmt::format("{}", fmt::join(selects, " UNION ALL "));
  return built;
}

}  // namespace datalake::query

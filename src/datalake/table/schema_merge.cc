#include "datalake/table/schema_merge.h"

#include <algorithm>
#include <utility>

#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/table/column_cast.h"
#include "datalake/table/schema_json.h"
#include "datalake/table/schema_json_internal.h"

namespace datalake::table {
namespace {

Error Disagree(std::string_view what, std::string_view column, const arrow::Schema& rows,
               const arrow::Schema& table) {
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("{}: column {}: rows have {{{}}}, the table has {{{}}}", what, column,
                           rows.ToString(), table.ToString())};
}

// The table's field of that name; nullptr when it has none; an error when only the case differs.
Result<const arrow::Field*> FindColumn(const arrow::Schema& table, const std::string& name) {
  for (const auto& field : table.fields()) {
    if (field->name() == name) {
      return field.get();
    }
    if (SameIgnoringCase(field->name(), name)) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("column name differs from the table's in case only: {}: {}", name,
                               field->name())};
    }
  }
  return nullptr;
}

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Result<std::shared_ptr<arrow::Schema>> FileSchemaFor(const arrow::Schema& rows,
                                                     const arrow::Schema& table,
                                                     const std::vector<std::string>& partitions) {
  DATALAKE_TRY_ASSIGN(const auto converted, ToDeltaSchema(rows));
  arrow::FieldVector fields;
  for (int i = 0; i < rows.num_fields(); ++i) {
    auto field = converted->field(i);
    const std::string& name = field->name();
    if (Contains(partitions, name)) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("rows must not have the partition column, its value is that of the "
                               "file: {}",
                               name)};
    }
    DATALAKE_TRY_ASSIGN(const arrow::Field* known, FindColumn(table, name));
    if (known != nullptr) {
      auto type = known->type();
      if (!CanWiden(*rows.field(i)->type(), *type)) {
        type = CommonDeltaType(field->type(), type);
      }
      if (type == nullptr) {
        return Disagree("column types disagree", name, rows, table);
      }
      field = arrow::field(name, std::move(type), known->nullable());
    }
    fields.push_back(std::move(field));
  }
  auto schema = arrow::schema(std::move(fields));
  DATALAKE_TRY(SchemaChangeFor(*schema, table));
  for (const auto& field : table.fields()) {
    if (!field->nullable() && !Contains(partitions, field->name()) &&
        schema->GetFieldIndex(field->name()) < 0) {
      return Disagree("rows lack a required column", field->name(), rows, table);
    }
  }
  return schema;
}

Result<SchemaChange> SchemaChangeFor(const arrow::Schema& file, const arrow::Schema& table) {
  SchemaChange change;
  for (const auto& field : file.fields()) {
    DATALAKE_TRY_ASSIGN(const arrow::Field* known, FindColumn(table, field->name()));
    if (known == nullptr) {
      change.added.push_back(field->WithNullable(true));
      continue;
    }
    const auto common = CommonDeltaType(field->type(), known->type());
    if (common == nullptr) {
      return Disagree("column types disagree", field->name(), file, table);
    }
    if (!SameDeltaType(*common, *known->type())) {
      change.widened.push_back(known->WithType(common));
    }
  }
  DATALAKE_TRY(CheckColumnNames(*arrow::schema(change.added)));
  return change;
}

std::shared_ptr<arrow::Schema> ApplyChange(const arrow::Schema& table, const SchemaChange& change) {
  arrow::FieldVector fields = table.fields();
  for (const auto& wide : change.widened) {
    fields[static_cast<std::size_t>(table.GetFieldIndex(wide->name()))] = wide;
  }
  fields.insert(fields.end(), change.added.begin(), change.added.end());
  return arrow::schema(std::move(fields), table.metadata());
}

}  // namespace datalake::table

#include "datalake/lake/json_column.h"

#include <string>

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>

#include "datalake/format/arrow_status.h"
#include "datalake/format/row_json.h"

namespace datalake::lake {

Result<std::shared_ptr<arrow::Array>> JsonColumn(const arrow::Array& column) {
  constexpr std::string_view kError = "cannot build json column";
  arrow::StringBuilder builder;
  std::string text;
  for (std::int64_t row = 0; row < column.length(); ++row) {
    if (column.IsNull(row)) {
      DATALAKE_TRY(format::FromArrow(builder.AppendNull(), kError));
      continue;
    }
    text.clear();
    DATALAKE_TRY(format::AppendValueJson(column, row, {.skip_null_members = true}, text));
    DATALAKE_TRY(format::FromArrow(builder.Append(text), kError));
  }
  return format::FromArrow(builder.Finish(), kError);
}

}  // namespace datalake::lake

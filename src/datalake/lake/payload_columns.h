#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "datalake/lake/feed_definition.h"

// Internal to lake/feed_columns: the columns that come from what a record says.
namespace datalake::lake {

/// What every shape of record knows of itself; valid until the next Append.
struct RecordOrigin {
  std::optional<std::string_view> source = {};
  std::optional<std::string_view> submitter_id = {};
  std::optional<std::string_view> attribution = {};
  std::string_view extra = {};  ///< JSON object; empty: none
};

/// Columns of one shape of record. Single-threaded.
class PayloadColumns {
 public:
  virtual ~PayloadColumns() = default;

  /// Adds one row, nulls where `body` does not fit.
  virtual arrow::Status Append(std::string_view body, RecordOrigin& origin) = 0;

  /// Takes the columns in the order of PayloadFields.
  virtual arrow::Status Finish(arrow::ArrayVector& columns) = 0;
};

arrow::FieldVector ChatPayloadFields();
std::unique_ptr<PayloadColumns> MakeChatColumns();

arrow::FieldVector FieldPayloadFields(const FeedDefinition& definition);
std::unique_ptr<PayloadColumns> MakeFieldColumns(const FeedDefinition& definition);

}  // namespace datalake::lake

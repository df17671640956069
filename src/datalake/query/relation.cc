#include "datalake/query/relation.h"

#include <utility>

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "datalake/format/arrow_status.h"

namespace datalake::query {

BatchGroup MakeBatchGroup(std::shared_ptr<const arrow::Schema> schema,
                          std::vector<std::shared_ptr<arrow::RecordBatch>> batches) {
  auto open = [schema, batches = std::move(batches)](
                  const std::vector<int>&) -> Result<std::shared_ptr<arrow::RecordBatchReader>> {
    return format::FromArrow(
        arrow::RecordBatchReader::Make(batches, std::const_pointer_cast<arrow::Schema>(schema)),
        "cannot read rows in memory");
  };
  return BatchGroup{.schema = std::move(schema), .open = std::move(open)};
}

View MakeView(Relation relation) {
  View view;
  view.inputs.push_back({"rows", std::move(relation)});
  return view;
}

}  // namespace datalake::query

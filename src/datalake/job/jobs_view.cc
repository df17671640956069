#include "datalake/job/jobs_view.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/array/builder_time.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "datalake/format/arrow_status.h"

namespace datalake::job {
namespace {

std::shared_ptr<arrow::DataType> TimeType() {
  return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
}

std::shared_ptr<arrow::Schema> JobsSchema() {
  return arrow::schema(
      {arrow::field("job_id", arrow::utf8()), arrow::field("kind", arrow::utf8()),
       arrow::field("status", arrow::utf8()), arrow::field("started_at", TimeType()),
       arrow::field("completed_at", TimeType()), arrow::field("phase", arrow::utf8()),
       arrow::field("items_done", arrow::int64()), arrow::field("items_total", arrow::int64()),
       arrow::field("result", arrow::utf8()), arrow::field("error", arrow::utf8()),
       arrow::field("interrupted", arrow::boolean())});
}

arrow::Status AppendText(arrow::StringBuilder& builder, const std::string& text) {
  return text.empty() ? builder.AppendNull() : builder.Append(text);
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> JobsBatch(
    const std::vector<JobRecord>& records) {
  arrow::StringBuilder id;
  arrow::StringBuilder kind;
  arrow::StringBuilder status;
  arrow::TimestampBuilder started(TimeType(), arrow::default_memory_pool());
  arrow::TimestampBuilder completed(TimeType(), arrow::default_memory_pool());
  arrow::StringBuilder phase;
  arrow::Int64Builder items_done;
  arrow::Int64Builder items_total;
  arrow::StringBuilder result;
  arrow::StringBuilder error;
  arrow::BooleanBuilder interrupted;
  for (const JobRecord& record : records) {
    ARROW_RETURN_NOT_OK(id.Append(record.id));
    ARROW_RETURN_NOT_OK(kind.Append(record.kind));
    ARROW_RETURN_NOT_OK(status.Append(ToString(record.state)));
    ARROW_RETURN_NOT_OK(started.Append(record.started_at.time_since_epoch().count()));
    ARROW_RETURN_NOT_OK(record.completed_at
                            ? completed.Append(record.completed_at->time_since_epoch().count())
                            : completed.AppendNull());
    ARROW_RETURN_NOT_OK(AppendText(phase, record.progress.phase));
    ARROW_RETURN_NOT_OK(items_done.Append(static_cast<std::int64_t>(record.progress.items_done)));
    ARROW_RETURN_NOT_OK(items_total.Append(static_cast<std::int64_t>(record.progress.items_total)));
    ARROW_RETURN_NOT_OK(AppendText(result, record.result));
    ARROW_RETURN_NOT_OK(AppendText(error, record.error ? record.error->message : ""));
    ARROW_RETURN_NOT_OK(interrupted.Append(record.interrupted));
  }
  const std::array<arrow::ArrayBuilder*, 11> builders = {
      &id,         &kind,        &status, &started, &completed,  &phase,
      &items_done, &items_total, &result, &error,   &interrupted};
  arrow::ArrayVector columns(builders.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    ARROW_RETURN_NOT_OK(builders[i]->Finish(&columns[i]));
  }
  return arrow::RecordBatch::Make(JobsSchema(), static_cast<std::int64_t>(records.size()), columns);
}

}  // namespace

Result<query::View> JobsView(const JobStore& store) {
  DATALAKE_TRY_ASSIGN(const std::vector<JobRecord> records, store.List());
  DATALAKE_TRY_ASSIGN(auto batch, format::FromArrow(JobsBatch(records), "cannot list jobs"));
  query::Relation relation;
  relation.batches.push_back(query::MakeBatchGroup(JobsSchema(), {std::move(batch)}));
  return query::MakeView(std::move(relation));
}

}  // namespace datalake::job

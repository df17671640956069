// Arrow batches as a table of DuckDB: each slice of at most one vector length is exported through
// the C data interface, turned into a data chunk, and its vectors are referenced by the output.
#include <algorithm>
#include <utility>
#include <vector>

#include <arrow/c/bridge.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/format/arrow_status.h"
#include "datalake/query/batch_function_internal.h"
#include "datalake/query/handles_internal.h"

namespace datalake::query {
namespace {

constexpr char kFunctionName[] = "datalake_batches";

// Arrow to DuckDB conversion for one schema.
class Converter {
 public:
  static Result<Converter> Make(duckdb_database database, const arrow::Schema& schema) {
    Converter converter;
    if (duckdb_connect(database, converter.connection_.out()) == DuckDBError) {
      return Error{ErrorCode::kInternal, "cannot connect to the query engine"};
    }
    ArrowSchema exported{};
    DATALAKE_TRY(format::FromArrow(arrow::ExportSchema(schema, &exported), "cannot export schema"));
    const Status made = CheckErrorData(
        duckdb_schema_from_arrow(converter.connection_.get(), &exported, converter.schema_.out()));
    if (exported.release != nullptr) {
      exported.release(&exported);
    }
    DATALAKE_TRY(made);
    return converter;
  }

  Result<ChunkHandle> Convert(const arrow::RecordBatch& batch) {
    ArrowArray exported{};
    DATALAKE_TRY(
        format::FromArrow(arrow::ExportRecordBatch(batch, &exported), "cannot export rows"));
    ChunkHandle chunk;
    const Status made = CheckErrorData(
        duckdb_data_chunk_from_arrow(connection_.get(), &exported, schema_.get(), chunk.out()));
    if (exported.release != nullptr) {
      exported.release(&exported);
    }
    DATALAKE_TRY(made);
    return chunk;
  }

 private:
  Converter() = default;

  ConnectionHandle connection_;
  ArrowSchemaHandle schema_;
};

struct BindState {
  BatchFunctionContext* context = nullptr;
  std::shared_ptr<BatchInput> input;
};

// One scan of an input.
struct ScanState {
  std::shared_ptr<BatchInput> input;
  std::vector<int> columns;  // of the batches, in output order
  std::optional<Converter> converter;
  std::shared_ptr<arrow::RecordBatchReader> reader;
  std::shared_ptr<arrow::RecordBatch> batch;
  std::int64_t offset = 0;
};

Status Bind(duckdb_bind_info info) {
  auto* context = static_cast<BatchFunctionContext*>(duckdb_bind_get_extra_info(info));
  const ValueHandle id(duckdb_bind_get_parameter(info, 0));
  auto state = std::make_unique<BindState>();
  state->context = context;
  state->input = context->registry.Find(duckdb_get_uint64(id.get()));
  if (state->input == nullptr) {
    return Error{ErrorCode::kInternal, "no such batches"};
  }
  const arrow::Schema& schema = *state->input->group().schema;
  DATALAKE_TRY_ASSIGN(Converter converter, Converter::Make(context->database, schema));
  DATALAKE_TRY_ASSIGN(const auto empty,
                      format::FromArrow(arrow::RecordBatch::MakeEmpty(
                                            std::make_shared<arrow::Schema>(schema.fields())),
                                        "cannot make empty batch"));
  DATALAKE_TRY_ASSIGN(const ChunkHandle chunk, converter.Convert(*empty));
  for (int i = 0; i < schema.num_fields(); ++i) {
    const LogicalTypeHandle type(duckdb_vector_get_column_type(
        duckdb_data_chunk_get_vector(chunk.get(), static_cast<idx_t>(i))));
    duckdb_bind_add_result_column(info, schema.field(i)->name().c_str(), type.get());
  }
  duckdb_bind_set_bind_data(info, state.release(), [](void* data) {
    std::default_delete<BindState>()(static_cast<BindState*>(data));
  });
  return {};
}

Status Init(duckdb_init_info info) {
  const auto& bound = *static_cast<BindState*>(duckdb_init_get_bind_data(info));
  const BatchGroup& group = bound.input->group();
  auto state = std::make_unique<ScanState>();
  state->input = bound.input;
  arrow::FieldVector fields;
  for (idx_t i = 0; i < duckdb_init_get_column_count(info); ++i) {
    const idx_t column = duckdb_init_get_column_index(info, i);
    if (column < static_cast<idx_t>(group.schema->num_fields())) {  // else a virtual column
      state->columns.push_back(static_cast<int>(column));
      fields.push_back(group.schema->field(static_cast<int>(column)));
    }
  }
  if (!fields.empty()) {
    DATALAKE_TRY_ASSIGN(state->converter,
                        Converter::Make(bound.context->database, arrow::Schema(fields)));
  }
  DATALAKE_TRY_ASSIGN(state->reader, group.open(state->columns));
  duckdb_init_set_max_threads(info, 1);
  duckdb_init_set_init_data(info, state.release(), [](void* data) {
    std::default_delete<ScanState>()(static_cast<ScanState*>(data));
  });
  return {};
}

// Makes `batch` one with rows left, or null at the end.
Status NextBatch(ScanState& state) {
  while (state.batch == nullptr || state.offset >= state.batch->num_rows()) {
    state.offset = 0;
    DATALAKE_TRY(format::FromArrow(state.reader->ReadNext(&state.batch), "cannot read rows"));
    if (state.batch == nullptr) {
      return {};
    }
  }
  return {};
}

Status Scan(duckdb_function_info info, duckdb_data_chunk output) {
  auto& state = *static_cast<ScanState*>(duckdb_function_get_init_data(info));
  DATALAKE_TRY(NextBatch(state));
  if (state.batch == nullptr) {
    duckdb_data_chunk_set_size(output, 0);
    return {};
  }
  const auto room = static_cast<std::int64_t>(duckdb_vector_size());
  const std::int64_t rows = std::min(room, state.batch->num_rows() - state.offset);
  if (state.converter) {
    const auto slice = state.batch->Slice(state.offset, rows);
    DATALAKE_TRY_ASSIGN(const auto wanted, format::FromArrow(slice->SelectColumns(state.columns),
                                                             "cannot select columns"));
    DATALAKE_TRY_ASSIGN(const ChunkHandle chunk, state.converter->Convert(*wanted));
    for (std::size_t i = 0; i < state.columns.size(); ++i) {
      duckdb_vector_reference_vector(duckdb_data_chunk_get_vector(output, i),
                                     duckdb_data_chunk_get_vector(chunk.get(), i));
    }
  }
  duckdb_data_chunk_set_size(output, static_cast<idx_t>(rows));
  state.offset += rows;
  return {};
}

void OnBind(duckdb_bind_info info) {
  if (const Status bound = Bind(info); !bound) {
    duckdb_bind_set_error(info, bound.error().message.c_str());
  }
}

void OnInit(duckdb_init_info info) {
  if (Status made = Init(info); !made) {
    duckdb_init_set_error(info, made.error().message.c_str());
    static_cast<BindState*>(duckdb_init_get_bind_data(info))->input->SetError(made.error());
  }
}

void OnScan(duckdb_function_info info, duckdb_data_chunk output) {
  if (Status scanned = Scan(info, output); !scanned) {
    duckdb_function_set_error(info, scanned.error().message.c_str());
    static_cast<ScanState*>(duckdb_function_get_init_data(info))->input->SetError(scanned.error());
  }
}

}  // namespace

void BatchInput::SetError(Error error) {
  const MutexLock lock(mutex_);
  if (!error_) {
    error_ = std::move(error);
  }
}

std::optional<Error> BatchInput::error() const {
  const MutexLock lock(mutex_);
  return error_;
}

std::uint64_t BatchRegistry::Add(std::shared_ptr<BatchInput> input) {
  const MutexLock lock(mutex_);
  inputs_.emplace(next_id_, std::move(input));
  return next_id_++;
}

void BatchRegistry::Remove(std::uint64_t id) {
  const MutexLock lock(mutex_);
  inputs_.erase(id);
}

std::shared_ptr<BatchInput> BatchRegistry::Find(std::uint64_t id) const {
  const MutexLock lock(mutex_);
  const auto found = inputs_.find(id);
  return found == inputs_.end() ? nullptr : found->second;
}

Status RegisterBatchFunction(duckdb_connection connection, BatchFunctionContext& context) {
  const TableFunctionHandle function(duckdb_create_table_function());
  duckdb_table_function_set_name(function.get(), kFunctionName);
  const LogicalTypeHandle id_type(duckdb_create_logical_type(DUCKDB_TYPE_UBIGINT));
  duckdb_table_function_add_parameter(function.get(), id_type.get());
  duckdb_table_function_set_extra_info(function.get(), &context, nullptr);
  duckdb_table_function_set_bind(function.get(), OnBind);
  duckdb_table_function_set_init(function.get(), OnInit);
  duckdb_table_function_set_function(function.get(), OnScan);
  duckdb_table_function_supports_projection_pushdown(function.get(), true);
  if (duckdb_register_table_function(connection, function.get()) == DuckDBError) {
    return Error{ErrorCode::kInternal, "cannot register the table function for batches"};
  }
  return {};
}

std::string BatchScanSql(std::uint64_t id) {
  return fmt::format("{}({}::UBIGINT)", kFunctionName, id);
}

}  // namespace datalake::query

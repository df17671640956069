#include <algorithm>
#include <set>

#include <arrow/c/bridge.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/format/arrow_status.h"
#include "datalake/query/session_internal.h"
#include "datalake/query/sql_text.h"

namespace datalake::query {
namespace {

// Rows of a streaming result.
class ResultReader final : public arrow::RecordBatchReader {
 public:
  ResultReader(std::shared_ptr<Session> session, std::optional<std::int64_t> max_rows)
      : session_(std::move(session)), rows_left_(max_rows) {}

  // The result lives in the session's connection: it goes first.
  ~ResultReader() override = default;

  duckdb_result* result() { return result_.get(); }

  Status Open() {
    options_ = ArrowOptionsHandle(duckdb_result_get_arrow_options(result()));
    const idx_t count = duckdb_column_count(result());
    std::vector<LogicalTypeHandle> owned;
    std::vector<duckdb_logical_type> types;
    std::vector<const char*> names;
    for (idx_t i = 0; i < count; ++i) {
      types.push_back(owned.emplace_back(duckdb_column_logical_type(result(), i)).get());
      names.push_back(duckdb_column_name(result(), i));
    }
    ArrowSchema exported{};
    DATALAKE_TRY(CheckErrorData(
        duckdb_to_arrow_schema(options_.get(), types.data(), names.data(), count, &exported)));
    DATALAKE_TRY_ASSIGN(schema_, format::FromArrow(arrow::ImportSchema(&exported),
                                                   "cannot import the schema of the result"));
    return {};
  }

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override {
    batch->reset();
    if (failed_) {
      return format::ToArrow(*failed_);
    }
    Result<std::shared_ptr<arrow::RecordBatch>> next = Next();
    if (!next) {
      failed_ = session_ == nullptr ? next.error() : session_->Cause(next.error());
      return format::ToArrow(*failed_);
    }
    *batch = std::move(next).value();
    return arrow::Status::OK();
  }

 private:
  Result<std::shared_ptr<arrow::RecordBatch>> Next() {
    while (!is_done_) {
      const ChunkHandle chunk(duckdb_fetch_chunk(*result()));
      if (!chunk) {
        is_done_ = true;
        const char* message = duckdb_result_error(result());
        if (message != nullptr && *message != '\0') {
          return DuckdbError(message);
        }
        break;
      }
      if (duckdb_data_chunk_get_size(chunk.get()) > 0) {
        return Import(chunk);
      }
    }
    return std::shared_ptr<arrow::RecordBatch>();
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Import(const ChunkHandle& chunk) {
    ArrowArray exported{};
    DATALAKE_TRY(
        CheckErrorData(duckdb_data_chunk_to_arrow(options_.get(), chunk.get(), &exported)));
    DATALAKE_TRY_ASSIGN(auto batch, format::FromArrow(arrow::ImportRecordBatch(&exported, schema_),
                                                      "cannot import rows of the result"));
    if (rows_left_) {
      if (batch->num_rows() >= *rows_left_) {
        batch = batch->Slice(0, *rows_left_);
        is_done_ = true;
      }
      *rows_left_ -= batch->num_rows();
    }
    return batch;
  }

  std::shared_ptr<Session> session_;  // destroyed last
  ResultHandle result_;
  ArrowOptionsHandle options_;
  std::shared_ptr<arrow::Schema> schema_;
  std::optional<std::int64_t> rows_left_;
  bool is_done_ = false;
  std::optional<Error> failed_;
};

}  // namespace

Session::Session(std::shared_ptr<EngineDatabase> database, const QueryLimits& limits)
    : database_(std::move(database)), limits_(limits) {}

Result<std::shared_ptr<Session>> Session::Begin(std::shared_ptr<EngineDatabase> database,
                                                const QueryLimits& limits, std::stop_token stop) {
  if (stop.stop_requested()) {
    return Error{ErrorCode::kCancelled, "query was cancelled"};
  }
  std::shared_ptr<Session> session(new Session(std::move(database), limits));  // NOLINT: private
  DATALAKE_TRY_ASSIGN(session->connection_, session->database_->Connect());
  session->watch_ = session->database_->watchdog().Begin(
      [connection = session->connection_.get()]() { duckdb_interrupt(connection); }, limits,
      std::move(stop));
  return session;
}

Session::~Session() {
  watch_.reset();  // no interrupt from here on
  if (!catalog_.empty()) {
    // Nothing can be done about a failure: the catalog of views stays until the engine goes.
    static_cast<void>(Execute(connection_.get(), "USE memory"));
    static_cast<void>(Execute(connection_.get(), "DETACH " + catalog_));
  }
  for (const auto& [id, input] : inputs_) {
    database_->registry().Remove(id);
  }
}

Error Session::Cause(Error error) const {
  for (const auto& [id, input] : inputs_) {
    if (std::optional<Error> cause = input->error()) {
      return *std::move(cause);
    }
  }
  if (std::optional<Error> reason = watch_->Reason();
      reason && error.code == ErrorCode::kCancelled) {
    return *std::move(reason);
  }
  return error;
}

Result<std::string> Session::ScanBatches(const BatchGroup& group) {
  auto input = std::make_shared<BatchInput>(group);
  inputs_.emplace_back(database_->registry().Add(input), input);
  return BatchScanSql(inputs_.back().first);
}

Result<SelectSql> Session::ViewSql(const View& view) {
  const BatchScan scan = [this](const BatchGroup& group) { return ScanBatches(group); };
  for (const NamedRelation& input : view.inputs) {
    DATALAKE_TRY(database_->file_checker().Check(input.relation));
  }
  if (view.select.empty()) {
    if (view.inputs.size() != 1) {
      return Error{ErrorCode::kInternal, "a view without select must have one input"};
    }
    return BuildRelationSql(view.inputs.front().relation, scan);
  }
  std::string with;
  for (const NamedRelation& input : view.inputs) {
    DATALAKE_TRY_ASSIGN(const RelationSql relation, BuildRelationSql(input.relation, scan));
    fmt::format_to(std::back_inserter(with), "{} {} AS NOT MATERIALIZED ({})",
                   with.empty() ? "WITH" : ",", QuoteIdentifier(input.name), relation.sql);
  }
  SelectSql select{.sql = fmt::format("{} {}", with, view.select), .columns = {}};
  DATALAKE_TRY_ASSIGN(select.columns, DescribeSelect(select.sql));
  return select;
}

Result<std::vector<SqlColumn>> Session::DescribeSelect(const std::string& sql) {
  ResultHandle result;
  const std::string describe = "SELECT column_name, column_type FROM (DESCRIBE " + sql + ")";
  if (duckdb_query(connection(), describe.c_str(), result.get()) == DuckDBError) {
    return Cause(DuckdbError(duckdb_result_error(result.get())));
  }
  std::vector<SqlColumn> columns;
  while (true) {
    const ChunkHandle chunk(duckdb_fetch_chunk(*result.get()));
    if (!chunk) {
      return columns;
    }
    const auto text = [&](idx_t column, idx_t row) {
      auto* cells = static_cast<duckdb_string_t*>(
          duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk.get(), column)));
      return std::string(duckdb_string_t_data(&cells[row]), duckdb_string_t_length(cells[row]));
    };
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk.get()); ++row) {
      columns.push_back({text(0, row), text(1, row)});
    }
  }
}

Status Session::CreateViews(const std::vector<std::pair<ViewName, View>>& views) {
  const std::string catalog = fmt::format("q{}", database_->NextSession());
  DATALAKE_TRY(Execute(connection(), fmt::format("ATTACH ':memory:' AS {}", catalog)));
  catalog_ = catalog;
  DATALAKE_TRY(Execute(connection(), "USE " + catalog_));
  std::set<std::string> schemas = {""};
  for (const auto& [name, view] : views) {
    if (schemas.insert(name.schema).second) {
      DATALAKE_TRY(Execute(connection(), "CREATE SCHEMA " + QuoteIdentifier(name.schema)));
    }
    DATALAKE_TRY_ASSIGN(const SelectSql select, ViewSql(view));
    const std::string qualified = (name.schema.empty() ? "main" : QuoteIdentifier(name.schema)) +
                                  "." + QuoteIdentifier(name.name);
    if (const Status made =
            Execute(connection(), fmt::format("CREATE VIEW {} AS {}", qualified, select.sql));
        !made) {
      return Cause(made.error());
    }
  }
  return {};
}

Result<PreparedHandle> Session::Prepare(const std::string& sql, duckdb_statement_type wanted) {
  ExtractedHandle statements;
  const idx_t count = duckdb_extract_statements(connection(), sql.c_str(), statements.out());
  if (count != 1) {
    const char* message = duckdb_extract_statements_error(statements.get());
    return message != nullptr ? DuckdbError(message)
                              : Error{ErrorCode::kInvalidArgument,
                                      fmt::format("sql has {} statements, one is wanted", count)};
  }
  PreparedHandle prepared;
  if (duckdb_prepare_extracted_statement(connection(), statements.get(), 0, prepared.out()) ==
      DuckDBError) {
    return Cause(DuckdbError(duckdb_prepare_error(prepared.get())));
  }
  if (duckdb_prepared_statement_type(prepared.get()) != wanted) {
    return Error{ErrorCode::kPermissionDenied, "queries are read-only: not a SELECT"};
  }
  return prepared;
}

Result<std::shared_ptr<arrow::RecordBatchReader>> Session::Run(const std::string& query,
                                                               ExplainKind explain) {
  // EXPLAIN does not tell the type of what it explains, so the query is prepared by itself first.
  DATALAKE_TRY_ASSIGN(PreparedHandle prepared, Prepare(query, DUCKDB_STATEMENT_TYPE_SELECT));
  if (explain != ExplainKind::kNone) {
    const std::string word = explain == ExplainKind::kPlan ? "EXPLAIN\n" : "EXPLAIN ANALYZE\n";
    DATALAKE_TRY_ASSIGN(prepared, Prepare(word + query, DUCKDB_STATEMENT_TYPE_EXPLAIN));
  }
  auto reader = std::make_shared<ResultReader>(shared_from_this(), limits_.max_rows);
  // Deprecated in the C API without a successor in 1.5.5, but the only way to a result larger than
  // memory: a plain result is collected whole before its first row. Pinned with the library.
  if (duckdb_execute_prepared_streaming(prepared.get(), reader->result()) == DuckDBError) {
    return Cause(DuckdbError(duckdb_result_error(reader->result())));
  }
  DATALAKE_TRY(reader->Open());
  return reader;
}

}  // namespace datalake::query

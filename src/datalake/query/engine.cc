#include "datalake/query/engine.h"

#include <utility>

#include <arrow/array/builder_binary.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/format/arrow_status.h"
#include "datalake/query/condition_internal.h"
#include "datalake/query/parts_reader.h"
#include "datalake/query/session_internal.h"
#include "datalake/query/sql_text.h"
#include "datalake/query/statement_internal.h"

namespace datalake::query {
namespace {

Result<std::shared_ptr<arrow::Array>> StringArray(const std::vector<std::string>& values) {
  arrow::StringBuilder builder;
  DATALAKE_TRY(format::FromArrow(builder.AppendValues(values), "cannot list views"));
  return format::FromArrow(builder.Finish(), "cannot list views");
}

// SHOW TABLES: one row a view, `name` as SQL wants it written.
Result<std::shared_ptr<arrow::RecordBatchReader>> ShowViews(ViewSource& views,
                                                            const QueryLimits& limits) {
  DATALAKE_TRY_ASSIGN(const std::vector<ViewName> names, views.List());
  std::vector<std::string> texts;
  for (const ViewName& name : names) {
    if (!limits.max_rows || static_cast<std::int64_t>(texts.size()) < *limits.max_rows) {
      texts.push_back(name.schema.empty() ? name.name
                                          : name.schema + "." + QuoteIdentifier(name.name));
    }
  }
  DATALAKE_TRY_ASSIGN(auto column, StringArray(texts));
  auto schema = arrow::schema({arrow::field("name", arrow::utf8())});
  const std::int64_t rows = column->length();
  auto batch = arrow::RecordBatch::Make(schema, rows, {std::move(column)});
  return format::FromArrow(arrow::RecordBatchReader::Make({std::move(batch)}, schema),
                           "cannot list views");
}

}  // namespace

QueryEngine::QueryEngine(std::shared_ptr<EngineDatabase> database)
    : database_(std::move(database)) {}

QueryEngine::~QueryEngine() = default;

Result<std::unique_ptr<QueryEngine>> QueryEngine::Open(const EngineOptions& options) {
  DATALAKE_TRY_ASSIGN(auto database, EngineDatabase::Open(options));
  return std::unique_ptr<QueryEngine>(new QueryEngine(std::move(database)));  // NOLINT: private
}

Result<std::shared_ptr<arrow::RecordBatchReader>> QueryEngine::Sql(std::string_view sql,
                                                                   ViewSource& views,
                                                                   const QueryLimits& limits,
                                                                   std::stop_token stop) {
  DATALAKE_TRY_ASSIGN(const auto session, Session::Begin(database_, limits, std::move(stop)));
  DATALAKE_TRY_ASSIGN(const StatementFacts facts,
                      InspectStatement(session->connection(), sql, database_->system_names()));
  if (facts.shows_tables) {
    return ShowViews(views, limits);
  }
  std::vector<std::pair<ViewName, View>> found;
  for (const ViewName& name : facts.views) {
    DATALAKE_TRY_ASSIGN(View view, views.Find({.name = name, .columns = facts.columns}));
    found.emplace_back(name, std::move(view));
  }
  DATALAKE_TRY(session->CreateViews(found));
  return session->Run(facts.query, facts.explain);
}

Result<std::shared_ptr<arrow::RecordBatchReader>> QueryEngine::Select(View view,
                                                                      const RowFilter& filter,
                                                                      const QueryLimits& limits,
                                                                      std::stop_token stop) {
  if (view.select.empty() && view.inputs.size() == 1 &&
      CanSelectInParts(view.inputs.front().relation, filter)) {
    return SelectInParts(database_, std::move(view.inputs.front().relation), filter, limits,
                         std::move(stop));
  }
  return SelectAtOnce(database_, view, filter, limits, std::move(stop));
}

Result<ConditionFacts> QueryEngine::ParseCondition(std::string_view where) {
  DATALAKE_TRY_ASSIGN(const auto session, Session::Begin(database_, {}, {}));
  DATALAKE_TRY_ASSIGN(const std::string tree, ExpressionTree(session->connection(), where));
  return ConditionOfTree(tree);
}

}  // namespace datalake::query

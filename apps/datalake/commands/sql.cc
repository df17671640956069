// datalake sql: one read-only SQL statement over the views of a lake (interfaces: "SQL").
#include <chrono>

#include <arrow/record_batch.h>

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/open_lake.h"
#include "apps/datalake/print_rows.h"

namespace datalake::apps {
namespace {

class SqlCommand final : public Command {
 public:
  std::string_view Name() const override { return "sql"; }

  std::string_view Summary() const override {
    return "Runs one read-only SQL statement over catalog, data, feeds, collections, assets, jobs";
  }

  std::string_view Example() const override {
    return "datalake sql \"select provider, dataset, task, sum(rows) from catalog group by all\"\n"
           "datalake sql 'select * from data.\"aihub/docs/ocr\" limit 10'\n"
           "datalake sql 'show tables'";
  }

  void Declare(OptionSet& options) override {
    options.Argument("sql", sql_, "the statement");
    options.Number("--timeout", timeout_s_, "seconds after which the query ends (0: never)");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY_ASSIGN(const auto queries, OpenQueries(context, *lake));
    const query::QueryLimits limits{
        .timeout = std::chrono::milliseconds(static_cast<std::int64_t>(timeout_s_ * 1000))};
    DATALAKE_TRY_ASSIGN(const lake::QueryAnswer answer, queries->Sql(sql_, limits, context.stop));
    DATALAKE_TRY(PrintRows(context, *answer.rows));
    return 0;
  }

 private:
  std::string sql_;
  double timeout_s_ = 0;
};

}  // namespace

std::unique_ptr<Command> MakeSqlCommand() {
  return std::make_unique<SqlCommand>();
}

}  // namespace datalake::apps

// datalake search: rows of the lake by provider, dataset, task, variant, text and expression.
#include <chrono>

#include <arrow/record_batch.h>

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/open_lake.h"
#include "apps/datalake/print_rows.h"
#include "apps/datalake/search_options.h"

namespace datalake::apps {
namespace {

class SearchCommand final : public Command {
 public:
  std::string_view Name() const override { return "search"; }

  std::string_view Summary() const override {
    return "Finds rows by provider, dataset, task, variant and text";
  }

  std::string_view Example() const override {
    return "datalake search --provider aihub --task ocr --limit 10\n"
           "datalake search --dataset 'doc*' --column labels --text tissue --json-path word.text";
  }

  void Declare(OptionSet& options) override {
    search_.Declare(options);
    options.Number("--timeout", timeout_s_, "seconds after which the search ends (0: never)");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const lake::SearchRequest request, search_.ToRequest());
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY_ASSIGN(const auto queries, OpenQueries(context, *lake));
    const query::QueryLimits limits{
        .timeout = std::chrono::milliseconds(static_cast<std::int64_t>(timeout_s_ * 1000))};
    DATALAKE_TRY_ASSIGN(const lake::QueryAnswer answer,
                        queries->Search(request, limits, context.stop));
    DATALAKE_TRY(PrintRows(context, *answer.rows));
    return 0;
  }

 private:
  SearchOptions search_;
  double timeout_s_ = 0;
};

}  // namespace

std::unique_ptr<Command> MakeSearchCommand() {
  return std::make_unique<SearchCommand>();
}

}  // namespace datalake::apps

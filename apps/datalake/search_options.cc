#include "apps/datalake/search_options.h"

namespace datalake::apps {

void SearchOptions::Declare(OptionSet& options) {
  options.Strings("--provider", providers_, "names or globs; one must match");
  options.Strings("--dataset", datasets_, "names or globs; one must match");
  options.Strings("--task", tasks_, "names or globs; one must match");
  options.Strings("--variant", variants_, "names or globs; one must match");
  options.Integer("--table-version", version_,
                  "the version of the one table named (-1: the newest)");
  options.String("--text", text_, "text that --column must contain, literally");
  options.String("--column", column_, "the column that --text is looked for in");
  options.String("--json-path", json_path_, "the place in the JSON of --column, such as word.text");
  options.String("--where", where_, "one SQL expression over the columns");
  options.Strings("--columns", columns_, "columns to give (default: all)");
  options.Strings("--order-by", order_by_, "columns to sort by, as name or 'name desc'");
  options.Integer("--limit", limit_, "most rows to give (-1: all)");
  options.Integer("--offset", offset_, "rows to leave out first");
}

Result<lake::SearchRequest> SearchOptions::ToRequest() const {
  lake::SearchRequest request{.providers = providers_,
                              .datasets = datasets_,
                              .tasks = tasks_,
                              .variants = variants_,
                              .filter = {.where = where_, .columns = columns_, .offset = offset_}};
  if (text_.empty() != column_.empty() || (!json_path_.empty() && text_.empty())) {
    return Error{ErrorCode::kInvalidArgument,
                 "--text needs --column, and --column and --json-path need --text"};
  }
  if (!text_.empty()) {
    request.filter.text = query::TextSearch{column_, text_, json_path_};
  }
  for (const std::string& key : order_by_) {
    DATALAKE_TRY_ASSIGN(query::SortKey parsed, query::ParseSortKey(key));
    request.filter.order_by.push_back(std::move(parsed));
  }
  if (limit_ >= 0) {
    request.filter.limit = limit_;
  }
  if (version_ >= 0) {
    request.version = version_;
  }
  return request;
}

bool SearchOptions::empty() const {
  return providers_.empty() && datasets_.empty() && tasks_.empty() && variants_.empty() &&
         text_.empty() && column_.empty() && json_path_.empty() && where_.empty() &&
         columns_.empty() && order_by_.empty() && limit_ < 0 && offset_ == 0 && version_ < 0;
}

}  // namespace datalake::apps

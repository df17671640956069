#include "apps/datalake/search_options.h"

#include "datalake/json/writer.h"

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
  return ToJson() == SearchOptions().ToJson();
}

std::string SearchOptions::ToJson() const {
  std::string text;
  json::Writer writer(text);
  const auto list = [&](const char* key, const std::vector<std::string>& values) {
    if (values.empty()) {
      return;
    }
    writer.Key(key);
    writer.BeginArray();
    for (const std::string& value : values) {
      writer.String(value);
    }
    writer.EndArray();
  };
  const auto string = [&](const char* key, const std::string& value) {
    if (!value.empty()) {
      writer.Key(key);
      writer.String(value);
    }
  };
  writer.BeginObject();
  list("providers", providers_);
  list("datasets", datasets_);
  list("tasks", tasks_);
  list("variants", variants_);
  string("text", text_);
  string("column", column_);
  string("json_path", json_path_);
  string("where", where_);
  list("columns", columns_);
  list("order_by", order_by_);
  if (version_ >= 0) {
    writer.Key("version");
    writer.Int(version_);
  }
  if (limit_ >= 0) {
    writer.Key("limit");
    writer.Int(limit_);
  }
  if (offset_ != 0) {
    writer.Key("offset");
    writer.Int(offset_);
  }
  writer.EndObject();
  return text;
}

}  // namespace datalake::apps

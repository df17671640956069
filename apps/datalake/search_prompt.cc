#include "apps/datalake/search_prompt.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "datalake/base/name.h"

namespace datalake::apps {
namespace {

using Partitions = std::vector<lake::PartitionInfo>;
using Level = const std::string& (*)(const lake::PartitionInfo&);

// Asks for values of one level and keeps the partitions that have one of them.
Result<std::vector<std::string>> AskLevel(Prompt& prompt, const char* name, Level level,
                                          Partitions& partitions) {
  std::set<std::string> values;
  for (const lake::PartitionInfo& partition : partitions) {
    values.insert(level(partition));
  }
  const std::vector<std::string> names(values.begin(), values.end());
  DATALAKE_TRY_ASSIGN(std::vector<std::string> chosen, prompt.Several(name, names));
  const std::set<std::string> wanted(chosen.begin(), chosen.end());
  std::erase_if(partitions, [&](const lake::PartitionInfo& partition) {
    return !wanted.contains(level(partition));
  });
  return chosen;
}

}  // namespace

Result<AskedSearch> AskForSearch(Prompt& prompt, lake::Queries& queries) {
  DATALAKE_TRY_ASSIGN(Partitions partitions, queries.Partitions());
  std::erase_if(partitions, [](const lake::PartitionInfo& partition) {
    return partition.table.provider == lake::kFeedProvider;
  });
  if (partitions.empty()) {
    return Error{ErrorCode::kNotFound, "the lake has no rows yet; datalake upload brings some in"};
  }
  AskedSearch asked;
  lake::SearchRequest& request = asked.request;
  DATALAKE_TRY_ASSIGN(
      request.providers,
      AskLevel(
          prompt, "providers",
          [](const lake::PartitionInfo& p) -> const std::string& { return p.table.provider; },
          partitions));
  DATALAKE_TRY_ASSIGN(request.datasets, AskLevel(
                                            prompt, "datasets",
                                            [](const lake::PartitionInfo& p) -> const std::string& {
                                              return p.table.dataset;
                                            },
                                            partitions));
  DATALAKE_TRY_ASSIGN(request.tasks, AskLevel(
                                         prompt, "tasks",
                                         [](const lake::PartitionInfo& p) -> const std::string& {
                                           return p.table.task;
                                         },
                                         partitions));
  DATALAKE_TRY_ASSIGN(request.variants, AskLevel(
                                            prompt, "variants",
                                            [](const lake::PartitionInfo& p) -> const std::string& {
                                              return p.variant;
                                            },
                                            partitions));
  for (const lake::PartitionInfo& partition : partitions) {
    asked.rows = partition.rows < 0 || asked.rows < 0 ? -1 : asked.rows + partition.rows;
  }
  DATALAKE_TRY_ASSIGN(std::string text, prompt.Text("only rows with this text (empty: all)"));
  if (!text.empty()) {
    query::TextSearch search{.column = {}, .text = std::move(text)};
    DATALAKE_TRY(prompt.Require(search.column, "in which column", "--column"));
    DATALAKE_TRY_ASSIGN(search.json_path,
                        prompt.Text("at which JSON path in it (empty: anywhere)"));
    request.filter.text = std::move(search);
    asked.rows = -1;
  }
  return asked;
}

}  // namespace datalake::apps

#include "apps/datalake/open_table.h"

#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/clock.h"

#include "apps/datalake/open_lake.h"

namespace datalake::apps {

Result<OpenedTable> OpenTable(const Context& context, std::string_view name) {
  OpenedTable opened;
  DATALAKE_TRY_ASSIGN(opened.name, lake::ParseTableName(name));
  DATALAKE_TRY_ASSIGN(opened.lake, OpenLake(context));
  DATALAKE_TRY_ASSIGN(opened.table, opened.lake->OpenTable(opened.name));
  return opened;
}

Result<std::int64_t> ParseVersion(table::Table& table, std::string_view text) {
  std::int64_t version = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), version);
  if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && version >= 0) {
    return version;
  }
  const auto time = ParseTimestamp(text);
  if (!time) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("not a version; write its number, or a time such as "
                             "2026-01-31T12:00:00Z: {}",
                             text)};
  }
  return table.VersionAt(*time);
}

table::RewriteControl ControlOf(const Context& context) {
  return {.progress = &context.progress, .stop = context.stop};
}

}  // namespace datalake::apps

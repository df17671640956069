#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "datalake/base/result.h"
#include "datalake/lake/lake.h"
#include "datalake/table/delete_rows.h"
#include "datalake/table/table.h"

#include "apps/datalake/command.h"

namespace datalake::apps {

/// A table of the lake that a command works on.
struct OpenedTable {
  std::unique_ptr<lake::Lake> lake;
  lake::TableName name;
  std::unique_ptr<table::Table> table;
};

/// Errors: those of OpenLake, lake::ParseTableName and Lake::OpenTable.
Result<OpenedTable> OpenTable(const Context& context, std::string_view name);

/// A version as users write it: its number, or a time (RFC 3339) at which it was the newest.
/// Errors: kInvalidArgument, those of Table::VersionAt.
Result<std::int64_t> ParseVersion(table::Table& table, std::string_view text);

/// Progress and cancellation of the command for work on a table.
table::RewriteControl ControlOf(const Context& context);

}  // namespace datalake::apps

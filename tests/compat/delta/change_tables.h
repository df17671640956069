#pragma once

#include <string>

#include "datalake/table/table.h"

namespace datalake::table {

/// Makes the tables of deletions, replacements, compaction, schema evolution, clean-up and 1,000
/// versions, each in a folder of `folder`. Errors: those of the table.
Status WriteChangeTables(const TableEnvironment& environment, const std::string& folder);

}  // namespace datalake::table

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "datalake/base/result.h"
#include "datalake/table/snapshot.h"
#include "datalake/table/table.h"

namespace datalake::table {

/// A version of the table at `root` (else the newest) with the files of those partitions alone that
/// have all values of `scope`; counts and bytes are theirs. For one look at a part of a large
/// table: costs what must be read of the log, and memory for those files, instead of opening all of
/// it. Errors: those of Table::Open and Table::Snapshot; kNotFound (`scope` names a column that is
/// no partition column).
Result<std::shared_ptr<const TableSnapshot>> PlanPartitions(
    const TableEnvironment& environment, std::string_view root, const PartitionValues& scope,
    std::optional<std::int64_t> version = std::nullopt);

}  // namespace datalake::table

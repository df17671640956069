#pragma once

#include <string_view>

#include "datalake/base/result.h"
#include "datalake/table/fsck.h"
#include "datalake/table/log_store.h"

namespace datalake::table {

/// Reads every log file and checkpoint and compares them. Findings go to `report`.
/// Errors: kCancelled.
Status CheckLog(io::FileSystem& fs, std::string_view root, const LogListing& listing,
                const RewriteControl& control, FsckReport& report);

}  // namespace datalake::table

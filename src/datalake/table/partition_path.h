#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/table/commit.h"

namespace datalake::table {

/// The folder name that stands for null.
inline constexpr std::string_view kHiveNull = "__HIVE_DEFAULT_PARTITION__";

/// `text` with the characters that Hive escapes in folder names as %XX: control characters, DEL and
/// "#%'*/:=?\{[]^ . Thread-safe.
std::string HiveEscape(std::string_view text);

/// A path as a Delta log holds it: every byte but unreserved characters (RFC 3986 §2.3), '/' and
/// '=' as %XX, upper case. Thread-safe.
std::string UriEncode(std::string_view path);

/// Undoes %XX; a '%' without two hexadecimal digits stands for itself, as other readers have it.
/// Thread-safe.
std::string UriDecode(std::string_view text);

/// Where the file of a log's `path` lies: below `root`, or at an absolute `file:` URI or path.
/// Errors: kCorruption (a ".." in it), kUnsupported (another URI scheme).
Result<std::string> DataFilePath(std::string_view root, std::string_view path);

/// "p=50%25/q=x" for the partition columns in order, without those that `root` names itself
/// (`…/p=50%25/…`), whose value must agree. Empty when none is left. Errors: kInvalidArgument (root
/// and value disagree; a folder name over 255 bytes).
Result<std::string> PartitionFolder(std::string_view root, std::span<const std::string> columns,
                                    const PartitionValues& values);

/// The value of a partition column as its type has it; "" and null are null. Timestamps without a
/// zone are UTC. Errors: kInvalidArgument naming column and text.
Result<std::shared_ptr<arrow::Scalar>> ParsePartitionValue(const arrow::Field& field,
                                                           const std::optional<std::string>& text);

}  // namespace datalake::table

#pragma once

#include <memory>
#include <stop_token>
#include <string_view>

#include "datalake/base/result.h"

namespace datalake::io {
class FileLock;
class FileSystem;
}  // namespace datalake::io

namespace datalake::lake {

/// Takes a file lock that others hold for moments only; tries for about 10 s.
/// Errors: kUnavailable naming the holder, kIo.
Result<std::unique_ptr<io::FileLock>> WaitForLock(io::FileSystem& fs, std::string_view path);

/// Takes one that others may hold for long; tries until `stop`. Errors: kCancelled, kIo.
Result<std::unique_ptr<io::FileLock>> WaitForLock(io::FileSystem& fs, std::string_view path,
                                                  const std::stop_token& stop);

}  // namespace datalake::lake

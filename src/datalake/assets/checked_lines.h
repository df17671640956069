#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/io/file_system.h"

// Internal to assets/.
namespace datalake::assets {

/// Small text files of the store that must not be misread: lines, and as the last one
/// "crc32c <8 hexadecimal digits>" of all bytes before it.
std::string WithChecksum(std::string lines);

/// The lines without the checksum; views into `text`. Errors: kCorruption naming `path`.
Result<std::vector<std::string_view>> CheckedLines(std::string_view text, std::string_view path);

/// Takes a lock that others hold for moments only; tries for about 10 s. Errors: kUnavailable, kIo.
Result<std::unique_ptr<io::FileLock>> WaitForStoreLock(io::FileSystem& fs, std::string_view path);

/// Makes folders below `root` that are missing, without syncing: nothing in them must survive a
/// loss of power.
Status MakeScratchFolder(io::FileSystem& fs, std::string_view root, std::string_view folder);

}  // namespace datalake::assets

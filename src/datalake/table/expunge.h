#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "datalake/base/result.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::table {

/// Why bytes of a table are destroyed, as the markers say it.
struct Expunging {
  std::string id;    ///< of the takedown
  std::string time;  ///< RFC 3339
};

/// Where the marker of a destroyed data file lies: "<folder>/_expunged-<file>.json". Readers of
/// Hive folders pass over it.
std::string ExpungedMarkerPath(std::string_view os_path);

/// The other way: the data file that a marker speaks of; nothing when `path` is no marker.
std::optional<std::string> ExpungedDataPath(std::string_view path);

/// Destroys data files that no current version names any more: the statistics that the log and its
/// checkpoints keep of their rows, then the files, each leaving a marker, so that a reader of an
/// old version is told why it cannot have its rows. `os_paths` as TableFile::os_path. Durable;
/// doing it again finishes what was interrupted. Log files are replaced by the same actions without
/// the statistics. Errors: kCorruption (log), kIo.
Status ExpungeFiles(io::FileSystem& fs, std::string_view root,
                    std::span<const std::string> os_paths, const Expunging& why);

/// The data files (TableFile::os_path) that any version in the log has added, as far back as log
/// files and checkpoints are kept; other files in the folder are being written, or were left
/// behind. Errors: kCorruption, kIo.
Result<std::set<std::string>> ListLoggedFiles(io::FileSystem& fs, std::string_view root);

/// What to say of a data file that is not there: that it was destroyed, if a marker says so, else
/// `missing` as it is.
Error MissingFileError(io::FileSystem& fs, std::string_view os_path, Error missing);

}  // namespace datalake::table

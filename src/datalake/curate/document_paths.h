#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::curate {

/// The files of a list of patterns: in the order of the patterns, by name within one, as often as
/// they match. A pattern without a match is named in `warnings`. Errors: kInvalidArgument (nothing
/// matches at all), kIo, those of CheckSuffixes.
Result<std::vector<std::string>> ExpandDocuments(io::FileSystem& fs,
                                                 const std::vector<std::string>& patterns,
                                                 std::vector<std::string>& warnings);

/// Refuses names of compressions that cannot be read, which would pass for lines of JSON. Errors:
/// kUnsupported naming the first such file.
Status CheckSuffixes(const std::vector<std::string>& files);

/// The attribute file of a document file: each path component `document_dir` replaced by
/// `attributes/<name>`, as the toolkit does. Errors: kInvalidArgument when there is none.
Result<std::string> AttributePath(std::string_view document_path, std::string_view document_dir,
                                  std::string_view name);

/// What is behind the last component `document_dir`: the path that a mirrored output keeps.
/// Errors: kInvalidArgument when there is none.
Result<std::string> MirroredPath(std::string_view document_path, std::string_view document_dir);

/// `path` with the suffix of another compression: "" keeps it as it is, "none", "gz", "zst".
std::string WithCompression(std::string_view path, std::string_view compression);

/// The lines of JSON that belong to the documents `path`: WithCompression, and `.jsonl.zst` in
/// place of `.parquet`.
std::string LinesPath(std::string_view path, std::string_view compression);

/// `path` as Parquet: without the suffixes of compression and of lines of JSON (.jsonl, .json,
/// .ndjson), with .parquet.
std::string WithParquet(std::string_view path);

/// `path`, or the file that is there under the same name with another suffix of compression (.gz,
/// .zst, .zstd, none) or as Parquet; of Parquet documents also lines of JSON. `path` itself when
/// none is. Errors: kIo.
Result<std::string> FindCompressed(io::FileSystem& fs, std::string_view path);

/// Checks a value of `compression.output`: "", "none", "gz" or "zst". Errors: kInvalidArgument.
Status CheckCompression(std::string_view compression);

}  // namespace datalake::curate

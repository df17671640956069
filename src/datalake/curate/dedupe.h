#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/curate/curate_context.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::json {
class ConfigReader;
}  // namespace datalake::json

namespace datalake::curate {

/// The keys of the toolkit's `dedupe` that exact document dedup needs.
struct DedupeOptions {
  std::vector<std::string> documents;  ///< files or globs; their order decides which copy is kept
  std::string name;                    ///< folder below attributes/; empty: attribute_name
  std::string attribute_name;
  std::string key = "$.text";  ///< JSONPath; its first match must be a string
  std::string document_dir = "documents";
  std::string compression;       ///< of the outputs: "" as the input, "none", "gz" or "zst"
  std::uint64_t min_length = 0;  ///< bytes of the key; shorter ones are not looked at
  bool skip_empty = false;       ///< blank keys are not looked at

  /// Errors: kInvalidArgument.
  Status Validate() const;
};

/// Reads the toolkit's config. Its bloom_filter keys are accepted and not needed: the result is
/// exact. Errors: kInvalidArgument (types, unknown keys naming the nearest), kUnsupported
/// (paragraphs and n-grams, read_only or an existing filter file, partitions).
Result<DedupeOptions> ReadDedupeOptions(json::ConfigReader& config, io::FileSystem& fs);

struct SourceDuplicates {
  std::uint64_t documents = 0;
  std::uint64_t duplicates = 0;
};

/// What a run found.
struct DedupeReport {
  std::uint64_t files = 0;
  std::uint64_t documents = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t filtered = 0;     ///< left alone by min_length or skip_empty
  std::uint64_t bytes = 0;        ///< uncompressed input
  std::uint64_t table_bytes = 0;  ///< memory of the keys
  std::map<std::string, SourceDuplicates, std::less<>> sources;
  std::vector<std::string> warnings;
};

/// Marks exact duplicates: for every document file an attribute file with a row a document, in the
/// toolkit's form: {"attributes":{},"id":…} for the first copy, {"attributes":{name:
/// [[0,bytes of the key,1]]},"id":…} for later ones, an empty list for those left alone. The first
/// copy is the first in order of files, then of lines, whatever `threads` is, and so are the bytes
/// written. Each file appears whole or not at all; running again writes the same.
///
/// One pass: files are read, parsed and hashed in parallel, and meet the table in their order.
/// Memory: the table (KeyTable, 23 to 46 bytes a distinct key) and a few MiB a thread.
/// Errors: kInvalidArgument (options; a bad line or a document without the key, naming file and
/// line), kCorruption, kCancelled, kResourceExhausted, kIo: the first one in the order of files;
/// files before it are done, none behind it.
Result<DedupeReport> RunDedupe(const DedupeOptions& options, const CurateContext& context);

}  // namespace datalake::curate

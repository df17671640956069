#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/curate/compatibility.h"
#include "datalake/curate/curate_context.h"
#include "datalake/curate/dedupe_rows.h"
#include "datalake/curate/dedupe_state.h"
#include "datalake/curate/run_costs.h"

namespace datalake::json {
class ConfigReader;
}  // namespace datalake::json

namespace datalake::curate {

/// What is compared.
enum class DedupeUnitKind : std::uint8_t { kDocuments, kParagraphs, kNgrams };

/// The toolkit's options of `dedupe`, and ours: `bloom_filter.kind` and `memory_limit`.
struct DedupeOptions {
  std::vector<std::string> documents;  ///< files or globs; their order decides which copy is kept
  DedupeUnitKind unit = DedupeUnitKind::kDocuments;
  std::string name;  ///< folder below attributes/; empty: attribute_name
  std::string attribute_name;
  std::string key = "$.text";  ///< documents: JSONPath; its first match must be a string
  std::string paragraph_separator = "\n";
  std::uint64_t ngram_length = 0;      ///< words
  std::uint64_t stride = 0;            ///< words between n-grams behind the second; 0 as 1
  float overlap_threshold = 1;         ///< share of known n-grams from which a span is written
  bool skip_short_paragraphs = false;  ///< those of fewer than two n-grams are not compared whole
  std::string document_dir = "documents";
  std::string compression;       ///< of the outputs: "" as the input, "none", "gz" or "zst"
  std::uint64_t min_length = 0;  ///< bytes of a key, or characters of a paragraph
  std::uint64_t min_words = 0;   ///< segments of UAX #29 that are not white space
  bool skip_empty = false;       ///< blank ones are not looked at

  /// This run looks at one share of the keys (or, with file_partition, of the files). Its
  /// attributes get the suffix _<partition_index>.
  std::uint64_t num_partitions = 1;
  std::uint64_t partition_index = 0;
  bool file_partition = false;

  std::string state_file;  ///< keys of earlier runs, and afterwards of this one too; "": none
  SeenKind kind = SeenKind::kExact;
  bool is_read_only = false;             ///< looks up only: decontamination
  std::uint64_t bloom_bytes = 0;         ///< kBloom; 0: from the next two
  std::uint64_t bloom_keys = 0;          ///< estimated_doc_count
  double bloom_error = 0;                ///< desired_false_positive_rate
  std::uint64_t memory_limit_bytes = 0;  ///< of the keys; 0: half of the machine's memory
  std::string spill_folder;              ///< for keys beyond it; "": beside the outputs
  Compatibility compatibility = Compatibility::kNone;

  /// Errors: kInvalidArgument.
  Status Validate() const;

  /// True when files are shared out instead of keys; the toolkit does both at once.
  bool IsPartitionOfFiles() const {
    return file_partition && compatibility == Compatibility::kNone;
  }
};

/// Reads the toolkit's config. Errors: kInvalidArgument (types, ranges, unknown keys naming the
/// nearest).
Result<DedupeOptions> ReadDedupeOptions(json::ConfigReader& config, Compatibility compatibility);

/// What a run found.
struct DedupeReport {
  std::uint64_t files = 0;
  std::uint64_t done_files = 0;  ///< left as they were: the state has them, their marks are there
  std::uint64_t bytes = 0;       ///< uncompressed input
  DuplicateCounts all;
  std::map<std::string, DuplicateCounts, std::less<>> sources;
  SeenKind kind = SeenKind::kExact;
  std::uint64_t keys = 0;          ///< looked up
  std::uint64_t key_bytes = 0;     ///< most memory of the table or filter
  std::uint64_t spilled_keys = 0;  ///< went to disk
  /// "read", "parse", "hash", "look up", "write", "save" (settling what went to disk, and the
  /// state). Compression by threads that are free is in none of them.
  std::vector<RunCost> costs;
  double error_rate = 0;  ///< new keys taken for known ones, measured at the end
  std::vector<std::string> warnings;
};

/// Marks duplicate documents, paragraphs, or paragraphs by their n-grams: for every document file
/// an attribute file with a row a document, in the toolkit's form. Documents: {"attributes":{},
/// "id":…} for the first copy, {"attributes":{name:[[0,bytes of the key,1]]},"id":…} for later
/// ones, an empty list for those left alone. Paragraphs: a list of spans [begin,end,score] in code
/// points, the separator behind a paragraph included. The first copy is the first in order of
/// files, then of lines, whatever `threads` is, and so are the bytes written. Each file appears
/// whole or not at all; running again writes the same.
///
/// With a state file, keys of earlier runs count as seen, and this run's are added once all outputs
/// are there (not when read-only). It knows which inputs it has seen: those are not compared with
/// themselves. Where their marks are there they are left alone, and made again from the state of
/// that time where not (kExact); so running twice changes nothing.
///
/// One pass: files are read, parsed and hashed in parallel, and meet the keys in their order.
/// Memory: the keys (KeyTable, 23 to 46 bytes a distinct key, at most memory_limit_bytes and then
/// on disk; or the filter) and a few MiB a thread.
/// Errors: kInvalidArgument (options; a bad line or a document without the key, naming file and
/// line), kNotFound (read-only without a state), kConflict (an input was changed since the state
/// has seen it, or was seen under other options), kUnavailable (another run writes the state),
/// kUnsupported and kCorruption (the state file),
/// kCancelled, kResourceExhausted, kIo: the first one in the order of files; files before it are
/// done, none behind it.
Result<DedupeReport> RunDedupe(const DedupeOptions& options, const CurateContext& context);

}  // namespace datalake::curate

#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/curate/compatibility.h"
#include "datalake/curate/curate_context.h"
#include "datalake/curate/mix_selector.h"
#include "datalake/curate/run_costs.h"

namespace datalake::json {
class ConfigReader;
}  // namespace datalake::json

namespace datalake::curate {

/// What to do with documents for which an attribute file has no row: it is not there, or too short.
enum class OnMissing : std::uint8_t {
  kError,   ///< stop: before any data is read where the file is not there
  kSkip,    ///< leave the documents out, counted
  kIgnore,  ///< go on without those attributes: exclude-filters then let the documents through
};

/// What max_size_bytes of an output counts.
enum class SizeBy : std::uint8_t {
  kInputCompressed,  ///< input files as they lie there, as the toolkit does: they are never split
  kUncompressed,     ///< the lines written
  kCompressed,       ///< the file written
};

/// Replaces spans of the text that an attribute marks.
struct SpanRule {
  std::string span;  ///< selects a list of [start, end, score]
  double min_score = -std::numeric_limits<double>::infinity();
  double max_score = std::numeric_limits<double>::infinity();  ///< exclusive
  /// `{}` stands for the replaced text; behind a `$`, a jq program that makes such a text of the
  /// document.
  std::string replacement;
  SelectorSyntax syntax = SelectorSyntax::kJsonPath;  ///< of `span`
};

/// One stream of the toolkit's `mix`: documents in, filtered documents out.
struct MixStream {
  std::string name;
  std::vector<std::string> documents;   ///< files or globs; twice in the list is twice in the mix
  std::vector<std::string> attributes;  ///< folders below attributes/; later ones win
  std::vector<std::string> include;     ///< keep when the list is empty or any matches
  std::vector<std::string> exclude;     ///< then drop when any matches
  std::vector<SpanRule> span_rules;
  std::string output_path;
  std::uint64_t max_size_bytes = std::uint64_t{2} << 30;  ///< of one output file, by size_by
  std::vector<std::string> discard_fields;                ///< at the top level
  std::uint64_t min_text_length = 0;                      ///< bytes of the trimmed text
  std::string compression = "gz";                         ///< of the outputs: gz, zst or none
  SelectorSyntax filter_syntax = SelectorSyntax::kJsonPath;
  SizeBy size_by = SizeBy::kInputCompressed;
  int compression_level = 0;  ///< 0: the default
};

struct MixOptions {
  std::vector<MixStream> streams;
  bool is_sharded = true;  ///< the toolkit's `shuffle`; false mirrors the inputs
  Compatibility compatibility = Compatibility::kNone;
  OnMissing on_missing = OnMissing::kError;
  std::uint64_t max_rejects = 0;  ///< bad rows of the whole run that are borne
  bool ignore_existing = false;   ///< make outputs anew that are there and done

  /// Errors: kInvalidArgument (paths, programs, names, an empty stream; remote and local paths
  /// mixed), kUnsupported (remote paths).
  Status Validate() const;
};

/// Reads the toolkit's config and our own keys: on_missing (error, skip, ignore; the default is
/// ignore for kDolma), max_rejects, ignore_existing, output.size_by and compression.level of a
/// stream. Errors: kInvalidArgument (types, unknown keys naming the nearest); those of Validate.
Result<MixOptions> ReadMixOptions(json::ConfigReader& config, Compatibility compatibility);

/// One document file of an output and the attribute files beside it.
struct MixInput {
  std::string documents;
  std::vector<std::string> attributes;  ///< empty string: not there
};

/// One output file, or all of a stream where sizes of outputs are counted: an idempotent piece of
/// work.
struct MixShard {
  std::size_t stream = 0;
  std::vector<MixInput> inputs;
  std::string output;        ///< the first one
  std::string rejects_path;  ///< of `output`; written only when rows were rejected
};

/// The name of a stream's output: `<output.path>/<name>-NNNN.jsonl.gz`.
std::string MixShardPath(const MixStream& stream, std::size_t number);

struct MixPlan {
  std::vector<MixShard> shards;
  std::vector<std::string> warnings;
};

/// Cuts the streams into outputs: input files in the order of the patterns, a new output when the
/// next one would exceed max_size_bytes; or one output an input. Then it looks at the first rows of
/// every file: of names in paths and programs that occur nowhere it warns, but where all rows of
/// each file (100 or more in all) have the same names, so that none will come later, they are
/// errors (unless on_missing is kIgnore). Errors: kInvalidArgument (nothing matches, two outputs of
/// one name, no folder `documents` in a path, names as above), kNotFound (an attribute file, with
/// kError), kIo.
Result<MixPlan> PlanMix(io::FileSystem& fs, const MixOptions& options);

/// What a stream's documents became.
struct MixCounts {
  std::uint64_t documents = 0;
  std::uint64_t written = 0;
  std::uint64_t filtered = 0;   ///< by include and exclude
  std::uint64_t too_short = 0;  ///< by min_text_length
  std::uint64_t missing = 0;    ///< left out for want of attributes
  std::uint64_t rejected = 0;   ///< bad rows
  std::uint64_t replaced = 0;   ///< with a changed text
  std::uint64_t spans = 0;      ///< that were replaced
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;  ///< before compression

  void Add(const MixCounts& part);
};

struct MixReport {
  std::vector<MixCounts> streams;  ///< as the options have them
  /// "read", "parse", "filter", "replace", "render", "write"; of those a document long one in
  /// sixteen is timed. Compression by threads that are free is in none of them.
  std::vector<RunCost> costs;
  std::vector<std::string> outputs;
  std::vector<std::string> warnings;
};

/// Merges attributes into documents, filters, replaces spans, drops fields and writes. Outputs and
/// blocks within them are worked on in parallel; the bytes do not depend on `threads`. Each output
/// appears whole or not at all; one that an earlier run made of the same inputs by the same options
/// is left as it is (UnitManifest); where outputs are cut by their own size, those that are there
/// from the first one on. All are tried before the first error, in their order, is returned.
/// Members of a document keep their order and their text (compat: sorted, as the toolkit writes).
///
/// Documents from Parquet are written as lines of JSON with id, text, source and metadata. Bad rows
/// (broken JSON, no text, bad spans, errors of jq programs), as far as max_rejects goes, are
/// written to the shard's rejects_path with file, line, reason and raw text.
///
/// Memory: a few blocks of 1 MiB a thread, with their attributes.
/// Errors: those of PlanMix; kCorruption (an attribute file with fewer or more rows than its
/// documents; an id that differs, naming line and both), kInvalidArgument (bad rows over
/// max_rejects), kCancelled, kResourceExhausted, kIo.
Result<MixReport> RunMix(const MixOptions& options, const CurateContext& context);

}  // namespace datalake::curate

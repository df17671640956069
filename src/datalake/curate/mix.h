#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/curate/compatibility.h"
#include "datalake/curate/curate_context.h"

namespace datalake::json {
class ConfigReader;
}  // namespace datalake::json

namespace datalake::curate {

/// Replaces spans of the text that an attribute marks.
struct SpanRule {
  std::string span;  ///< JSONPath to a list of [start, end, score]
  double min_score = -std::numeric_limits<double>::infinity();
  double max_score = std::numeric_limits<double>::infinity();  ///< exclusive
  std::string replacement;  ///< `{}` stands for the replaced text
};

/// One stream of the toolkit's `mix`: documents in, filtered documents out.
struct MixStream {
  std::string name;
  std::vector<std::string> documents;   ///< files or globs; twice in the list is twice in the mix
  std::vector<std::string> attributes;  ///< folders below attributes/; later ones win
  std::vector<std::string> include;     ///< JSONPaths: keep when the list is empty or any matches
  std::vector<std::string> exclude;     ///< JSONPaths: then drop when any matches
  std::vector<SpanRule> span_rules;
  std::string output_path;
  std::uint64_t max_size_bytes = std::uint64_t{2} << 30;  ///< of the inputs of one output file
  std::vector<std::string> discard_fields;                ///< at the top level
  std::uint64_t min_text_length = 0;                      ///< bytes of the trimmed text
  std::string compression = "gz";                         ///< of the outputs: gz, zst or none
};

struct MixOptions {
  std::vector<MixStream> streams;
  bool is_sharded = true;  ///< the toolkit's `shuffle`; false mirrors the inputs
  Compatibility compatibility = Compatibility::kNone;

  /// Errors: kInvalidArgument (paths, names, an empty stream).
  Status Validate() const;
};

/// Reads the toolkit's config. Errors: kInvalidArgument (types, unknown keys naming the nearest),
/// kUnsupported (jq).
Result<MixOptions> ReadMixOptions(json::ConfigReader& config, Compatibility compatibility);

/// One document file of an output and the attribute files beside it.
struct MixInput {
  std::string documents;
  std::vector<std::string> attributes;  ///< empty string: not there (compat only)
};

/// One output file: an idempotent piece of work.
struct MixShard {
  std::size_t stream = 0;
  std::vector<MixInput> inputs;
  std::string output;
};

struct MixPlan {
  std::vector<MixShard> shards;
  std::vector<std::string> warnings;
};

/// Cuts the streams into outputs: input files in the order of the patterns, a new output when the
/// next one would exceed max_size_bytes; or one output an input. Looks at the first rows of
/// attribute files and warns of names in paths that occur nowhere.
/// Errors: kInvalidArgument (nothing matches, two outputs of one name, no folder `documents` in a
/// path), kNotFound (an attribute file; the toolkit passes over it), kIo.
Result<MixPlan> PlanMix(io::FileSystem& fs, const MixOptions& options);

/// What a stream's documents became.
struct MixCounts {
  std::uint64_t documents = 0;
  std::uint64_t written = 0;
  std::uint64_t filtered = 0;   ///< by include and exclude
  std::uint64_t too_short = 0;  ///< by min_text_length
  std::uint64_t replaced = 0;   ///< with a changed text
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;  ///< before compression
};

struct MixReport {
  std::vector<MixCounts> streams;  ///< as the options have them
  std::vector<std::string> outputs;
  std::vector<std::string> warnings;
};

/// Merges attributes into documents, filters, replaces spans, drops fields and writes. Outputs and
/// blocks within them are worked on in parallel; the bytes do not depend on `threads`. Each output
/// appears whole or not at all; all are tried before the first error, in their order, is returned.
/// Members of a document keep their order and their text (compat: sorted, as the toolkit writes).
///
/// Memory: a few blocks of 1 MiB a thread, with their attributes.
/// Errors: those of PlanMix; kCorruption (an attribute file with fewer or more rows than its
/// documents; an id that differs, naming line and both), kInvalidArgument (a bad line, bad spans),
/// kCancelled, kResourceExhausted, kIo.
Result<MixReport> RunMix(const MixOptions& options, const CurateContext& context);

}  // namespace datalake::curate

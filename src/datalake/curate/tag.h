#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/clock.h"
#include "datalake/base/progress.h"
#include "datalake/base/result.h"
#include "datalake/base/thread_pool.h"
#include "datalake/curate/run_costs.h"
#include "datalake/curate/tagger.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::json {
class ConfigReader;
}  // namespace datalake::json

namespace datalake::curate {

/// What to do with a file whose attributes are there already.
enum class ExistingOutputs : std::uint8_t { kSkip, kReplace };

/// Where below the attributes folder the file of a document goes.
enum class TagPaths : std::uint8_t {
  kMirrored,  ///< under the path that the document has below its pattern's fixed part
  kToolkit,   ///< below the longest folder that the pattern's matches share, as the toolkit does:
              ///< it drops the folders of `*/` that only one folder matches
};

/// What attributes are written as (docs/formats/attributes.md).
enum class AttributesFormat : std::uint8_t {
  kLines,    ///< lines of JSON, as the toolkit does
  kParquet,  ///< one typed column a key
};

/// The keys of the toolkit's `tag`, with ours (max_rejects, compression) added.
struct TagOptions {
  std::vector<std::string> documents = {};    ///< files, folders (their files) or globs
  std::vector<std::string> destination = {};  ///< empty, or a folder for each entry of `documents`
  std::vector<std::string> taggers = {};
  std::optional<std::string> experiment = {};  ///< none: each tagger has its own attributes folder
  ExistingOutputs existing = ExistingOutputs::kSkip;
  std::uint64_t max_rejects = 0;  ///< bad lines of the whole run that are borne
  std::string compression = {};   ///< of the output: "" as the input, "none", "gz" or "zst"

  AttributesFormat format = AttributesFormat::kLines;
  TagPaths paths = TagPaths::kMirrored;
  Compatibility compatibility = Compatibility::kNone;
  /// Files of URLs or domains, by the name of the tagger that needs one (config: `lists`).
  std::map<std::string, std::string, std::less<>> lists = {};

  /// Errors: kInvalidArgument.
  Status Validate() const;
};

/// Reads the toolkit's config. Keys without a meaning here are checked and let be. Errors:
/// kInvalidArgument (types, unknown keys naming the nearest), kUnsupported (Python taggers, the
/// profiler).
Result<TagOptions> ReadTagOptions(json::ConfigReader& config);

/// One file of attributes and the taggers that write into it.
struct TagOutput {
  std::string path = {};
  std::vector<std::size_t> taggers = {};  ///< indexes in TagPlan::taggers
};

/// One input file: an idempotent piece of work. Each output appears complete under its name, or not
/// at all.
struct TagUnit {
  std::string input;
  std::vector<TagOutput> outputs;
  std::string rejects_path;  ///< written only when lines were rejected
};

/// A tagger of a plan and the part of its keys before the span type.
struct PlannedTagger {
  std::string name;
  std::string key_prefix;  ///< "<experiment>__<tagger>__"
  std::shared_ptr<const Tagger> tagger;
  std::string list = {};  ///< the file that it reads, if any
};

/// The whole `tag` job, cut into units by file. Immutable.
struct TagPlan {
  std::vector<PlannedTagger> taggers;
  std::vector<TagUnit> units;         ///< in order of the patterns and of names in each
  std::vector<std::string> warnings;  ///< patterns without a match
  std::uint64_t max_rejects = 0;
  ExistingOutputs existing = ExistingOutputs::kSkip;
  Compatibility compatibility = Compatibility::kNone;
};

/// What tagging did.
struct TagReport {
  std::uint64_t files_tagged = 0;
  std::uint64_t files_skipped = 0;  ///< their outputs were there, done (unit_manifest.h)
  std::uint64_t documents = 0;
  std::uint64_t rejects = 0;
  std::uint64_t bytes = 0;  ///< uncompressed input
  std::uint64_t spans = 0;  ///< of all outputs
  /// "read", "parse", each tagger, "render", "write". What taggers share (words, paragraphs) is
  /// paid by the first that asks for it. About: of taggers and rendering every eighth document is
  /// timed. Compression by threads that are free is in none of them.
  std::vector<RunCost> costs;
  std::vector<std::string> warnings;
};

/// Expands the patterns and derives the outputs: `<root>/documents/<rest>` gives
/// `<root>/attributes/<experiment>/<rest>` (AttributePath of document_paths.h), or
/// `<destination>/<path below the pattern's fixed part>`; rejects go to
/// `<root>/rejects/<rest>.jsonl` or below `<destination>/rejects/`. Parquet documents get lines of
/// JSON, zstd-compressed. Errors: kInvalidArgument (options, no `documents` in a path, two inputs
/// for one output, nothing matches), kNotFound (tagger), kIo.
Result<TagPlan> PlanTag(io::FileSystem& fs, const TagOptions& options,
                        const TaggerRegistry& registry);

/// What tagging may use. Members outlive the run.
struct TagContext {
  io::FileSystem& fs;
  const Clock& clock;  ///< for the rate of progress events only
  ThreadPool& pool;    ///< threads that are free share a file's blocks
  ProgressSink& progress;
  std::stop_token stop;
};

/// Tags one file: reads it once, feeds every tagger from one splitting into words, and writes the
/// outputs in the order of the lines. The bytes written do not depend on threads. Memory: a few
/// blocks of half a MiB a thread. Safe to run again, and from a task of the pool.
/// Errors: kCorruption and kInvalidArgument naming file and line (bad input over max_rejects),
/// kCancelled, kResourceExhausted, kIo; no output is left under its final name.
Result<TagReport> RunTagUnit(const TagPlan& plan, const TagUnit& unit, const TagContext& context);

/// Plans, then runs all units, files and blocks in parallel on the pool, of which the caller must
/// be no task. Reports documents and bytes a few times a second.
/// Errors: those of PlanTag, and of RunTagUnit for the first failing file in order; files that were
/// done stay done.
Result<TagReport> RunTag(const TagOptions& options, const TaggerRegistry& registry,
                         const TagContext& context);

}  // namespace datalake::curate

#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/progress.h"
#include "datalake/base/result.h"
#include "datalake/base/thread_pool.h"
#include "datalake/curate/tagger.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::curate {

/// What to do with a file whose attributes are there already.
enum class ExistingOutputs : std::uint8_t { kSkip, kReplace };

/// The keys of the toolkit's `tag`, with ours (rejects, compression) added.
struct TagOptions {
  std::vector<std::string> documents;    ///< files, folders (their files) or globs
  std::vector<std::string> destination;  ///< empty, or a folder for each entry of `documents`
  std::vector<std::string> taggers;
  std::optional<std::string> experiment;  ///< none: each tagger has its own attributes folder
  ExistingOutputs existing = ExistingOutputs::kSkip;
  std::uint64_t max_rejects = 0;  ///< bad lines of the whole run that are borne
  std::string compression;        ///< of the output: "" as the input, "none", "gz" or "zst"

  /// Errors: kInvalidArgument.
  Status Validate() const;
};

/// One file of attributes and the taggers that write into it.
struct TagOutput {
  std::string path;
  std::vector<std::size_t> taggers;  ///< indexes in TagPlan::taggers
};

/// One input file: an idempotent piece of work. Each output appears complete under its name, or not
/// at all.
struct TagUnit {
  std::string input;
  std::vector<TagOutput> outputs;
  std::string rejects_path;  ///< written only when lines were rejected
  std::uint64_t size_bytes = 0;
};

/// A tagger of a plan and the part of its keys before the span type.
struct PlannedTagger {
  std::string name;
  std::string key_prefix;  ///< "<experiment>__<tagger>__"
  std::shared_ptr<const Tagger> tagger;
};

/// The whole `tag` job, cut into units by file. Immutable.
struct TagPlan {
  std::vector<PlannedTagger> taggers;
  std::vector<TagUnit> units;         ///< in order of the patterns and of names in each
  std::vector<std::string> warnings;  ///< patterns without a match
  std::uint64_t max_rejects = 0;
  ExistingOutputs existing = ExistingOutputs::kSkip;
};

/// What tagging did.
struct TagReport {
  std::uint64_t files_tagged = 0;
  std::uint64_t files_skipped = 0;  ///< their outputs were there
  std::uint64_t documents = 0;
  std::uint64_t rejects = 0;
  std::uint64_t bytes = 0;  ///< uncompressed input
  std::vector<std::string> warnings;
};

/// Expands the patterns and derives the outputs: `<root>/documents/<rest>` gives
/// `<root>/attributes/<experiment>/<rest>` (the first path component `documents` counts), or
/// `<destination>/<path below the pattern's fixed part>`.
/// Errors: kInvalidArgument (options, no `documents` in a path, two inputs for one output, nothing
/// matches), kNotFound (tagger), kIo.
Result<TagPlan> PlanTag(io::FileSystem& fs, const TagOptions& options,
                        const TaggerRegistry& registry);

/// Where one unit runs.
struct TagContext {
  io::FileSystem& fs;
  ThreadPool& pool;  ///< shares its blocks when threads are free; the caller may be one of them
  ProgressSink& progress;
  std::stop_token stop;
};

/// Tags one file: reads it once, feeds every tagger from one splitting into words, and writes the
/// outputs in the order of the lines. The bytes written do not depend on threads. Memory: a few
/// blocks of 1 MiB a thread. Safe to run again.
/// Errors: kCorruption and kInvalidArgument naming file and line (bad input over max_rejects),
/// kCancelled, kResourceExhausted, kIo; no output is left under its final name.
Result<TagReport> RunTagUnit(const TagPlan& plan, const TagUnit& unit, const TagContext& context);

/// Runs all units of the plan that options ask for, files and blocks in parallel on `pool`. Must
/// not be called from a task of the pool. Reports documents and bytes a few times a second.
/// Errors: those of PlanTag and RunTagUnit, of the first failing file in order; files that were
/// done stay done.
Result<TagReport> RunTag(io::FileSystem& fs, const TagOptions& options,
                         const TaggerRegistry& registry, ThreadPool& pool, ProgressSink& progress,
                         std::stop_token stop);

}  // namespace datalake::curate

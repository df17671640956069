// One pass. Blocks of units and their keys are made in parallel (DedupeInput) and taken here in
// their order: the keys are asked, the rows written. So the keys see the documents in order and
// need no lock, and the dear part (inflate, parse, hash) is spread over the threads.
//
// When the keys have outgrown their memory, answers come later: from there on blocks (without their
// keys) go to a spool, and the rows are written from it once all keys are settled. Nothing is read
// twice, and the rows are the same.
#include "datalake/curate/dedupe.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "datalake/curate/block_spool.h"
#include "datalake/curate/dedupe_input.h"
#include "datalake/curate/dedupe_plan.h"
#include "datalake/curate/output_file.h"
#include "datalake/curate/seen_keys.h"
#include "datalake/curate/unit_manifest.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/path.h"

namespace datalake::curate {
namespace {

constexpr std::int64_t kReportNanos = 250'000'000;

constexpr std::array<std::string_view, kDedupeSteps> kStepNames = {"read",    "parse", "hash",
                                                                   "look up", "write", "save"};

std::uint64_t MemoryLimit(const DedupeOptions& options) {
  if (options.memory_limit_bytes > 0) {
    return options.memory_limit_bytes;
  }
  const auto pages = static_cast<std::uint64_t>(std::max(::sysconf(_SC_PHYS_PAGES), 1L));
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGE_SIZE)) / 2;
}

std::string AttributeName(const DedupeOptions& options) {
  return options.num_partitions > 1
             ? fmt::format("{}_{}", options.attribute_name, options.partition_index)
             : options.attribute_name;
}

// A name of this process only, in the given folder or beside the first output.
std::string SpillFolder(const DedupeOptions& options, const DedupePlan& plan) {
  if (!options.spill_folder.empty()) {
    return io::TemporaryPath(io::JoinPath(options.spill_folder, "dedupe-spill"));
  }
  const auto written = std::ranges::find(plan.files, true, &DedupeFile::is_written);
  const std::string& output =
      written == plan.files.end() ? plan.files.front().input : written->output;
  return io::TemporaryPath(io::JoinPath(io::ParentPath(output), "dedupe-spill"));
}

Result<BloomShape> ShapeOf(const DedupeOptions& options, const DedupeStateReader* state) {
  if (state != nullptr) {
    return state->summary().bloom;
  }
  if (options.bloom_bytes > 0) {
    return BestBloomShape(options.bloom_bytes, options.bloom_keys);
  }
  return BloomShapeFor(options.bloom_keys, options.bloom_error);
}

Result<std::unique_ptr<SeenKeys>> MakeKeys(const DedupeOptions& options, SeenKind kind,
                                           const DedupePlan& plan, const DedupeStateReader* state,
                                           io::FileSystem& fs) {
  const BloomAccess access = options.is_read_only ? BloomAccess::kLookup : BloomAccess::kInsert;
  const std::uint64_t limit = MemoryLimit(options);
  if (kind == SeenKind::kExact) {
    return MakeExactKeys(fs, {.memory_limit_bytes = limit,
                              .spill_folder = SpillFolder(options, plan),
                              .access = access});
  }
  DATALAKE_TRY_ASSIGN(const BloomShape shape, ShapeOf(options, state));
  if (shape.bytes() > limit) {
    return Error{ErrorCode::kResourceExhausted,
                 fmt::format("the Bloom filter is larger than memory_limit: {} bytes, {}",
                             shape.bytes(), limit)};
  }
  return MakeBloomKeys(shape, access, state);
}

// The whole run, on the calling thread.
class Run {
 public:
  Run(const DedupeOptions& options, const json::Path& path, DedupePlan plan,
      const DedupeStateReader* state, const CurateContext& context)
      : options_(options),
        plan_(std::move(plan)),
        state_(state),
        context_(context),
        kind_(state == nullptr ? options.kind : state->summary().kind),
        is_saved_(!options.state_file.empty() && !options.is_read_only && plan_.adds_generation),
        writer_(AttributeName(options), options.overlap_threshold,
                options.unit == DedupeUnitKind::kNgrams),
        input_(options, path, Inputs(plan_), is_saved_, context) {
    report_.kind = kind_;
    report_.done_files = plan_.done_files;
    report_.warnings = plan_.warnings;
  }

  Result<DedupeReport> Do() {
    if (plan_.files.empty()) {
      return std::move(report_);
    }
    DATALAKE_TRY_ASSIGN(keys_, MakeKeys(options_, kind_, plan_, state_, context_.fs));
    for (std::size_t i = 0; i < plan_.files.size(); ++i) {
      DATALAKE_TRY(TakeFile(i));
    }
    report_.error_rate = keys_->ErrorRate();
    WarnOfFullFilter();
    DATALAKE_TRY(Finish());
    report_.costs = times_.Costs(kStepNames);
    report_.key_bytes = std::max(report_.key_bytes, keys_->memory_bytes());
    report_.spilled_keys = keys_->spilled_keys();
    Report();
    return std::move(report_);
  }

 private:
  static std::vector<std::string> Inputs(const DedupePlan& plan) {
    std::vector<std::string> inputs;
    for (const DedupeFile& file : plan.files) {
      inputs.push_back(file.input);
    }
    return inputs;
  }

  Status TakeFile(std::size_t index) {
    const DedupeFile& file = plan_.files[index];
    if (kind_ == SeenKind::kExact) {
      for (const std::size_t generation : file.loads) {
        DATALAKE_TRY(keys_->Load(*state_, generation));
      }
    }
    DATALAKE_TRY(BeginOutput(file));
    while (true) {
      DATALAKE_TRY_ASSIGN(std::unique_ptr<DedupeBlock> block, input_.Next(index));
      if (block == nullptr) {
        break;
      }
      DATALAKE_TRY(TakeBlock(file, *block));
      input_.Recycle(std::move(block));
      ReportNowAndThen();
    }
    if (spool_ != nullptr) {
      spooled_.push_back(index);
      return spool_->EndFile();
    }
    return EndOutput();
  }

  Status BeginOutput(const DedupeFile& file) {
    if (!file.is_written || output_.has_value() || spool_ != nullptr) {
      return {};
    }
    DATALAKE_TRY_ASSIGN(output_,
                        OutputFile::Make(context_.fs, file.output, {.pool = &input_.helpers()}));
    return {};
  }

  Status EndOutput() {
    ++report_.files;
    if (!output_.has_value()) {
      return {};
    }
    Stopwatch watch;
    const Status status = output_->Publish();
    watch.Lap(times_[DedupeStep::kWrite]);
    output_.reset();
    return status;
  }

  Status TakeBlock(const DedupeFile& file, const DedupeBlock& block) {
    times_.Add(block.times);
    Stopwatch watch;
    verdicts_.resize(block.keys.size());
    DATALAKE_TRY(keys_->Take(block.keys, verdicts_));
    watch.Lap(times_[DedupeStep::kLookUp]);
    report_.keys += block.keys.size();
    report_.bytes += block.bytes;
    const bool is_last_open = !block.rows.empty() && block.rows.back().form == RowForm::kOpenList;
    documents_read_ += block.rows.size() - (is_last_open ? 1 : 0);
    if (!keys_->is_spilling()) {
      return WriteRows(file, block);
    }
    if (spool_ == nullptr) {
      report_.key_bytes = keys_->memory_bytes();
      DATALAKE_TRY_ASSIGN(spool_, BlockSpool::Make(context_.fs, SpoolPath()));
    }
    return spool_->Append(block, verdicts_);
  }

  std::string SpoolPath() {
    // Beside the keys, whose folder was made when they began to spill and goes with them.
    return io::JoinPath(keys_->spill_folder(), "rows.spool");
  }

  Status WriteRows(const DedupeFile& file, const DedupeBlock& block) {
    if (!file.is_written) {
      return {};
    }
    Stopwatch watch;
    counts_.clear();
    for (const std::string& source : block.sources) {
      counts_.push_back(&report_.sources[source]);
    }
    rows_.clear();
    writer_.Append(block, verdicts_, rows_, counts_);
    Status written = output_->Write(rows_);
    watch.Lap(times_[DedupeStep::kWrite]);
    return written;
  }

  Status Finish() {
    std::unique_ptr<DedupeStateWriter> state;
    if (is_saved_) {
      DATALAKE_TRY_ASSIGN(state, DedupeStateWriter::Make(context_.fs, options_.state_file, kind_));
      if (state_ != nullptr) {
        DATALAKE_TRY(state->CopyGenerations(*state_));
      }
    }
    Stopwatch watch;
    DATALAKE_TRY(keys_->Settle(state.get(), state_));
    watch.Lap(times_[DedupeStep::kSave]);
    DATALAKE_TRY(WriteSpooled());
    for (auto& [name, counts] : report_.sources) {
      report_.all.Add(counts);
    }
    if (state == nullptr) {
      return {};
    }
    StateGeneration generation;
    generation.units = DescribeUnits(options_);
    generation.keys = report_.keys;
    for (std::size_t i = plan_.first_new; i < plan_.files.size(); ++i) {
      generation.inputs.push_back(input_.Identity(i));
    }
    Stopwatch publishing;
    Status published = state->Publish(std::move(generation));
    publishing.Lap(times_[DedupeStep::kSave]);
    return published;
  }

  Status WriteSpooled() {
    if (spool_ == nullptr) {
      return {};
    }
    DATALAKE_TRY(spool_->BeginReading());
    DedupeBlock block;
    for (const std::size_t index : spooled_) {
      const DedupeFile& file = plan_.files[index];
      if (!output_.has_value() && file.is_written) {
        DATALAKE_TRY_ASSIGN(
            output_, OutputFile::Make(context_.fs, file.output, {.pool = &input_.helpers()}));
      }
      while (true) {
        DATALAKE_TRY_ASSIGN(const bool is_there, spool_->Next(block, verdicts_));
        if (!is_there) {
          break;
        }
        DATALAKE_TRY(Answer());
        DATALAKE_TRY(WriteRows(file, block));
        if (context_.stop.stop_requested()) {
          return Error{ErrorCode::kCancelled, "dedupe cancelled"};
        }
      }
      DATALAKE_TRY(EndOutput());
    }
    return {};
  }

  void WarnOfFullFilter() {
    if (options_.bloom_error > 0 && report_.error_rate > options_.bloom_error) {
      report_.warnings.push_back(fmt::format(
          "the Bloom filter is too small for its keys: {:.3g} of new ones would be taken for "
          "known, wanted {:.3g}; give a larger estimated_doc_count and begin anew",
          report_.error_rate, options_.bloom_error));
    }
  }

  // Puts answers in place of what is pending.
  Status Answer() {
    for (std::uint8_t& verdict : verdicts_) {
      if (verdict >= verdict::kPending) {
        DATALAKE_TRY_ASSIGN(const bool is_known, keys_->NextAnswer(verdict - verdict::kPending));
        verdict = is_known ? verdict::kKnown : verdict::kNew;
      }
    }
    return {};
  }

  void ReportNowAndThen() {
    if (const std::int64_t now = context_.clock.SteadyNanos(); now >= next_report_) {
      next_report_ = now + kReportNanos;
      Report();
    }
  }

  void Report() {
    context_.progress.Report({.phase = "dedupe",
                              .items_done = documents_read_,
                              .unit = "documents",
                              .bytes_done = report_.bytes});
  }

  const DedupeOptions& options_;
  const DedupePlan plan_;
  const DedupeStateReader* const state_;
  const CurateContext& context_;
  const SeenKind kind_;
  const bool is_saved_;
  DedupeRowWriter writer_;
  std::unique_ptr<SeenKeys> keys_;
  std::unique_ptr<BlockSpool> spool_;  // lies in the keys' folder, so it goes first
  std::vector<std::size_t> spooled_;   // files
  std::vector<std::uint8_t> verdicts_;
  std::vector<DuplicateCounts*> counts_;  // of the sources of the block being written
  std::string rows_;
  std::uint64_t documents_read_ = 0;
  std::int64_t next_report_ = 0;
  DedupeTimes times_;
  DedupeReport report_;
  DedupeInput input_;
  std::optional<OutputFile> output_;  // of the file being written; uses threads of input_
};

// The saved state; null when there is none yet.
Result<std::unique_ptr<DedupeStateReader>> OpenState(const DedupeOptions& options,
                                                     io::FileSystem& fs) {
  if (options.state_file.empty()) {
    return std::unique_ptr<DedupeStateReader>();
  }
  DATALAKE_TRY_ASSIGN(const bool exists, fs.Exists(options.state_file));
  if (exists) {
    return DedupeStateReader::Open(fs, options.state_file);
  }
  if (options.is_read_only && options.compatibility != Compatibility::kDolma) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("bloom_filter.read_only needs a saved filter, and there is none: {}",
                             options.state_file)};
  }
  return std::unique_ptr<DedupeStateReader>();
}

// Keeps other runs from the state that this one is going to replace. Null where it only reads.
Result<std::unique_ptr<io::FileLock>> LockState(const DedupeOptions& options, io::FileSystem& fs) {
  if (options.state_file.empty() || options.is_read_only) {
    return std::unique_ptr<io::FileLock>();
  }
  const std::string folder(io::ParentPath(options.state_file));
  DATALAKE_TRY(fs.MakeDirectories(folder));
  return fs.Lock(io::JoinPath(folder, fmt::format(".{}.lock", io::BaseName(options.state_file))));
}

// What the run is going to make.
std::vector<std::string> FilesOf(const DedupeOptions& options, const DedupePlan& plan) {
  std::vector<std::string> files;
  for (const DedupeFile& file : plan.files) {
    if (file.is_written) {
      files.push_back(file.output);
    }
  }
  if (!plan.files.empty()) {
    files.push_back(SpillFolder(options, plan));
  }
  if (!options.state_file.empty()) {
    files.push_back(options.state_file);
  }
  return files;
}

}  // namespace

Result<DedupeReport> RunDedupe(const DedupeOptions& options, const CurateContext& context) {
  DATALAKE_TRY(options.Validate());
  DATALAKE_TRY_ASSIGN(const json::Path path, json::Path::Compile(options.key));
  DATALAKE_TRY_ASSIGN(const auto lock, LockState(options, context.fs));
  DATALAKE_TRY_ASSIGN(const auto state, OpenState(options, context.fs));
  DATALAKE_TRY_ASSIGN(DedupePlan plan, PlanDedupe(options, context.fs, state.get()));
  RemoveLeftovers(context.fs, FilesOf(options, plan));
  Run run(options, path, std::move(plan), state.get(), context);
  return run.Do();
}

}  // namespace datalake::curate

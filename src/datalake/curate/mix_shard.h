#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "datalake/base/mutex.h"
#include "datalake/curate/mix_block.h"
#include "datalake/curate/mix_manifest.h"
#include "datalake/curate/mix_outputs.h"

namespace datalake::curate {

/// The counts of a whole run and its progress. Thread-safe.
class MixRunCounts {
 public:
  MixRunCounts(const CurateContext& context, std::size_t streams)
      : context_(context), streams_(streams) {}

  void AddBlock(std::size_t stream, const MixCounts& counts);

  /// Counts rejected rows; returns how many there are.
  std::uint64_t AddRejects(std::size_t stream, std::uint64_t rejects);

  void Warn(std::string warning);

  void AddTimes(const MixTimes& times);

  /// Puts the counts, the costs and the warnings, sorted, into the report.
  void Finish(MixReport& report);

 private:
  void Report() DATALAKE_REQUIRES(mutex_);

  const CurateContext& context_;
  Mutex mutex_;
  std::vector<MixCounts> streams_ DATALAKE_GUARDED_BY(mutex_);
  std::vector<std::string> warnings_ DATALAKE_GUARDED_BY(mutex_);
  MixCounts all_ DATALAKE_GUARDED_BY(mutex_);
  MixTimes times_ DATALAKE_GUARDED_BY(mutex_);
  std::int64_t next_report_ DATALAKE_GUARDED_BY(mutex_) = 0;
};

/// Makes the outputs of one shard: blocks of lines are read in order together with the same rows of
/// the attribute files, mixed on any thread of the pool, and written in order. Single use.
class MixShardRun {
 public:
  /// What is passed must outlive the run.
  MixShardRun(const MixProgram& program, const MixOptions& options, const MixShard& shard,
              const CurateContext& context, ThreadPool& pool, MixRunCounts& counts);

  /// Leaves outputs that are there and done, by their notes, and goes on behind them.
  /// Errors: those of RunMix but of its plan.
  Status Do();

  /// The files it made, or found done.
  const std::vector<std::string>& outputs() const { return outputs_.paths(); }

 private:
  struct Attributes {
    std::string_view path;  // in the shard
    std::shared_ptr<AttributeReader> reader;
    std::uint64_t rows = 0;  // read so far
    bool has_ended = false;
  };

  Status TakeDone(const MixShardFacts& done);
  Status Make();
  void Warn(std::string warning);
  Result<bool> Read(MixBlock& block);
  Result<bool> ReadNext(MixBlock& block);
  Status EmitBlock(MixBlock& block);
  Status OpenInput(const MixInput& input);
  Status ReadAttributes(MixBlock& block);
  Status EndsEarly(Attributes& attributes);
  Status CheckEnds();
  Status Emit(MixBlock& block);
  Status CountRejects(const MixBlock& block);
  Status WriteReject(const MixBlock& block, const MixReject& reject);
  Result<bool> IsBefore(MixBlock& block);
  Error NoPlace() const;

  bool is_compat() const { return options_.compatibility == Compatibility::kDolma; }

  const MixOptions& options_;
  const MixShard& shard_;
  const CurateContext& context_;
  ThreadPool& pool_;
  MixRunCounts& counts_;
  MixOutputs outputs_;
  MixTimes times_;
  MixShardFacts facts_;           // of the blocks emitted so far
  std::optional<MixPlace> from_;  // until it is reached: where an earlier run came to its end
  std::vector<std::unique_ptr<MixBlock>> blocks_;
  std::size_t next_input_ = 0;  // behind input_
  const MixInput* input_ = nullptr;
  std::shared_ptr<format::DocumentReader> documents_;
  std::vector<Attributes> attributes_;
  AttributeBatch beyond_;  // to see whether an attribute file goes on
  bool lacks_file_ = false;
};

}  // namespace datalake::curate

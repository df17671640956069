#include "datalake/curate/mix.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/thread_pool.h"
#include "datalake/curate/mix_outputs.h"
#include "datalake/curate/mix_program.h"
#include "datalake/curate/mix_shard.h"

namespace datalake::curate {
namespace {

Status FirstError(std::vector<Status>& statuses) {
  const auto failed = static_cast<std::size_t>(
      std::count_if(statuses.begin(), statuses.end(), [](const Status& s) { return !s; }));
  for (Status& status : statuses) {
    if (!status) {
      Error error = std::move(status).error();
      if (statuses.size() > 1) {
        error.message += fmt::format("; {} of {} outputs failed", failed, statuses.size());
      }
      return error;
    }
  }
  return {};
}

}  // namespace

void MixCounts::Add(const MixCounts& part) {
  documents += part.documents;
  written += part.written;
  filtered += part.filtered;
  too_short += part.too_short;
  missing += part.missing;
  rejected += part.rejected;
  replaced += part.replaced;
  spans += part.spans;
  bytes_read += part.bytes_read;
  bytes_written += part.bytes_written;
}

Result<MixReport> RunMix(const MixOptions& options, const CurateContext& context) {
  DATALAKE_TRY_ASSIGN(MixPlan plan, PlanMix(context.fs, options));
  std::vector<MixProgram> programs;
  for (const MixStream& stream : options.streams) {
    DATALAKE_TRY_ASSIGN(MixProgram program, MixProgram::Compile(stream, options.compatibility));
    programs.push_back(std::move(program));
  }
  std::vector<std::string> files;
  for (const MixShard& shard : plan.shards) {
    files.push_back(shard.output);
    files.push_back(shard.rejects_path);
  }
  RemoveLeftovers(context.fs, files);
  ThreadPool pool(std::max<std::size_t>(context.threads, 1));
  MixRunCounts counts(context, options.streams.size());
  std::vector<Status> statuses(plan.shards.size());
  std::vector<std::vector<std::string>> outputs(plan.shards.size());
  DATALAKE_TRY(ParallelFor(pool, plan.shards.size(), context.stop, [&](std::size_t i) {
    const MixShard& shard = plan.shards[i];
    MixShardRun run(programs[shard.stream], options, shard, context, pool, counts);
    statuses[i] = run.Do();
    outputs[i] = run.outputs();
    return Status();
  }));
  DATALAKE_TRY(FirstError(statuses));
  MixReport report;
  report.warnings = std::move(plan.warnings);
  counts.Finish(report);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const MixStream& stream = options.streams[plan.shards[i].stream];
    if (IsCutByOutput(options, stream)) {
      WarnOfOtherOutputs(context.fs, stream, outputs[i], report.warnings);
    }
    report.outputs.insert(report.outputs.end(), outputs[i].begin(), outputs[i].end());
  }
  return report;
}

}  // namespace datalake::curate

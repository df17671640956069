// datalake process: brings staged uploads into tables and assets, as a job of the lake.
#include "datalake/lake/process.h"

#include <algorithm>

#include <fmt/format.h>

#include "datalake/job/job_runner.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/open_lake.h"

namespace datalake::apps {
namespace {

constexpr std::string_view kKind = "process";

// Shows progress on the terminal and in the job's record.
class TwoSinks final : public ProgressSink {
 public:
  TwoSinks(ProgressSink& first, ProgressSink& second) : first_(first), second_(second) {}

  void Report(const ProgressEvent& event) override {
    first_.Report(event);
    second_.Report(event);
  }

 private:
  ProgressSink& first_;
  ProgressSink& second_;
};

Status Show(const Context& context, const lake::ProcessReport& report, std::string_view job) {
  if (context.options.json) {
    return context.Print(lake::ProcessReportJson(report));
  }
  if (report.uploads.empty()) {
    return context.Print("nothing to process");
  }
  for (const lake::ProcessedUpload& upload : report.uploads) {
    const std::string where = fmt::format("{}/{}", lake::ToString(upload.table), upload.variant);
    if (upload.error) {
      DATALAKE_TRY(context.Print(
          fmt::format("failed {}: {}: {}", where, ToString(*upload.error), upload.id)));
      continue;
    }
    DATALAKE_TRY(context.Print(fmt::format(
        "done   {}: {} rows, {} rejected, {} assets ({} new, {} with a problem), version {}", where,
        upload.rows, upload.rejected_rows, upload.assets, upload.new_assets, upload.problem_assets,
        upload.version)));
  }
  return context.Print(fmt::format("job {}", job));
}

// process, and process start: the seed's word for it.
class ProcessCommand final : public Command {
 public:
  explicit ProcessCommand(std::string_view name) : name_(name) {}

  std::string_view Name() const override { return name_; }

  std::string_view Summary() const override {
    return "Brings staged uploads into tables and assets";
  }

  std::string_view Example() const override { return "datalake process"; }

  void Declare(OptionSet& options) override {
    options.Flag("--retry-failed", retry_failed_, "try failed uploads again, too");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY(lake->CheckWritable());
    DATALAKE_TRY(retry_failed_ ? RetryFailed(*lake) : Status());
    job::JobStore store(context.fs, context.clock, lake->layout().jobs());
    lake::ProcessReport report;
    DATALAKE_TRY_ASSIGN(const auto runner, job::JobRunner::Open(store, context.clock));
    DATALAKE_TRY(runner->Register(kKind, [&](job::JobContext& job) -> Result<std::string> {
      TwoSinks sinks(context.progress, job.progress());
      DATALAKE_TRY_ASSIGN(
          report, lake::ProcessUploads(*lake, {.threads = context.Threads()}, sinks, job.stop()));
      return lake::ProcessReportJson(report);
    }));
    DATALAKE_TRY_ASSIGN(const job::StartedJob started, runner->Start(kKind, "{}"));
    const std::stop_callback cancel(context.stop, [&] {
      static_cast<void>(runner->Cancel(started.id));  // fails only when it has just ended
    });
    DATALAKE_TRY_ASSIGN(const job::JobRecord record, runner->Wait(started.id, {}));
    if (record.error) {
      return *record.error;
    }
    DATALAKE_TRY(Show(context, report, started.id));
    return report.failed() > 0 ? 1 : 0;
  }

 private:
  static Status RetryFailed(lake::Lake& lake) {
    lake::Uploads uploads(lake);
    DATALAKE_TRY_ASSIGN(const auto failed, uploads.List(lake::UploadState::kFailed));
    for (const lake::UploadInfo& info : failed) {
      DATALAKE_TRY(uploads.Retry(info.id));
    }
    return {};
  }

  const std::string name_;
  bool retry_failed_ = false;
};

constexpr std::size_t kNewestJobs = 5;

Status ShowJob(const Context& context, const job::JobRecord& record) {
  if (context.options.json) {
    return context.Print(JobRecordJson(record));
  }
  return context.Print(
      fmt::format("{:<10} {:<32} {}  {}{}", ToString(record.state), record.id,
                  FormatTimestamp(record.started_at).substr(0, 19),
                  record.completed_at ? FormatTimestamp(*record.completed_at).substr(0, 19) : "-",
                  record.error ? "\n           " + ToString(*record.error) : std::string()));
}

// process status and process list: what waits and the newest jobs, or one job.
class StatusCommand final : public Command {
 public:
  explicit StatusCommand(std::string_view name) : name_(name) {}

  std::string_view Name() const override { return name_; }

  std::string_view Summary() const override {
    return "Shows what waits to be processed and the newest jobs, or one job";
  }

  std::string_view Example() const override {
    return "datalake process status\ndatalake process status process_20260131_115724_003";
  }

  void Declare(OptionSet& options) override {
    options.Argument("job", job_, "id of a job", /*required=*/false);
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    const job::JobStore store(context.fs, context.clock, lake->layout().jobs());
    if (!job_.empty()) {
      DATALAKE_TRY_ASSIGN(const job::JobRecord record, store.Load(job_));
      DATALAKE_TRY(ShowJob(context, record));
      return 0;
    }
    DATALAKE_TRY_ASSIGN(const lake::UploadCounts counts, lake::Uploads(*lake).Counts());
    DATALAKE_TRY(context.Print(
        context.options.json ? fmt::format(R"({{"pending":{},"processing":{},"failed":{}}})",
                                           counts.pending, counts.processing, counts.failed)
                             : fmt::format("{} pending, {} processing, {} failed", counts.pending,
                                           counts.processing, counts.failed)));
    DATALAKE_TRY_ASSIGN(const auto records, store.List());
    const std::size_t first = records.size() - std::min(records.size(), kNewestJobs);
    for (std::size_t i = first; i < records.size(); ++i) {
      DATALAKE_TRY(ShowJob(context, records[i]));
    }
    return 0;
  }

 private:
  const std::string name_;
  std::string job_;
};

}  // namespace

void AddProcessCommands(std::vector<std::unique_ptr<Command>>& commands) {
  commands.push_back(std::make_unique<ProcessCommand>("process start"));
  commands.push_back(std::make_unique<StatusCommand>("process status"));
  commands.push_back(std::make_unique<StatusCommand>("process list"));
  commands.push_back(std::make_unique<ProcessCommand>("process"));
}

}  // namespace datalake::apps

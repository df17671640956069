// datalake process: brings staged uploads into tables and assets, as a job of the lake.
#include "datalake/lake/process.h"

#include <fmt/format.h>

#include "datalake/job/job_runner.h"

#include "apps/datalake/commands/commands.h"

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

class ProcessCommand final : public Command {
 public:
  std::string_view Name() const override { return "process"; }

  std::string_view Summary() const override {
    return "Brings staged uploads into tables and assets";
  }

  std::string_view Example() const override { return "datalake process"; }

  void Declare(OptionSet& options) override {
    options.Flag("--retry-failed", retry_failed_, "try failed uploads again, too");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const std::string path, context.LakePath());
    DATALAKE_TRY_ASSIGN(const auto lake,
                        lake::Lake::Open(context.fs, context.clock, context.random, path));
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

  bool retry_failed_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeProcessCommand() {
  return std::make_unique<ProcessCommand>();
}

}  // namespace datalake::apps

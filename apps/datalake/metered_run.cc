#include "apps/datalake/metered_run.h"

#include <sys/resource.h>

#include <algorithm>

#include <nlohmann/json.hpp>

namespace datalake::apps {
namespace {

// CPU time of the process so far.
double CpuSeconds() {
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) != 0) {
    return 0;
  }
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

MeteredRun::MeteredRun(Context& context, std::string_view command,
                       const std::vector<std::string>& inputs)
    : context_(context),
      command_(command),
      fs_(context.fs, inputs),
      started_(context.clock.Now()),
      started_nanos_(context.clock.SteadyNanos()),
      started_cpu_seconds_(CpuSeconds()) {
  for (const std::string& input : inputs) {
    if (const auto info = context.fs.Stat(input)) {  // the run itself tells what is wrong with it
      stored_total_ += info->size_bytes;
    }
  }
  Report({.phase = command_, .unit = "documents"});
}

void MeteredRun::Report(const ProgressEvent& event) {
  ProgressEvent known = event;
  known.stored_done = std::min(fs_.read_bytes(), stored_total_);
  known.stored_total = stored_total_;
  context_.progress.Report(known);
}

curate::RunReport MeteredRun::Finish(std::size_t threads) const {
  curate::RunReport report;
  report.command = command_;
  report.started = started_;
  report.seconds = static_cast<double>(context_.clock.SteadyNanos() - started_nanos_) * 1e-9;
  report.cpu_seconds = CpuSeconds() - started_cpu_seconds_;
  report.threads = threads;
  report.read_bytes = fs_.read_bytes();
  report.written_bytes = fs_.written_bytes();
  return report;
}

Status MeteredRun::Show(const curate::RunReport& report, const std::vector<std::string>& folders,
                        const json::Value& details, std::string_view own_text) const {
  json::Value object = curate::RunReportJson(report);
  object.update(details);
  DATALAKE_TRY(curate::WriteRunReport(context_.fs, folders, object));
  if (context_.options.json) {
    return context_.Print(json::DumpValue(object));
  }
  DATALAKE_TRY(context_.Print(curate::RunReportTable(report)));
  return own_text.empty() ? Status() : context_.Print(own_text);
}

}  // namespace datalake::apps

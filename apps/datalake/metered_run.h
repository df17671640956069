#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/progress.h"
#include "datalake/curate/run_report.h"
#include "datalake/io/metered_file_system.h"

#include "apps/datalake/command.h"

namespace datalake::apps {

/// Watches one run of a command from outside: files that count what passes through them, progress
/// that knows how much of the input is read, and the time it takes. The first sign of it is shown
/// when it is made. Must outlive the run.
class MeteredRun final : public ProgressSink {
 public:
  /// `inputs` are the files of documents, whose sizes say how much there is to do.
  MeteredRun(Context& context, std::string_view command, const std::vector<std::string>& inputs);

  /// What the run is to be given in place of the context's.
  io::FileSystem& fs() { return fs_; }

  ProgressSink& progress() { return *this; }

  void Report(const ProgressEvent& event) override;

  /// A report with time, threads and stored bytes filled in.
  curate::RunReport Finish(std::size_t threads) const;

  /// Writes the report beside the outputs in `folders` and prints it: a table, or JSON with
  /// --json, with the command's own `details` among it or `own_text` behind it. Errors: kIo.
  Status Show(const curate::RunReport& report, const std::vector<std::string>& folders,
              const json::Value& details, std::string_view own_text) const;

 private:
  Context& context_;
  const std::string command_;
  io::MeteredFileSystem fs_;
  const Timestamp started_;
  const std::int64_t started_nanos_;
  const double started_cpu_seconds_;
  std::uint64_t stored_total_ = 0;
};

}  // namespace datalake::apps

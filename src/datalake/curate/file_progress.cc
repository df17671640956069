#include "datalake/curate/file_progress.h"

#include <fmt/format.h>

namespace datalake::curate {
namespace {

constexpr std::int64_t kReportNanos = 250'000'000;

}  // namespace

FileProgress::FileProgress(const CurateContext& context, std::string_view phase,
                           std::uint64_t files, std::string_view rows)
    : context_(context), phase_(phase), unit_(rows), files_(files) {
  Report();
}

void FileProgress::AddRows(std::uint64_t rows) {
  rows_ += rows;
  const std::int64_t now = context_.clock.SteadyNanos();
  std::int64_t due = due_.load();
  if (now >= due && due_.compare_exchange_strong(due, now + kReportNanos)) {
    Report();
  }
}

void FileProgress::Report() {
  context_.progress.Report({.phase = phase_,
                            .items_done = files_done_,
                            .items_total = files_,
                            .unit = fmt::format("files, {} {}", rows_.load(), unit_)});
}

}  // namespace datalake::curate

#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "datalake/curate/curate_context.h"

namespace datalake::curate {

/// The progress of a run over files: how many of them are done, and rows of all. Reports a few
/// times a second. Thread-safe.
class FileProgress {
 public:
  /// Reports the first time. `rows` is what rows are called: "documents". `context` must outlive
  /// it.
  FileProgress(const CurateContext& context, std::string_view phase, std::uint64_t files,
               std::string_view rows);

  void AddRows(std::uint64_t rows);

  /// So far.
  std::uint64_t rows() const { return rows_; }

  void AddFile() { ++files_done_; }

  void Report();

 private:
  const CurateContext& context_;
  const std::string phase_;
  const std::string unit_;
  const std::uint64_t files_;
  std::atomic<std::uint64_t> files_done_{0};
  std::atomic<std::uint64_t> rows_{0};
  std::atomic<std::int64_t> due_{0};
};

}  // namespace datalake::curate

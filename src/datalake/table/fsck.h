#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/table/delete_rows.h"
#include "datalake/table/table.h"

namespace datalake::table {

/// How deep a table is looked at; each level includes those before it.
enum class FsckDepth : std::uint8_t {
  kLog,      ///< the log alone, and whether data files are there with their size
  kFooters,  ///< footers of data files: rows, schema, statistics
  kRows,     ///< every row, and statistics against all of them
};

enum class FsckSeverity : std::uint8_t {
  kError,    ///< rows are lost, wrong or unreadable, now or for an older version
  kWarning,  ///< right here, but wrong or slow for some readers
  kNote,     ///< nothing is wrong; something could be tidied
};

/// "error", "warning", "note".
std::string_view ToString(FsckSeverity severity);

struct FsckFinding {
  FsckSeverity severity = FsckSeverity::kError;
  std::string kind;  ///< a fixed word: "log_gap", "log_file", "checkpoint", "checkpoint_hint",
                     ///< "missing_file", "file_size", "file", "row_count", "schema", "statistics",
                     ///< "no_row_count", "misplaced_file", "leftover", "temporary",
                     ///< "taken_down_file"
  std::string path;
  std::string message;  ///< what is wrong and what to do
};

struct FsckReport {
  std::int64_t version = -1;  ///< the newest that can be told
  std::int64_t log_files = 0;
  std::int64_t checkpoints = 0;
  std::int64_t data_files = 0;
  std::int64_t rows = 0;  ///< by the footers, with kFooters and kRows
  std::vector<FsckFinding> findings = {};

  bool has_errors() const;
};

/// Checks one table: the log has no gap and every file of it can be read; every checkpoint says
/// what the log files before it say; files of the newest version are there, whole, of the table's
/// types, in the folder of their partition, and as the log describes them; nothing else lies in the
/// table's folder. Changes nothing. Other writers may go on: what they add meanwhile is not looked
/// at. What is wrong is a finding, not an error. Errors: kNotFound (no table), kIo (the folder
/// cannot be listed), kCancelled.
Result<FsckReport> CheckTable(const TableEnvironment& environment, std::string_view root,
                              FsckDepth depth = FsckDepth::kFooters,
                              const RewriteControl& control = {});

}  // namespace datalake::table

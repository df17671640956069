#include "datalake/table/fsck.h"

#include <algorithm>
#include <filesystem>
#include <unordered_set>
#include <utility>

#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "datalake/format/arrow_status.h"
#include "datalake/format/column_statistics.h"
#include "datalake/format/parquet.h"
#include "datalake/io/file_system.h"
#include "datalake/table/column_cast.h"
#include "datalake/table/expunge.h"
#include "datalake/table/file_bounds.h"
#include "datalake/table/fsck_internal.h"
#include "datalake/table/partition_path.h"
#include "datalake/table/read.h"
#include "datalake/table/rewrite_internal.h"
#include "datalake/table/schema_json.h"
#include "datalake/table/table_folder.h"

namespace datalake::table {
namespace {

class FilesCheck {
 public:
  FilesCheck(const TableEnvironment& environment, std::shared_ptr<const TableSnapshot> snapshot,
             FsckDepth depth, FsckReport& report)
      : fs_(environment.fs), snapshot_(std::move(snapshot)), depth_(depth), report_(report) {}

  Status Run(const RewriteControl& control) {
    const auto& files = snapshot_->files();
    report_.data_files = static_cast<std::int64_t>(files.size());
    ProgressEvent event{.phase = "check files", .items_total = files.size(), .unit = "files"};
    for (const TableFilePtr& file : files) {
      if (control.stop.stop_requested()) {
        return Error{ErrorCode::kCancelled, "check was cancelled"};
      }
      Check(file);
      ++event.items_done;
      if (control.progress != nullptr) {
        control.progress->Report(event);
      }
    }
    return {};
  }

 private:
  void Check(const TableFilePtr& file) {
    const auto info = fs_.Stat(file->os_path);
    if (!info) {
      const bool is_missing = info.error().code == ErrorCode::kNotFound;
      const auto is_taken_down = fs_.Exists(ExpungedMarkerPath(file->os_path));
      if (is_missing && is_taken_down && *is_taken_down) {
        Tell(FsckSeverity::kError, "taken_down_file", *file,
             "the newest version names a file whose rows were taken down; remove it from the "
             "table, or restore a version without it");
        return;
      }
      Tell(FsckSeverity::kError, is_missing ? "missing_file" : "file", *file,
           is_missing ? "data file is missing: its rows are lost" : info.error().message);
      return;
    }
    if (info->size_bytes != file->size_bytes) {
      Tell(FsckSeverity::kError, "file_size", *file,
           fmt::format("data file has {} bytes, the log says {}", info->size_bytes,
                       file->size_bytes));
    }
    CheckPlace(*file);
    if (file->num_rows < 0) {
      Tell(FsckSeverity::kNote, "no_row_count", *file,
           "the log does not say how many rows it has; a compaction mends it");
    }
    if (depth_ == FsckDepth::kLog) {
      return;
    }
    CheckFooter(*file);
    const Status status = depth_ == FsckDepth::kRows ? CheckRows(file) : CheckFooterBounds(*file);
    if (!status) {
      Tell(FsckSeverity::kError, "file", *file, status.error().message);
    }
  }

  // Polars takes partition values from the path (delta-interop §1).
  void CheckPlace(const TableFile& file) {
    if (!IsInItsFolder(*snapshot_, file)) {
      Tell(FsckSeverity::kWarning, "misplaced_file", file,
           "not in the folder of its partition, which Polars goes by; `datalake table compact` "
           "mends it");
    }
  }

  void CheckFooter(const TableFile& file) {
    const auto facts = format::ReadParquetFacts(fs_, file.os_path);
    if (!facts) {
      Tell(FsckSeverity::kError, "file", file, facts.error().message);
      return;
    }
    report_.rows += facts->num_rows;
    if (file.num_rows >= 0 && facts->num_rows != file.num_rows) {
      Tell(FsckSeverity::kError, "row_count", file,
           fmt::format("data file has {} rows, the log says {}", facts->num_rows, file.num_rows));
    }
    for (const auto& field : snapshot_->schema()->fields()) {
      const auto stored = facts->schema->GetFieldByName(field->name());
      if (stored == nullptr) {
        continue;
      }
      const auto schema = ToDeltaSchema(arrow::Schema({stored}));
      const bool fits = schema && (CanWiden(*stored->type(), *field->type()) ||
                                   CanWiden(*(*schema)->field(0)->type(), *field->type()));
      if (!fits) {
        Tell(FsckSeverity::kError, "schema", file,
             fmt::format("column {} is {} in the file and {} in the table", field->name(),
                         stored->type()->ToString(), field->type()->ToString()));
      }
    }
  }

  // Statistics that say too little are fine; a wrong one hides rows from other readers.
  Status CheckRows(const TableFilePtr& file) {
    const std::vector<std::string> columns = StoredColumns(*snapshot_);
    DATALAKE_TRY_ASSIGN(const auto rows,
                        ReadTableFiles(fs_, snapshot_, std::span(&file, 1), columns));
    format::StatisticsCollector collector(*rows->schema());
    while (true) {
      DATALAKE_TRY_ASSIGN(const auto batch, format::FromArrow(rows->Next(), file->os_path));
      if (batch == nullptr) {
        break;
      }
      DATALAKE_TRY(collector.Add(*batch));
    }
    const FileBounds bounds(*snapshot_, *file);
    for (const format::ColumnStatistics& exact : collector.Finish()) {
      Compare(*file, bounds.Of(exact.path), exact);
    }
    return {};
  }

  // By what the file's writer said of it; long strings may have been cut there.
  Status CheckFooterBounds(const TableFile& file) {
    constexpr std::size_t kMaxTextBytes = 32;
    auto footer = format::ReadParquetStatistics(fs_, file.os_path);
    if (!footer) {
      return {};  // told already
    }
    const FileBounds bounds(*snapshot_, file);
    for (format::ColumnStatistics& stored : footer->columns) {
      const ColumnBounds said = bounds.Of(stored.path);
      for (auto* bound : {&stored.min, &stored.max}) {
        const auto& wanted = said.min != nullptr ? said.min : said.max;
        const bool is_comparable = *bound != nullptr && wanted != nullptr;
        auto cast = is_comparable ? (*bound)->CastTo(wanted->type)
                                  : arrow::Result<std::shared_ptr<arrow::Scalar>>(nullptr);
        const bool is_long_text =
            is_comparable && (*bound)->type->id() == arrow::Type::STRING &&
            static_cast<const arrow::StringScalar&>(**bound).view().size() >= kMaxTextBytes;
        *bound = cast.ok() && !is_long_text ? *cast : nullptr;
      }
      Compare(file, said, stored);
    }
    return {};
  }

  void Compare(const TableFile& file, const ColumnBounds& said,
               const format::ColumnStatistics& exact) {
    const bool hides_low =
        said.min != nullptr && exact.min != nullptr && CompareScalars(*said.min, *exact.min) > 0;
    const bool hides_high =
        said.max != nullptr && exact.max != nullptr && CompareScalars(*said.max, *exact.max) < 0;
    const bool miscounts = said.null_count.has_value() && *said.null_count != exact.null_count;
    if (hides_low || hides_high || miscounts) {
      Tell(FsckSeverity::kError, "statistics", file,
           fmt::format("the log's {} of column {} is wrong, readers that trust it lose rows",
                       miscounts   ? "nullCount"
                       : hides_low ? "minimum"
                                   : "maximum",
                       fmt::join(exact.path, ".")));
    }
  }

  void Tell(FsckSeverity severity, std::string kind, const TableFile& file, std::string message) {
    report_.findings.push_back({severity, std::move(kind), file.os_path, std::move(message)});
  }

  io::FileSystem& fs_;
  const std::shared_ptr<const TableSnapshot> snapshot_;
  const FsckDepth depth_;
  FsckReport& report_;
};

std::string Normal(const std::string& path) {
  return std::filesystem::path(path).lexically_normal().string();
}

// What lies in the folder of the table and belongs to no version that the log tells of.
Status CheckFolder(io::FileSystem& fs, const LogState& state, FsckReport& report) {
  const CommitActions all = state.Reconciled(INT64_MIN);
  std::unordered_set<std::string> known;
  for (const AddAction& add : all.adds) {
    known.insert(Normal(add.file->os_path));
  }
  for (const RemoveAction& remove : all.removes) {
    DATALAKE_TRY_ASSIGN(const std::string path, DataFilePath(state.root(), remove.path));
    known.insert(Normal(path));
  }
  return VisitTableFolder(fs, state.root(), [&](const FolderFile& file) -> Status {
    if (file.is_temporary) {
      report.findings.push_back({FsckSeverity::kNote, "temporary", file.path,
                                 "unfinished file of a writer that is at work or died"});
    } else if (const auto data = ExpungedDataPath(file.path)) {
      DATALAKE_TRY_ASSIGN(const bool is_left, fs.Exists(*data));
      if (is_left) {
        report.findings.push_back({FsckSeverity::kError, "taken_down_file", *data,
                                   "a takedown was interrupted and has left it; the same request "
                                   "finishes it"});
      }
    } else if (!known.contains(Normal(file.path))) {
      report.findings.push_back({FsckSeverity::kNote, "leftover", file.path,
                                 "belongs to no version; `datalake table vacuum` removes it "
                                 "after a time"});
    }
    return {};
  });
}

}  // namespace

std::string_view ToString(FsckSeverity severity) {
  switch (severity) {
    case FsckSeverity::kError:
      return "error";
    case FsckSeverity::kWarning:
      return "warning";
    case FsckSeverity::kNote:
      return "note";
  }
  return "";
}

bool FsckReport::has_errors() const {
  return std::any_of(findings.begin(), findings.end(), [](const FsckFinding& finding) {
    return finding.severity == FsckSeverity::kError;
  });
}

Result<FsckReport> CheckTable(const TableEnvironment& environment, std::string_view root,
                              FsckDepth depth, const RewriteControl& control) {
  io::FileSystem& fs = environment.fs;
  DATALAKE_TRY_ASSIGN(const LogListing listing, ListLog(fs, root));
  if (listing.newest() < 0) {
    return Error{ErrorCode::kNotFound, fmt::format("no table here: {}", root)};
  }
  FsckReport report;
  DATALAKE_TRY(CheckLog(fs, root, listing, control, report));
  const auto state = LoadLog(fs, root, std::nullopt);
  if (!state) {
    report.findings.push_back(
        {FsckSeverity::kError, "log_file", LogFolder(root), state.error().message});
    return report;
  }
  report.version = state->version();
  FilesCheck files(environment, state->MakeSnapshot(0), depth, report);
  DATALAKE_TRY(files.Run(control));
  DATALAKE_TRY(CheckFolder(fs, *state, report));
  return report;
}

}  // namespace datalake::table

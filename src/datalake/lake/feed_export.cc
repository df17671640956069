#include "datalake/lake/feed_export.h"

#include <algorithm>
#include <set>
#include <utility>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>

#include "datalake/base/name.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/parquet.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/io/path.h"
#include "datalake/lake/line_file.h"

namespace datalake::lake {
namespace {

constexpr std::size_t kFilesAtOnce = 512;  // made durable together
constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 30;
constexpr std::string_view kSuffix = ".parquet";

Status CheckStop(const ExportControl& control) {
  return control.stop.stop_requested()
             ? Status(Error{ErrorCode::kCancelled, "the export was cancelled"})
             : Status();
}

void Tell(const ExportControl& control, const FeedExportReport& report) {
  control.progress.Report({.phase = "export",
                           .items_done = report.records,
                           .items_total = 0,
                           .unit = "records",
                           .bytes_done = report.bytes});
}

std::string SeedDay(Timestamp received) {
  std::string day = FormatDay(received);
  std::replace(day.begin(), day.end(), '-', '_');
  return day;
}

bool IsSeedDay(std::string_view name) {
  return name.size() == 10 && name[4] == '_' && name[7] == '_';
}

// Files that become durable and visible together.
class FileGroup {
 public:
  explicit FileGroup(io::FileSystem& fs, std::string folder)
      : fs_(fs), folder_(std::move(folder)) {}

  ~FileGroup() {
    for (const auto& [temporary, path] : files_) {
      static_cast<void>(fs_.Remove(temporary));  // what was not published
    }
  }

  FileGroup(const FileGroup&) = delete;
  FileGroup& operator=(const FileGroup&) = delete;

  bool is_full() const { return files_.size() >= kFilesAtOnce; }

  Status Add(const std::string& path, const std::string& bytes) {
    if (sync_ == nullptr) {
      DATALAKE_TRY_ASSIGN(sync_, fs_.OpenBulkSync(folder_));
    }
    std::string temporary = io::TemporaryPath(path);
    DATALAKE_TRY_ASSIGN(const auto file, fs_.Create(temporary));
    files_.emplace_back(std::move(temporary), path);
    DATALAKE_TRY(file->Write(bytes));
    return file->Close();
  }

  Status Publish() {
    std::vector<std::string> temporaries;
    std::set<std::string> folders;
    for (const auto& [temporary, path] : files_) {
      temporaries.push_back(temporary);
      folders.insert(std::string(io::ParentPath(path)));
    }
    if (sync_ != nullptr) {
      DATALAKE_TRY(sync_->Sync(temporaries, {}));
      sync_.reset();
    }
    for (const auto& [temporary, path] : files_) {
      DATALAKE_TRY(fs_.Rename(temporary, path));
    }
    files_.clear();
    for (const std::string& folder : folders) {
      DATALAKE_TRY(fs_.SyncDirectory(folder));
    }
    return {};
  }

 private:
  io::FileSystem& fs_;
  const std::string folder_;
  std::unique_ptr<io::BulkSync> sync_;
  std::vector<std::pair<std::string, std::string>> files_;  // temporary, final
};

// The seed's folder of days.
class DaysFolder {
 public:
  DaysFolder(io::FileSystem& fs, std::string_view folder, OtherFiles others,
             const ExportControl& control, FeedExportReport& report)
      : fs_(fs),
        root_(io::JoinPath(folder, "data")),
        others_(others),
        control_(control),
        report_(report),
        group_(fs, root_) {}

  Status Begin() { return fs_.MakeDirectories(root_); }

  Status Write(const ChatRows& rows, std::int64_t row, Timestamp received) {
    DATALAKE_TRY_ASSIGN(const std::string relative, DayFilePath(received, rows.ingest_id(row)));
    const std::string path = io::JoinPath(root_, relative);
    const std::string folder(io::ParentPath(path));
    if (folder != folder_) {
      DATALAKE_TRY(EndDay());
      DATALAKE_TRY(fs_.MakeDirectories(folder));
      folder_ = folder;
      days_.insert(SeedDay(received));
    }
    names_.insert(std::string(io::BaseName(path)));
    DATALAKE_TRY_ASSIGN(const std::string bytes, DayFileBytes(rows, row));
    const auto there = io::ReadFile(fs_, path, kMaxFileBytes);
    if (there && *there == bytes) {
      ++report_.unchanged;
      return {};
    }
    ++report_.files;
    report_.bytes += bytes.size();
    DATALAKE_TRY(group_.Add(path, bytes));
    if (group_.is_full()) {
      DATALAKE_TRY(CheckStop(control_));
      return group_.Publish();
    }
    return {};
  }

  Status Finish() {
    DATALAKE_TRY(EndDay());
    if (others_ == OtherFiles::kKeep) {
      return {};
    }
    DATALAKE_TRY_ASSIGN(const auto entries, fs_.List(root_));
    for (const io::DirectoryEntry& entry : entries) {
      if (entry.is_directory && IsSeedDay(entry.name) && !days_.contains(entry.name)) {
        DATALAKE_TRY(RemoveOthers(io::JoinPath(io::JoinPath(root_, entry.name), "chats"), {}));
      }
    }
    return {};
  }

 private:
  Status EndDay() {
    DATALAKE_TRY(group_.Publish());
    if (!folder_.empty() && others_ == OtherFiles::kRemove) {
      DATALAKE_TRY(RemoveOthers(folder_, names_));
    }
    names_.clear();
    return {};
  }

  Status RemoveOthers(const std::string& folder, const std::set<std::string>& names) {
    const auto entries = fs_.List(folder);
    if (!entries) {
      return entries.error().code == ErrorCode::kNotFound ? Status() : Status(entries.error());
    }
    for (const io::DirectoryEntry& entry : *entries) {
      if (!entry.is_directory && entry.name.ends_with(kSuffix) && !entry.name.starts_with('.') &&
          !names.contains(entry.name)) {
        DATALAKE_TRY(fs_.Remove(io::JoinPath(folder, entry.name)));
        ++report_.removed;
      }
    }
    return fs_.SyncDirectory(folder);
  }

  io::FileSystem& fs_;
  const std::string root_;
  const OtherFiles others_;
  const ExportControl& control_;
  FeedExportReport& report_;
  FileGroup group_;
  std::string folder_;           // of the day that is written
  std::set<std::string> names_;  // of its files
  std::set<std::string> days_;
};

}  // namespace

std::vector<std::string> TrainingColumns() {
  return {"ingest_id", "source", "agent_id", "conversation"};
}

Result<FeedExportReport> ExportTraining(io::FileSystem& fs, arrow::RecordBatchReader& rows,
                                        TrainingFormat format, std::string_view path,
                                        const ExportControl& control) {
  DATALAKE_TRY_ASSIGN(const bool exists, fs.Exists(path));
  if (exists) {
    return Error{ErrorCode::kAlreadyExists,
                 fmt::format("this file is there; choose another name or remove it: {}", path)};
  }
  FeedExportReport report;
  DATALAKE_TRY_ASSIGN(const auto file, LineFile::Make(fs, path, io::PublishMode::kCreate));
  std::string text;
  while (true) {
    DATALAKE_TRY(CheckStop(control));
    DATALAKE_TRY_ASSIGN(auto batch, format::FromArrow(rows.Next(), "cannot read records"));
    if (batch == nullptr) {
      break;
    }
    DATALAKE_TRY_ASSIGN(const ChatRows chats, ChatRows::Make(std::move(batch)));
    text.clear();
    for (std::int64_t row = 0; row < chats.size(); ++row) {
      const std::size_t lines = AppendTrainingLines(chats, row, format, text);
      report.lines += lines;
      report.skipped += lines == 0 ? 1 : 0;
      ++report.records;
    }
    DATALAKE_TRY(file->Write(text));
    Tell(control, report);
  }
  DATALAKE_TRY_ASSIGN(report.bytes, file->Publish());
  report.files = 1;
  return report;
}

std::vector<std::string> DaysColumns() {
  return {"ingest_id", "received",        "source",        "submitter_id", "attribution",
          "agent_id",  "prompt_template", "chat_template", "conversation"};
}

Result<std::string> DayFilePath(Timestamp received, std::string_view ingest_id) {
  DATALAKE_TRY(CheckName("ingest_id", ingest_id));
  return fmt::format("{}/chats/{}{}", SeedDay(received), ingest_id, kSuffix);
}

Result<std::string> DayFileBytes(const ChatRows& rows, std::int64_t row) {
  DATALAKE_TRY_ASSIGN(const auto turns, rows.TurnBatch(row));
  // The seed's four keys are always there, an anonymous submitter as "": the only form of it that
  // the seed's service could store. Ours follow when there is something to say.
  auto facts = arrow::KeyValueMetadata::Make(
      {"ingest_id", "submitter_id", "prompt_template", "agent_id"},
      {std::string(rows.ingest_id(row)), std::string(rows.Text("submitter_id", row).value_or("")),
       std::string(rows.Text("prompt_template", row).value_or("")),
       std::string(rows.Text("agent_id", row).value_or(""))});
  for (const char* key : {"source", "attribution", "chat_template"}) {
    if (const auto text = rows.Text(key, row)) {
      facts->Append(key, std::string(*text));
    }
  }
  io::MemoryFileSystem memory;
  DATALAKE_TRY_ASSIGN(const auto writer,
                      format::ParquetWriter::Make(
                          memory, "/chat.parquet", turns->schema()->WithMetadata(facts),
                          {.content_defined_chunking = false, .collect_statistics = false}));
  DATALAKE_TRY(writer->Write(*turns));
  DATALAKE_TRY(writer->Publish());
  return io::ReadFile(memory, "/chat.parquet", kMaxFileBytes);
}

Result<FeedExportReport> ExportDays(io::FileSystem& fs, arrow::RecordBatchReader& rows,
                                    std::string_view folder, OtherFiles others,
                                    const ExportControl& control) {
  FeedExportReport report;
  DaysFolder days(fs, folder, others, control, report);
  DATALAKE_TRY(days.Begin());
  while (true) {
    DATALAKE_TRY(CheckStop(control));
    DATALAKE_TRY_ASSIGN(const auto batch, format::FromArrow(rows.Next(), "cannot read records"));
    if (batch == nullptr) {
      break;
    }
    const auto received = batch->GetColumnByName("received");
    if (received == nullptr || received->type_id() != arrow::Type::TIMESTAMP) {
      return Error{ErrorCode::kInvalidArgument, "these rows do not say when they were received"};
    }
    const auto& times = static_cast<const arrow::TimestampArray&>(*received);
    DATALAKE_TRY_ASSIGN(const ChatRows chats, ChatRows::Make(batch));
    for (std::int64_t row = 0; row < chats.size(); ++row) {
      DATALAKE_TRY(days.Write(chats, row, Timestamp(std::chrono::microseconds(times.Value(row)))));
      ++report.records;
    }
    Tell(control, report);
  }
  DATALAKE_TRY(days.Finish());
  return report;
}

}  // namespace datalake::lake

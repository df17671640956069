#include "datalake/lake/process.h"

#include <algorithm>
#include <deque>
#include <set>
#include <tuple>
#include <utility>

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/base/log.h"
#include "datalake/base/thread_pool.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/parquet.h"
#include "datalake/format/rows_ahead.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/lake/asset_linker.h"
#include "datalake/lake/upload_columns.h"
#include "datalake/lake/upload_record.h"
#include "datalake/table/table.h"

namespace datalake::lake {
namespace {

constexpr std::chrono::minutes kAbandonedAge{10};
constexpr int kCommitAttempts = 5;
constexpr std::string_view kRejectsSuffix = "_rejects.jsonl";

std::string UploadAppId(std::string_view id) {
  return fmt::format("upload/{}", id);
}

// The file of an upload's rejected rows, made for the first one. Publish does nothing without rows.
class RejectsFile {
 public:
  RejectsFile(io::FileSystem& fs, std::string path) : fs_(fs), path_(std::move(path)) {}

  Status Write(const RejectedRow& row) {
    if (file_ == nullptr) {
      DATALAKE_TRY_ASSIGN(file_, io::AtomicFile::Make(fs_, path_, io::PublishMode::kReplace));
    }
    return file_->Write(row.json + "\n");
  }

  Status Publish() { return file_ == nullptr ? Status() : file_->Publish(); }

 private:
  io::FileSystem& fs_;
  const std::string path_;
  std::unique_ptr<io::AtomicFile> file_;
};

// Staged rows as rows of the table, pulled by the table's writer.
class LinkedRows final : public arrow::RecordBatchReader {
 public:
  LinkedRows(std::shared_ptr<arrow::RecordBatchReader> staged, AssetLinker& linker,
             RejectsFile& rejects, const std::function<void(std::uint64_t)>& report)
      : staged_(std::move(staged)), linker_(linker), rejects_(rejects), report_(report) {}

  std::shared_ptr<arrow::Schema> schema() const override { return linker_.schema(); }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    while (ready_.empty()) {
      std::shared_ptr<arrow::RecordBatch> batch;
      ARROW_RETURN_NOT_OK(staged_->ReadNext(&batch));
      if (batch == nullptr) {
        *out = nullptr;
        return arrow::Status::OK();
      }
      const Status linked = LinkBatch(*batch);
      if (!linked) {
        return format::ToArrow(linked.error());
      }
    }
    *out = std::move(ready_.front());
    ready_.pop_front();
    return arrow::Status::OK();
  }

 private:
  Status LinkBatch(const arrow::RecordBatch& batch) {
    DATALAKE_TRY_ASSIGN(auto linked, linker_.Link(batch));
    ready_.assign(linked.begin(), linked.end());
    for (const RejectedRow& row : linker_.TakeRejected()) {
      DATALAKE_TRY(rejects_.Write(row));
    }
    report_(static_cast<std::uint64_t>(batch.num_rows()));
    return {};
  }

  std::shared_ptr<arrow::RecordBatchReader> staged_;
  AssetLinker& linker_;
  RejectsFile& rejects_;
  const std::function<void(std::uint64_t)>& report_;
  std::deque<std::shared_ptr<arrow::RecordBatch>> ready_;
};

table::PartitionValues PartitionOf(const UploadInfo& info) {
  return {{"provider", info.table.provider},
          {"dataset", info.table.dataset},
          {"task", info.table.task},
          {"variant", info.variant}};
}

Result<std::unique_ptr<table::Table>> OpenOrCreateTable(const LakeContext& context,
                                                        const UploadInfo& info,
                                                        const arrow::Schema& columns) {
  const table::TableEnvironment environment{context.fs, context.clock, context.random};
  const std::string root = context.layout.Table(info.table);
  auto opened = table::Table::Open(environment, root);
  if (opened || opened.error().code != ErrorCode::kNotFound) {
    return opened;
  }
  arrow::FieldVector fields = columns.fields();
  const std::vector<std::string> partition = {"provider", "dataset", "task", "variant"};
  for (const std::string& column : partition) {
    fields.push_back(arrow::field(column, arrow::utf8()));
  }
  const table::TableSpec spec{.schema = arrow::schema(std::move(fields)),
                              .partition_columns = partition,
                              .configuration = {},
                              .name = ToString(info.table),
                              .description = info.description};
  auto created =
      table::Table::Create(environment, root, spec,
                           {.operation = "create", .user = info.user, .reason = {}, .extra = {}});
  if (!created && created.error().code == ErrorCode::kAlreadyExists) {
    return table::Table::Open(environment, root);  // another process was faster
  }
  return created;
}

table::CommitRequest RequestOf(const UploadInfo& info, std::vector<table::StagedFile> files) {
  table::CommitRequest request;
  request.adds = std::move(files);
  request.info = {.operation = "upload",
                  .user = info.user,
                  .reason = info.description,
                  .extra = {{"upload", info.id},
                            {"variant", info.variant},
                            {"original_source", info.original_source},
                            {"uploaded_at", FormatTimestamp(info.uploaded_at)}}};
  request.transaction = table::Transaction{.app_id = UploadAppId(info.id), .version = 1};
  return request;
}

// Commits; an overwriting upload takes the files of its variant away in the same version.
Result<table::CommitResult> CommitRows(table::Table& table, const UploadInfo& info,
                                       table::CommitRequest request) {
  for (int attempt = 1;; ++attempt) {
    if (info.overwrite) {
      request.removes.clear();
      DATALAKE_TRY_ASSIGN(const auto snapshot, table.Snapshot());
      for (const table::TableFilePtr& file : snapshot->files()) {
        const auto variant = file->partition_values.find("variant");
        if (variant != file->partition_values.end() && variant->second == info.variant) {
          request.removes.push_back(file->path);
        }
      }
    }
    auto result = table.Commit(request);
    if (result || result.error().code != ErrorCode::kConflict || attempt == kCommitAttempts) {
      return result;
    }
  }
}

// True when the rows of `other` must be in the table before those of `info`: it is the earlier one
// of the same variant, and one of the two takes the other's rows away.
bool MustComeFirst(const UploadInfo& other, const UploadInfo& info) {
  const bool meet = !other.error && other.id != info.id && other.table == info.table &&
                    other.variant == info.variant && (other.overwrite || info.overwrite);
  return meet && std::tie(other.uploaded_at, other.id) < std::tie(info.uploaded_at, info.id);
}

// One run over the staging area.
class Processor {
 public:
  Processor(Lake& lake, const ProcessOptions& options, ProgressSink& progress, std::stop_token stop)
      : lake_(lake),
        context_(lake.context()),
        progress_(progress),
        stop_(std::move(stop)),
        pool_(options.threads == 0 ? AvailableCores() : options.threads) {}

  Result<ProcessReport> Run();

 private:
  Result<std::unique_ptr<io::FileLock>> Claim(const std::string& id, UploadState state);
  Result<std::vector<UploadInfo>> Unfinished();
  Result<std::optional<std::string>> ProcessOne(const std::vector<UploadInfo>& unfinished,
                                                const std::set<std::string>& seen,
                                                ProcessReport& report);
  Status ProcessClaimed(const std::string& id, ProcessReport& report);
  Result<ProcessedUpload> Process(const UploadInfo& info, const std::string& folder);
  Status LinkAndCommit(const UploadInfo& info, const std::string& folder,
                       ProcessedUpload& processed);
  Result<std::shared_ptr<const arrow::Schema>> TableColumns(const UploadInfo& info);
  Result<std::optional<std::int64_t>> AppliedVersion(const UploadInfo& info);
  Status Finish(const std::string& id, UploadState state);
  Status Fail(const std::string& id, const Error& error);
  Status RemoveAbandoned();
  Status RemoveFolder(const std::string& folder);
  Status RemoveTemporaryFile(const std::string& name, const std::string& path);
  void ReportRows(std::uint64_t rows);

  Lake& lake_;
  const LakeContext& context_;
  ProgressSink& progress_;
  std::stop_token stop_;
  ThreadPool pool_;
  std::uint64_t rows_done_ = 0;
  std::uint64_t rows_total_ = 0;
};

void Processor::ReportRows(std::uint64_t rows) {
  rows_done_ += rows;
  progress_.Report({.phase = "process",
                    .items_done = rows_done_,
                    .items_total = std::max(rows_total_, rows_done_),
                    .unit = "rows"});
}

// Stagers and removers that died leave ".<id>.tmp" folders behind, processors files of rejects.
Status Processor::RemoveAbandoned() {
  io::FileSystem& fs = context_.fs;
  for (const UploadState state :
       {UploadState::kPending, UploadState::kProcessing, UploadState::kFailed}) {
    const std::string parent = context_.layout.Staging(state);
    DATALAKE_TRY_ASSIGN(const auto entries, fs.List(parent));
    for (const io::DirectoryEntry& entry : entries) {
      if (!entry.name.starts_with('.') || !entry.name.ends_with(".tmp")) {
        continue;
      }
      const std::string path = io::JoinPath(parent, entry.name);
      const auto info = fs.Stat(path);
      if (!info || context_.clock.Now() - info->modified < kAbandonedAge) {
        continue;
      }
      DATALAKE_TRY(entry.is_directory ? RemoveFolder(path) : RemoveTemporaryFile(entry.name, path));
    }
  }
  return {};
}

Status Processor::RemoveFolder(const std::string& folder) {
  const auto lock = context_.fs.Lock(io::JoinPath(folder, kClaimFile));
  return lock ? context_.fs.RemoveTree(folder) : Status();
}

// A file of rejects (".<id>_rejects.jsonl.<pid>.<n>.tmp") belongs to whoever has claimed its upload
// and may get its next row after a long while.
Status Processor::RemoveTemporaryFile(const std::string& name, const std::string& path) {
  io::FileSystem& fs = context_.fs;
  std::unique_ptr<io::FileLock> claim;
  const std::size_t suffix = name.rfind(kRejectsSuffix);
  if (suffix != std::string::npos) {
    const std::string id = name.substr(1, suffix - 1);
    auto lock =
        fs.Lock(io::JoinPath(context_.layout.Upload(UploadState::kProcessing, id), kClaimFile));
    if (!lock && lock.error().code != ErrorCode::kNotFound) {
      return {};
    }
    claim = lock ? std::move(*lock) : nullptr;
  }
  const Status removed = fs.Remove(path);
  return removed || removed.error().code == ErrorCode::kNotFound ? Status() : removed.error();
}

// Locks an upload and moves it to processing. Nothing when another process has it or had it.
Result<std::unique_ptr<io::FileLock>> Processor::Claim(const std::string& id, UploadState state) {
  io::FileSystem& fs = context_.fs;
  auto lock = fs.Lock(io::JoinPath(context_.layout.Upload(state, id), kClaimFile));
  if (!lock) {
    const bool taken =
        lock.error().code == ErrorCode::kUnavailable || lock.error().code == ErrorCode::kNotFound;
    return taken ? Result<std::unique_ptr<io::FileLock>>(nullptr) : lock.error();
  }
  // The lock may be one on a folder that its last owner has just finished with.
  DATALAKE_TRY_ASSIGN(const bool ready,
                      fs.Exists(io::JoinPath(context_.layout.Upload(state, id), kUploadFile)));
  if (!ready) {
    return nullptr;
  }
  if (state == UploadState::kPending) {
    const Status moved =
        MoveUpload(fs, context_.layout, id, UploadState::kPending, UploadState::kProcessing);
    if (!moved) {
      return moved.error().code == ErrorCode::kNotFound
                 ? Result<std::unique_ptr<io::FileLock>>(nullptr)
                 : moved.error();
    }
  }
  return std::move(*lock);
}

Result<ProcessReport> Processor::Run() {
  const std::int64_t start = context_.clock.SteadyNanos();
  DATALAKE_TRY(RemoveAbandoned());
  ProcessReport report;
  std::set<std::string> seen;
  while (true) {
    // Looked at again after each upload, so that what comes meanwhile is taken too.
    DATALAKE_TRY_ASSIGN(const std::vector<UploadInfo> unfinished, Unfinished());
    rows_total_ = rows_done_;
    for (const UploadInfo& info : unfinished) {
      rows_total_ += seen.contains(info.id) ? 0 : info.rows;
    }
    DATALAKE_TRY_ASSIGN(const std::optional<std::string> processed,
                        ProcessOne(unfinished, seen, report));
    if (!processed) {
      report.duration = std::chrono::nanoseconds(context_.clock.SteadyNanos() - start);
      return report;
    }
    seen.insert(*processed);
  }
}

// Those in processing first. An upload that another claims or puts back meanwhile is in one of the
// three lists.
Result<std::vector<UploadInfo>> Processor::Unfinished() {
  Uploads uploads(lake_);
  DATALAKE_TRY_ASSIGN(const std::vector<UploadInfo> before, uploads.List(UploadState::kPending));
  DATALAKE_TRY_ASSIGN(std::vector<UploadInfo> unfinished, uploads.List(UploadState::kProcessing));
  DATALAKE_TRY_ASSIGN(const std::vector<UploadInfo> after, uploads.List(UploadState::kPending));
  std::set<std::string> ids;
  for (const UploadInfo& info : unfinished) {
    ids.insert(info.id);
  }
  for (const auto* pending : {&after, &before}) {
    for (const UploadInfo& info : *pending) {
      if (ids.insert(info.id).second) {
        unfinished.push_back(info);
      }
    }
  }
  return unfinished;
}

// The first upload that can be claimed and need not wait for an earlier one; nothing when others
// have them all. Who has the earlier one looks again when it is done.
Result<std::optional<std::string>> Processor::ProcessOne(const std::vector<UploadInfo>& unfinished,
                                                         const std::set<std::string>& seen,
                                                         ProcessReport& report) {
  for (const UploadInfo& info : unfinished) {
    if (stop_.stop_requested()) {
      return Error{ErrorCode::kCancelled, "processing was stopped"};
    }
    if (seen.contains(info.id) ||
        std::any_of(unfinished.begin(), unfinished.end(),
                    [&info](const UploadInfo& other) { return MustComeFirst(other, info); })) {
      continue;
    }
    DATALAKE_TRY_ASSIGN(const std::unique_ptr<io::FileLock> claim, Claim(info.id, info.state));
    if (claim != nullptr) {
      DATALAKE_TRY(ProcessClaimed(info.id, report));
      return std::optional<std::string>(info.id);
    }
  }
  return std::optional<std::string>();
}

Status Processor::ProcessClaimed(const std::string& id, ProcessReport& report) {
  const std::string folder = context_.layout.Upload(UploadState::kProcessing, id);
  ProcessedUpload processed;
  processed.id = id;
  Status done;
  auto info = ReadUploadInfo(context_.fs, context_.layout, UploadState::kProcessing, id);
  if (!info) {
    done = info.error();
  } else {
    processed.table = info->table;
    processed.variant = info->variant;
    auto result = Process(*info, folder);
    if (result) {
      processed = std::move(*result);
    } else {
      done = result.error();
    }
  }
  if (!done && done.error().code == ErrorCode::kCancelled && stop_.stop_requested()) {
    DATALAKE_TRY(MoveUpload(context_.fs, context_.layout, id, UploadState::kProcessing,
                            UploadState::kPending));
    return done.error();
  }
  processed.finished = context_.clock.Now();
  if (done) {
    DATALAKE_TRY(Finish(id, UploadState::kProcessing));
  } else {
    processed.error = done.error();
    DATALAKE_TRY(Fail(id, done.error()));
  }
  report.uploads.push_back(std::move(processed));
  return {};
}

// The table version that has the upload's rows already, after a kill between commit and clean-up.
Result<std::optional<std::int64_t>> Processor::AppliedVersion(const UploadInfo& info) {
  DATALAKE_TRY_ASSIGN(const bool exists,
                      table::Table::Exists(context_.fs, context_.layout.Table(info.table)));
  if (!exists) {
    return std::optional<std::int64_t>();
  }
  DATALAKE_TRY_ASSIGN(const auto table, lake_.OpenTable(info.table));
  DATALAKE_TRY_ASSIGN(const auto snapshot, table->Snapshot());
  return snapshot->txn_version(UploadAppId(info.id))
             ? std::optional<std::int64_t>(snapshot->version())
             : std::nullopt;
}

Result<ProcessedUpload> Processor::Process(const UploadInfo& info, const std::string& folder) {
  ProcessedUpload processed;
  processed.id = info.id;
  processed.table = info.table;
  processed.variant = info.variant;
  DATALAKE_TRY_ASSIGN(const std::optional<std::int64_t> applied, AppliedVersion(info));
  if (applied) {
    processed.rows = info.rows;
    processed.version = *applied;
    return processed;
  }
  DATALAKE_TRY(lake_.schema().FindProvider(info.table.provider));
  DATALAKE_TRY(lake_.schema().CheckFields(info.table.task, info.fields));
  DATALAKE_TRY(LinkAndCommit(info, folder, processed));
  return processed;
}

// The columns that the upload's table has; null when there is no table yet.
Result<std::shared_ptr<const arrow::Schema>> Processor::TableColumns(const UploadInfo& info) {
  DATALAKE_TRY_ASSIGN(const bool exists,
                      table::Table::Exists(context_.fs, context_.layout.Table(info.table)));
  if (!exists) {
    return std::shared_ptr<const arrow::Schema>();
  }
  DATALAKE_TRY_ASSIGN(const auto table, lake_.OpenTable(info.table));
  DATALAKE_TRY_ASSIGN(const auto snapshot, table->Snapshot());
  return snapshot->schema();
}

Status Processor::LinkAndCommit(const UploadInfo& info, const std::string& folder,
                                ProcessedUpload& processed) {
  DATALAKE_TRY_ASSIGN(auto staged,
                      format::ReadParquet(context_.fs, io::JoinPath(folder, kRowsFile)));
  DATALAKE_TRY_ASSIGN(const auto columns, TableColumns(info));
  AssetLinker linker(lake_, info, folder, *staged->schema(), columns.get(), pool_, stop_);
  RejectsFile rejects(context_.fs, io::JoinPath(context_.layout.Staging(UploadState::kFailed),
                                                fmt::format("{}{}", info.id, kRejectsSuffix)));
  DATALAKE_TRY_ASSIGN(const auto table, OpenOrCreateTable(context_, info, *linker.schema()));
  const std::function<void(std::uint64_t)> report = [this](std::uint64_t rows) {
    ReportRows(rows);
  };
  // The next rows are linked while these are written.
  auto rows = format::RowsAhead(
      std::make_shared<LinkedRows>(std::move(staged), linker, rejects, report), 1);
  DATALAKE_TRY_ASSIGN(const auto files, table->WriteFiles(*rows, PartitionOf(info)));
  rows.reset();
  // Assets before rows: what a reader sees is always there.
  Status durable = linker.Commit();
  if (durable) {
    durable = rejects.Publish();
  }
  if (!durable) {
    DATALAKE_TRY(table->Discard(files));
    return durable.error();
  }
  const auto result = CommitRows(*table, info, RequestOf(info, files));
  table->DiscardIfAbsent(result, files);
  if (!result) {
    return result.error();
  }
  const LinkCounts& counts = linker.counts();
  processed.rows = counts.rows;
  processed.rejected_rows = counts.rejected_rows;
  processed.problem_assets = counts.problem_assets;
  processed.assets = counts.assets;
  processed.new_assets = info.new_assets + counts.new_assets;
  processed.version = result->version;
  return {};
}

// Removes the folder of an upload: renamed first, so that no half of it is ever seen.
Status Processor::Finish(const std::string& id, UploadState state) {
  const std::string parent = context_.layout.Staging(state);
  const std::string gone = io::JoinPath(parent, fmt::format(".{}.tmp", id));
  DATALAKE_TRY(context_.fs.Rename(context_.layout.Upload(state, id), gone));
  DATALAKE_TRY(context_.fs.SyncDirectory(parent));
  const Status removed = context_.fs.RemoveTree(gone);
  if (!removed) {  // its rows are in: only room is lost until the next run
    LogWarning(fmt::format("cannot remove processed upload: {}", removed.error().message));
  }
  return {};
}

Status Processor::Fail(const std::string& id, const Error& error) {
  const std::string folder = context_.layout.Upload(UploadState::kProcessing, id);
  const Status written = WriteUploadError(context_.fs, folder, id, error, context_.clock.Now());
  if (!written) {  // a full disk must not keep it from being moved
    LogWarning(fmt::format("cannot write why upload failed: {}: {}: {}", id, error.message,
                           written.error().message));
  }
  return MoveUpload(context_.fs, context_.layout, id, UploadState::kProcessing,
                    UploadState::kFailed);
}

}  // namespace

Result<ProcessReport> ProcessUploads(Lake& lake, const ProcessOptions& options,
                                     ProgressSink& progress, std::stop_token stop) {
  return Processor(lake, options, progress, std::move(stop)).Run();
}

}  // namespace datalake::lake

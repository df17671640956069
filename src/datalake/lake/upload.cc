#include "datalake/lake/upload.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include "datalake/assets/asset_store.h"
#include "datalake/base/name.h"
#include "datalake/base/thread_pool.h"
#include "datalake/format/rows_ahead.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/lake/asset_puts.h"
#include "datalake/lake/upload_record.h"
#include "datalake/lake/upload_source.h"
#include "datalake/lake/upload_stage.h"
#include "datalake/lake/wait_for_lock.h"
#include "datalake/picture/thumbnail.h"

namespace datalake::lake {
namespace {

constexpr std::string_view kRawTask = "raw";

bool SameKey(const UploadInfo& a, const UploadInfo& b) {
  return a.table == b.table && a.variant == b.variant;
}

// A folder that is being staged, under a name that nobody else looks at; removed when it is not
// published. Its claim file stays locked meanwhile, so others can tell a dead stager's folder.
class StagingFolder {
 public:
  StagingFolder(io::FileSystem& fs, const Layout& layout, std::string id)
      : fs_(fs),
        layout_(layout),
        id_(std::move(id)),
        path_(io::JoinPath(layout.Staging(UploadState::kPending), "." + id_ + ".tmp")) {}

  ~StagingFolder() {
    if (!published_) {
      lock_.reset();
      (void)fs_.RemoveTree(path_);  // what stays is removed by the next process run
    }
  }

  StagingFolder(const StagingFolder&) = delete;
  StagingFolder& operator=(const StagingFolder&) = delete;

  const std::string& path() const { return path_; }

  Status Make() {
    DATALAKE_TRY(fs_.MakeDirectories(path_));
    DATALAKE_TRY_ASSIGN(lock_, fs_.Lock(io::JoinPath(path_, kClaimFile)));
    return {};
  }

  Status Publish(const UploadInfo& info) {
    DATALAKE_TRY(io::PutIfAbsent(fs_, io::JoinPath(path_, kUploadFile), UploadInfoJson(info)));
    DATALAKE_TRY(fs_.SyncDirectory(path_));
    DATALAKE_TRY(fs_.Rename(path_, layout_.Upload(UploadState::kPending, id_)));
    published_ = true;
    return fs_.SyncDirectory(layout_.Staging(UploadState::kPending));
  }

 private:
  io::FileSystem& fs_;
  const Layout& layout_;
  const std::string id_;
  const std::string path_;
  std::unique_ptr<io::FileLock> lock_;
  bool published_ = false;
};

// The types of the fields that the upload has.
Result<std::map<std::string, FieldType>> FieldTypes(Lake& lake, const UploadRequest& request) {
  std::map<std::string, FieldType> types;
  if (request.task != kRawTask) {
    DATALAKE_TRY_ASSIGN(const TaskInfo task, lake.schema().FindTask(request.task));
    types = task.types;
  }
  std::erase_if(types, [&request](const auto& type) {
    return !request.fields.contains(type.first) || type.second == FieldType::kText;
  });
  return types;
}

UploadInfo InfoOf(const UploadRequest& request, StagedRows staged) {
  UploadInfo info;
  info.table = {request.provider, request.dataset, request.task};
  info.variant = request.variant.empty() ? staged.variant : request.variant;
  info.fields = request.fields;
  info.asset_columns = std::move(staged.asset_columns);
  info.rows = staged.rows;
  info.problem_rows = staged.problem_rows;
  info.known_assets = staged.known_assets;
  info.new_assets = staged.new_assets;
  info.description = request.description;
  info.original_source = request.original_source;
  info.user = request.user;
  info.on_bad_asset = request.on_bad_asset;
  info.overwrite = request.overwrite;
  info.derived = request.derived;
  return info;
}

// The pending uploads of the same key.
Result<std::vector<std::string>> PendingOfKey(Uploads& uploads, const UploadInfo& info) {
  std::vector<std::string> ids;
  DATALAKE_TRY_ASSIGN(const std::vector<UploadInfo> pending, uploads.List(UploadState::kPending));
  for (const UploadInfo& other : pending) {
    if (!other.error && SameKey(other, info)) {
      ids.push_back(other.id);
    }
  }
  return ids;
}

Error PendingAlready(const UploadInfo& info, std::string_view id) {
  return {ErrorCode::kAlreadyExists,
          fmt::format("upload is pending already, process it first or overwrite it: {}/{}: {}",
                      ToString(info.table), info.variant, id)};
}

// Where an upload comes from; `unchanged` is asked when all rows were read.
struct StageSource {
  arrow::RecordBatchReader& rows;
  StageJob job;
  std::vector<BadFile> bad_files = {};
  std::function<Status()> unchanged = {};
};

Result<UploadInfo> StageInto(Lake& lake, const UploadRequest& request, std::size_t threads,
                             StageSource source, ProgressSink& progress, std::stop_token stop) {
  const LakeContext& context = lake.context();
  Uploads uploads(lake);
  const Timestamp now = context.clock.Now();
  const std::string id =
      request.id.empty() ? MakeUploadId(request, request.variant, now, context.random) : request.id;
  DATALAKE_TRY(CheckName("upload", id));
  StagingFolder folder(context.fs, context.layout, id);
  DATALAKE_TRY(folder.Make());
  source.job.folder = folder.path();
  source.job.wishes = {.fields = request.fields,
                       .image_columns = request.image_columns,
                       .file_columns = request.file_columns,
                       .nested = request.nested};
  source.job.on_bad_asset = request.on_bad_asset;
  ThreadPool pool(threads == 0 ? AvailableCores() : threads);
  DATALAKE_TRY_ASSIGN(const auto puts, AssetPuts::Open(lake.assets()));
  DATALAKE_TRY_ASSIGN(StagedRows staged, StageRowsInto(lake, source.job, source.rows,
                                                       {pool, progress, *puts}, std::move(stop)));
  DATALAKE_TRY(source.unchanged ? source.unchanged() : Status());
  UploadInfo info = InfoOf(request, std::move(staged));
  info.id = id;
  info.uploaded_at = now;
  DATALAKE_TRY_ASSIGN(info.field_types, FieldTypes(lake, request));
  info.bad_files = std::move(source.bad_files);
  info.bad_files.resize(std::min(info.bad_files.size(), kMaxBadFiles));
  DATALAKE_TRY_ASSIGN(
      const auto lock,
      WaitForLock(context.fs,
                  io::JoinPath(context.layout.Staging(UploadState::kPending), ".stage.lock")));
  DATALAKE_TRY_ASSIGN(const std::vector<std::string> same, PendingOfKey(uploads, info));
  if (!same.empty() && !request.overwrite) {
    return PendingAlready(info, same.front());
  }
  DATALAKE_TRY(folder.Publish(info));
  for (const std::string& old : same) {
    const Status discarded = uploads.Discard(old);
    if (!discarded && discarded.error().code != ErrorCode::kNotFound &&
        discarded.error().code != ErrorCode::kConflict) {  // being processed: it came before us
      return discarded.error();
    }
  }
  return info;
}

}  // namespace

Status CheckUploadRequest(Lake& lake, const UploadRequest& request) {
  DATALAKE_TRY(CheckTableName({request.provider, request.dataset, request.task}));
  if (!request.variant.empty()) {
    DATALAKE_TRY(CheckName("variant", request.variant));
  }
  if (request.provider == kFeedProvider) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("provider is reserved for feeds: {}", request.provider)};
  }
  DATALAKE_TRY(request.derived.Validate());
  DATALAKE_TRY(lake.schema().FindProvider(request.provider));
  return lake.schema().CheckFields(request.task, request.fields);
}

Status DerivedColumns::Validate() const {
  if (thumbnail_side != 0 &&
      (thumbnail_side < picture::kLeastThumbnail || thumbnail_side > picture::kMostThumbnail)) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("thumbnails have {} to {} pixels a side, not {}",
                             picture::kLeastThumbnail, picture::kMostThumbnail, thumbnail_side)};
  }
  return {};
}

std::string_view ToString(OnBadAsset policy) {
  switch (policy) {
    case OnBadAsset::kKeep:
      return "keep";
    case OnBadAsset::kNull:
      return "null";
    case OnBadAsset::kReject:
      return "reject";
  }
  return "keep";
}

Result<OnBadAsset> ParseOnBadAsset(std::string_view text) {
  for (const OnBadAsset policy : {OnBadAsset::kKeep, OnBadAsset::kNull, OnBadAsset::kReject}) {
    if (text == ToString(policy)) {
      return policy;
    }
  }
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("on-bad-asset must be keep, null or reject, not: {}", text)};
}

std::string_view ToString(NestedValues nested) {
  return nested == NestedValues::kKeep ? "keep" : "json";
}

Result<NestedValues> ParseNestedValues(std::string_view text) {
  for (const NestedValues nested : {NestedValues::kKeep, NestedValues::kJson}) {
    if (text == ToString(nested)) {
      return nested;
    }
  }
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("nested must be keep or json, not: {}", text)};
}

Uploads::Uploads(Lake& lake, std::size_t threads) : lake_(lake), threads_(threads) {}

Result<UploadInfo> Uploads::Stage(const UploadRequest& request, ProgressSink& progress,
                                  std::stop_token stop) {
  DATALAKE_TRY(CheckUploadRequest(lake_, request));
  if (!request.variant.empty() && !request.overwrite) {  // early: before much is read
    UploadInfo key;
    key.table = {request.provider, request.dataset, request.task};
    key.variant = request.variant;
    DATALAKE_TRY_ASSIGN(const std::vector<std::string> same, PendingOfKey(*this, key));
    if (!same.empty()) {
      return PendingAlready(key, same.front());
    }
  }
  io::FileSystem& fs = lake_.context().fs;
  DATALAKE_TRY_ASSIGN(const UploadSource source,
                      OpenUploadSource(fs, request.source_path, request.strict_files));
  const auto rows = format::RowsAhead(source.rows);
  StageSource stage{
      .rows = *rows, .job = {}, .bad_files = source.bad_files, .unchanged = [&fs, &source] {
        return CheckUnchanged(fs, source);
      }};
  stage.job.source_root = source.root;
  stage.job.source_bytes = source.size_bytes;
  return StageInto(lake_, request, threads_, std::move(stage), progress, std::move(stop));
}

Result<UploadInfo> Uploads::StageRows(const UploadRequest& request, arrow::RecordBatchReader& rows,
                                      ProgressSink& progress, std::stop_token stop) {
  DATALAKE_TRY(CheckUploadRequest(lake_, request));
  StageSource stage{.rows = rows, .job = {}};
  stage.job.source_root = request.source_path;
  return StageInto(lake_, request, threads_, std::move(stage), progress, std::move(stop));
}

Result<std::vector<UploadInfo>> Uploads::List(UploadState state) {
  io::FileSystem& fs = lake_.context().fs;
  DATALAKE_TRY_ASSIGN(const std::vector<io::DirectoryEntry> entries,
                      fs.List(lake_.layout().Staging(state)));
  std::vector<UploadInfo> infos;
  for (const io::DirectoryEntry& entry : entries) {
    if (!entry.is_directory || entry.name.starts_with('.')) {
      continue;
    }
    auto info = ReadUploadInfo(fs, lake_.layout(), state, entry.name);
    if (info) {
      infos.push_back(std::move(*info));
      continue;
    }
    const bool gone = info.error().code == ErrorCode::kNotFound && state != UploadState::kFailed;
    if (!gone) {  // without upload.json it is not ready, or was moved meanwhile
      UploadInfo broken;
      broken.id = entry.name;
      broken.state = state;
      broken.error = info.error();
      infos.push_back(std::move(broken));
    }
  }
  std::stable_sort(infos.begin(), infos.end(), [](const UploadInfo& a, const UploadInfo& b) {
    return a.uploaded_at < b.uploaded_at;
  });
  return infos;
}

Result<UploadCounts> Uploads::Counts() {
  UploadCounts counts;
  const auto count = [this](UploadState state) -> Result<std::uint64_t> {
    DATALAKE_TRY_ASSIGN(const auto entries, lake_.context().fs.List(lake_.layout().Staging(state)));
    return static_cast<std::uint64_t>(
        std::count_if(entries.begin(), entries.end(), [](const io::DirectoryEntry& entry) {
          return entry.is_directory && !entry.name.starts_with('.');
        }));
  };
  DATALAKE_TRY_ASSIGN(counts.pending, count(UploadState::kPending));
  DATALAKE_TRY_ASSIGN(counts.processing, count(UploadState::kProcessing));
  DATALAKE_TRY_ASSIGN(counts.failed, count(UploadState::kFailed));
  return counts;
}

Status Uploads::Retry(std::string_view id) {
  DATALAKE_TRY(CheckName("upload", id));
  const Status moved = MoveUpload(lake_.context().fs, lake_.layout(), id, UploadState::kFailed,
                                  UploadState::kPending);
  if (!moved && moved.error().code == ErrorCode::kNotFound) {
    return Error{ErrorCode::kNotFound, fmt::format("no failed upload: {}", id)};
  }
  return moved;
}

Status Uploads::Discard(std::string_view id) {
  DATALAKE_TRY(CheckName("upload", id));
  io::FileSystem& fs = lake_.context().fs;
  for (const UploadState state : {UploadState::kPending, UploadState::kFailed}) {
    const std::string folder = lake_.layout().Upload(state, id);
    DATALAKE_TRY_ASSIGN(const bool exists, fs.Exists(folder));
    if (!exists) {
      continue;
    }
    // Locked and renamed first, so that nobody processes it and no half of it is ever seen.
    auto lock = fs.Lock(io::JoinPath(folder, kClaimFile));
    if (!lock) {
      return lock.error().code == ErrorCode::kUnavailable
                 ? Error{ErrorCode::kConflict, fmt::format("upload is being processed: {}", id)}
                 : lock.error();
    }
    const std::string gone =
        io::JoinPath(lake_.layout().Staging(state), fmt::format(".{}.tmp", id));
    DATALAKE_TRY(fs.Rename(folder, gone));
    DATALAKE_TRY(fs.SyncDirectory(lake_.layout().Staging(state)));
    return fs.RemoveTree(gone);
  }
  DATALAKE_TRY_ASSIGN(const bool processing,
                      fs.Exists(lake_.layout().Upload(UploadState::kProcessing, id)));
  return processing ? Error{ErrorCode::kConflict, fmt::format("upload is being processed: {}", id)}
                    : Error{ErrorCode::kNotFound, fmt::format("unknown upload: {}", id)};
}

}  // namespace datalake::lake

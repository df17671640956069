#include "datalake/lake/asset_roots.h"

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "datalake/base/mutex.h"
#include "datalake/base/thread_pool.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/hf_dataset.h"
#include "datalake/format/parquet.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/lake/asset_mentions.h"
#include "datalake/lake/collections.h"
#include "datalake/lake/upload_record.h"

namespace datalake::lake {
namespace {

constexpr int kMostDepth = 64;
constexpr std::size_t kFlushMentions = 4096;
constexpr int kMostMoves = 3;
// In the order in which an upload goes on; then again those that it may be put back to.
constexpr std::array kStates = {UploadState::kPending, UploadState::kProcessing,
                                UploadState::kFailed, UploadState::kPending,
                                UploadState::kProcessing};

// Committed, not yet committed, or kept for older versions.
Status AddDataFiles(io::FileSystem& fs, const std::string& folder, int depth,
                    std::vector<std::string>& files) {
  auto entries = fs.List(folder);
  if (!entries) {
    return entries.error().code == ErrorCode::kNotFound ? Status() : Status(entries.error());
  }
  for (const io::DirectoryEntry& entry : *entries) {
    if (entry.name.starts_with('.') || entry.name.starts_with('_')) {
      continue;
    }
    std::string path = io::JoinPath(folder, entry.name);
    if (entry.is_directory && depth < kMostDepth) {
      DATALAKE_TRY(AddDataFiles(fs, path, depth + 1, files));
    } else if (!entry.is_directory && entry.name.ends_with(".parquet")) {
      files.push_back(std::move(path));
    }
  }
  return {};
}

class Marker {
 public:
  Marker(Lake& lake, const MarkOptions& options, ProgressSink& progress)
      : lake_(lake), options_(options), progress_(progress) {}

  Result<assets::DigestSet> Run(std::stop_token stop) {
    DATALAKE_TRY_ASSIGN(const AssetRoots roots, ListAssetRoots(lake_));
    const std::size_t files = roots.data_files.size();
    total_ = files + roots.collections.size();
    ThreadPool pool(options_.threads == 0 ? AvailableCores() : options_.threads);
    DATALAKE_TRY(ParallelFor(pool, total_, stop, [&](std::size_t i) -> Status {
      Status marked = i < files ? MarkFileOrMoved(roots.data_files[i], stop)
                                : MarkCollection(roots.collections[i - files], stop);
      if (!marked && marked.error().code == ErrorCode::kNotFound) {
        // What was removed meanwhile links nothing any more.
        const std::string& root = i < files ? roots.data_files[i] : roots.collections[i - files];
        DATALAKE_TRY_ASSIGN(const bool is_there, lake_.context().fs.Exists(root));
        marked =
            is_there ? Status(Error{ErrorCode::kCorruption, marked.error().message}) : Status();
      }
      progress_.Report(
          {.phase = "mark", .items_done = ++done_, .items_total = total_, .unit = "files"});
      return marked;
    }));
    const MutexLock lock(mutex_);
    return std::move(found_);
  }

 private:
  // An upload's folder may have gone from one state to another since it was listed.
  Status MarkFileOrMoved(const std::string& path, const std::stop_token& stop) {
    Status marked = MarkFile(path, stop);
    const Layout& layout = lake_.layout();
    const std::string staging(io::ParentPath(layout.Staging(UploadState::kPending)));
    const std::string id(io::BaseName(io::ParentPath(path)));
    for (int round = 0; round < kMostMoves; ++round) {
      for (const UploadState state : kStates) {
        if (marked || marked.error().code != ErrorCode::kNotFound ||
            !path.starts_with(staging + "/")) {
          return marked;
        }
        marked = MarkFile(io::JoinPath(layout.Upload(state, id), kRowsFile), stop);
      }
    }
    return marked;
  }

  Status MarkFile(const std::string& path, const std::stop_token& stop) {
    DATALAKE_TRY_ASSIGN(const auto facts, format::ReadParquetFacts(lake_.context().fs, path));
    const auto columns = MentionColumns(*facts.schema, MentionScope::kAnything);
    if (columns.empty()) {
      return {};
    }
    DATALAKE_TRY_ASSIGN(const auto rows, format::ReadParquet(lake_.context().fs, path, columns));
    return MarkRows(*rows, path, stop);
  }

  Status MarkCollection(const std::string& folder, const std::stop_token& stop) {
    io::FileSystem& fs = lake_.context().fs;
    DATALAKE_TRY_ASSIGN(std::vector<std::string> parts, format::HfDatasetSplits(fs, folder));
    DATALAKE_TRY_ASSIGN(const bool is_dataset, format::IsHfDataset(fs, folder));
    if (is_dataset) {
      parts.emplace_back();
    }
    for (const std::string& part : parts) {  // none: some other program's folder
      DATALAKE_TRY_ASSIGN(
          const auto rows,
          format::OpenHfDataset(fs, part.empty() ? folder : io::JoinPath(folder, part)));
      DATALAKE_TRY(MarkRows(*rows, folder, stop));
    }
    return {};
  }

  Status MarkRows(arrow::RecordBatchReader& rows, const std::string& where,
                  const std::stop_token& stop) {
    std::vector<assets::ShortDigest> mentions;
    while (true) {
      if (stop.stop_requested()) {
        return Error{ErrorCode::kCancelled, "stopped while looking for links"};
      }
      DATALAKE_TRY_ASSIGN(const auto batch, format::FromArrow(rows.Next(), where));
      if (batch == nullptr) {
        break;
      }
      ForEachMention(*batch, MentionScope::kAnything, [&](const AssetMention& mention) {
        if (options_.range.Contains(mention.sha256)) {
          mentions.push_back(*assets::ParseShortDigest(mention.sha256));
        }
        if (mentions.size() >= kFlushMentions) {
          Flush(mentions);
        }
      });
    }
    Flush(mentions);
    return {};
  }

  void Flush(std::vector<assets::ShortDigest>& mentions) {
    const MutexLock lock(mutex_);
    for (const assets::ShortDigest& digest : mentions) {
      found_.Insert(digest);
    }
    mentions.clear();
  }

  Lake& lake_;
  const MarkOptions& options_;
  ProgressSink& progress_;
  std::size_t total_ = 0;
  std::atomic<std::uint64_t> done_ = 0;
  Mutex mutex_;
  assets::DigestSet found_ DATALAKE_GUARDED_BY(mutex_);
};

}  // namespace

Result<std::vector<std::string>> ListDataFiles(io::FileSystem& fs, const std::string& folder) {
  std::vector<std::string> files;
  DATALAKE_TRY(AddDataFiles(fs, folder, 0, files));
  return files;
}

Result<AssetRoots> ListAssetRoots(Lake& lake) {
  io::FileSystem& fs = lake.context().fs;
  AssetRoots roots;
  DATALAKE_TRY_ASSIGN(roots.data_files, ListDataFiles(fs, lake.layout().catalog()));
  for (const UploadState state : kStates) {
    DATALAKE_TRY_ASSIGN(const auto uploads, fs.List(lake.layout().Staging(state)));
    for (const io::DirectoryEntry& upload : uploads) {
      const std::string rows =
          io::JoinPath(io::JoinPath(lake.layout().Staging(state), upload.name), kRowsFile);
      DATALAKE_TRY_ASSIGN(const bool exists, fs.Exists(rows));
      if (exists) {
        roots.data_files.push_back(rows);
      }
    }
  }
  DATALAKE_TRY_ASSIGN(const auto names, fs.List(lake.layout().collections()));
  for (const io::DirectoryEntry& name : names) {
    if (!name.is_directory || name.is_symlink) {
      continue;
    }
    const std::string folder = io::JoinPath(lake.layout().collections(), name.name);
    DATALAKE_TRY_ASSIGN(const auto versions, fs.List(folder));
    for (const io::DirectoryEntry& version : versions) {
      // Those being written hold a lease; those being removed link nothing; one being amended may
      // be there under its hidden name alone.
      if (version.is_directory && !version.is_symlink &&
          (!version.name.starts_with('.') || version.name.starts_with(kAmendedPrefix))) {
        roots.collections.push_back(io::JoinPath(folder, version.name));
      }
    }
  }
  return roots;
}

Result<assets::DigestSet> MarkReferenced(Lake& lake, const MarkOptions& options,
                                         ProgressSink& progress, std::stop_token stop) {
  return Marker(lake, options, progress).Run(std::move(stop));
}

}  // namespace datalake::lake

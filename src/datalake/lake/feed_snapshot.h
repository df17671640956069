#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/progress.h"
#include "datalake/base/result.h"
#include "datalake/lake/collection_card.h"
#include "datalake/lake/collections.h"
#include "datalake/lake/feed_query.h"
#include "datalake/lake/lake.h"

namespace datalake::lake {

inline constexpr std::string_view kSnapshotManifestFile = "manifest.json";

/// What is published of a feed.
enum class SnapshotKind : std::uint8_t {
  kRaw = 1,      ///< every current record
  kCleaned = 2,  ///< without what is broken or empty, personal data masked
  kCurated = 3,  ///< and without duplicates, other languages, too short and too long ones
};

/// "raw", "cleaned", "curated".
std::string_view ToString(SnapshotKind kind);

/// Errors: kInvalidArgument naming the nearest.
Result<SnapshotKind> ParseSnapshotKind(std::string_view text);

/// The collection that holds a feed's snapshots of one kind: "<feed>-<kind>".
std::string SnapshotCollection(std::string_view feed, SnapshotKind kind);

/// The steps between a feed's records and the rows of a cleaned or curated snapshot; they belong to
/// a layer above (job/feed_curation.h). Single-threaded.
class SnapshotStage {
 public:
  virtual ~SnapshotStage() = default;

  /// The rows that stay, changed or not, with the schema of `rows`. The stage must outlive them.
  virtual Result<std::shared_ptr<arrow::RecordBatchReader>> Apply(
      std::shared_ptr<arrow::RecordBatchReader> rows) = 0;

  /// What was done to all rows, as a JSON object; holds no content. Complete when the rows have
  /// been read to their end.
  virtual std::string ReportJson() const = 0;
};

struct FeedSnapshotRequest {
  std::string feed;
  SnapshotKind kind = SnapshotKind::kRaw;
  FeedFilter filter = {};
  std::string license = {};  ///< empty: that of the feed's definition
  std::string description = {};
  std::string created_by = {};
  SnapshotStage* stage = nullptr;  ///< none for raw ones
};

/// How a snapshot is watched and ended.
struct SnapshotControl {
  ProgressSink& progress;
  std::stop_token stop = {};
};

/// Publishes the current records of a feed as the next version of its collection: rows as in HF
/// `save_to_disk`, a dataset card, and
///  - manifest.json: files with SHA-256, bytes and rows, the schema and its version, licence, what
///    it was made from (docs/formats/snapshot.md);
///  - contributors.json: the attribution names with their numbers of records;
///  - report.json: what the stage did, where there is one.
/// Published are id, version, time and day of receipt, source, attribution and the payload; not
/// `submitter_id`, `raw`, keys that the feed does not know, receipts and hashes: nothing tells that
/// two anonymous records are of one person. A version appears whole, by one rename, and
/// never changes but by a withdrawal, which waits until it is there (LockSnapshots), as do other
/// snapshots of the feed. Errors: those of FeedQueries::Rows, Collections::Save and of
/// the stage; kCancelled; nothing stays then.
Result<CollectionInfo> MakeFeedSnapshot(Lake& lake, FeedQueries& queries,
                                        const FeedSnapshotRequest& request,
                                        const SnapshotControl& control);

/// The second half of MakeFeedSnapshot: publishes `found`, which has the columns that are public
/// and was made from `records` current records. Errors: those of Collections::Save and of the
/// stage.
Result<CollectionInfo> PublishSnapshot(Lake& lake, const FeedSnapshotRequest& request,
                                       FeedRows found, std::int64_t records);

/// A file of a snapshot as its manifest lists it.
struct SnapshotFile {
  std::string path;
  std::uint64_t size_bytes = 0;
  std::string sha256;
  std::int64_t rows = 0;  ///< of a data file
};

/// One published snapshot.
struct SnapshotInfo {
  std::string feed;
  SnapshotKind kind = SnapshotKind::kRaw;
  CollectionInfo collection;
};

/// All snapshots of a feed, oldest first in each kind. Errors: kIo.
Result<std::vector<SnapshotInfo>> ListFeedSnapshots(Lake& lake, std::string_view feed);

/// One of them; "" and "latest" mean the newest version. Errors: kNotFound, kIo.
Result<SnapshotInfo> FindFeedSnapshot(Lake& lake, std::string_view feed, SnapshotKind kind,
                                      std::string_view version);

/// The text of manifest.json. Errors: kNotFound (no snapshot of ours), kIo.
Result<std::string> ReadSnapshotManifest(Lake& lake, const SnapshotInfo& snapshot);

/// A file of a snapshot to be sent: one that the manifest lists, or one of the fixed names beside
/// it (manifest.json, README.md, croissant.json …). Its ETag is `sha256`, made from the bytes where
/// the manifest does not say. Errors: kNotFound naming the files there are, kCorruption, kIo.
struct SnapshotDownload {
  std::string path;  ///< on disk
  std::uint64_t size_bytes = 0;
  std::string sha256;
  std::string media_type;
};

Result<SnapshotDownload> FindSnapshotFile(Lake& lake, const SnapshotInfo& snapshot,
                                          std::string_view name);

/// Writes manifest.json and contributors.json anew into the folder of a version, whose data files
/// are `files`, and sets `info.notes`: after a withdrawal wrote its rows anew, too. A folder whose
/// version has no manifest is left alone. `old_manifest` is its text. Errors: kCorruption, kIo.
Status RenewSnapshotFiles(io::FileSystem& fs, const std::string& folder,
                          const std::string& old_manifest, const std::vector<CollectionFile>& files,
                          CollectionInfo& info, std::string_view amended_at);

}  // namespace datalake::lake

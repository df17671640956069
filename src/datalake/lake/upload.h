#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/progress.h"
#include "datalake/base/result.h"
#include "datalake/lake/lake.h"

namespace datalake::lake {

/// What becomes of a row whose asset is bad: a file that is missing, outside of the upload's
/// folder or unreadable, or a picture whose header cannot be read.
enum class OnBadAsset : std::uint8_t {
  kKeep = 1,    ///< row kept; bytes that are there become an asset, `problem` says what is wrong
  kNull = 2,    ///< row kept with a null link but for `problem`; broken bytes are not stored
  kReject = 3,  ///< row left out, counted and written to the rejects file
};

/// "keep", "null", "reject".
std::string_view ToString(OnBadAsset policy);

/// Errors: kInvalidArgument naming the three words.
Result<OnBadAsset> ParseOnBadAsset(std::string_view text);

/// One dataset on its way in.
struct UploadRequest {
  std::string provider = {};
  std::string dataset = {};
  std::string task = "raw";  ///< "raw", or a task of the schema with all its fields
  std::string variant = {};  ///< empty: derived from the columns (image, files, mixed, text)
  /// A Parquet file or glob, an Arrow or HF `save_to_disk` folder, CSV, JSONL, or a folder of
  /// pictures with annotations.jsonl, whose rows name files below it.
  std::string source_path = {};
  std::map<std::string, std::string> fields = {};  ///< constant columns of a task upload
  std::string description = {};
  std::string original_source = {};
  std::string user = {};
  OnBadAsset on_bad_asset = OnBadAsset::kKeep;
  /// Replaces uploads of the same provider, dataset, task and variant that are still pending, and,
  /// when processed, the rows that this variant has; else rows are added.
  bool overwrite = false;
};

/// What the cells of an asset column are.
enum class AssetColumnKind : std::uint8_t {
  kImage = 1,  ///< pictures
  kFile = 2,   ///< any files
  kLink = 3,   ///< links to assets that the lake has already
};

struct AssetColumn {
  std::string name;
  AssetColumnKind kind = AssetColumnKind::kImage;

  friend bool operator==(const AssetColumn&, const AssetColumn&) = default;
};

/// What is known of one staged upload; its `upload.json` (docs/formats/lake.md).
struct UploadInfo {
  std::string id;
  UploadState state = UploadState::kPending;
  TableName table;
  std::string variant;
  std::map<std::string, std::string> fields;
  std::vector<AssetColumn> asset_columns;
  std::uint64_t rows = 0;
  std::uint64_t problem_rows = 0;  ///< rows whose asset was bad when it was staged
  std::string description;
  std::string original_source;
  std::string user;
  OnBadAsset on_bad_asset = OnBadAsset::kKeep;
  bool overwrite = false;
  Timestamp uploaded_at;
  std::optional<Error> error;  ///< why it failed, or why its folder cannot be read
};

struct UploadCounts {
  std::uint64_t pending = 0;
  std::uint64_t processing = 0;
  std::uint64_t failed = 0;
};

/// The staging area of a lake: uploads come in here and wait for ProcessUploads (process.h).
/// Thread-safe; any number of processes may stage and process at the same time.
class Uploads {
 public:
  /// `lake` must outlive it.
  explicit Uploads(Lake& lake);

  /// Checks the request, copies rows and asset files of `request.source_path` into
  /// staging/pending/<id>/ and returns when all of it is durable; the folder appears whole or not
  /// at all. Errors: kInvalidArgument (names, fields, no rows readable, two image columns …),
  /// kNotFound (provider, task, source), kAlreadyExists (pending already), kCancelled,
  /// kResourceExhausted, kIo.
  Result<UploadInfo> Stage(const UploadRequest& request, ProgressSink& progress,
                           std::stop_token stop);

  /// As Stage, with rows from `rows`; path cells are relative to `request.source_path`, a folder,
  /// and bad when that is empty.
  Result<UploadInfo> StageRows(const UploadRequest& request, arrow::RecordBatchReader& rows,
                               ProgressSink& progress, std::stop_token stop);

  /// Uploads in `state`, by time. A folder without readable upload.json is listed with its error.
  Result<std::vector<UploadInfo>> List(UploadState state);

  /// How many uploads are in each state; one each, whatever files it has.
  Result<UploadCounts> Counts();

  /// Puts a failed upload back to pending. Errors: kInvalidArgument, kNotFound, kIo.
  Status Retry(std::string_view id);

  /// Removes a pending or failed upload for good. Errors: kInvalidArgument, kNotFound,
  /// kConflict (being processed), kIo.
  Status Discard(std::string_view id);

 private:
  Lake& lake_;
};

}  // namespace datalake::lake

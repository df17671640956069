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

/// What becomes of structs, maps, and lists of those that are no assets.
enum class NestedValues : std::uint8_t {
  kKeep = 1,  ///< as they are; JSON text where the table has text in that column already
  kJson = 2,  ///< JSON text, as the seed's clients made them
};

/// "keep", "json".
std::string_view ToString(NestedValues nested);

/// Errors: kInvalidArgument naming the two words.
Result<NestedValues> ParseNestedValues(std::string_view text);

/// Columns that are made of the pictures of a column, beside it: `<column>_phash` long, the
/// perceptual hash (picture/perceptual_hash.h), and `<column>_thumbnail` binary, a JPEG; lists of
/// them beside a list. JPEG, PNG and WebP up to 2^26 pixels are decoded, others give null. What
/// cannot be decoded is a bad asset.
struct DerivedColumns {
  bool perceptual_hash = false;
  std::int32_t thumbnail_side = 0;  ///< pixels of the longer side, 8 to 2048; 0: none

  bool any() const { return perceptual_hash || thumbnail_side > 0; }

  /// Errors: kInvalidArgument.
  Status Validate() const;
};

/// One dataset on its way in.
struct UploadRequest {
  std::string provider = {};
  std::string dataset = {};
  std::string task = "raw";  ///< "raw", or a task of the schema with all its fields
  std::string variant = {};  ///< empty: derived from the columns (image, files, mixed, text)
  /// What upload_source.h takes: a Parquet file or glob, an Arrow or HF `save_to_disk` folder, CSV,
  /// JSONL, WebDataset tars, or a folder of pictures with or without a metadata file, whose rows
  /// name files below it.
  std::string source_path = {};
  /// Columns of pictures and of files beside those known by name and type (upload_columns.h).
  std::vector<std::string> image_columns = {};
  std::vector<std::string> file_columns = {};
  std::map<std::string, std::string> fields = {};  ///< constant columns of a task upload
  std::string description = {};
  std::string original_source = {};
  std::string user = {};
  std::string id = {};  ///< that the upload gets; empty: one is made
  OnBadAsset on_bad_asset = OnBadAsset::kKeep;
  NestedValues nested = NestedValues::kKeep;
  DerivedColumns derived = {};
  /// True: one source file that cannot be opened (a Parquet file with a broken footer) among good
  /// ones fails the upload; else it is left out and named in UploadInfo::bad_files.
  bool strict_files = false;
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
  bool is_list = false;  ///< a list of assets a row

  friend bool operator==(const AssetColumn&, const AssetColumn&) = default;
};

/// A source file that was left out, and why.
struct BadFile {
  std::string path;
  std::string problem;
};

/// What is known of one staged upload; its `upload.json` (docs/formats/lake.md).
struct UploadInfo {
  std::string id;
  UploadState state = UploadState::kPending;
  TableName table;
  std::string variant;
  std::map<std::string, std::string> fields;
  std::map<std::string, FieldType> field_types;  ///< of fields that are not text
  std::vector<AssetColumn> asset_columns;
  std::uint64_t rows = 0;
  std::uint64_t problem_rows = 0;  ///< rows whose asset was bad when it was staged
  std::uint64_t known_assets = 0;  ///< asset cells whose bytes the lake had already
  std::uint64_t new_assets = 0;    ///< assets that staging has put and the lake did not have
  std::vector<BadFile> bad_files;  ///< at most kMaxBadFiles are kept
  std::string description;
  std::string original_source;
  std::string user;
  OnBadAsset on_bad_asset = OnBadAsset::kKeep;
  bool overwrite = false;
  DerivedColumns derived = {};
  Timestamp uploaded_at;
  std::optional<Error> error;  ///< why it failed, or why its folder cannot be read
};

inline constexpr std::size_t kMaxBadFiles = 1000;

struct UploadCounts {
  std::uint64_t pending = 0;
  std::uint64_t processing = 0;
  std::uint64_t failed = 0;
};

/// Checks names, provider, task and fields of a request, as Uploads::Stage does first.
/// Errors: kInvalidArgument, kNotFound, those of SchemaRegistry::Load.
Status CheckUploadRequest(Lake& lake, const UploadRequest& request);

/// The staging area of a lake: uploads come in here and wait for ProcessUploads (process.h).
/// Thread-safe; any number of processes may stage and process at the same time.
class Uploads {
 public:
  /// `lake` must outlive it. Staging reads and hashes files on `threads` threads; 0: all cores.
  explicit Uploads(Lake& lake, std::size_t threads = 0);

  /// Checks the request, puts the assets of `request.source_path` into the store, where they wait
  /// for the rows that link them, and its rows into staging/pending/<id>/; returns when all of it
  /// is durable. The folder appears whole or not at all; assets of an upload that failed or was
  /// discarded are collected as all that nothing links (gc.h). Errors: kInvalidArgument
  /// (names, fields, no rows readable …), kNotFound (provider, task, source), kAlreadyExists
  /// (pending already), kConflict (a source file changed while it was read), kCorruption (a source
  /// file is broken), kCancelled, kResourceExhausted, kIo.
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
  const std::size_t threads_;
};

}  // namespace datalake::lake

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "datalake/assets/asset_store.h"
#include "datalake/base/result.h"
#include "datalake/lake/lake.h"
#include "datalake/lake/upload.h"

namespace datalake::lake {

/// One asset of an upload on its way into rows.parquet.
struct StagedCell {
  AssetColumnKind kind = AssetColumnKind::kImage;  ///< what it must be for its column
  bool is_null = false;
  bool is_picture = false;  ///< by the content's signature, or the name's suffix
  std::string source;       ///< file to read; empty: the bytes are there
  std::string_view view;    ///< bytes of the source rows, as long as their batch
  std::string bytes;        ///< read from `source`
  bool has_bytes = false;   ///< view or bytes are the content, not put yet
  bool is_large = false;    ///< `source` is above kMaxEmbeddedBytes
  std::string file;         ///< in the upload's folder
  std::string name;
  std::string problem;
  std::optional<assets::AssetInfo> asset;  ///< in the store: no bytes are staged
  bool was_new = false;                    ///< the store did not have it before

  std::string_view content() const { return source.empty() ? view : std::string_view(bytes); }
};

/// What FillCell works with; all outlive the call.
struct FillTools {
  io::FileSystem& fs;
  assets::AssetBatch& batch;
  OnBadAsset on_bad_asset = OnBadAsset::kKeep;
  std::stop_token stop = {};
};

/// Memory to read a file into, kept from file to file. Single-threaded.
class Scratch {
 public:
  /// Valid, and of unknown content, until the next call.
  std::span<std::byte> First(std::size_t size);

 private:
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_ = 0;
};

/// Reads the file of a cell that names one, and puts what it holds into the batch, but for what
/// looks bad under a policy that may not want it in the store: that stays for processing, which
/// knows the column's kind. A file that cannot be read, or changes meanwhile, is a problem of the
/// cell. Thread-safe for different cells and scratches. Errors: kIo of the lake's disk, kCancelled.
Status FillCell(const FillTools& tools, Scratch& scratch, StagedCell& cell);

/// True for `.jpg`, `.png` and other suffixes of pictures, in any case.
bool HasPictureSuffix(std::string_view name);

/// Builds a column of StagedAssetType, or of lists of it. Single-threaded.
class StagedColumnBuilder {
 public:
  explicit StagedColumnBuilder(bool is_list);
  ~StagedColumnBuilder();
  StagedColumnBuilder(StagedColumnBuilder&&) noexcept;

  /// The next asset. Errors: kResourceExhausted.
  Status Append(const StagedCell& cell);

  /// Of lists (nothing else needs it): a row ends, with the assets appended since the last one.
  /// Null: there is no list. Errors: kResourceExhausted.
  Status EndRow(bool is_null);

  Result<std::shared_ptr<arrow::Array>> Finish();

 private:
  struct Builders;
  std::unique_ptr<Builders> builders_;
  const bool is_list_;
};

}  // namespace datalake::lake

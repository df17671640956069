#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/lake/lake.h"

namespace datalake::assets {
class AssetBatch;
}  // namespace datalake::assets

namespace datalake::lake {

/// One asset of an upload on its way into rows.parquet.
struct StagedCell {
  bool is_null = false;
  bool is_picture = false;  ///< by the content's signature, or the name's suffix
  std::string source;       ///< file to read; empty: the bytes are there
  std::string_view view;    ///< bytes of the source rows, as long as their batch
  std::string bytes;        ///< read from `source`
  bool has_bytes = false;   ///< view or bytes are the content
  bool is_large = false;    ///< `source` is above kMaxEmbeddedBytes: copied later
  std::string file;         ///< in the upload's folder
  std::string name;
  std::string problem;
  std::string sha256;  ///< of an asset that the lake has: no bytes are staged
  std::string media_type;

  std::string_view content() const { return source.empty() ? view : std::string_view(bytes); }
};

/// Reads the file of a cell that names one, hashes what it holds, and forgets bytes that the lake
/// has: `known` keeps that asset until it ends. A file that cannot be read, or changes meanwhile,
/// is a problem of the cell. Thread-safe for different cells. Errors: kIo of the lake's disk.
Status FillCell(Lake& lake, assets::AssetBatch& known, StagedCell& cell);

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

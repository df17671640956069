#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/lake/upload.h"

namespace datalake::lake {

/// What becomes of one column of an upload's source when it is staged.
struct ColumnPlan {
  enum class Action : std::uint8_t {
    kKeep = 1,   ///< as it is
    kJson = 2,   ///< nested values become their JSON text, so that all uploads of a table agree
    kAsset = 3,  ///< bytes, struct {bytes, path} or a file name: becomes StagedAssetType
    kLink = 4,   ///< struct with `sha256`: a link to an asset of the lake
  };

  int index = 0;     ///< in the source
  std::string name;  ///< in the table
  Action action = Action::kKeep;
  AssetColumnKind kind = AssetColumnKind::kImage;  ///< of kAsset and kLink
  bool is_path = false;                            ///< kAsset whose cells are file names
};

/// Decides by names and types over the whole schema, never by a first row:
/// image columns are `image` and `image_bytes` (bytes, struct {bytes, path}, text) and any struct
/// {bytes, path}; file columns are `image_path`, `file` and `file_path` with text. Columns of the
/// hierarchy (provider, dataset, task, variant …) and those named as a field are dropped; `path`
/// and `hash`, which the lake fills for the first asset column, get the prefix "original_".
/// Errors: kInvalidArgument (two columns of one kind, both named; nothing left; column names that
/// tables cannot have), kUnsupported (types), naming the column.
Result<std::vector<ColumnPlan>> PlanColumns(const arrow::Schema& source,
                                            const std::map<std::string, std::string>& fields);

/// struct {bytes binary, file text, name text, problem text}: how rows.parquet holds an asset. At
/// most one of bytes and file is there; `file` is relative to the upload's folder.
std::shared_ptr<arrow::DataType> StagedAssetType();

/// Columns of rows.parquet.
std::shared_ptr<arrow::Schema> StagedSchema(const arrow::Schema& source,
                                            const std::vector<ColumnPlan>& plans);

/// struct {sha256, path, media_type text, bytes long, width, height int, problem text}: how a table
/// links an asset.
std::shared_ptr<arrow::DataType> AssetLinkType();

/// Columns of the table (without its partition columns) for staged rows: asset columns become
/// links; then a text column a field; then `path` and `hash` when there is an asset column.
std::shared_ptr<arrow::Schema> UploadTableSchema(const arrow::Schema& staged,
                                                 const UploadInfo& info);

/// One cell of a binary or text column of any width; empty for null.
std::string_view BytesOf(const arrow::Array& column, std::int64_t row);

/// True for text of any width.
bool IsText(const arrow::DataType& type);

}  // namespace datalake::lake

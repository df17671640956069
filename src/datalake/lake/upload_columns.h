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
  bool is_list = false;                            ///< kAsset, kLink: a list of them a row
  /// kAsset of file names that stays text when none of them leads to a file.
  bool is_maybe = false;
  /// kAsset whose kind is settled by what its cells hold: pictures, or not one.
  bool is_kind_open = false;
};

/// What a caller says of the columns.
struct ColumnWishes {
  std::map<std::string, std::string> fields = {};  ///< constant columns; replace those of the name
  std::vector<std::string> image_columns = {};
  std::vector<std::string> file_columns = {};
  NestedValues nested = NestedValues::kKeep;
};

/// Decides by names and types over the whole schema, never by a first row. Assets are, any number
/// of them, alone or in lists:
/// - structs {bytes, path} of any name, as HF's Image, Audio and Video;
/// - bytes and file names in columns named `image`, `images`, `image_bytes`, also with a number
///   behind or words before (`image_2`, `left_image`), and in those that `wishes` names;
/// - file names in columns named `file`, `file_path`, `file_name`, `image_path` or ending in
///   `_file`, `_path`, `_file_name`;
/// - links: structs with `sha256` and `media_type`.
/// Columns of the hierarchy (provider, dataset, task, variant …) and those named as a field are
/// dropped; `path` and `hash`, which the lake fills for the first asset column, get the prefix
/// "original_". Nested columns that a table cannot hold (member names, empty structs) become JSON.
/// Errors: kInvalidArgument (a wished column that is not there or of another type; nothing left;
/// column names that tables cannot have), kUnsupported (types), naming the column.
Result<std::vector<ColumnPlan>> PlanColumns(const arrow::Schema& source,
                                            const ColumnWishes& wishes);

/// struct {bytes binary, file, name, problem, sha256, media_type, extension text, size_bytes long,
/// width, height int, asset_problem text, orientation, frames int}: how rows.parquet holds an
/// asset. At most one of bytes, file and sha256 is there; `file` is relative to the upload's
/// folder, `sha256` names an asset of the lake, put when the upload was staged or there before, and
/// what follows it are its facts.
std::shared_ptr<arrow::DataType> StagedAssetType();

/// True for StagedAssetType, and for its first 4, 6 or 11 members, which older programs wrote.
bool IsStagedAsset(const arrow::DataType& type);

/// Structs, maps, and lists of anything but scalars.
bool IsNested(const arrow::DataType& type);

/// struct {sha256, path, media_type text, bytes long, width, height int, problem text, orientation,
/// frames int}: how a table links an asset.
std::shared_ptr<arrow::DataType> AssetLinkType();

/// The form that links have in a table whose column is of type `there`: the first members, without
/// orientation and frames, where it was made before links had them, as most readers cannot add
/// members to a struct. Null: AssetLinkType.
std::shared_ptr<arrow::DataType> AssetLinkTypeLike(const arrow::DataType* there);

inline constexpr int kFirstLinkMembers = 7;

/// Columns of rows.parquet.
std::shared_ptr<arrow::Schema> StagedSchema(const arrow::Schema& source,
                                            const std::vector<ColumnPlan>& plans);

/// Names of the columns that are derived of one of pictures.
std::string HashColumn(std::string_view pictures);
std::string ThumbnailColumn(std::string_view pictures);

/// The type of the column that a field of the upload becomes.
std::shared_ptr<arrow::DataType> FieldColumnType(const UploadInfo& info, const std::string& field);

/// Columns of the table (without its partition columns) for staged rows: asset columns become
/// links, of the form that `table` has already; then a text column a field; then `path` and `hash`
/// when there is an asset column. Nested columns are text where `table`, the columns that are there
/// already, has text; null: none are.
std::shared_ptr<arrow::Schema> UploadTableSchema(const arrow::Schema& staged,
                                                 const UploadInfo& info,
                                                 const arrow::Schema* table = nullptr);

/// The assets of one row: cells [begin, end) of `values`, which lasts as long as the column.
struct AssetItems {
  const arrow::Array* values = nullptr;
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

/// Those of a column of lists (none for a null one), or the cell itself.
AssetItems ItemsOfRow(const arrow::Array& column, std::int64_t row, bool is_list);

/// One cell of a binary or text column of any width; empty for null.
std::string_view BytesOf(const arrow::Array& column, std::int64_t row);

/// True for text of any width.
bool IsText(const arrow::DataType& type);

}  // namespace datalake::lake

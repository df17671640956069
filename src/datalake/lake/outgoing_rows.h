#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/lake/lake.h"

namespace datalake::lake {

/// How asset paths leave the lake. In it they are relative to its folder assets/.
enum class PathForm : std::uint8_t { kAbsolute = 1, kRelative = 2 };

/// How pictures leave the lake.
enum class PictureForm : std::uint8_t {
  kLink = 1,   ///< as links, paths
  kBytes = 2,  ///< as their bytes, in the form of HF `Image`: struct {bytes, path}
};

/// What becomes of a row whose file is not there, or whose picture cannot be shown.
enum class OnMissingFile : std::uint8_t {
  kIgnore = 1,  ///< no file is looked at, unless its bytes are wanted; then as kKeep
  kKeep = 2,    ///< the row stays and is reported; its picture is null
  kDrop = 3,    ///< the row is left out and reported
  kFail = 4,    ///< the first one is an error
};

/// "ignore", "keep", "drop", "fail". Errors: kInvalidArgument naming the words.
Result<OnMissingFile> ParseOnMissingFile(std::string_view text);

/// A file that a row names and that could not be given.
struct MissingFile {
  std::int64_t row = 0;  ///< its place among the rows that came in, from 0
  std::string column;
  std::string sha256;  ///< empty where only the path is known
  std::string path;
  std::string reason;
};

struct OutgoingOptions {
  PathForm paths = PathForm::kAbsolute;
  PictureForm pictures = PictureForm::kLink;
  OnMissingFile on_missing = OnMissingFile::kKeep;
  /// Takes every missing file as it is met; empty: only the report has them. Its error ends the
  /// rows.
  std::function<Status(const MissingFile&)> missing_sink = {};
};

/// What happened to rows on their way out. Complete when the rows have been read to their end.
struct OutgoingReport {
  std::int64_t rows_in = 0;
  std::int64_t rows_out = 0;
  std::int64_t dropped_rows = 0;
  std::int64_t checked_files = 0;
  std::int64_t missing_files = 0;         ///< not there
  std::int64_t bad_pictures = 0;          ///< there, but no picture or a broken one
  std::vector<MissingFile> missing = {};  ///< the first kMaxListed of both
  static constexpr std::size_t kMaxListed = 1000;
};

/// `rows` with their asset links made ready to leave the lake: link columns (structs and lists of
/// structs with `sha256` and `path`), and the column `path` where its text is the path of an asset,
/// get the wanted form of path; their files are looked for.
///
/// With PictureForm::kBytes each link column of pictures becomes a column of struct {bytes, path}
/// with the HF feature Image; whether it holds pictures is told by the first rows that have links.
/// Rows that have a `path` and no column `image` get one from it. Rows without a file stay, with
/// null. Batches hold at most about 32 MiB of pictures.
///
/// `lake` and `report` must outlive the reader, which is Single-threaded; reads ahead one batch.
/// Errors: those of `rows`; kNotFound and kCorruption for missing and broken files when they are to
/// fail; kIo.
Result<std::shared_ptr<arrow::RecordBatchReader>> OutgoingRows(
    Lake& lake, std::shared_ptr<arrow::RecordBatchReader> rows, const OutgoingOptions& options,
    OutgoingReport& report);

}  // namespace datalake::lake

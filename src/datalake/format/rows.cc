#include "datalake/format/rows.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/format/arrow_rows.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/csv_rows.h"
#include "datalake/format/hf_dataset.h"
#include "datalake/format/json_rows.h"
#include "datalake/format/parquet.h"
#include "datalake/format/tar_rows.h"
#include "datalake/io/compression.h"
#include "datalake/io/file_system.h"
#include "datalake/io/glob.h"
#include "datalake/io/path.h"

namespace datalake::format {
namespace {

enum class FileKind : std::uint8_t { kParquet, kArrow, kCsv, kJson, kTar };

constexpr std::string_view kKnownKinds =
    ".parquet, .arrow, .feather, .ipc, .csv, .tsv, .jsonl, .ndjson, .json (text also .gz, .zst), "
    ".tar, .tar.gz, .tgz, .tar.zst";

std::optional<FileKind> KindOf(std::string_view path) {
  if (path.ends_with(".tgz")) {
    return FileKind::kTar;
  }
  const bool is_compressed = io::CompressionOfPath(path) != io::Compression::kNone;
  if (is_compressed) {
    path = path.substr(0, path.rfind('.'));
  }
  const auto ends_with = [&](std::initializer_list<std::string_view> suffixes) {
    return std::any_of(suffixes.begin(), suffixes.end(),
                       [&](std::string_view suffix) { return path.ends_with(suffix); });
  };
  if (ends_with({".csv", ".tsv"})) {
    return FileKind::kCsv;
  }
  if (ends_with({".jsonl", ".ndjson", ".json"})) {
    return FileKind::kJson;
  }
  if (ends_with({".tar"})) {
    return FileKind::kTar;
  }
  if (!is_compressed && ends_with({".parquet"})) {
    return FileKind::kParquet;
  }
  if (!is_compressed && ends_with({".arrow", ".feather", ".ipc"})) {
    return FileKind::kArrow;
  }
  return std::nullopt;
}

// Values from outside are checked before anything works with them: a Parquet file may hold text
// that is no UTF-8, which readers of our tables would refuse.
class CheckedRows final : public arrow::RecordBatchReader {
 public:
  CheckedRows(std::string file, std::shared_ptr<arrow::RecordBatchReader> rows)
      : file_(std::move(file)), rows_(std::move(rows)) {}

  std::shared_ptr<arrow::Schema> schema() const override { return rows_->schema(); }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    ARROW_RETURN_NOT_OK(rows_->ReadNext(out));
    const arrow::Status status = *out == nullptr ? arrow::Status::OK() : (*out)->ValidateFull();
    return status.ok() ? status
                       : ToArrow(ArrowError(status, fmt::format("invalid values: {}", file_)));
  }

 private:
  const std::string file_;
  const std::shared_ptr<arrow::RecordBatchReader> rows_;
};

Result<std::shared_ptr<arrow::RecordBatchReader>> OpenTyped(io::FileSystem& fs, FileKind kind,
                                                            const std::string& file) {
  if (kind == FileKind::kArrow) {
    return OpenArrowRows(fs, file);
  }
  DATALAKE_TRY_ASSIGN(auto rows, ReadParquet(fs, file));
  return std::make_shared<CheckedRows>(file, std::move(rows));
}

// Leaves out what cannot be opened, unless that is all; `schemas` are those of the files that stay.
Status OpenSchemas(io::FileSystem& fs, FileKind kind, const RowsOptions& options, RowSource& source,
                   std::vector<std::shared_ptr<arrow::Schema>>& schemas) {
  std::vector<std::string> good;
  for (const std::string& file : source.files) {
    auto rows = OpenTyped(fs, kind, file);
    if (rows) {
      schemas.push_back((*rows)->schema());
      good.push_back(file);
    } else if (options.skip_broken_files && rows.error().code == ErrorCode::kCorruption) {
      source.broken.push_back({file, std::move(rows).error()});
    } else {
      return std::move(rows).error();
    }
  }
  if (good.empty()) {
    return source.broken.front().error;
  }
  source.files = std::move(good);
  return {};
}

Result<std::shared_ptr<arrow::RecordBatchReader>> OpenFiles(io::FileSystem& fs, FileKind kind,
                                                            RowSource& source,
                                                            const RowsOptions& options) {
  const std::vector<std::string>& files = source.files;
  std::shared_ptr<arrow::Schema> schema;
  RowsOpener open;
  if (kind == FileKind::kCsv) {
    DATALAKE_TRY_ASSIGN(schema, InferCsvSchema(fs, files, options));
    open = [&fs, files, schema, options](std::size_t i) {
      return OpenCsv(fs, files[i], schema, options);
    };
  } else if (kind == FileKind::kJson) {
    DATALAKE_TRY_ASSIGN(schema, InferJsonSchema(fs, files, options));
    open = [&fs, files, schema, options](std::size_t i) {
      return OpenJson(fs, files[i], schema, options);
    };
  } else if (kind == FileKind::kTar) {
    DATALAKE_TRY_ASSIGN(schema, InferTarSchema(fs, files));
    open = [&fs, files, schema](std::size_t i) { return OpenTar(fs, files[i], schema); };
  } else {
    std::vector<std::shared_ptr<arrow::Schema>> schemas;
    DATALAKE_TRY(OpenSchemas(fs, kind, options, source, schemas));
    DATALAKE_TRY_ASSIGN(schema, UnifySchemas(schemas, files));
    open = [&fs, kind, files](std::size_t i) { return OpenTyped(fs, kind, files[i]); };
  }
  return ConcatRows(std::move(schema), files.size(), std::move(open));
}

// Files of a folder that hold rows; its other files are none of our business.
Result<std::vector<std::string>> FilesOfFolder(io::FileSystem& fs, std::string_view folder) {
  DATALAKE_TRY_ASSIGN(const auto entries, fs.List(folder));
  std::vector<std::string> files;
  for (const io::DirectoryEntry& entry : entries) {
    const bool is_hidden = entry.name.starts_with('.') || entry.name.starts_with('_');
    if (!entry.is_directory && !is_hidden && KindOf(entry.name).has_value()) {
      files.push_back(io::JoinPath(folder, entry.name));
    }
  }
  if (files.empty()) {
    return Error{ErrorCode::kNotFound, fmt::format("no files with rows in folder: {}; known are {}",
                                                   folder, kKnownKinds)};
  }
  return files;
}

Result<FileKind> CommonKind(const std::vector<std::string>& files) {
  std::optional<FileKind> common;
  for (const std::string& file : files) {
    const auto kind = KindOf(file);
    if (!kind.has_value()) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("unknown kind of file: {}; known are {}", file, kKnownKinds)};
    }
    if (common.has_value() && common != kind) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("files of two kinds at once: {} and {}", files.front(), file)};
    }
    common = kind;
  }
  return *common;
}

Result<RowSource> OpenDataset(io::FileSystem& fs, std::string_view folder) {
  RowSource source;
  DATALAKE_TRY_ASSIGN(source.reader, OpenHfDataset(fs, folder));
  DATALAKE_TRY_ASSIGN(source.files, FilesOfFolder(fs, folder));
  std::erase_if(source.files,
                [](const std::string& file) { return KindOf(file) != FileKind::kArrow; });
  return source;
}

Status AddSizes(io::FileSystem& fs, RowSource& source) {
  for (const std::string& file : source.files) {
    DATALAKE_TRY_ASSIGN(const io::FileInfo info, fs.Stat(file));
    source.size_bytes += info.size_bytes;
  }
  return {};
}

}  // namespace

Result<RowSource> OpenRows(io::FileSystem& fs, std::string_view path, const RowsOptions& options) {
  RowSource source;
  const auto info = fs.Stat(path);
  if (info && info->is_directory) {
    DATALAKE_TRY_ASSIGN(const bool is_dataset, IsHfDataset(fs, path));
    if (is_dataset) {
      DATALAKE_TRY_ASSIGN(source, OpenDataset(fs, path));
      DATALAKE_TRY(AddSizes(fs, source));
      return source;
    }
    DATALAKE_TRY_ASSIGN(const auto splits, HfDatasetSplits(fs, path));
    if (!splits.empty()) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("folder holds one dataset a split, name one of them: {}: {}", path,
                               fmt::join(splits, ", "))};
    }
    DATALAKE_TRY_ASSIGN(source.files, FilesOfFolder(fs, path));
  } else if (info) {
    source.files = {std::string(path)};
  } else if (io::IsGlob(path)) {
    DATALAKE_TRY_ASSIGN(source.files, io::Glob(fs, path));
    if (source.files.empty()) {
      return Error{ErrorCode::kNotFound, fmt::format("no file matches: {}", path)};
    }
  } else {
    return info.error();
  }
  DATALAKE_TRY_ASSIGN(const FileKind kind, CommonKind(source.files));
  DATALAKE_TRY(AddSizes(fs, source));
  DATALAKE_TRY_ASSIGN(source.reader, OpenFiles(fs, kind, source, options));
  return source;
}

}  // namespace datalake::format

#include "datalake/lake/upload_stage.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_nested.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/format/arrow_status.h"
#include "datalake/format/parquet.h"
#include "datalake/format/row_json.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/lake/source_folder.h"
#include "datalake/lake/upload_record.h"

namespace datalake::lake {
namespace {

using Action = ColumnPlan::Action;

constexpr std::int64_t kPieceRows = 1024;
constexpr std::uint64_t kPieceBytes = std::uint64_t{16} << 20;
constexpr std::uint64_t kFilesPerFolder = 1000;
constexpr std::string_view kUrlProblem = "an address, not a file";
constexpr std::string_view kStagingError = "cannot build staged columns";

constexpr std::array<std::string_view, 9> kPictureSuffixes = {
    ".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".avif"};

bool HasPictureSuffix(std::string_view name) {
  std::string lower(name.substr(name.size() - std::min<std::size_t>(name.size(), 5)));
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  });
  return std::any_of(kPictureSuffixes.begin(), kPictureSuffixes.end(),
                     [&lower](std::string_view suffix) { return lower.ends_with(suffix); });
}

// A suffix to keep in staging, for people who look; at most 16 letters and digits.
std::string SafeSuffix(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || name.size() - dot > 16) {
    return {};
  }
  const std::string_view suffix = name.substr(dot + 1);
  const bool safe = std::all_of(suffix.begin(), suffix.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
  return safe ? std::string(name.substr(dot)) : std::string();
}

// What was seen in one asset column.
struct ColumnCounts {
  std::uint64_t found = 0;     // cells with bytes or a file
  std::uint64_t problems = 0;  // cells with a problem
  std::uint64_t pictures = 0;  // files with a picture's suffix
  std::string first_problem;
};

// One cell, before it goes into the builder.
struct StagedCell {
  bool is_null = false;
  std::string bytes;
  bool has_bytes = false;
  std::string file;
  std::string name;
  std::string problem;
};

arrow::Status AppendMaybe(arrow::BinaryBuilder& builder, bool there, std::string_view value) {
  return there ? builder.Append(value) : builder.AppendNull();
}

// Builds one asset column of a piece.
class AssetColumnBuilder {
 public:
  arrow::Status Append(const StagedCell& cell) {
    if (cell.is_null) {
      return column_.AppendNull();
    }
    ARROW_RETURN_NOT_OK(column_.Append());
    ARROW_RETURN_NOT_OK(AppendMaybe(*bytes_, cell.has_bytes, cell.bytes));
    ARROW_RETURN_NOT_OK(AppendMaybe(*file_, !cell.file.empty(), cell.file));
    ARROW_RETURN_NOT_OK(AppendMaybe(*name_, !cell.name.empty(), cell.name));
    return AppendMaybe(*problem_, !cell.problem.empty(), cell.problem);
  }

  arrow::Result<std::shared_ptr<arrow::Array>> Finish() { return column_.Finish(); }

 private:
  std::shared_ptr<arrow::BinaryBuilder> bytes_ = std::make_shared<arrow::BinaryBuilder>();
  std::shared_ptr<arrow::StringBuilder> file_ = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::StringBuilder> name_ = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::StringBuilder> problem_ = std::make_shared<arrow::StringBuilder>();
  arrow::StructBuilder column_{
      StagedAssetType(), arrow::default_memory_pool(), {bytes_, file_, name_, problem_}};
};

class RowStager {
 public:
  RowStager(const LakeContext& context, const StageJob& job, ProgressSink& progress,
            std::stop_token stop)
      : fs_(context.fs),
        job_(job),
        progress_(progress),
        stop_(std::move(stop)),
        source_(context.fs, job.source_root) {}

  Result<StagedRows> Run(arrow::RecordBatchReader& rows);

 private:
  Status StageBatch(const arrow::RecordBatch& batch);
  Status WritePiece(const arrow::RecordBatch& batch, std::int64_t first,
                    std::vector<AssetColumnBuilder>& assets, std::int64_t rows);
  Result<StagedCell> StageCell(const ColumnPlan& plan, const arrow::Array& column,
                               std::int64_t row);
  Status StageNamed(std::string_view name, StagedCell& cell);
  Status StageBytes(std::string_view bytes, std::string_view name, StagedCell& cell);
  Result<std::string> NewFileName(std::string_view name);
  void Count(ColumnCounts& counts, const StagedCell& cell);
  Result<StagedRows> Finish();
  Status Finished(const ColumnPlan& plan, const ColumnCounts& counts, StagedRows& staged);

  io::FileSystem& fs_;
  const StageJob& job_;
  ProgressSink& progress_;
  std::stop_token stop_;
  SourceFolder source_;
  std::vector<ColumnPlan> plans_;
  std::vector<ColumnCounts> counts_;  // a plan each
  std::shared_ptr<arrow::Schema> schema_;
  std::unique_ptr<format::ParquetWriter> writer_;
  std::unordered_map<std::string, std::string> copied_;  // source file → file in the upload
  std::uint64_t files_ = 0;
  std::string files_folder_;
  std::uint64_t rows_ = 0;
  std::uint64_t problem_rows_ = 0;
  bool pictures_only_ = false;  // every file of the file column has a picture's suffix
};

Result<StagedRows> RowStager::Run(arrow::RecordBatchReader& rows) {
  DATALAKE_TRY_ASSIGN(plans_, PlanColumns(*rows.schema(), job_.fields));
  counts_.resize(plans_.size());
  schema_ = StagedSchema(*rows.schema(), plans_);
  const format::ParquetWriteOptions options{
      .zstd_level = 1, .content_defined_chunking = false, .collect_statistics = false};
  DATALAKE_TRY_ASSIGN(writer_, format::ParquetWriter::Make(
                                   fs_, io::JoinPath(job_.folder, kRowsFile), schema_, options));
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    DATALAKE_TRY(format::FromArrow(rows.ReadNext(&batch), "cannot read rows"));
    if (batch == nullptr) {
      return Finish();
    }
    DATALAKE_TRY(StageBatch(*batch));
  }
}

Status RowStager::StageBatch(const arrow::RecordBatch& batch) {
  std::int64_t first = 0;
  while (first < batch.num_rows()) {
    if (stop_.stop_requested()) {
      return Error{ErrorCode::kCancelled, "upload was stopped"};
    }
    std::vector<AssetColumnBuilder> assets(plans_.size());
    std::uint64_t bytes = 0;
    std::int64_t row = first;
    for (; row < batch.num_rows() && row - first < kPieceRows && bytes < kPieceBytes; ++row) {
      bool problem = false;
      for (std::size_t i = 0; i < plans_.size(); ++i) {
        if (plans_[i].action != Action::kAsset) {
          continue;
        }
        DATALAKE_TRY_ASSIGN(const StagedCell cell,
                            StageCell(plans_[i], *batch.column(plans_[i].index), row));
        Count(counts_[i], cell);
        bytes += cell.bytes.size();
        problem = problem || !cell.problem.empty();
        DATALAKE_TRY(format::FromArrow(assets[i].Append(cell), kStagingError));
      }
      problem_rows_ += problem ? 1 : 0;
    }
    DATALAKE_TRY(WritePiece(batch, first, assets, row - first));
    first = row;
  }
  return {};
}

Status RowStager::WritePiece(const arrow::RecordBatch& batch, std::int64_t first,
                             std::vector<AssetColumnBuilder>& assets, std::int64_t rows) {
  arrow::ArrayVector columns;
  for (std::size_t i = 0; i < plans_.size(); ++i) {
    const arrow::Array& source = *batch.column(plans_[i].index);
    if (plans_[i].action == Action::kAsset) {
      DATALAKE_TRY_ASSIGN(auto column, format::FromArrow(assets[i].Finish(), kStagingError));
      columns.push_back(std::move(column));
    } else if (plans_[i].action == Action::kJson) {
      arrow::StringBuilder builder;
      std::string text;
      for (std::int64_t row = first; row < first + rows; ++row) {
        text.clear();
        DATALAKE_TRY(format::AppendValueJson(source, row, {.skip_null_members = true}, text));
        DATALAKE_TRY(format::FromArrow(
            source.IsNull(row) ? builder.AppendNull() : builder.Append(text), kStagingError));
      }
      DATALAKE_TRY_ASSIGN(auto column, format::FromArrow(builder.Finish(), kStagingError));
      columns.push_back(std::move(column));
    } else {
      columns.push_back(source.Slice(first, rows));
    }
  }
  DATALAKE_TRY(writer_->Write(*arrow::RecordBatch::Make(schema_, rows, std::move(columns))));
  rows_ += static_cast<std::uint64_t>(rows);
  progress_.Report(
      {.phase = "stage", .items_done = rows_, .unit = "rows", .bytes_total = job_.source_bytes});
  return {};
}

Result<StagedCell> RowStager::StageCell(const ColumnPlan& plan, const arrow::Array& column,
                                        std::int64_t row) {
  StagedCell cell;
  if (column.IsNull(row)) {
    cell.is_null = true;
    return cell;
  }
  if (plan.is_path) {
    DATALAKE_TRY(StageNamed(BytesOf(column, row), cell));
  } else if (column.type_id() == arrow::Type::STRUCT) {
    const auto& members = static_cast<const arrow::StructArray&>(column);
    const auto bytes = members.GetFieldByName("bytes");
    const auto path = members.GetFieldByName("path");
    if (!bytes->IsNull(row)) {
      DATALAKE_TRY(StageBytes(BytesOf(*bytes, row), BytesOf(*path, row), cell));
    } else if (!path->IsNull(row)) {
      DATALAKE_TRY(StageNamed(BytesOf(*path, row), cell));
    } else {
      cell.is_null = true;
    }
  } else {
    DATALAKE_TRY(StageBytes(BytesOf(column, row), {}, cell));
  }
  return cell;
}

Status RowStager::StageBytes(std::string_view bytes, std::string_view name, StagedCell& cell) {
  cell.name = name;
  if (bytes.size() <= kMaxEmbeddedBytes) {
    cell.bytes = bytes;
    cell.has_bytes = true;
    return {};
  }
  DATALAKE_TRY_ASSIGN(cell.file, NewFileName(name));
  DATALAKE_TRY_ASSIGN(const auto file, fs_.Create(io::JoinPath(job_.folder, cell.file)));
  DATALAKE_TRY(file->Write(bytes));
  DATALAKE_TRY(file->Sync());
  return file->Close();
}

Status RowStager::StageNamed(std::string_view name, StagedCell& cell) {
  cell.name = name;
  if (name.find("://") != std::string_view::npos) {
    cell.problem = kUrlProblem;
    return {};
  }
  DATALAKE_TRY_ASSIGN(LocatedFile located, source_.Locate(name));
  cell.problem = std::move(located.problem);
  if (!cell.problem.empty()) {
    return {};
  }
  const auto known = copied_.find(located.path);
  if (known != copied_.end()) {
    cell.file = known->second;
    return {};
  }
  auto opened = fs_.OpenInput(located.path);
  if (!opened) {
    cell.problem = fmt::format("cannot read file: {}", FactsOf(opened.error().code).name);
    return {};
  }
  io::InputStream& source = **opened;
  std::string buffer(kMaxEmbeddedBytes + 1, '\0');
  std::size_t filled = 0;
  std::unique_ptr<io::WritableFile> copy;
  while (true) {
    auto read = source.Read(std::as_writable_bytes(std::span(buffer)).subspan(filled));
    if (!read) {
      return read.error();  // the disk fails: not a fault of the row
    }
    filled += *read;
    if (*read != 0 && filled < buffer.size()) {
      continue;
    }
    if (*read == 0 && copy == nullptr) {
      buffer.resize(filled);
      cell.bytes = std::move(buffer);
      cell.has_bytes = true;
      return {};
    }
    if (copy == nullptr) {
      DATALAKE_TRY_ASSIGN(cell.file, NewFileName(name));
      DATALAKE_TRY_ASSIGN(copy, fs_.Create(io::JoinPath(job_.folder, cell.file)));
    }
    DATALAKE_TRY(copy->Write(std::string_view(buffer).substr(0, filled)));
    filled = 0;
    if (*read == 0) {
      DATALAKE_TRY(copy->Sync());
      DATALAKE_TRY(copy->Close());
      copied_.emplace(located.path, cell.file);
      return {};
    }
  }
}

// "assets/batch_0000/file_000000.png"
Result<std::string> RowStager::NewFileName(std::string_view name) {
  const std::uint64_t number = files_++;
  const std::string folder = fmt::format("assets/batch_{:04}", number / kFilesPerFolder);
  if (folder != files_folder_) {
    if (!files_folder_.empty()) {
      DATALAKE_TRY(fs_.SyncDirectory(io::JoinPath(job_.folder, files_folder_)));
    }
    DATALAKE_TRY(fs_.MakeDirectories(io::JoinPath(job_.folder, folder)));
    files_folder_ = folder;
  }
  return fmt::format("{}/file_{:06}{}", folder, number, SafeSuffix(name));
}

void RowStager::Count(ColumnCounts& counts, const StagedCell& cell) {
  if (cell.is_null) {
    return;
  }
  if (!cell.problem.empty()) {
    ++counts.problems;
    if (counts.first_problem.empty()) {
      counts.first_problem = fmt::format("{}: {}", cell.problem, cell.name);
    }
    return;
  }
  ++counts.found;
  counts.pictures += HasPictureSuffix(cell.name) ? 1 : 0;
}

Result<StagedRows> RowStager::Finish() {
  if (rows_ == 0) {
    return Error{ErrorCode::kInvalidArgument, "upload has no rows"};
  }
  DATALAKE_TRY(writer_->Publish());
  if (!files_folder_.empty()) {
    DATALAKE_TRY(fs_.SyncDirectory(io::JoinPath(job_.folder, files_folder_)));
  }
  StagedRows staged;
  staged.rows = rows_;
  staged.problem_rows = problem_rows_;
  for (std::size_t i = 0; i < plans_.size(); ++i) {
    DATALAKE_TRY(Finished(plans_[i], counts_[i], staged));
  }
  return staged;
}

// Takes a column for an asset column and derives the variant, as the seed does (specs: image,
// files, mixed, text), but over all rows.
Status RowStager::Finished(const ColumnPlan& plan, const ColumnCounts& counts, StagedRows& staged) {
  if (plan.action == Action::kAsset && plan.is_path && counts.found == 0 && counts.problems > 0) {
    if (plan.kind == AssetColumnKind::kImage && !job_.source_root.empty() &&
        !counts.first_problem.starts_with(kUrlProblem)) {
      return Error{
          ErrorCode::kInvalidArgument,
          fmt::format("no file of column {} is there, first: {}", plan.name, counts.first_problem)};
    }
    staged.problem_rows = 0;  // just names: the column stays text
  } else if (plan.action == Action::kAsset || plan.action == Action::kLink) {
    staged.asset_columns.push_back({plan.name, plan.kind});
  }
  bool image = false;
  bool file = false;
  for (const AssetColumn& column : staged.asset_columns) {
    const bool is_file = column.kind == AssetColumnKind::kFile;
    image = image || !is_file;
    file = file || is_file;
  }
  if (plan.kind == AssetColumnKind::kFile && counts.found > 0) {
    pictures_only_ = counts.pictures == counts.found;
  }
  staged.variant = image && file            ? "mixed"
                   : image                  ? "image"
                   : file && pictures_only_ ? "image"
                   : file                   ? "files"
                                            : "text";
  return {};
}

}  // namespace

Result<StagedRows> StageRowsInto(const LakeContext& context, const StageJob& job,
                                 arrow::RecordBatchReader& rows, ProgressSink& progress,
                                 std::stop_token stop) {
  return RowStager(context, job, progress, std::move(stop)).Run(rows);
}

}  // namespace datalake::lake

#include "datalake/lake/upload_stage.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <unordered_map>
#include <utility>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/assets/digest_set.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/parquet.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/lake/asset_puts.h"
#include "datalake/lake/json_column.h"
#include "datalake/lake/source_folder.h"
#include "datalake/lake/staged_cell.h"
#include "datalake/lake/upload_record.h"

namespace datalake::lake {
namespace {

using Action = ColumnPlan::Action;

constexpr std::int64_t kPieceRows = 1024;
constexpr std::uint64_t kPieceBytes = std::uint64_t{16} << 20;
constexpr std::int64_t kGroupRows = 128;  // read and put at once
constexpr std::size_t kCellsPerTask = 8;
constexpr std::uint64_t kFilesPerFolder = 1000;
constexpr std::size_t kMostCellsOfGroup = 4096;  // of lists
constexpr std::string_view kUrlProblem = "an address, not a file";

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
  std::uint64_t pictures = 0;  // found cells that are pictures
  std::string first_problem;
};

// Rows whose files are looked up one by one, read and put together, and noted one by one.
struct RowGroup {
  struct Place {
    std::size_t plan;
    std::int64_t row;
  };

  std::shared_ptr<arrow::RecordBatch> batch;  // cells view it
  std::int64_t first = 0;
  std::int64_t end = 0;
  std::vector<StagedCell> cells;
  std::vector<Place> places;  // a cell each
};

class RowStager {
 public:
  RowStager(Lake& lake, const StageJob& job, StageTools tools, std::stop_token stop)
      : fs_(lake.context().fs),
        job_(job),
        pool_(tools.pool),
        progress_(tools.progress),
        stop_(std::move(stop)),
        source_(fs_, job.source_root),
        puts_(tools.puts),
        scratches_(tools.pool.size()),
        filler_(1) {}

  Result<StagedRows> Run(arrow::RecordBatchReader& rows);

 private:
  Status StageBatch(const std::shared_ptr<arrow::RecordBatch>& batch);
  Result<std::unique_ptr<RowGroup>> Collect(const std::shared_ptr<arrow::RecordBatch>& batch,
                                            std::int64_t first);
  Status Next(std::unique_ptr<RowGroup> group);
  Status BeginFill();
  Status EndFill();
  Status Note(RowGroup& group);
  Status WritePiece(const arrow::RecordBatch& batch, std::int64_t rows);
  Result<StagedCell> CellOf(const ColumnPlan& plan, const arrow::Array& column, std::int64_t row);
  Status Name(std::string_view name, StagedCell& cell);
  Status FillCells(assets::AssetBatch& batch, std::vector<StagedCell>& cells);
  Status Settle(StagedCell& cell);
  Status WriteFile(std::string_view bytes, StagedCell& cell);
  Status CopyFile(StagedCell& cell);
  Result<std::string> NewFileName(std::string_view name);
  void Count(ColumnCounts& counts, const StagedCell& cell);
  Result<StagedRows> Finish();
  Status Finished(const ColumnPlan& plan, const ColumnCounts& counts, StagedRows& staged);

  io::FileSystem& fs_;
  const StageJob& job_;
  ThreadPool& pool_;
  ProgressSink& progress_;
  std::stop_token stop_;
  SourceFolder source_;
  AssetPuts& puts_;
  std::vector<ColumnPlan> plans_;
  std::vector<ColumnCounts> counts_;  // a plan each
  std::shared_ptr<arrow::Schema> schema_;
  std::unique_ptr<format::ParquetWriter> writer_;
  std::unordered_map<std::string, std::string> copied_;       // source file → file in the upload
  std::unordered_map<std::string, assets::AssetInfo> large_;  // large source file → its asset
  assets::DigestSet new_assets_;
  std::uint64_t files_ = 0;
  std::string files_folder_;
  std::uint64_t rows_ = 0;
  std::uint64_t problem_rows_ = 0;
  std::uint64_t known_assets_ = 0;
  std::vector<StagedColumnBuilder> piece_;  // of the rows noted and not yet written; a plan each
  std::int64_t piece_first_ = 0;            // in their batch
  std::uint64_t piece_bytes_ = 0;
  std::vector<Scratch> scratches_;     // a thread of the pool each
  std::unique_ptr<RowGroup> filling_;  // the pool is at work on it
  std::future<Status> filled_;
  ThreadPool filler_;  // waits for the pool; last: it ends before what it works on
};

Result<StagedRows> RowStager::Run(arrow::RecordBatchReader& rows) {
  DATALAKE_TRY_ASSIGN(plans_, PlanColumns(*rows.schema(), job_.wishes));
  counts_.resize(plans_.size());
  schema_ = StagedSchema(*rows.schema(), plans_);
  // Read once and removed: light compression, and none for pictures, which have their own.
  const format::ParquetWriteOptions options{.zstd_level = 1,
                                            .content_defined_chunking = false,
                                            .collect_statistics = false,
                                            .raw_binary = true};
  DATALAKE_TRY_ASSIGN(writer_, format::ParquetWriter::Make(
                                   fs_, io::JoinPath(job_.folder, kRowsFile), schema_, options));
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    DATALAKE_TRY(format::FromArrow(rows.ReadNext(&batch), "cannot read rows"));
    if (batch == nullptr) {
      DATALAKE_TRY(Next(nullptr));
      return Finish();
    }
    DATALAKE_TRY(StageBatch(batch));
  }
}

Status RowStager::StageBatch(const std::shared_ptr<arrow::RecordBatch>& batch) {
  for (std::int64_t first = 0; first < batch->num_rows();) {
    if (stop_.stop_requested()) {
      return Error{ErrorCode::kCancelled, "upload was stopped"};
    }
    DATALAKE_TRY_ASSIGN(auto group, Collect(batch, first));
    first = group->end;
    DATALAKE_TRY(Next(std::move(group)));
  }
  return {};
}

Result<std::unique_ptr<RowGroup>> RowStager::Collect(
    const std::shared_ptr<arrow::RecordBatch>& batch, std::int64_t first) {
  auto group = std::make_unique<RowGroup>();
  group->batch = batch;
  group->first = first;
  std::int64_t row = first;
  for (; row < batch->num_rows() && row - first < kGroupRows &&
         group->cells.size() < kMostCellsOfGroup;
       ++row) {
    for (std::size_t i = 0; i < plans_.size(); ++i) {
      if (plans_[i].action != Action::kAsset) {
        continue;
      }
      const AssetItems items = ItemsOfRow(*batch->column(plans_[i].index), row, plans_[i].is_list);
      for (std::int64_t item = items.begin; item < items.end; ++item) {
        DATALAKE_TRY_ASSIGN(StagedCell cell, CellOf(plans_[i], *items.values, item));
        group->cells.push_back(std::move(cell));
        group->places.push_back({i, row});
      }
    }
  }
  group->end = row;
  return group;
}

// The pool fills one group while the one before it is noted and the one behind it collected. Null:
// there are no more.
Status RowStager::Next(std::unique_ptr<RowGroup> group) {
  std::unique_ptr<RowGroup> filled;
  if (filling_ != nullptr) {
    DATALAKE_TRY(EndFill());
    filled = std::move(filling_);
  }
  if (group != nullptr) {
    filling_ = std::move(group);
    DATALAKE_TRY(BeginFill());
  }
  return filled == nullptr ? Status() : Note(*filled);
}

Status RowStager::BeginFill() {
  if (filling_->cells.empty()) {
    return {};
  }
  DATALAKE_TRY_ASSIGN(assets::AssetBatch* const batch, puts_.Batch());
  auto promise = std::make_shared<std::promise<Status>>();
  filled_ = promise->get_future();
  return filler_.Submit([this, promise, batch, cells = &filling_->cells] {
    promise->set_value(FillCells(*batch, *cells));
  });
}

Status RowStager::EndFill() {
  if (filling_->cells.empty()) {
    return {};
  }
  DATALAKE_TRY(filled_.get());
  PutCounts puts;
  for (const StagedCell& cell : filling_->cells) {
    puts.all += cell.asset ? 1 : 0;
    puts.were_new += cell.was_new ? 1 : 0;
    puts.new_bytes += cell.was_new ? cell.asset->size_bytes : 0;
  }
  return puts_.Add(puts);
}

Status RowStager::FillCells(assets::AssetBatch& batch, std::vector<StagedCell>& cells) {
  const FillTools tools{
      .fs = fs_, .batch = batch, .on_bad_asset = job_.on_bad_asset, .stop = stop_};
  std::atomic<std::size_t> next = 0;
  return ParallelFor(pool_, scratches_.size(), stop_, [&](std::size_t task) -> Status {
    while (true) {
      const std::size_t begin = next.fetch_add(kCellsPerTask);
      if (begin >= cells.size()) {
        return {};
      }
      const std::size_t end = std::min(cells.size(), begin + kCellsPerTask);
      for (std::size_t i = begin; i < end; ++i) {
        DATALAKE_TRY(FillCell(tools, scratches_[task], cells[i]));
      }
    }
  });
}

Status RowStager::Note(RowGroup& group) {
  const arrow::RecordBatch& batch = *group.batch;
  if (piece_.empty()) {
    for (const ColumnPlan& plan : plans_) {
      piece_.emplace_back(plan.is_list);
    }
    piece_first_ = group.first;
    piece_bytes_ = 0;
  }
  std::size_t next = 0;
  for (std::int64_t row = group.first; row < group.end; ++row) {
    bool problem = false;
    for (std::size_t i = 0; i < plans_.size(); ++i) {
      if (plans_[i].action != Action::kAsset) {
        continue;
      }
      for (; next < group.cells.size() && group.places[next].plan == i &&
             group.places[next].row == row;
           ++next) {
        StagedCell& cell = group.cells[next];
        DATALAKE_TRY(Settle(cell));
        Count(counts_[i], cell);
        piece_bytes_ += cell.has_bytes ? cell.content().size() : 0;
        problem = problem || !cell.problem.empty();
        DATALAKE_TRY(piece_[i].Append(cell));
      }
      DATALAKE_TRY(piece_[i].EndRow(batch.column(plans_[i].index)->IsNull(row)));
    }
    problem_rows_ += problem ? 1 : 0;
  }
  const std::int64_t rows = group.end - piece_first_;
  const bool is_full =
      group.end == batch.num_rows() || rows >= kPieceRows || piece_bytes_ >= kPieceBytes;
  return is_full ? WritePiece(batch, rows) : Status();
}

Status RowStager::WritePiece(const arrow::RecordBatch& batch, std::int64_t rows) {
  arrow::ArrayVector columns;
  for (std::size_t i = 0; i < plans_.size(); ++i) {
    const arrow::Array& source = *batch.column(plans_[i].index);
    if (plans_[i].action == Action::kAsset) {
      DATALAKE_TRY_ASSIGN(auto column, piece_[i].Finish());
      columns.push_back(std::move(column));
    } else if (plans_[i].action == Action::kJson) {
      DATALAKE_TRY_ASSIGN(auto column, JsonColumn(*source.Slice(piece_first_, rows)));
      columns.push_back(std::move(column));
    } else {
      columns.push_back(source.Slice(piece_first_, rows));
    }
  }
  piece_.clear();
  DATALAKE_TRY(writer_->Write(*arrow::RecordBatch::Make(schema_, rows, std::move(columns))));
  rows_ += static_cast<std::uint64_t>(rows);
  progress_.Report(
      {.phase = "stage", .items_done = rows_, .unit = "rows", .bytes_total = job_.source_bytes});
  return {};
}

// What a cell holds or names; nothing is read yet.
Result<StagedCell> RowStager::CellOf(const ColumnPlan& plan, const arrow::Array& column,
                                     std::int64_t row) {
  StagedCell cell;
  cell.kind = plan.is_kind_open ? AssetColumnKind::kImage : plan.kind;
  if (column.IsNull(row)) {
    cell.is_null = true;
  } else if (plan.is_path) {
    DATALAKE_TRY(Name(BytesOf(column, row), cell));
  } else if (column.type_id() == arrow::Type::STRUCT) {
    const auto& members = static_cast<const arrow::StructArray&>(column);
    const auto bytes = members.GetFieldByName("bytes");
    const auto path = members.GetFieldByName("path");
    if (!bytes->IsNull(row)) {
      cell.view = BytesOf(*bytes, row);
      cell.has_bytes = true;
      cell.name = BytesOf(*path, row);
    } else if (!path->IsNull(row)) {
      DATALAKE_TRY(Name(BytesOf(*path, row), cell));
    } else {
      cell.is_null = true;
    }
  } else {
    cell.view = BytesOf(column, row);
    cell.has_bytes = true;
  }
  return cell;
}

Status RowStager::Name(std::string_view name, StagedCell& cell) {
  cell.name = name;
  if (name.find("://") != std::string_view::npos) {
    cell.problem = kUrlProblem;
    return {};
  }
  DATALAKE_TRY_ASSIGN(LocatedFile located, source_.Locate(name));
  cell.problem = std::move(located.problem);
  cell.source = std::move(located.path);
  if (const auto put = large_.find(cell.source); put != large_.end()) {
    cell.asset = put->second;
    cell.is_picture = HasPictureSuffix(name) || put->second.media_type.starts_with("image/");
    return {};
  }
  if (const auto known = copied_.find(cell.source); known != copied_.end()) {
    cell.file = known->second;
    cell.source.clear();
    cell.is_picture = HasPictureSuffix(name);
  }
  return {};
}

// Large bytes that are not in the store become a file of the upload.
Status RowStager::Settle(StagedCell& cell) {
  if (cell.asset) {
    // Two batches may both have written the bytes.
    const bool is_new =
        cell.was_new && new_assets_.Insert(*assets::ParseShortDigest(cell.asset->sha256));
    known_assets_ += is_new ? 0 : 1;
    if (cell.is_large) {
      large_.try_emplace(cell.source, *cell.asset);
    }
    return {};
  }
  if (cell.is_large && cell.problem.empty()) {
    return CopyFile(cell);
  }
  if (cell.has_bytes && cell.content().size() > kMaxEmbeddedBytes) {
    return WriteFile(cell.content(), cell);
  }
  return {};
}

Status RowStager::WriteFile(std::string_view bytes, StagedCell& cell) {
  DATALAKE_TRY_ASSIGN(cell.file, NewFileName(cell.name));
  DATALAKE_TRY_ASSIGN(const auto file, fs_.Create(io::JoinPath(job_.folder, cell.file)));
  DATALAKE_TRY(file->Write(bytes));
  DATALAKE_TRY(file->Sync());
  cell.has_bytes = false;
  return file->Close();
}

Status RowStager::CopyFile(StagedCell& cell) {
  if (const auto known = copied_.find(cell.source); known != copied_.end()) {
    cell.file = known->second;  // twice in one group
    return {};
  }
  const auto before = fs_.Stat(cell.source);
  const auto opened = fs_.OpenInput(cell.source);
  if (!before || !opened) {
    cell.problem = "file changed while it was read";
    return {};
  }
  DATALAKE_TRY_ASSIGN(const std::string name, NewFileName(cell.name));
  const std::string path = io::JoinPath(job_.folder, name);
  DATALAKE_TRY_ASSIGN(const auto copy, fs_.Create(path));
  std::vector<std::byte> piece(std::size_t{1} << 20);
  std::uint64_t size = 0;
  while (true) {
    if (stop_.stop_requested()) {
      return Error{ErrorCode::kCancelled, "upload was stopped"};
    }
    DATALAKE_TRY_ASSIGN(const std::size_t n, (*opened)->Read(piece));
    if (n == 0) {
      break;
    }
    size += n;
    if (size > before->size_bytes) {
      break;  // it grows: maybe for ever
    }
    DATALAKE_TRY(copy->Write(std::span(std::as_const(piece)).first(n)));
  }
  const auto after = fs_.Stat(cell.source);
  if (size != before->size_bytes || !after || after->modified != before->modified) {
    cell.problem = "file changed while it was read";
    DATALAKE_TRY(copy->Close());
    return fs_.Remove(path);
  }
  DATALAKE_TRY(copy->Sync());
  DATALAKE_TRY(copy->Close());
  cell.file = name;
  copied_.emplace(cell.source, name);
  return {};
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
  counts.pictures += cell.is_picture ? 1 : 0;
}

Result<StagedRows> RowStager::Finish() {
  if (rows_ == 0) {
    return Error{ErrorCode::kInvalidArgument, "upload has no rows"};
  }
  // Both at once: nobody sees the rows before the whole upload is published.
  DATALAKE_TRY(puts_.BeginCommit());
  DATALAKE_TRY(writer_->Publish());
  DATALAKE_TRY(puts_.Commit());
  if (!files_folder_.empty()) {
    DATALAKE_TRY(fs_.SyncDirectory(io::JoinPath(job_.folder, files_folder_)));
  }
  StagedRows staged;
  staged.rows = rows_;
  staged.problem_rows = problem_rows_;
  staged.known_assets = known_assets_;
  staged.new_assets = new_assets_.size();
  for (std::size_t i = 0; i < plans_.size(); ++i) {
    DATALAKE_TRY(Finished(plans_[i], counts_[i], staged));
  }
  bool image = false;
  bool file = false;
  bool other = false;  // a file that is no picture
  for (std::size_t i = 0; i < plans_.size(); ++i) {
    const auto column =
        std::find_if(staged.asset_columns.begin(), staged.asset_columns.end(),
                     [&](const AssetColumn& one) { return one.name == plans_[i].name; });
    if (column == staged.asset_columns.end()) {
      continue;
    }
    const bool is_file = column->kind == AssetColumnKind::kFile;
    image = image || !is_file;
    file = file || is_file;
    other = other || (is_file && counts_[i].pictures < counts_[i].found);
  }
  // As the seed does, but over all rows (specs: image, files, mixed, text).
  staged.variant = image && file   ? "mixed"
                   : file && other ? "files"
                   : image || file ? "image"
                                   : "text";
  return staged;
}

// Takes a column for an asset column, or leaves it the text that it was.
Status RowStager::Finished(const ColumnPlan& plan, const ColumnCounts& counts, StagedRows& staged) {
  if (plan.action == Action::kAsset && plan.is_path && counts.found == 0 && counts.problems > 0) {
    if (!plan.is_maybe && !job_.source_root.empty() &&
        !counts.first_problem.starts_with(kUrlProblem)) {
      return Error{
          ErrorCode::kInvalidArgument,
          fmt::format("no file of column {} is there, first: {}", plan.name, counts.first_problem)};
    }
    staged.problem_rows = 0;  // just names: the column stays text
    return {};
  }
  if (plan.action == Action::kAsset || plan.action == Action::kLink) {
    AssetColumnKind kind = plan.kind;
    if (plan.is_kind_open && counts.found > 0 && counts.pictures == 0) {
      kind = AssetColumnKind::kFile;
    }
    staged.asset_columns.push_back({plan.name, kind, plan.is_list});
  }
  return {};
}

}  // namespace

Result<StagedRows> StageRowsInto(Lake& lake, const StageJob& job, arrow::RecordBatchReader& rows,
                                 StageTools tools, std::stop_token stop) {
  return RowStager(lake, job, tools, std::move(stop)).Run(rows);
}

}  // namespace datalake::lake

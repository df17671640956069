#include "datalake/lake/asset_linker.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_nested.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/assets/asset_store.h"
#include "datalake/assets/media_facts.h"
#include "datalake/base/hash.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/row_json.h"
#include "datalake/io/file_system.h"
#include "datalake/json/writer.h"
#include "datalake/lake/upload_columns.h"

namespace datalake::lake {
namespace {

constexpr std::uint64_t kPutsPerCommit = 20'000;
constexpr std::size_t kRowsPerTask = 16;
constexpr std::string_view kBuildError = "cannot build columns of links";

// Members of StagedAssetType.
constexpr int kBytes = 0;
constexpr int kFile = 1;
constexpr int kName = 2;
constexpr int kProblem = 3;

std::string ProblemOf(std::string_view problem, std::string_view media_type, AssetColumnKind kind) {
  if (!problem.empty()) {
    return std::string(problem);
  }
  if (kind == AssetColumnKind::kImage && !media_type.starts_with("image/")) {
    return fmt::format("not a picture: {}", media_type);
  }
  return {};
}

arrow::Status AppendText(arrow::StringBuilder& builder, std::string_view text) {
  return text.empty() ? builder.AppendNull() : builder.Append(text);
}

template <typename Builder, typename Value>
arrow::Status AppendMaybe(Builder& builder, const std::optional<Value>& value) {
  return value ? builder.Append(*value) : builder.AppendNull();
}

}  // namespace

// One cell of an asset column, linked.
struct AssetLinker::Cell {
  bool is_null = true;
  std::optional<assets::AssetInfo> info;
  std::string problem;
  std::string file;  // located in the upload's folder, before it is put
  bool was_new = false;
};

AssetLinker::AssetLinker(Lake& lake, const UploadInfo& info, const std::string& folder,
                         const arrow::Schema& staged, ThreadPool& pool, std::stop_token stop)
    : lake_(lake),
      info_(info),
      files_(lake.context().fs, folder),
      pool_(pool),
      stop_(std::move(stop)),
      schema_(UploadTableSchema(staged, info)) {}

AssetLinker::~AssetLinker() = default;

Status AssetLinker::EnsureBatch() {
  if (batch_ != nullptr && batch_puts_ >= kPutsPerCommit) {
    DATALAKE_TRY(Commit());
  }
  if (batch_ == nullptr) {
    DATALAKE_TRY_ASSIGN(batch_, lake_.assets().NewBatch());
  }
  return {};
}

Status AssetLinker::Commit() {
  if (batch_ == nullptr) {
    return {};
  }
  DATALAKE_TRY(batch_->Commit());
  batch_.reset();
  batch_puts_ = 0;
  return {};
}

std::vector<RejectedRow> AssetLinker::TakeRejected() {
  return std::exchange(rejected_, {});
}

Result<std::vector<std::shared_ptr<arrow::RecordBatch>>> AssetLinker::Link(
    const arrow::RecordBatch& staged) {
  DATALAKE_TRY(EnsureBatch());
  std::vector<std::vector<Cell>> links;
  for (const AssetColumn& asset : info_.asset_columns) {
    const std::shared_ptr<arrow::Array> column = staged.GetColumnByName(asset.name);
    if (column == nullptr || column->type_id() != arrow::Type::STRUCT) {
      return Error{ErrorCode::kCorruption,
                   fmt::format("staged rows lack the asset column: {}", asset.name)};
    }
    DATALAKE_TRY_ASSIGN(auto cells, LinkColumn(*column, asset));
    links.push_back(std::move(cells));
  }
  DATALAKE_TRY_ASSIGN(const auto all, Assemble(staged, links));
  std::vector<std::shared_ptr<arrow::RecordBatch>> kept;
  std::int64_t first = 0;  // of a run of rows that stay
  for (std::int64_t row = 0; row <= staged.num_rows(); ++row) {
    std::string_view reason;
    std::size_t bad = 0;
    for (std::size_t i = 0; i < links.size() && row < staged.num_rows(); ++i) {
      const std::string& problem = links[i][static_cast<std::size_t>(row)].problem;
      if (info_.on_bad_asset == OnBadAsset::kReject && !problem.empty() && reason.empty()) {
        reason = problem;
        bad = i;
      }
    }
    if (row < staged.num_rows() && reason.empty()) {
      continue;
    }
    if (row > first) {
      kept.push_back(all->Slice(first, row - first));
      counts_.rows += static_cast<std::uint64_t>(row - first);
    }
    first = row + 1;
    if (row < staged.num_rows()) {
      Reject(staged, row, info_.asset_columns[bad].name, reason);
    }
  }
  next_row_ += static_cast<std::uint64_t>(staged.num_rows());
  return kept;
}

Result<std::vector<AssetLinker::Cell>> AssetLinker::LinkColumn(const arrow::Array& column,
                                                               const AssetColumn& asset) {
  const auto rows = static_cast<std::size_t>(column.length());
  std::vector<Cell> cells(rows);
  if (asset.kind != AssetColumnKind::kLink) {  // look files up first: the listings are not shared
    if (!column.type()->Equals(StagedAssetType())) {
      return Error{ErrorCode::kCorruption,
                   fmt::format("staged asset column has another form: {}", asset.name)};
    }
    const auto file = static_cast<const arrow::StructArray&>(column).field(kFile);
    for (std::size_t row = 0; row < rows; ++row) {
      const auto at = static_cast<std::int64_t>(row);
      if (!column.IsNull(at) && !file->IsNull(at)) {
        DATALAKE_TRY_ASSIGN(LocatedFile located, files_.Locate(BytesOf(*file, at)));
        cells[row].file = std::move(located.path);
        cells[row].problem = std::move(located.problem);
      }
    }
  }
  const std::size_t tasks = (rows + kRowsPerTask - 1) / kRowsPerTask;
  const Status linked = ParallelFor(pool_, tasks, stop_, [&](std::size_t task) -> Status {
    const std::size_t end = std::min(rows, (task + 1) * kRowsPerTask);
    for (std::size_t row = task * kRowsPerTask; row < end; ++row) {
      DATALAKE_TRY(LinkCell(column, asset.kind, static_cast<std::int64_t>(row), cells[row]));
    }
    return {};
  });
  DATALAKE_TRY(linked);
  for (const Cell& cell : cells) {
    counts_.problem_assets += cell.problem.empty() ? 0 : 1;
    counts_.assets += cell.info ? 1 : 0;
    counts_.new_assets += cell.was_new ? 1 : 0;
    batch_puts_ += cell.info ? 1 : 0;
  }
  return cells;
}

// On a worker.
Status AssetLinker::LinkCell(const arrow::Array& column, AssetColumnKind kind, std::int64_t row,
                             Cell& cell) {
  if (column.IsNull(row)) {
    return {};
  }
  cell.is_null = false;
  return kind == AssetColumnKind::kLink ? LinkKnown(column, row, cell)
                                        : LinkStaged(column, kind, row, cell);
}

Status AssetLinker::LinkKnown(const arrow::Array& column, std::int64_t row, Cell& cell) {
  const auto sha256 = static_cast<const arrow::StructArray&>(column).GetFieldByName("sha256");
  if (sha256 == nullptr || sha256->IsNull(row)) {
    cell.is_null = true;
    return {};
  }
  const std::string_view digest = BytesOf(*sha256, row);
  if (!IsSha256Hex(digest)) {
    cell.problem = "not a SHA-256";
    return {};
  }
  auto info = lake_.assets().Stat(digest);
  if (!info && info.error().code != ErrorCode::kNotFound) {
    return info.error();
  }
  if (!info) {
    cell.problem = fmt::format("asset is not in the lake: {}", digest);
    return {};
  }
  cell.problem = info->problem;
  cell.info = std::move(*info);
  return {};
}

// What is wrong with bytes that the policy does not want in the store; else "".
Result<std::string> AssetLinker::ProblemBeforePut(const arrow::Array& bytes, std::int64_t row,
                                                  const Cell& cell, AssetColumnKind kind) {
  if (info_.on_bad_asset == OnBadAsset::kKeep) {
    return std::string();
  }
  if (cell.file.empty()) {
    const std::string_view content = BytesOf(bytes, row);
    const assets::MediaFacts facts =
        assets::ReadMediaFacts(std::as_bytes(std::span(content.data(), content.size())));
    return ProblemOf(facts.problem, facts.media_type, kind);
  }
  DATALAKE_TRY_ASSIGN(const auto file, lake_.context().fs.OpenRandomAccess(cell.file));
  DATALAKE_TRY_ASSIGN(const assets::MediaFacts facts, assets::ReadMediaFacts(*file));
  return ProblemOf(facts.problem, facts.media_type, kind);
}

Status AssetLinker::LinkStaged(const arrow::Array& column, AssetColumnKind kind, std::int64_t row,
                               Cell& cell) {
  const auto& staged = static_cast<const arrow::StructArray&>(column);
  const std::shared_ptr<arrow::Array> bytes = staged.field(kBytes);
  if (cell.problem.empty()) {
    cell.problem = BytesOf(*staged.field(kProblem), row);
  }
  if (cell.problem.empty() && cell.file.empty() && bytes->IsNull(row)) {
    cell.problem = "no bytes";
  }
  if (!cell.problem.empty()) {
    return {};
  }
  DATALAKE_TRY_ASSIGN(cell.problem, ProblemBeforePut(*bytes, row, cell, kind));
  if (!cell.problem.empty()) {
    return {};
  }
  assets::PutResult put;
  if (cell.file.empty()) {
    DATALAKE_TRY_ASSIGN(put, batch_->PutBytes(BytesOf(*bytes, row)));
  } else {
    DATALAKE_TRY_ASSIGN(const auto source, lake_.context().fs.OpenInput(cell.file));
    DATALAKE_TRY_ASSIGN(put, batch_->Put(*source));
  }
  cell.problem = ProblemOf(put.info.problem, put.info.media_type, kind);
  cell.was_new = put.was_new;
  cell.info = std::move(put.info);
  return {};
}

void AssetLinker::Reject(const arrow::RecordBatch& staged, std::int64_t row,
                         std::string_view column, std::string_view reason) {
  ++counts_.rejected_rows;
  RejectedRow rejected;
  json::Writer writer(rejected.json);
  writer.BeginObject();
  writer.Key("row");
  writer.Uint(next_row_ + static_cast<std::uint64_t>(row));
  writer.Key("column");
  writer.String(column);
  writer.Key("reason");
  writer.String(reason);
  for (int i = 0; i < staged.num_columns(); ++i) {
    const arrow::Array& values = *staged.column(i);
    std::string text;
    if (values.type()->Equals(StagedAssetType())) {  // its name, not its bytes
      const auto name = static_cast<const arrow::StructArray&>(values).field(kName);
      (void)format::AppendValueJson(*name, row, {}, text);
    } else if (!format::AppendValueJson(values, row, {}, text)) {
      text = "null";
    }
    writer.Key("value." + staged.column_name(i));
    writer.Raw(text);
  }
  writer.EndObject();
  rejected_.push_back(std::move(rejected));
}

namespace {

// Builders of AssetLinkType.
struct LinkBuilder {
  arrow::Status Append(bool is_null, const std::optional<assets::AssetInfo>& info,
                       std::string_view problem_text) {
    if (is_null) {
      return column.AppendNull();
    }
    ARROW_RETURN_NOT_OK(column.Append());
    const assets::AssetInfo none;
    const assets::AssetInfo& facts = info ? *info : none;
    ARROW_RETURN_NOT_OK(AppendText(*sha256, facts.sha256));
    ARROW_RETURN_NOT_OK(AppendText(*path, info ? assets::AssetPath(facts) : std::string()));
    ARROW_RETURN_NOT_OK(AppendText(*media_type, info ? facts.media_type : std::string()));
    ARROW_RETURN_NOT_OK(info ? bytes->Append(static_cast<std::int64_t>(facts.size_bytes))
                             : bytes->AppendNull());
    ARROW_RETURN_NOT_OK(AppendMaybe(*width, facts.width));
    ARROW_RETURN_NOT_OK(AppendMaybe(*height, facts.height));
    return AppendText(*problem, problem_text);
  }

  std::shared_ptr<arrow::StringBuilder> sha256 = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::StringBuilder> path = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::StringBuilder> media_type = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::Int64Builder> bytes = std::make_shared<arrow::Int64Builder>();
  std::shared_ptr<arrow::Int32Builder> width = std::make_shared<arrow::Int32Builder>();
  std::shared_ptr<arrow::Int32Builder> height = std::make_shared<arrow::Int32Builder>();
  std::shared_ptr<arrow::StringBuilder> problem = std::make_shared<arrow::StringBuilder>();
  arrow::StructBuilder column{AssetLinkType(),
                              arrow::default_memory_pool(),
                              {sha256, path, media_type, bytes, width, height, problem}};
};

arrow::Result<std::shared_ptr<arrow::Array>> Constant(std::string_view value, std::int64_t rows) {
  arrow::StringBuilder builder;
  for (std::int64_t row = 0; row < rows; ++row) {
    ARROW_RETURN_NOT_OK(builder.Append(value));
  }
  return builder.Finish();
}

}  // namespace

Result<std::shared_ptr<arrow::RecordBatch>> AssetLinker::Assemble(
    const arrow::RecordBatch& staged, const std::vector<std::vector<Cell>>& links) {
  arrow::ArrayVector columns;
  for (int i = 0; i < staged.num_columns(); ++i) {
    const auto asset = std::find_if(
        info_.asset_columns.begin(), info_.asset_columns.end(),
        [&](const AssetColumn& column) { return column.name == staged.column_name(i); });
    const std::shared_ptr<arrow::Array>& values = staged.column(i);
    if (asset != info_.asset_columns.end()) {
      LinkBuilder builder;
      for (const Cell& cell :
           links[static_cast<std::size_t>(asset - info_.asset_columns.begin())]) {
        DATALAKE_TRY(
            format::FromArrow(builder.Append(cell.is_null, cell.info, cell.problem), kBuildError));
      }
      DATALAKE_TRY_ASSIGN(auto column, format::FromArrow(builder.column.Finish(), kBuildError));
      columns.push_back(std::move(column));
    } else if (values->type()->Equals(StagedAssetType())) {
      columns.push_back(static_cast<const arrow::StructArray&>(*values).field(kName));
    } else {
      columns.push_back(values);
    }
  }
  for (const auto& [name, value] : info_.fields) {
    DATALAKE_TRY_ASSIGN(auto column,
                        format::FromArrow(Constant(value, staged.num_rows()), kBuildError));
    columns.push_back(std::move(column));
  }
  if (!links.empty()) {
    arrow::StringBuilder path;
    arrow::StringBuilder hash;
    for (const Cell& cell : links.front()) {
      DATALAKE_TRY(format::FromArrow(
          AppendText(path, cell.info ? assets::AssetPath(*cell.info) : std::string()),
          kBuildError));
      DATALAKE_TRY(format::FromArrow(
          AppendText(hash, cell.info ? cell.info->sha256 : std::string()), kBuildError));
    }
    DATALAKE_TRY_ASSIGN(auto paths, format::FromArrow(path.Finish(), kBuildError));
    DATALAKE_TRY_ASSIGN(auto hashes, format::FromArrow(hash.Finish(), kBuildError));
    columns.push_back(std::move(paths));
    columns.push_back(std::move(hashes));
  }
  return arrow::RecordBatch::Make(schema_, staged.num_rows(), std::move(columns));
}

}  // namespace datalake::lake

#include "datalake/lake/asset_linker.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/array/util.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/assets/asset_store.h"
#include "datalake/assets/media_facts.h"
#include "datalake/base/hash.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/row_json.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/writer.h"
#include "datalake/lake/asset_problem.h"
#include "datalake/lake/asset_puts.h"
#include "datalake/lake/json_column.h"
#include "datalake/lake/link_builder.h"
#include "datalake/lake/upload_columns.h"

namespace datalake::lake {
namespace {

constexpr std::size_t kCellsPerTask = 16;
constexpr std::string_view kBuildError = "cannot build columns of links";

// Members of StagedAssetType.
constexpr int kBytes = 0;
constexpr int kFile = 1;
constexpr int kName = 2;
constexpr int kProblem = 3;
constexpr int kSha256 = 4;  // not in those of older programs
constexpr int kMediaType = 5;
constexpr int kExtension = 6;  // nor this
constexpr int kSizeBytes = 7;
constexpr int kWidth = 8;
constexpr int kHeight = 9;
constexpr int kAssetProblem = 10;
constexpr int kOrientation = 11;  // nor these
constexpr int kFrames = 12;

// The names of a column of staged assets, or of lists of them, that stays text; else nothing.
std::optional<std::shared_ptr<arrow::Array>> NamesOf(const arrow::Array& values) {
  if (IsStagedAsset(*values.type())) {
    return static_cast<const arrow::StructArray&>(values).GetFieldByName("name");
  }
  if (values.type_id() != arrow::Type::LIST || !IsStagedAsset(*values.type()->field(0)->type())) {
    return std::nullopt;
  }
  const auto& lists = static_cast<const arrow::ListArray&>(values);
  const auto names = static_cast<const arrow::StructArray&>(*lists.values()).field(kName);
  return std::make_shared<arrow::ListArray>(arrow::list(arrow::utf8()), lists.length(),
                                            lists.value_offsets(), names, lists.null_bitmap(),
                                            lists.null_count(), lists.offset());
}

// Arrow's arrays by their base, as FromArrow and its callers want them.
template <typename T>
arrow::Result<std::shared_ptr<arrow::Array>> AsArray(arrow::Result<std::shared_ptr<T>> array) {
  if (!array.ok()) {
    return array.status();
  }
  return std::shared_ptr<arrow::Array>(std::move(array).ValueUnsafe());
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
  DerivedPicture derived;
};

// The cells of an asset column: one a row, or those of its lists one after the other.
struct AssetLinker::Column {
  std::vector<const arrow::Array*> values;  // a cell's array and its place there
  std::vector<std::int64_t> places;
  std::vector<Cell> cells;
  std::vector<std::size_t> first;  // cell of each row, and the end
  std::vector<bool> is_null;       // of rows: no list
};

AssetLinker::AssetLinker(Lake& lake, const UploadInfo& info, const std::string& folder,
                         const arrow::Schema& staged, const arrow::Schema* table, ThreadPool& pool,
                         std::stop_token stop)
    : lake_(lake),
      info_(info),
      files_(lake.context().fs, folder),
      pool_(pool),
      stop_(std::move(stop)),
      deriver_(info.derived),
      schema_(UploadTableSchema(staged, info, table)) {}

AssetLinker::~AssetLinker() = default;

Status AssetLinker::Commit() {
  return puts_ == nullptr ? Status() : puts_->Commit();
}

std::vector<RejectedRow> AssetLinker::TakeRejected() {
  return std::exchange(rejected_, {});
}

Result<std::vector<std::shared_ptr<arrow::RecordBatch>>> AssetLinker::Link(
    const arrow::RecordBatch& staged) {
  if (puts_ == nullptr) {
    DATALAKE_TRY_ASSIGN(puts_, AssetPuts::Open(lake_.assets()));
  }
  std::vector<Column> links;
  for (const AssetColumn& asset : info_.asset_columns) {
    const std::shared_ptr<arrow::Array> column = staged.GetColumnByName(asset.name);
    if (column == nullptr || (column->type_id() == arrow::Type::STRUCT) == asset.is_list) {
      return Error{ErrorCode::kCorruption,
                   fmt::format("staged rows lack the asset column: {}", asset.name)};
    }
    DATALAKE_TRY_ASSIGN(Column cells, LinkColumn(*column, asset));
    links.push_back(std::move(cells));
  }
  DATALAKE_TRY_ASSIGN(const auto all, Assemble(staged, links));
  std::vector<std::shared_ptr<arrow::RecordBatch>> kept;
  std::int64_t first = 0;  // of a run of rows that stay
  for (std::int64_t row = 0; row <= staged.num_rows(); ++row) {
    std::string_view reason;
    std::size_t bad = 0;
    for (; bad < links.size() && row < staged.num_rows(); ++bad) {
      reason = ProblemOfRow(links[bad], row);
      if (!reason.empty()) {
        break;
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

// Why the row does not stay; else "".
std::string_view AssetLinker::ProblemOfRow(const Column& links, std::int64_t row) const {
  if (info_.on_bad_asset != OnBadAsset::kReject) {
    return {};
  }
  const auto at = static_cast<std::size_t>(row);
  for (std::size_t cell = links.first[at]; cell < links.first[at + 1]; ++cell) {
    if (!links.cells[cell].problem.empty()) {
      return links.cells[cell].problem;
    }
  }
  return {};
}

Result<AssetLinker::Column> AssetLinker::LinkColumn(const arrow::Array& column,
                                                    const AssetColumn& asset) {
  Column links;
  for (std::int64_t row = 0; row < column.length(); ++row) {
    const AssetItems items = ItemsOfRow(column, row, asset.is_list);
    links.first.push_back(links.places.size());
    links.is_null.push_back(column.IsNull(row));
    for (std::int64_t item = items.begin; item < items.end; ++item) {
      links.values.push_back(items.values);
      links.places.push_back(item);
    }
  }
  links.first.push_back(links.places.size());
  links.cells.resize(links.places.size());
  DATALAKE_TRY(LocateFiles(asset, links));
  DATALAKE_TRY_ASSIGN(batch_, puts_->Batch());
  const std::size_t tasks = (links.cells.size() + kCellsPerTask - 1) / kCellsPerTask;
  const Status linked = ParallelFor(pool_, tasks, stop_, [&](std::size_t task) -> Status {
    const std::size_t end = std::min(links.cells.size(), (task + 1) * kCellsPerTask);
    for (std::size_t i = task * kCellsPerTask; i < end; ++i) {
      DATALAKE_TRY(LinkCell(*links.values[i], asset.kind, links.places[i], links.cells[i]));
    }
    return {};
  });
  DATALAKE_TRY(linked);
  PutCounts puts;
  for (const Cell& cell : links.cells) {
    counts_.problem_assets += cell.problem.empty() ? 0 : 1;
    counts_.assets += cell.info ? 1 : 0;
    counts_.new_assets += cell.was_new ? 1 : 0;
    puts.all += cell.info ? 1 : 0;
    puts.were_new += cell.was_new ? 1 : 0;
    puts.new_bytes += cell.was_new ? cell.info->size_bytes : 0;
  }
  DATALAKE_TRY(puts_->Add(puts));
  return links;
}

// Looks files up first: the listings are not shared between threads.
Status AssetLinker::LocateFiles(const AssetColumn& asset, Column& links) {
  const arrow::Array* checked = nullptr;
  const arrow::Array* file = nullptr;  // of `checked`
  for (std::size_t i = 0; i < links.cells.size() && asset.kind != AssetColumnKind::kLink; ++i) {
    const arrow::Array& values = *links.values[i];
    if (&values != checked && !IsStagedAsset(*values.type())) {
      return Error{ErrorCode::kCorruption,
                   fmt::format("staged asset column has another form: {}", asset.name)};
    }
    if (&values != checked) {
      checked = &values;
      file = static_cast<const arrow::StructArray&>(values).field(kFile).get();  // it keeps it
    }
    if (!values.IsNull(links.places[i]) && !file->IsNull(links.places[i])) {
      DATALAKE_TRY_ASSIGN(LocatedFile located, files_.Locate(BytesOf(*file, links.places[i])));
      links.cells[i].file = std::move(located.path);
      links.cells[i].problem = std::move(located.problem);
    }
  }
  return {};
}

// On a worker.
Status AssetLinker::LinkCell(const arrow::Array& column, AssetColumnKind kind, std::int64_t row,
                             Cell& cell) {
  if (column.IsNull(row)) {
    return {};
  }
  cell.is_null = false;
  DATALAKE_TRY(kind == AssetColumnKind::kLink ? LinkKnown(column, row, cell)
                                              : LinkStaged(column, kind, row, cell));
  return kind == AssetColumnKind::kImage ? Derive(column, row, cell) : Status();
}

// What is made of a picture's bytes: those that are staged, or those of its asset.
Status AssetLinker::Derive(const arrow::Array& column, std::int64_t row, Cell& cell) {
  if (!cell.info || !cell.problem.empty() || !deriver_.Wants(*cell.info)) {
    return {};
  }
  const std::shared_ptr<arrow::Array> staged =
      static_cast<const arrow::StructArray&>(column).field(kBytes);
  std::string read;
  if (!cell.file.empty()) {
    DATALAKE_TRY_ASSIGN(read, io::ReadFile(lake_.context().fs, cell.file, cell.info->size_bytes));
  } else if (staged->IsNull(row)) {
    DATALAKE_TRY_ASSIGN(const std::string path, lake_.assets().FindPath(cell.info->sha256));
    DATALAKE_TRY_ASSIGN(read,
                        io::ReadFile(lake_.context().fs, io::JoinPath(lake_.assets().root(), path),
                                     cell.info->size_bytes));
  }
  const std::string_view bytes = read.empty() ? BytesOf(*staged, row) : std::string_view(read);
  DATALAKE_TRY_ASSIGN(cell.derived, deriver_.Derive(*cell.info, bytes));
  cell.problem = cell.derived.problem;
  if (!cell.problem.empty() && info_.on_bad_asset != OnBadAsset::kKeep) {
    cell.info.reset();  // nothing links it: it is collected
    cell.was_new = false;
  }
  return {};
}

Status AssetLinker::LinkKnown(const arrow::Array& column, std::int64_t row, Cell& cell) {
  const auto sha256 = static_cast<const arrow::StructArray&>(column).GetFieldByName("sha256");
  if (sha256 == nullptr || sha256->IsNull(row)) {
    cell.is_null = true;
    return {};
  }
  return LinkAsset(BytesOf(*sha256, row), AssetColumnKind::kLink, cell);
}

// Links an asset that the lake has.
Status AssetLinker::LinkAsset(std::string_view sha256, AssetColumnKind kind, Cell& cell) {
  if (!IsSha256Hex(sha256)) {
    cell.problem = "not a SHA-256";
    return {};
  }
  return TakeReference(batch_->Reference(sha256), kind, cell);
}

// Links an asset that staging has put.
Status AssetLinker::LinkPut(const arrow::StructArray& staged, AssetColumnKind kind,
                            std::int64_t row, Cell& cell) {
  const auto number = [&](int member) {
    if (member >= staged.num_fields()) {
      return std::optional<std::int32_t>();
    }
    const auto& values = static_cast<const arrow::Int32Array&>(*staged.field(member));
    return values.IsNull(row) ? std::optional<std::int32_t>() : values.Value(row);
  };
  assets::AssetInfo info;
  info.sha256 = BytesOf(*staged.field(kSha256), row);
  info.media_type = BytesOf(*staged.field(kMediaType), row);
  info.extension = BytesOf(*staged.field(kExtension), row);
  info.size_bytes = static_cast<std::uint64_t>(
      static_cast<const arrow::Int64Array&>(*staged.field(kSizeBytes)).Value(row));
  info.width = number(kWidth);
  info.height = number(kHeight);
  info.orientation = number(kOrientation);
  info.frames = number(kFrames);
  info.problem = BytesOf(*staged.field(kAssetProblem), row);
  Status known = batch_->ReferenceKnown(info);
  return TakeReference(
      known ? Result<assets::AssetInfo>(std::move(info)) : std::move(known).error(), kind, cell);
}

Status AssetLinker::TakeReference(Result<assets::AssetInfo> info, AssetColumnKind kind,
                                  Cell& cell) {
  if (!info) {
    switch (info.error().code) {
      case ErrorCode::kPermissionDenied:
        cell.problem = kTakenDown;
        return {};
      case ErrorCode::kNotFound:
      case ErrorCode::kInvalidArgument:
      case ErrorCode::kCorruption:
        cell.problem = fmt::format("asset is not in the lake: {}", info.error().message);
        return {};
      default:
        return std::move(info).error();
    }
  }
  cell.problem = AssetProblem(*info, kind);
  if (cell.problem.empty() || info_.on_bad_asset == OnBadAsset::kKeep ||
      kind == AssetColumnKind::kLink) {
    cell.info = std::move(*info);
  }
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
    return AssetProblem(
        assets::ReadMediaFacts(std::as_bytes(std::span(content.data(), content.size()))), kind);
  }
  DATALAKE_TRY_ASSIGN(const auto file, lake_.context().fs.OpenRandomAccess(cell.file));
  DATALAKE_TRY_ASSIGN(const assets::MediaFacts facts, assets::ReadMediaFacts(*file));
  return AssetProblem(facts, kind);
}

Status AssetLinker::LinkStaged(const arrow::Array& column, AssetColumnKind kind, std::int64_t row,
                               Cell& cell) {
  const auto& staged = static_cast<const arrow::StructArray&>(column);
  const std::shared_ptr<arrow::Array> bytes = staged.field(kBytes);
  if (cell.problem.empty()) {
    cell.problem = BytesOf(*staged.field(kProblem), row);
  }
  if (!cell.problem.empty()) {
    return {};
  }
  if (staged.num_fields() > kSha256 && !staged.field(kSha256)->IsNull(row)) {
    return staged.num_fields() > kExtension && !staged.field(kExtension)->IsNull(row)
               ? LinkPut(staged, kind, row, cell)
               : LinkAsset(BytesOf(*staged.field(kSha256), row), kind, cell);
  }
  if (cell.file.empty() && bytes->IsNull(row)) {
    cell.problem = "no bytes";
    return {};
  }
  DATALAKE_TRY_ASSIGN(cell.problem, ProblemBeforePut(*bytes, row, cell, kind));
  if (!cell.problem.empty()) {
    return {};
  }
  std::unique_ptr<io::InputStream> source;
  if (!cell.file.empty()) {
    DATALAKE_TRY_ASSIGN(source, lake_.context().fs.OpenInput(cell.file));
  }
  auto put = source == nullptr ? batch_->PutBytes(BytesOf(*bytes, row)) : batch_->Put(*source);
  if (!put && put.error().code == ErrorCode::kPermissionDenied) {
    cell.problem = kTakenDown;
    return {};
  }
  if (!put) {
    return std::move(put).error();
  }
  cell.problem = AssetProblem(put->info, kind);
  cell.was_new = put->was_new;
  cell.info = std::move(put->info);
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
    if (const auto names = NamesOf(values)) {  // not the bytes
      (void)format::AppendValueJson(**names, row, {}, text);
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

arrow::Result<std::shared_ptr<arrow::Array>> Constant(std::string_view value,
                                                      const std::shared_ptr<arrow::DataType>& type,
                                                      std::int64_t rows) {
  ARROW_ASSIGN_OR_RAISE(const auto scalar, arrow::Scalar::Parse(type, value));
  return arrow::MakeArrayFromScalar(*scalar, rows);
}

}  // namespace

Result<std::shared_ptr<arrow::Array>> AssetLinker::BuildLinks(const Column& links,
                                                              const arrow::DataType& type) {
  const bool is_list = type.id() == arrow::Type::LIST;
  LinkBuilder builder(AssetLinkTypeLike(is_list ? type.field(0)->type().get() : &type));
  DATALAKE_TRY(builder.Reserve(static_cast<std::int64_t>(links.cells.size())));
  for (const Cell& cell : links.cells) {
    DATALAKE_TRY(cell.is_null ? builder.AppendNull()
                              : builder.Append(cell.info ? &*cell.info : nullptr, cell.problem));
  }
  DATALAKE_TRY_ASSIGN(auto cells, builder.Finish());
  return is_list ? ListsOf(links, *cells) : cells;
}

// Cells that were built one after the other, as the lists of their rows.
Result<std::shared_ptr<arrow::Array>> AssetLinker::ListsOf(const Column& links,
                                                           const arrow::Array& cells) {
  arrow::Int32Builder offsets;  // null where there is no list
  for (std::size_t row = 0; row < links.first.size(); ++row) {
    const bool is_null = row < links.is_null.size() && links.is_null[row];
    DATALAKE_TRY(
        format::FromArrow(is_null ? offsets.AppendNull()
                                  : offsets.Append(static_cast<std::int32_t>(links.first[row])),
                          kBuildError));
  }
  DATALAKE_TRY_ASSIGN(const auto ends, format::FromArrow(offsets.Finish(), kBuildError));
  return format::FromArrow(AsArray(arrow::ListArray::FromArrays(*ends, cells)), kBuildError);
}

// The columns that are derived of one of pictures.
Status AssetLinker::AppendDerived(const Column& links, const AssetColumn& asset,
                                  arrow::ArrayVector& columns) {
  arrow::Int64Builder hashes;
  arrow::BinaryBuilder thumbnails;
  for (const Cell& cell : links.cells) {
    DATALAKE_TRY(format::FromArrow(AppendMaybe(hashes, cell.derived.hash), kBuildError));
    const std::string& jpeg = cell.derived.thumbnail;
    DATALAKE_TRY(format::FromArrow(jpeg.empty() ? thumbnails.AppendNull() : thumbnails.Append(jpeg),
                                   kBuildError));
  }
  const auto add = [&](arrow::ArrayBuilder& builder) -> Status {
    DATALAKE_TRY_ASSIGN(auto cells, format::FromArrow(builder.Finish(), kBuildError));
    if (asset.is_list) {
      DATALAKE_TRY_ASSIGN(cells, ListsOf(links, *cells));
    }
    columns.push_back(std::move(cells));
    return {};
  };
  DATALAKE_TRY(info_.derived.perceptual_hash ? add(hashes) : Status());
  return info_.derived.thumbnail_side > 0 ? add(thumbnails) : Status();
}

// The columns `path` and `hash`: those of the first asset of a row.
Status AssetLinker::AppendFirst(const Column& links, arrow::ArrayVector& columns) {
  FirstLinkBuilder builder;
  for (std::size_t row = 0; row + 1 < links.first.size(); ++row) {
    const std::size_t cell = links.first[row];
    const bool has_link = cell < links.first[row + 1] && links.cells[cell].info;
    DATALAKE_TRY(builder.Append(has_link ? &*links.cells[cell].info : nullptr));
  }
  DATALAKE_TRY_ASSIGN(auto paths, builder.FinishPaths());
  DATALAKE_TRY_ASSIGN(auto hashes, builder.FinishHashes());
  columns.push_back(std::move(paths));
  columns.push_back(std::move(hashes));
  return {};
}

Result<std::shared_ptr<arrow::RecordBatch>> AssetLinker::Assemble(
    const arrow::RecordBatch& staged, const std::vector<Column>& links) {
  arrow::ArrayVector columns;
  for (int i = 0; i < staged.num_columns(); ++i) {
    const auto asset = std::find_if(
        info_.asset_columns.begin(), info_.asset_columns.end(),
        [&](const AssetColumn& column) { return column.name == staged.column_name(i); });
    const std::shared_ptr<arrow::Array>& values = staged.column(i);
    if (asset != info_.asset_columns.end()) {
      const auto at = static_cast<std::size_t>(asset - info_.asset_columns.begin());
      DATALAKE_TRY_ASSIGN(auto column,
                          BuildLinks(links[at], *schema_->GetFieldByName(asset->name)->type()));
      columns.push_back(std::move(column));
    } else if (auto names = NamesOf(*values)) {
      columns.push_back(std::move(*names));
    } else if (IsNested(*values->type()) && IsText(*schema_->field(i)->type())) {
      DATALAKE_TRY_ASSIGN(auto column, JsonColumn(*values));
      columns.push_back(std::move(column));
    } else {
      columns.push_back(values);
    }
  }
  for (const auto& [name, value] : info_.fields) {
    DATALAKE_TRY_ASSIGN(auto column, format::FromArrow(Constant(value, FieldColumnType(info_, name),
                                                                staged.num_rows()),
                                                       kBuildError));
    columns.push_back(std::move(column));
  }
  for (std::size_t i = 0; i < links.size(); ++i) {
    if (info_.asset_columns[i].kind == AssetColumnKind::kImage) {
      DATALAKE_TRY(AppendDerived(links[i], info_.asset_columns[i], columns));
    }
  }
  if (!links.empty()) {
    DATALAKE_TRY(AppendFirst(links.front(), columns));
  }
  return arrow::RecordBatch::Make(schema_, staged.num_rows(), std::move(columns));
}

}  // namespace datalake::lake

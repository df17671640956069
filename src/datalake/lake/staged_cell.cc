#include "datalake/lake/staged_cell.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_nested.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/assets/asset_store.h"
#include "datalake/assets/media_facts.h"
#include "datalake/base/hash.h"
#include "datalake/base/hex.h"
#include "datalake/format/arrow_status.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/lake/upload_columns.h"
#include "datalake/lake/upload_stage.h"

namespace datalake::lake {
namespace {

constexpr std::string_view kStagingError = "cannot build staged columns";
constexpr std::string_view kChanged = "file changed while it was read";

constexpr std::array<std::string_view, 11> kPictureSuffixes = {
    ".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".avif", ".heic", ".jxl"};

std::string CannotRead(const Error& error) {
  return fmt::format("cannot read file: {}", FactsOf(error.code).name);
}

// The whole of a file that is not large; a large one is only told so.
Status ReadSource(io::FileSystem& fs, StagedCell& cell) {
  const auto before = fs.Stat(cell.source);
  if (!before) {
    cell.problem = CannotRead(before.error());
    return {};
  }
  if (before->size_bytes > kMaxEmbeddedBytes) {
    cell.is_large = true;
    return {};
  }
  auto opened = fs.OpenInput(cell.source);
  if (!opened) {
    cell.problem = CannotRead(opened.error());
    return {};
  }
  cell.bytes.resize(before->size_bytes + 1);  // one more: does it end where it should?
  std::size_t size = 0;
  while (size < cell.bytes.size()) {
    DATALAKE_TRY_ASSIGN(
        const std::size_t n,
        (*opened)->Read(std::as_writable_bytes(std::span(cell.bytes)).subspan(size)));
    if (n == 0) {
      break;
    }
    size += n;
  }
  const auto after = fs.Stat(cell.source);
  if (size != before->size_bytes || !after || after->modified != before->modified) {
    cell.problem = kChanged;
    cell.bytes = {};
    return {};
  }
  cell.bytes.resize(size);
  cell.has_bytes = true;
  return {};
}

}  // namespace

bool HasPictureSuffix(std::string_view name) {
  std::string lower(name.substr(name.size() - std::min<std::size_t>(name.size(), 5)));
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  });
  return std::any_of(kPictureSuffixes.begin(), kPictureSuffixes.end(),
                     [&lower](std::string_view suffix) { return lower.ends_with(suffix); });
}

namespace {

// The hash of a file too large for memory; "" when it changed or could not be read to its end.
Result<std::string> HashLarge(io::FileSystem& fs, StagedCell& cell, std::uint64_t& size) {
  constexpr std::size_t kPieceBytes = std::size_t{256} << 10;
  auto opened = fs.OpenInput(cell.source);
  if (!opened) {
    cell.problem = CannotRead(opened.error());
    return std::string();
  }
  std::vector<std::byte> piece(kPieceBytes);
  Sha256 hash;
  size = 0;
  while (true) {
    DATALAKE_TRY_ASSIGN(const std::size_t n, (*opened)->Read(piece));
    if (n == 0) {
      return ToHex(hash.Finish());
    }
    hash.Update(std::span(piece).first(n));
    size += n;
  }
}

// Lets the cell name the asset of its bytes when the lake has it.
Status LookUp(Lake& lake, assets::AssetBatch& known, const assets::MediaFacts& facts,
              const std::string& sha256, std::uint64_t size, StagedCell& cell) {
  const auto there = lake.context().fs.Stat(
      io::JoinPath(lake.assets().root(), assets::AssetPath(sha256, facts.extension)));
  if (!there || there->size_bytes != size) {
    return {};  // what else may be wrong with it, processing says
  }
  const auto kept = known.Reference(sha256);
  if (kept) {
    cell.sha256 = sha256;
    cell.media_type = facts.media_type;
    cell.has_bytes = false;
    cell.is_large = false;
    cell.bytes = {};
  }
  return {};
}

}  // namespace

Status FillCell(Lake& lake, assets::AssetBatch& known, StagedCell& cell) {
  if (cell.is_null || !cell.problem.empty()) {
    return {};
  }
  io::FileSystem& fs = lake.context().fs;
  if (!cell.source.empty()) {
    DATALAKE_TRY(ReadSource(fs, cell));
  }
  cell.is_picture = HasPictureSuffix(cell.name);
  if (cell.is_large) {
    const auto file = fs.OpenRandomAccess(cell.source);
    if (!file) {
      cell.problem = CannotRead(file.error());
      return {};
    }
    DATALAKE_TRY_ASSIGN(const assets::MediaFacts facts, assets::ReadMediaFacts(**file));
    cell.is_picture = cell.is_picture || facts.media_type.starts_with("image/");
    std::uint64_t size = 0;
    DATALAKE_TRY_ASSIGN(const std::string sha256, HashLarge(fs, cell, size));
    return cell.problem.empty() ? LookUp(lake, known, facts, sha256, size, cell) : Status();
  }
  if (!cell.has_bytes) {
    return {};
  }
  const std::string_view content = cell.content();
  const assets::MediaFacts facts =
      assets::ReadMediaFacts(std::as_bytes(std::span(content.data(), content.size())));
  cell.is_picture = cell.is_picture || facts.media_type.starts_with("image/");
  return LookUp(lake, known, facts, Sha256Hex(content), content.size(), cell);
}

struct StagedColumnBuilder::Builders {
  std::shared_ptr<arrow::BinaryBuilder> bytes = std::make_shared<arrow::BinaryBuilder>();
  std::shared_ptr<arrow::StringBuilder> file = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::StringBuilder> name = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::StringBuilder> problem = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::StringBuilder> sha256 = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::StringBuilder> media_type = std::make_shared<arrow::StringBuilder>();
  arrow::StructBuilder column{StagedAssetType(),
                              arrow::default_memory_pool(),
                              {bytes, file, name, problem, sha256, media_type}};
  arrow::Int32Builder offsets;  // of lists; null where a list is
  std::int32_t first = 0;       // of the row that is not yet ended

  arrow::Status Append(const StagedCell& cell) {
    if (cell.is_null) {
      return column.AppendNull();
    }
    ARROW_RETURN_NOT_OK(column.Append());
    ARROW_RETURN_NOT_OK(cell.has_bytes ? bytes->Append(cell.content()) : bytes->AppendNull());
    ARROW_RETURN_NOT_OK(AppendText(*file, cell.file));
    ARROW_RETURN_NOT_OK(AppendText(*name, cell.name));
    ARROW_RETURN_NOT_OK(AppendText(*problem, cell.problem));
    ARROW_RETURN_NOT_OK(AppendText(*sha256, cell.sha256));
    return AppendText(*media_type, cell.media_type);
  }

  static arrow::Status AppendText(arrow::StringBuilder& builder, std::string_view text) {
    return text.empty() ? builder.AppendNull() : builder.Append(text);
  }

  arrow::Status EndRow(bool is_null) {
    const std::int32_t begin = std::exchange(first, static_cast<std::int32_t>(column.length()));
    return is_null ? offsets.AppendNull() : offsets.Append(begin);
  }

  arrow::Result<std::shared_ptr<arrow::Array>> Finish(bool is_list) {
    if (!is_list) {
      return column.Finish();
    }
    ARROW_RETURN_NOT_OK(offsets.Append(first));
    ARROW_ASSIGN_OR_RAISE(const auto ends, offsets.Finish());
    ARROW_ASSIGN_OR_RAISE(const auto values, column.Finish());
    return arrow::ListArray::FromArrays(*ends, *values);
  }
};

StagedColumnBuilder::StagedColumnBuilder(bool is_list)
    : builders_(std::make_unique<Builders>()), is_list_(is_list) {}

StagedColumnBuilder::~StagedColumnBuilder() = default;

StagedColumnBuilder::StagedColumnBuilder(StagedColumnBuilder&&) noexcept = default;

Status StagedColumnBuilder::Append(const StagedCell& cell) {
  return format::FromArrow(builders_->Append(cell), kStagingError);
}

Status StagedColumnBuilder::EndRow(bool is_null) {
  return is_list_ ? format::FromArrow(builders_->EndRow(is_null), kStagingError) : Status();
}

Result<std::shared_ptr<arrow::Array>> StagedColumnBuilder::Finish() {
  return format::FromArrow(builders_->Finish(is_list_), kStagingError);
}

}  // namespace datalake::lake

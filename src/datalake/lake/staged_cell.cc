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
#include "datalake/format/arrow_status.h"
#include "datalake/io/file_system.h"
#include "datalake/lake/asset_problem.h"
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

// The whole of a file that is not large, into `scratch`; a large one is only told so.
Status ReadSource(io::FileSystem& fs, Scratch& scratch, StagedCell& cell) {
  const auto before = fs.Stat(cell.source);
  if (!before) {
    cell.problem = CannotRead(before.error());
    return {};
  }
  if (before->size_bytes > kMaxEmbeddedBytes) {
    cell.is_large = true;
    return {};
  }
  const auto file = fs.OpenRandomAccess(cell.source);
  if (!file) {
    cell.problem = CannotRead(file.error());
    return {};
  }
  // One more: does it end where it should?
  const std::span<std::byte> out = scratch.First(before->size_bytes + 1);
  DATALAKE_TRY_ASSIGN(const std::size_t size, (*file)->ReadAt(0, out));
  const auto after = fs.Stat(cell.source);
  if (size != before->size_bytes || !after || after->modified != before->modified) {
    cell.problem = kChanged;
    return {};
  }
  cell.view = std::string_view(reinterpret_cast<const char*>(out.data()), size);
  cell.has_bytes = true;
  return {};
}

}  // namespace

std::span<std::byte> Scratch::First(std::size_t size) {
  if (size > size_) {
    bytes_ = std::make_unique_for_overwrite<std::byte[]>(size);
    size_ = size;
  }
  return {bytes_.get(), size};
}

bool HasPictureSuffix(std::string_view name) {
  std::string lower(name.substr(name.size() - std::min<std::size_t>(name.size(), 5)));
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  });
  return std::any_of(kPictureSuffixes.begin(), kPictureSuffixes.end(),
                     [&lower](std::string_view suffix) { return lower.ends_with(suffix); });
}

namespace {

// A file of a known size, no more of it than that and one byte: it may grow for ever.
class WatchedInput final : public io::InputStream {
 public:
  WatchedInput(std::unique_ptr<io::InputStream> input, std::uint64_t size_bytes,
               std::stop_token stop)
      : input_(std::move(input)), left_(size_bytes + 1), stop_(std::move(stop)) {}

  Result<std::size_t> Read(std::span<std::byte> out) override {
    if (stop_.stop_requested()) {
      return Error{ErrorCode::kCancelled, "upload was stopped"};
    }
    DATALAKE_TRY_ASSIGN(const std::size_t n,
                        input_->Read(out.first(std::min<std::uint64_t>(out.size(), left_))));
    left_ -= n;
    return n;
  }

 private:
  const std::unique_ptr<io::InputStream> input_;
  std::uint64_t left_;
  const std::stop_token stop_;
};

// A policy that leaves bad assets out of the store is asked again when the kind is known.
bool MustWait(const FillTools& tools, const assets::MediaFacts& facts, AssetColumnKind kind) {
  return tools.on_bad_asset != OnBadAsset::kKeep && !AssetProblem(facts, kind).empty();
}

Status TakePut(Result<assets::PutResult> put, StagedCell& cell) {
  if (!put) {
    if (put.error().code != ErrorCode::kPermissionDenied) {
      return std::move(put).error();
    }
    cell.problem = kTakenDown;
    return {};
  }
  cell.is_picture = cell.is_picture || put->info.media_type.starts_with("image/");
  cell.was_new = put->was_new;
  cell.asset = std::move(put->info);
  return {};
}

Status PutSmall(const FillTools& tools, StagedCell& cell) {
  if (tools.on_bad_asset != OnBadAsset::kKeep) {
    const assets::MediaFacts facts =
        assets::ReadMediaFacts(std::as_bytes(std::span(cell.view.data(), cell.view.size())));
    if (MustWait(tools, facts, cell.kind)) {
      cell.is_picture = cell.is_picture || facts.media_type.starts_with("image/");
      if (!cell.source.empty()) {
        cell.bytes = cell.view;
      }
      return {};
    }
  }
  DATALAKE_TRY(TakePut(tools.batch.PutBytes(cell.view), cell));
  cell.has_bytes = false;
  cell.view = {};
  return {};
}

// What is read of a file that changes meanwhile is in the store then, but nothing links it.
Status PutLarge(const FillTools& tools, StagedCell& cell) {
  const auto before = tools.fs.Stat(cell.source);
  const auto file = tools.fs.OpenRandomAccess(cell.source);
  auto input = tools.fs.OpenInput(cell.source);
  if (!before || !file || !input) {
    cell.problem = kChanged;
    return {};
  }
  DATALAKE_TRY_ASSIGN(const assets::MediaFacts facts, assets::ReadMediaFacts(**file));
  if (MustWait(tools, facts, cell.kind)) {
    cell.is_picture = cell.is_picture || facts.media_type.starts_with("image/");
    return {};
  }
  WatchedInput watched(*std::move(input), before->size_bytes, tools.stop);
  auto put = tools.batch.Put(watched);
  if (!put && put.error().code != ErrorCode::kPermissionDenied) {
    return std::move(put).error();
  }
  const auto after = tools.fs.Stat(cell.source);
  const bool same = after && after->modified == before->modified &&
                    (!put || put->info.size_bytes == before->size_bytes);
  if (!same) {
    cell.problem = kChanged;
    return {};
  }
  return TakePut(std::move(put), cell);
}

}  // namespace

Status FillCell(const FillTools& tools, Scratch& scratch, StagedCell& cell) {
  if (cell.is_null || !cell.problem.empty() || cell.asset) {
    return {};
  }
  if (!cell.source.empty()) {
    DATALAKE_TRY(ReadSource(tools.fs, scratch, cell));
  }
  cell.is_picture = HasPictureSuffix(cell.name);
  if (cell.is_large) {
    return PutLarge(tools, cell);
  }
  return cell.has_bytes ? PutSmall(tools, cell) : Status();
}

struct StagedColumnBuilder::Builders {
  std::shared_ptr<arrow::BinaryBuilder> bytes = std::make_shared<arrow::BinaryBuilder>();
  std::shared_ptr<arrow::StringBuilder> file = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::StringBuilder> name = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::StringBuilder> problem = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::StringBuilder> sha256 = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::StringBuilder> media_type = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::StringBuilder> extension = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::Int64Builder> size_bytes = std::make_shared<arrow::Int64Builder>();
  std::shared_ptr<arrow::Int32Builder> width = std::make_shared<arrow::Int32Builder>();
  std::shared_ptr<arrow::Int32Builder> height = std::make_shared<arrow::Int32Builder>();
  std::shared_ptr<arrow::StringBuilder> asset_problem = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::Int32Builder> orientation = std::make_shared<arrow::Int32Builder>();
  std::shared_ptr<arrow::Int32Builder> frames = std::make_shared<arrow::Int32Builder>();
  arrow::StructBuilder column{StagedAssetType(),
                              arrow::default_memory_pool(),
                              {bytes, file, name, problem, sha256, media_type, extension,
                               size_bytes, width, height, asset_problem, orientation, frames}};
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
    if (!cell.asset) {
      for (arrow::ArrayBuilder* fact : Facts()) {
        ARROW_RETURN_NOT_OK(fact->AppendNull());
      }
      return arrow::Status::OK();
    }
    const assets::AssetInfo& asset = *cell.asset;
    ARROW_RETURN_NOT_OK(sha256->Append(asset.sha256));
    ARROW_RETURN_NOT_OK(media_type->Append(asset.media_type));
    ARROW_RETURN_NOT_OK(extension->Append(asset.extension));
    ARROW_RETURN_NOT_OK(size_bytes->Append(static_cast<std::int64_t>(asset.size_bytes)));
    ARROW_RETURN_NOT_OK(AppendMaybe(*width, asset.width));
    ARROW_RETURN_NOT_OK(AppendMaybe(*height, asset.height));
    ARROW_RETURN_NOT_OK(AppendText(*asset_problem, asset.problem));
    ARROW_RETURN_NOT_OK(AppendMaybe(*orientation, asset.orientation));
    return AppendMaybe(*frames, asset.frames);
  }

  std::array<arrow::ArrayBuilder*, 9> Facts() const {
    return {sha256.get(), media_type.get(),    extension.get(),   size_bytes.get(), width.get(),
            height.get(), asset_problem.get(), orientation.get(), frames.get()};
  }

  static arrow::Status AppendMaybe(arrow::Int32Builder& builder,
                                   const std::optional<std::int32_t>& value) {
    return value ? builder.Append(*value) : builder.AppendNull();
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

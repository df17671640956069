#include "datalake/lake/link_builder.h"

#include <array>
#include <optional>
#include <string>
#include <vector>

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_nested.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/type.h>

#include "datalake/assets/asset_store.h"
#include "datalake/format/arrow_status.h"
#include "datalake/lake/upload_columns.h"

namespace datalake::lake {
namespace {

constexpr std::string_view kBuildError = "cannot build columns of links";

arrow::Status AppendText(arrow::StringBuilder& builder, std::string_view text) {
  return text.empty() ? builder.AppendNull() : builder.Append(text);
}

template <typename Builder, typename Value>
arrow::Status AppendMaybe(Builder& builder, const std::optional<Value>& value) {
  return value ? builder.Append(*value) : builder.AppendNull();
}

}  // namespace

struct LinkBuilder::Builders {
  explicit Builders(const std::shared_ptr<arrow::DataType>& type)
      : column(type, arrow::default_memory_pool(), Members(type->num_fields())) {}

  std::vector<std::shared_ptr<arrow::ArrayBuilder>> Members(int count) const {
    std::vector<std::shared_ptr<arrow::ArrayBuilder>> all = {
        sha256, path, media_type, bytes, width, height, problem, orientation, frames};
    all.resize(static_cast<std::size_t>(count));
    return all;
  }

  arrow::Status Append(const assets::AssetInfo* info, std::string_view problem_text) {
    ARROW_RETURN_NOT_OK(column.Append());
    if (info == nullptr) {
      for (arrow::ArrayBuilder* fact : Facts()) {
        ARROW_RETURN_NOT_OK(fact->AppendNull());
      }
      return AppendRest(problem_text, {}, {});
    }
    ARROW_RETURN_NOT_OK(AppendText(*sha256, info->sha256));
    ARROW_RETURN_NOT_OK(path->Append(assets::AssetPath(*info)));
    ARROW_RETURN_NOT_OK(AppendText(*media_type, info->media_type));
    ARROW_RETURN_NOT_OK(bytes->Append(static_cast<std::int64_t>(info->size_bytes)));
    ARROW_RETURN_NOT_OK(AppendMaybe(*width, info->width));
    ARROW_RETURN_NOT_OK(AppendMaybe(*height, info->height));
    return AppendRest(problem_text, info->orientation, info->frames);
  }

  // What follows the facts that every link has.
  arrow::Status AppendRest(std::string_view problem_text, std::optional<std::int32_t> turned,
                           std::optional<std::int32_t> pictures) {
    ARROW_RETURN_NOT_OK(AppendText(*problem, problem_text));
    if (column.num_fields() == kFirstLinkMembers) {
      return arrow::Status::OK();
    }
    ARROW_RETURN_NOT_OK(AppendMaybe(*orientation, turned));
    return AppendMaybe(*frames, pictures);
  }

  std::array<arrow::ArrayBuilder*, 6> Facts() const {
    return {sha256.get(), path.get(), media_type.get(), bytes.get(), width.get(), height.get()};
  }

  std::shared_ptr<arrow::StringBuilder> sha256 = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::StringBuilder> path = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::StringBuilder> media_type = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::Int64Builder> bytes = std::make_shared<arrow::Int64Builder>();
  std::shared_ptr<arrow::Int32Builder> width = std::make_shared<arrow::Int32Builder>();
  std::shared_ptr<arrow::Int32Builder> height = std::make_shared<arrow::Int32Builder>();
  std::shared_ptr<arrow::StringBuilder> problem = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::Int32Builder> orientation = std::make_shared<arrow::Int32Builder>();
  std::shared_ptr<arrow::Int32Builder> frames = std::make_shared<arrow::Int32Builder>();
  arrow::StructBuilder column;  // last: it is made of the others
};

LinkBuilder::LinkBuilder(const std::shared_ptr<arrow::DataType>& type)
    : builders_(std::make_unique<Builders>(type)) {}

LinkBuilder::~LinkBuilder() = default;

Status LinkBuilder::Reserve(std::int64_t links) {
  return format::FromArrow(builders_->column.Reserve(links), kBuildError);
}

Status LinkBuilder::Append(const assets::AssetInfo* info, std::string_view problem) {
  return format::FromArrow(builders_->Append(info, problem), kBuildError);
}

Status LinkBuilder::AppendNull() {
  return format::FromArrow(builders_->column.AppendNull(), kBuildError);
}

Result<std::shared_ptr<arrow::Array>> LinkBuilder::Finish() {
  return format::FromArrow(builders_->column.Finish(), kBuildError);
}

struct FirstLinkBuilder::Builders {
  arrow::StringBuilder path;
  arrow::StringBuilder hash;
};

FirstLinkBuilder::FirstLinkBuilder() : builders_(std::make_unique<Builders>()) {}

FirstLinkBuilder::~FirstLinkBuilder() = default;

Status FirstLinkBuilder::Append(const assets::AssetInfo* info) {
  const std::string path = info == nullptr ? std::string() : assets::AssetPath(*info);
  DATALAKE_TRY(format::FromArrow(AppendText(builders_->path, path), kBuildError));
  const std::string_view hash = info == nullptr ? std::string_view() : info->sha256;
  return format::FromArrow(AppendText(builders_->hash, hash), kBuildError);
}

Result<std::shared_ptr<arrow::Array>> FirstLinkBuilder::FinishPaths() {
  return format::FromArrow(builders_->path.Finish(), kBuildError);
}

Result<std::shared_ptr<arrow::Array>> FirstLinkBuilder::FinishHashes() {
  return format::FromArrow(builders_->hash.Finish(), kBuildError);
}

}  // namespace datalake::lake

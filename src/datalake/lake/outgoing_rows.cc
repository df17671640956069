#include "datalake/lake/outgoing_rows.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_nested.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/compute/api_vector.h>
#include <arrow/compute/cast.h>
#include <arrow/datum.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/assets/asset_store.h"
#include "datalake/assets/media_facts.h"
#include "datalake/base/hash.h"
#include "datalake/format/arrow_status.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/local_file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/value.h"
#include "datalake/lake/link_columns.h"

namespace datalake::lake {
namespace {

constexpr std::int64_t kBatchPictureBytes = std::int64_t{32} << 20;
constexpr std::uint64_t kMaxPictureBytes = std::uint64_t{1} << 30;
constexpr std::string_view kImageName = "image";
constexpr std::string_view kHashName = "hash";

std::shared_ptr<arrow::DataType> PictureType() {
  return arrow::struct_(
      {arrow::field("bytes", arrow::binary()), arrow::field("path", arrow::utf8())});
}

// The schema's features of `datasets` with those of picture columns set.
std::shared_ptr<const arrow::KeyValueMetadata> WithPictures(const arrow::Schema& schema,
                                                            const std::vector<std::string>& names) {
  json::Value value = json::Value::object();
  auto metadata =
      schema.metadata() == nullptr ? arrow::key_value_metadata({}, {}) : schema.metadata()->Copy();
  if (metadata->Contains("huggingface")) {
    auto carried = json::ParseValue(*metadata->Get("huggingface"), "huggingface");
    if (carried && carried->is_object()) {
      value = std::move(*carried);
    }
  }
  for (const std::string& name : names) {
    value["info"]["features"][name] = {{"_type", "Image"}};
  }
  static_cast<void>(metadata->Set("huggingface", json::DumpValue(value)));
  return metadata;
}

class Outgoing final : public arrow::RecordBatchReader {
 public:
  Outgoing(Lake& lake, std::shared_ptr<arrow::RecordBatchReader> rows,
           const OutgoingOptions& options, OutgoingReport& report)
      : fs_(lake.context().fs), rows_(std::move(rows)), options_(options), report_(report) {}

  Status Start(const Lake& lake) {
    DATALAKE_TRY_ASSIGN(root_, io::AbsolutePath(lake.layout().assets()));
    columns_ = FindLinkColumns(*rows_->schema());
    if (options_.pictures == PictureForm::kBytes && !columns_.empty()) {
      DATALAKE_TRY(ReadAhead());
      DecidePictures();
    }
    MakeSchema();
    return {};
  }

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    auto batch = Next();
    if (!batch) {
      return ToArrow(batch.error());
    }
    *out = std::move(*batch);
    return arrow::Status::OK();
  }

 private:
  // The batch that is being given out, from row `at_` on.
  std::shared_ptr<arrow::RecordBatch> batch_;
  std::int64_t at_ = 0;

  Status ReadAhead() {
    DATALAKE_TRY_ASSIGN(batch_, format::FromArrow(rows_->Next(), "cannot read rows"));
    at_ = 0;
    return {};
  }

  // Which columns give bytes: links whose first rows are pictures, and else `path`.
  void DecidePictures() {
    for (LinkColumn& column : columns_) {
      if (column.kind != LinkKind::kStruct) {
        continue;
      }
      const std::string& name = rows_->schema()->field(column.index)->name();
      std::int64_t links = 0;
      std::int64_t pictures = 0;
      if (batch_ != nullptr) {
        const auto& array = static_cast<const arrow::StructArray&>(*batch_->column(column.index));
        for (std::int64_t row = 0; row < array.length(); ++row) {
          const auto type = MemberAt(array, "media_type", row);
          links += type ? 1 : 0;
          pictures += type && type->starts_with("image/") ? 1 : 0;
        }
      }
      column.gives_bytes = links > 0 ? links == pictures : name == kImageName;
    }
    const bool has_image = rows_->schema()->GetFieldIndex(std::string(kImageName)) >= 0;
    for (LinkColumn& column : columns_) {
      adds_image_ = adds_image_ || (column.kind == LinkKind::kPath && !has_image);
      column.gives_bytes = column.gives_bytes || (column.kind == LinkKind::kPath && adds_image_);
    }
  }

  void MakeSchema() {
    arrow::FieldVector fields = rows_->schema()->fields();
    std::vector<std::string> pictures;
    for (const LinkColumn& column : columns_) {
      if (column.gives_bytes && column.kind == LinkKind::kStruct) {
        auto& field = fields[static_cast<std::size_t>(column.index)];
        field = arrow::field(field->name(), PictureType());
        pictures.push_back(field->name());
      }
    }
    if (adds_image_) {
      fields.push_back(arrow::field(std::string(kImageName), PictureType()));
      pictures.emplace_back(kImageName);
    }
    schema_ = arrow::schema(std::move(fields), pictures.empty()
                                                   ? rows_->schema()->metadata()
                                                   : WithPictures(*rows_->schema(), pictures));
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Next() {
    while (true) {
      while (batch_ == nullptr || at_ == batch_->num_rows()) {
        DATALAKE_TRY(ReadAhead());
        if (batch_ == nullptr) {
          return std::shared_ptr<arrow::RecordBatch>();
        }
      }
      DATALAKE_TRY_ASSIGN(auto made, NextPart());
      report_.rows_out += made->num_rows();
      if (made->num_rows() > 0) {
        return made;
      }
    }
  }

  // Rows of `batch_` from `at_` on, as many as their pictures allow.
  Result<std::shared_ptr<arrow::RecordBatch>> NextPart() {
    std::vector<std::unique_ptr<PictureBuilder>> pictures;
    for (const LinkColumn& column : columns_) {
      pictures.push_back(column.gives_bytes ? std::make_unique<PictureBuilder>() : nullptr);
    }
    std::vector<std::int64_t> kept;
    const std::int64_t first = at_;
    picture_bytes_ = 0;
    while (at_ < batch_->num_rows() && picture_bytes_ < kBatchPictureBytes) {
      bool is_whole = true;
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        DATALAKE_TRY_ASSIGN(const bool is_there, CheckCell(columns_[i], pictures[i].get()));
        is_whole = is_whole && is_there;
      }
      if (is_whole || options_.on_missing != OnMissingFile::kDrop) {
        kept.push_back(at_ - first);
      } else {
        ++report_.dropped_rows;
      }
      ++report_.rows_in;
      ++at_;
    }
    return format::FromArrow(Assemble(first, pictures, kept), "cannot make rows");
  }

  struct PictureBuilder {
    std::shared_ptr<arrow::BinaryBuilder> bytes = std::make_shared<arrow::BinaryBuilder>();
    std::shared_ptr<arrow::StringBuilder> path = std::make_shared<arrow::StringBuilder>();
    arrow::StructBuilder cells{PictureType(), arrow::default_memory_pool(), {bytes, path}};

    arrow::Status AppendNull() { return cells.AppendNull(); }

    arrow::Status Append(std::string_view content, std::string_view name) {
      ARROW_RETURN_NOT_OK(cells.Append());
      ARROW_RETURN_NOT_OK(bytes->Append(content));
      return path->Append(name);
    }
  };

  // True unless the cell of row `at_` names a file that cannot be given.
  Result<bool> CheckCell(const LinkColumn& column, PictureBuilder* picture) {
    const arrow::Array& cells = *batch_->column(column.index);
    if (column.kind == LinkKind::kPath) {
      const auto path = TextAt(cells, at_);
      const int hash = batch_->schema()->GetFieldIndex(std::string(kHashName));
      const auto digest = hash < 0 ? std::nullopt : TextAt(*batch_->column(hash), at_);
      const bool is_asset = path && (IsAssetPath(*path) || path->starts_with(root_ + "/"));
      return CheckFile(column, is_asset ? path : std::nullopt, digest, picture);
    }
    if (column.kind == LinkKind::kStruct) {
      const auto& links = static_cast<const arrow::StructArray&>(cells);
      return CheckFile(column, MemberAt(links, "path", at_), MemberAt(links, "sha256", at_),
                       picture);
    }
    const auto& lists = static_cast<const arrow::ListArray&>(cells);
    if (lists.IsNull(at_)) {
      return true;
    }
    const auto& links = static_cast<const arrow::StructArray&>(*lists.values());
    bool is_whole = true;
    for (std::int64_t i = lists.value_offset(at_); i < lists.value_offset(at_ + 1); ++i) {
      DATALAKE_TRY_ASSIGN(const bool is_there, CheckFile(column, MemberAt(links, "path", i),
                                                         MemberAt(links, "sha256", i), nullptr));
      is_whole = is_whole && is_there;
    }
    return is_whole;
  }

  Result<bool> CheckFile(const LinkColumn& column, std::optional<std::string_view> path,
                         std::optional<std::string_view> sha256, PictureBuilder* picture) {
    if (!path || path->empty()) {
      DATALAKE_TRY(picture == nullptr
                       ? Status()
                       : format::FromArrow(picture->AppendNull(), "cannot make rows"));
      return true;
    }
    if (picture == nullptr && options_.on_missing == OnMissingFile::kIgnore) {
      return true;
    }
    ++report_.checked_files;
    if (path->starts_with(root_ + "/")) {  // made absolute before
      path->remove_prefix(root_.size() + 1);
    }
    if (!IsAssetPath(*path)) {  // never a way to other files
      ++report_.missing_files;
      DATALAKE_TRY(Report(column, *path, sha256, ErrorCode::kNotFound, "not the path of an asset"));
      DATALAKE_TRY(picture == nullptr
                       ? Status()
                       : format::FromArrow(picture->AppendNull(), "cannot make rows"));
      return false;
    }
    if (picture != nullptr) {
      return AddPicture(column, *path, sha256, *picture);
    }
    DATALAKE_TRY_ASSIGN(const bool exists, fs_.Exists(io::JoinPath(root_, *path)));
    if (!exists) {
      ++report_.missing_files;
      DATALAKE_TRY(Report(column, *path, sha256, ErrorCode::kNotFound, "no such file"));
    }
    return exists;
  }

  Result<bool> AddPicture(const LinkColumn& column, std::string_view path,
                          std::optional<std::string_view> sha256, PictureBuilder& picture) {
    const auto bytes = io::ReadFile(fs_, io::JoinPath(root_, path), kMaxPictureBytes);
    std::string problem;
    if (!bytes) {
      if (bytes.error().code != ErrorCode::kNotFound) {
        return bytes.error();
      }
      ++report_.missing_files;
      problem = "no such file";
    } else {
      const assets::MediaFacts facts = assets::ReadMediaFacts(std::as_bytes(std::span(*bytes)));
      problem = facts.media_type.starts_with("image/")
                    ? facts.problem
                    : fmt::format("no picture: {}", facts.media_type);
      report_.bad_pictures += problem.empty() ? 0 : 1;
    }
    if (!problem.empty()) {
      DATALAKE_TRY(Report(column, path, sha256,
                          bytes ? ErrorCode::kCorruption : ErrorCode::kNotFound, problem));
      DATALAKE_TRY(format::FromArrow(picture.AppendNull(), "cannot make rows"));
      return false;
    }
    picture_bytes_ += static_cast<std::int64_t>(bytes->size());
    DATALAKE_TRY(format::FromArrow(picture.Append(*bytes, io::BaseName(path)), "cannot make rows"));
    return true;
  }

  Status Report(const LinkColumn& column, std::string_view path,
                std::optional<std::string_view> sha256, ErrorCode code, std::string reason) {
    MissingFile missing{.row = report_.rows_in,
                        .column = rows_->schema()->field(column.index)->name(),
                        .sha256 = std::string(sha256.value_or("")),
                        .path = std::string(path),
                        .reason = std::move(reason)};
    if (options_.on_missing == OnMissingFile::kFail) {
      return Error{code, fmt::format("cannot give the file of a row: {}: row {}, column {}, {}",
                                     missing.reason, missing.row, missing.column, missing.path)};
    }
    if (options_.missing_sink) {
      DATALAKE_TRY(options_.missing_sink(missing));
    }
    if (report_.missing.size() < OutgoingReport::kMaxListed) {
      report_.missing.push_back(std::move(missing));
    }
    return {};
  }

  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Assemble(
      std::int64_t first, std::vector<std::unique_ptr<PictureBuilder>>& pictures,
      const std::vector<std::int64_t>& kept) {
    const std::int64_t rows = at_ - first;
    arrow::ArrayVector arrays = batch_->Slice(first, rows)->columns();
    std::shared_ptr<arrow::Array> image;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      auto& array = arrays[static_cast<std::size_t>(columns_[i].index)];
      std::shared_ptr<arrow::Array> bytes;
      if (pictures[i] != nullptr) {
        ARROW_RETURN_NOT_OK(pictures[i]->cells.Finish(&bytes));
      }
      if (bytes != nullptr && columns_[i].kind == LinkKind::kStruct) {
        array = bytes;
        continue;
      }
      image = bytes != nullptr ? bytes : image;
      if (options_.paths == PathForm::kAbsolute) {
        ARROW_ASSIGN_OR_RAISE(array, WithAbsolutePaths(array, root_));
      }
    }
    if (adds_image_) {
      arrays.push_back(image);
    }
    auto made = arrow::RecordBatch::Make(schema_, rows, std::move(arrays));
    if (static_cast<std::int64_t>(kept.size()) == rows) {
      return made;
    }
    arrow::Int64Builder indices;
    ARROW_RETURN_NOT_OK(indices.AppendValues(kept));
    ARROW_ASSIGN_OR_RAISE(const auto places, indices.Finish());
    ARROW_ASSIGN_OR_RAISE(const arrow::Datum taken, arrow::compute::Take(made, places));
    return taken.record_batch();
  }

  static arrow::Status ToArrow(const Error& error) { return format::ToArrow(error); }

  io::FileSystem& fs_;
  std::shared_ptr<arrow::RecordBatchReader> rows_;
  const OutgoingOptions options_;
  OutgoingReport& report_;
  std::string root_;
  std::vector<LinkColumn> columns_;
  bool adds_image_ = false;
  std::int64_t picture_bytes_ = 0;
  std::shared_ptr<arrow::Schema> schema_;
};

}  // namespace

Result<OnMissingFile> ParseOnMissingFile(std::string_view text) {
  constexpr std::pair<std::string_view, OnMissingFile> kWords[] = {
      {"ignore", OnMissingFile::kIgnore},
      {"keep", OnMissingFile::kKeep},
      {"drop", OnMissingFile::kDrop},
      {"fail", OnMissingFile::kFail}};
  for (const auto& [word, value] : kWords) {
    if (word == text) {
      return value;
    }
  }
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("rows with missing files: ignore, keep, drop or fail, not: {}", text)};
}

Result<std::shared_ptr<arrow::RecordBatchReader>> OutgoingRows(
    Lake& lake, std::shared_ptr<arrow::RecordBatchReader> rows, const OutgoingOptions& options,
    OutgoingReport& report) {
  auto outgoing = std::make_shared<Outgoing>(lake, std::move(rows), options, report);
  DATALAKE_TRY(outgoing->Start(lake));
  return std::shared_ptr<arrow::RecordBatchReader>(std::move(outgoing));
}

}  // namespace datalake::lake

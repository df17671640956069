#include "datalake/lake/upload_columns.h"

#include <algorithm>
#include <array>
#include <utility>

#include <arrow/array.h>
#include <arrow/type.h>
#include <arrow/type_traits.h>
#include <fmt/format.h>

#include "datalake/table/schema_json.h"

namespace datalake::lake {
namespace {

using Action = ColumnPlan::Action;

// Levels of the hierarchy and what the seed adds to rows by itself.
constexpr std::array<std::string_view, 8> kReservedColumns = {
    "provider", "dataset", "task", "variant", "data_type", "uploaded_by", "uploaded_at", "file_id"};
constexpr std::array<std::string_view, 2> kImageNames = {"image", "image_bytes"};
constexpr std::array<std::string_view, 3> kFileNames = {"image_path", "file", "file_path"};

template <std::size_t n>
bool IsOneOf(const std::array<std::string_view, n>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool IsBytes(const arrow::DataType& type) {
  return type.id() == arrow::Type::BINARY || type.id() == arrow::Type::LARGE_BINARY ||
         type.id() == arrow::Type::BINARY_VIEW;
}

const arrow::Field* Member(const arrow::DataType& type, std::string_view name) {
  for (const auto& field : type.fields()) {
    if (field->name() == name) {
      return field.get();
    }
  }
  return nullptr;
}

// struct {bytes, path}, as HF's Image and Audio.
bool IsBytesAndPath(const arrow::DataType& type) {
  if (type.id() != arrow::Type::STRUCT || type.num_fields() != 2) {
    return false;
  }
  const arrow::Field* bytes = Member(type, "bytes");
  const arrow::Field* path = Member(type, "path");
  return bytes != nullptr && path != nullptr && IsBytes(*bytes->type()) && IsText(*path->type());
}

bool IsLink(const arrow::DataType& type) {
  if (type.id() != arrow::Type::STRUCT) {
    return false;
  }
  const arrow::Field* sha256 = Member(type, "sha256");
  return sha256 != nullptr && IsText(*sha256->type()) && Member(type, "media_type") != nullptr;
}

// Structs, maps, and lists of anything but scalars.
bool IsNested(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::STRUCT:
    case arrow::Type::MAP:
      return true;
    case arrow::Type::LIST:
    case arrow::Type::LARGE_LIST:
    case arrow::Type::FIXED_SIZE_LIST: {
      const arrow::DataType& item = *type.field(0)->type();
      return !arrow::is_primitive(item.id()) && !IsText(item);
    }
    default:
      return false;
  }
}

ColumnPlan PlanColumn(const arrow::Field& field, int index) {
  const arrow::DataType& type = *field.type();
  ColumnPlan plan{.index = index, .name = field.name()};
  if (IsLink(type)) {
    plan.action = Action::kLink;
    plan.kind = AssetColumnKind::kLink;
  } else if (IsBytesAndPath(type) ||
             (IsOneOf(kImageNames, field.name()) && (IsBytes(type) || IsText(type)))) {
    plan.action = Action::kAsset;
    plan.is_path = IsText(type);
  } else if (IsOneOf(kFileNames, field.name()) && IsText(type)) {
    plan.action = Action::kAsset;
    plan.kind = AssetColumnKind::kFile;
    plan.is_path = true;
  } else if (IsNested(type)) {
    plan.action = Action::kJson;
  }
  return plan;
}

Status CheckOneOfAKind(const std::vector<ColumnPlan>& plans, AssetColumnKind kind,
                       std::string_view word) {
  const ColumnPlan* first = nullptr;
  for (const ColumnPlan& plan : plans) {
    if (plan.action != Action::kAsset || plan.kind != kind) {
      continue;
    }
    if (first != nullptr) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("two {} columns, keep one: {} and {}",
                                                            word, first->name, plan.name)};
    }
    first = &plan;
  }
  return {};
}

// `path` and `hash` belong to the first asset column. Those beside links say the same already.
void MakeRoomForLinks(std::vector<ColumnPlan>& plans) {
  const auto asset = std::find_if(plans.begin(), plans.end(), [](const ColumnPlan& plan) {
    return plan.action == Action::kAsset || plan.action == Action::kLink;
  });
  if (asset == plans.end()) {
    return;
  }
  const bool links = asset->action == Action::kLink;
  std::erase_if(plans, [links](const ColumnPlan& plan) {
    return links && (plan.name == "path" || plan.name == "hash");
  });
  for (ColumnPlan& plan : plans) {
    if (plan.name == "path" || plan.name == "hash") {
      plan.name = "original_" + plan.name;
    }
  }
}

}  // namespace

bool IsText(const arrow::DataType& type) {
  return type.id() == arrow::Type::STRING || type.id() == arrow::Type::LARGE_STRING ||
         type.id() == arrow::Type::STRING_VIEW;
}

std::string_view BytesOf(const arrow::Array& column, std::int64_t row) {
  if (column.IsNull(row)) {
    return {};
  }
  switch (column.type_id()) {
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return static_cast<const arrow::BinaryArray&>(column).GetView(row);
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
      return static_cast<const arrow::LargeBinaryArray&>(column).GetView(row);
    case arrow::Type::STRING_VIEW:
    case arrow::Type::BINARY_VIEW:
      return static_cast<const arrow::BinaryViewArray&>(column).GetView(row);
    default:
      return {};
  }
}

Result<std::vector<ColumnPlan>> PlanColumns(const arrow::Schema& source,
                                            const std::map<std::string, std::string>& fields) {
  std::vector<ColumnPlan> plans;
  for (int i = 0; i < source.num_fields(); ++i) {
    const arrow::Field& field = *source.field(i);
    if (!IsOneOf(kReservedColumns, field.name()) && !fields.contains(field.name())) {
      plans.push_back(PlanColumn(field, i));
    }
  }
  if (plans.empty()) {
    return Error{ErrorCode::kInvalidArgument, "rows have no column of their own"};
  }
  DATALAKE_TRY(CheckOneOfAKind(plans, AssetColumnKind::kImage, "image"));
  DATALAKE_TRY(CheckOneOfAKind(plans, AssetColumnKind::kFile, "file"));
  MakeRoomForLinks(plans);
  UploadInfo info;
  info.fields = fields;
  for (const ColumnPlan& plan : plans) {
    if (plan.action == Action::kAsset || plan.action == Action::kLink) {
      info.asset_columns.push_back({plan.name, plan.kind});
    }
  }
  const auto schema = UploadTableSchema(*StagedSchema(source, plans), info);
  DATALAKE_TRY(table::CheckColumnNames(*schema));
  DATALAKE_TRY(table::ToDeltaSchema(*schema));
  return plans;
}

std::shared_ptr<arrow::DataType> StagedAssetType() {
  return arrow::struct_({arrow::field("bytes", arrow::binary()),
                         arrow::field("file", arrow::utf8()), arrow::field("name", arrow::utf8()),
                         arrow::field("problem", arrow::utf8())});
}

std::shared_ptr<arrow::DataType> AssetLinkType() {
  return arrow::struct_(
      {arrow::field("sha256", arrow::utf8()), arrow::field("path", arrow::utf8()),
       arrow::field("media_type", arrow::utf8()), arrow::field("bytes", arrow::int64()),
       arrow::field("width", arrow::int32()), arrow::field("height", arrow::int32()),
       arrow::field("problem", arrow::utf8())});
}

std::shared_ptr<arrow::Schema> StagedSchema(const arrow::Schema& source,
                                            const std::vector<ColumnPlan>& plans) {
  arrow::FieldVector staged;
  for (const ColumnPlan& plan : plans) {
    std::shared_ptr<arrow::DataType> type = source.field(plan.index)->type();
    if (plan.action == Action::kJson) {
      type = arrow::utf8();
    } else if (plan.action == Action::kAsset) {
      type = StagedAssetType();
    }
    staged.push_back(arrow::field(plan.name, std::move(type)));
  }
  return arrow::schema(std::move(staged));
}

std::shared_ptr<arrow::Schema> UploadTableSchema(const arrow::Schema& staged,
                                                 const UploadInfo& info) {
  arrow::FieldVector columns;
  for (const auto& field : staged.fields()) {
    const bool asset =
        std::any_of(info.asset_columns.begin(), info.asset_columns.end(),
                    [&field](const AssetColumn& column) { return column.name == field->name(); });
    if (asset) {
      columns.push_back(arrow::field(field->name(), AssetLinkType()));
    } else if (field->type()->Equals(StagedAssetType())) {
      columns.push_back(arrow::field(field->name(), arrow::utf8()));  // names, no file was there
    } else {
      columns.push_back(field);
    }
  }
  for (const auto& [name, value] : info.fields) {
    columns.push_back(arrow::field(name, arrow::utf8()));
  }
  if (!info.asset_columns.empty()) {
    columns.push_back(arrow::field("path", arrow::utf8()));
    columns.push_back(arrow::field("hash", arrow::utf8()));
  }
  return arrow::schema(std::move(columns));
}

}  // namespace datalake::lake

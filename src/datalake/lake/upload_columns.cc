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
constexpr std::array<std::string_view, 3> kImageNames = {"image", "images", "image_bytes"};
constexpr std::array<std::string_view, 4> kFileNames = {"image_path", "file", "file_path",
                                                        "file_name"};
constexpr std::array<std::string_view, 3> kFileEndings = {"_file", "_path", "_file_name"};

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

template <typename List>
AssetItems ItemsOfLists(const arrow::Array& column, std::int64_t row) {
  const auto& lists = static_cast<const List&>(column);
  const std::int64_t begin = lists.value_offset(row);
  const std::int64_t length = column.IsNull(row) ? 0 : lists.value_length(row);
  return {lists.values().get(), begin, begin + length};
}

// A struct without members, anywhere: no table format has such.
bool HasEmptyStruct(const arrow::DataType& type) {
  if (type.id() == arrow::Type::STRUCT && type.num_fields() == 0) {
    return true;
  }
  const auto& fields = type.fields();
  return std::any_of(fields.begin(), fields.end(),
                     [](const auto& field) { return HasEmptyStruct(*field->type()); });
}

// A nested column that the table can hold as it is.
bool FitsTable(const arrow::Field& field) {
  const arrow::Schema alone({field.WithName("column")});
  return !HasEmptyStruct(*field.type()) && table::CheckColumnNames(alone) &&
         table::ToDeltaSchema(alone);
}

bool IsList(const arrow::DataType& type) {
  return type.id() == arrow::Type::LIST || type.id() == arrow::Type::LARGE_LIST;
}

// `image`, `images`, `image_bytes`, with a number behind and words before them.
bool IsImageName(std::string_view name) {
  while (!name.empty() && name.back() >= '0' && name.back() <= '9') {
    name.remove_suffix(1);
  }
  name = name.ends_with('_') ? name.substr(0, name.size() - 1) : name;
  return std::any_of(kImageNames.begin(), kImageNames.end(), [name](std::string_view known) {
    return name.ends_with(known) &&
           (name.size() == known.size() || name[name.size() - known.size() - 1] == '_');
  });
}

bool IsFileName(std::string_view name) {
  return IsOneOf(kFileNames, name) ||
         std::any_of(kFileEndings.begin(), kFileEndings.end(),
                     [name](std::string_view ending) { return name.ends_with(ending); });
}

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// What becomes of assets of one type, in a list or alone; kKeep: they are none.
ColumnPlan PlanAssets(const std::string& name, const arrow::DataType& type,
                      const ColumnWishes& wishes) {
  ColumnPlan plan{.name = name};
  const bool is_image = Contains(wishes.image_columns, name);
  const bool is_wished = is_image || Contains(wishes.file_columns, name);
  const bool can_hold = IsBytes(type) || IsText(type) || IsBytesAndPath(type);
  if (IsLink(type)) {
    plan.action = Action::kLink;
    plan.kind = AssetColumnKind::kLink;
  } else if (is_wished && can_hold) {
    plan.action = Action::kAsset;
    plan.kind = is_image ? AssetColumnKind::kImage : AssetColumnKind::kFile;
  } else if (IsBytesAndPath(type)) {
    plan.action = Action::kAsset;
    plan.is_kind_open = !IsImageName(name);
  } else if (IsImageName(name) && (IsBytes(type) || IsText(type))) {
    plan.action = Action::kAsset;
    plan.is_maybe = IsText(type) && !IsOneOf(kImageNames, name);
  } else if (IsFileName(name) && IsText(type)) {
    plan.action = Action::kAsset;
    plan.kind = AssetColumnKind::kFile;
    plan.is_maybe = true;
  }
  plan.is_path = plan.action == Action::kAsset && IsText(type);
  return plan;
}

ColumnPlan PlanColumn(const arrow::Field& field, int index, const ColumnWishes& wishes) {
  const arrow::DataType& type = *field.type();
  const bool is_list = IsList(type);
  ColumnPlan plan = PlanAssets(field.name(), is_list ? *type.field(0)->type() : type, wishes);
  plan.index = index;
  plan.is_list = is_list && plan.action != Action::kKeep;
  if (plan.action == Action::kKeep && IsNested(type) &&
      (wishes.nested == NestedValues::kJson || !FitsTable(field))) {
    plan.action = Action::kJson;
  }
  return plan;
}

// Every column that the caller named is there and became an asset.
Status CheckWishes(const std::vector<ColumnPlan>& plans, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto plan = std::find_if(plans.begin(), plans.end(),
                                   [&name](const ColumnPlan& one) { return one.name == name; });
    if (plan == plans.end()) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("no such column: {}", name)};
    }
    if (plan->action != Action::kAsset && plan->action != Action::kLink) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("column holds neither bytes nor file names: {}", name)};
    }
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

bool IsText(const arrow::DataType& type) {
  return type.id() == arrow::Type::STRING || type.id() == arrow::Type::LARGE_STRING ||
         type.id() == arrow::Type::STRING_VIEW;
}

AssetItems ItemsOfRow(const arrow::Array& column, std::int64_t row, bool is_list) {
  if (!is_list) {
    return {&column, row, row + 1};
  }
  return column.type_id() == arrow::Type::LARGE_LIST
             ? ItemsOfLists<arrow::LargeListArray>(column, row)
             : ItemsOfLists<arrow::ListArray>(column, row);
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
                                            const ColumnWishes& wishes) {
  std::vector<ColumnPlan> plans;
  for (int i = 0; i < source.num_fields(); ++i) {
    const arrow::Field& field = *source.field(i);
    if (!IsOneOf(kReservedColumns, field.name()) && !wishes.fields.contains(field.name())) {
      plans.push_back(PlanColumn(field, i, wishes));
    }
  }
  if (plans.empty()) {
    return Error{ErrorCode::kInvalidArgument, "rows have no column of their own"};
  }
  DATALAKE_TRY(CheckWishes(plans, wishes.image_columns));
  DATALAKE_TRY(CheckWishes(plans, wishes.file_columns));
  MakeRoomForLinks(plans);
  UploadInfo info;
  info.fields = wishes.fields;
  for (const ColumnPlan& plan : plans) {
    if (plan.action == Action::kAsset || plan.action == Action::kLink) {
      info.asset_columns.push_back({plan.name, plan.kind, plan.is_list});
    }
  }
  const auto schema = UploadTableSchema(*StagedSchema(source, plans), info);
  DATALAKE_TRY(table::CheckColumnNames(*schema));
  DATALAKE_TRY(table::ToDeltaSchema(*schema));
  return plans;
}

std::shared_ptr<arrow::DataType> StagedAssetType() {
  return arrow::struct_(
      {arrow::field("bytes", arrow::binary()), arrow::field("file", arrow::utf8()),
       arrow::field("name", arrow::utf8()), arrow::field("problem", arrow::utf8()),
       arrow::field("sha256", arrow::utf8()), arrow::field("media_type", arrow::utf8()),
       arrow::field("extension", arrow::utf8()), arrow::field("size_bytes", arrow::int64()),
       arrow::field("width", arrow::int32()), arrow::field("height", arrow::int32()),
       arrow::field("asset_problem", arrow::utf8()), arrow::field("orientation", arrow::int32()),
       arrow::field("frames", arrow::int32())});
}

bool IsStagedAsset(const arrow::DataType& type) {
  const auto known = StagedAssetType();
  const int members = type.num_fields();
  if (type.id() != arrow::Type::STRUCT ||
      (members != 4 && members != 6 && members != 11 && members != known->num_fields())) {
    return false;
  }
  for (int i = 0; i < type.num_fields(); ++i) {
    if (!type.field(i)->Equals(known->field(i))) {
      return false;
    }
  }
  return true;
}

std::shared_ptr<arrow::DataType> AssetLinkType() {
  return arrow::struct_(
      {arrow::field("sha256", arrow::utf8()), arrow::field("path", arrow::utf8()),
       arrow::field("media_type", arrow::utf8()), arrow::field("bytes", arrow::int64()),
       arrow::field("width", arrow::int32()), arrow::field("height", arrow::int32()),
       arrow::field("problem", arrow::utf8()), arrow::field("orientation", arrow::int32()),
       arrow::field("frames", arrow::int32())});
}

std::shared_ptr<arrow::DataType> AssetLinkTypeLike(const arrow::DataType* there) {
  const auto type = AssetLinkType();
  if (there == nullptr || there->id() != arrow::Type::STRUCT ||
      Member(*there, "orientation") != nullptr) {
    return type;
  }
  return arrow::struct_({type->fields().begin(), type->fields().begin() + kFirstLinkMembers});
}

std::shared_ptr<arrow::Schema> StagedSchema(const arrow::Schema& source,
                                            const std::vector<ColumnPlan>& plans) {
  arrow::FieldVector staged;
  for (const ColumnPlan& plan : plans) {
    std::shared_ptr<arrow::DataType> type = source.field(plan.index)->type();
    if (plan.action == Action::kJson) {
      type = arrow::utf8();
    } else if (plan.action == Action::kAsset) {
      type = plan.is_list ? arrow::list(StagedAssetType()) : StagedAssetType();
    }
    staged.push_back(arrow::field(plan.name, std::move(type)));
  }
  return arrow::schema(std::move(staged));
}

std::string HashColumn(std::string_view pictures) {
  return fmt::format("{}_phash", pictures);
}

std::string ThumbnailColumn(std::string_view pictures) {
  return fmt::format("{}_thumbnail", pictures);
}

std::shared_ptr<arrow::DataType> FieldColumnType(const UploadInfo& info, const std::string& field) {
  const auto type = info.field_types.find(field);
  switch (type == info.field_types.end() ? FieldType::kText : type->second) {
    case FieldType::kInteger:
      return arrow::int64();
    case FieldType::kNumber:
      return arrow::float64();
    case FieldType::kBoolean:
      return arrow::boolean();
    case FieldType::kDate:
      return arrow::date32();
    case FieldType::kText:
      break;
  }
  return arrow::utf8();
}

std::shared_ptr<arrow::Schema> UploadTableSchema(const arrow::Schema& staged,
                                                 const UploadInfo& info,
                                                 const arrow::Schema* table) {
  arrow::FieldVector columns;
  for (const auto& field : staged.fields()) {
    const auto asset =
        std::find_if(info.asset_columns.begin(), info.asset_columns.end(),
                     [&field](const AssetColumn& column) { return column.name == field->name(); });
    const arrow::DataType& type = *field->type();
    const auto there = table == nullptr ? nullptr : table->GetFieldByName(field->name());
    if (asset != info.asset_columns.end()) {
      const arrow::DataType* form = there == nullptr ? nullptr : there->type().get();
      form = form != nullptr && IsList(*form) ? form->field(0)->type().get() : form;
      const auto link = AssetLinkTypeLike(form);
      columns.push_back(arrow::field(field->name(), asset->is_list ? arrow::list(link) : link));
    } else if (IsStagedAsset(type)) {
      columns.push_back(arrow::field(field->name(), arrow::utf8()));  // names, no file was there
    } else if (IsList(type) && IsStagedAsset(*type.field(0)->type())) {
      columns.push_back(arrow::field(field->name(), arrow::list(arrow::utf8())));
    } else if (IsNested(type) && there != nullptr && IsText(*there->type())) {
      columns.push_back(arrow::field(field->name(), arrow::utf8()));
    } else {
      columns.push_back(field);
    }
  }
  for (const auto& [name, value] : info.fields) {
    columns.push_back(arrow::field(name, FieldColumnType(info, name)));
  }
  for (const AssetColumn& asset : info.asset_columns) {
    const auto add = [&](std::string name, const std::shared_ptr<arrow::DataType>& type) {
      columns.push_back(arrow::field(std::move(name), asset.is_list ? arrow::list(type) : type));
    };
    if (asset.kind == AssetColumnKind::kImage && info.derived.perceptual_hash) {
      add(HashColumn(asset.name), arrow::int64());
    }
    if (asset.kind == AssetColumnKind::kImage && info.derived.thumbnail_side > 0) {
      add(ThumbnailColumn(asset.name), arrow::binary());
    }
  }
  if (!info.asset_columns.empty()) {
    columns.push_back(arrow::field("path", arrow::utf8()));
    columns.push_back(arrow::field("hash", arrow::utf8()));
  }
  return arrow::schema(std::move(columns));
}

}  // namespace datalake::lake

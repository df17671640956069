#include "datalake/lake/link_columns.h"

#include <algorithm>
#include <utility>

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/buffer_builder.h>
#include <arrow/builder.h>
#include <arrow/type.h>

#include "datalake/base/hash.h"
#include "datalake/io/path.h"

namespace datalake::lake {
namespace {

constexpr std::string_view kPathName = "path";

bool IsText(const arrow::DataType& type) {
  return type.id() == arrow::Type::STRING || type.id() == arrow::Type::LARGE_STRING;
}

bool IsLink(const arrow::DataType& type) {
  if (type.id() != arrow::Type::STRUCT) {
    return false;
  }
  const auto& fields = static_cast<const arrow::StructType&>(type);
  const auto hash = fields.GetFieldByName("sha256");
  const auto path = fields.GetFieldByName(std::string(kPathName));
  return hash != nullptr && path != nullptr && IsText(*hash->type()) && IsText(*path->type());
}

arrow::Result<std::shared_ptr<arrow::Array>> AbsoluteTexts(const arrow::Array& texts,
                                                           const std::string& root,
                                                           bool are_links) {
  std::unique_ptr<arrow::ArrayBuilder> made;
  ARROW_RETURN_NOT_OK(arrow::MakeBuilder(arrow::default_memory_pool(), texts.type(), &made));
  const auto append = [&](auto& builder) -> arrow::Status {
    for (std::int64_t row = 0; row < texts.length(); ++row) {
      const auto text = TextAt(texts, row);
      const bool is_asset =
          text && !text->empty() && !text->starts_with('/') && (are_links || IsAssetPath(*text));
      ARROW_RETURN_NOT_OK(!text      ? builder.AppendNull()
                          : is_asset ? builder.Append(io::JoinPath(root, *text))
                                     : builder.Append(*text));
    }
    return arrow::Status::OK();
  };
  ARROW_RETURN_NOT_OK(texts.type_id() == arrow::Type::STRING
                          ? append(static_cast<arrow::StringBuilder&>(*made))
                          : append(static_cast<arrow::LargeStringBuilder&>(*made)));
  return made->Finish();
}

}  // namespace

std::vector<LinkColumn> FindLinkColumns(const arrow::Schema& schema) {
  std::vector<LinkColumn> columns;
  for (int i = 0; i < schema.num_fields(); ++i) {
    const arrow::Field& field = *schema.field(i);
    const bool is_list = field.type()->id() == arrow::Type::LIST;
    if (field.name() == kPathName && IsText(*field.type())) {
      columns.push_back({.index = i, .kind = LinkKind::kPath});
    } else if (IsLink(*field.type())) {
      columns.push_back({.index = i, .kind = LinkKind::kStruct});
    } else if (is_list && IsLink(*field.type()->field(0)->type())) {
      columns.push_back({.index = i, .kind = LinkKind::kList});
    }
  }
  return columns;
}

std::optional<std::string_view> TextAt(const arrow::Array& column, std::int64_t row) {
  if (column.IsNull(row)) {
    return std::nullopt;
  }
  if (column.type_id() == arrow::Type::STRING) {
    return static_cast<const arrow::StringArray&>(column).GetView(row);
  }
  if (column.type_id() == arrow::Type::LARGE_STRING) {
    return static_cast<const arrow::LargeStringArray&>(column).GetView(row);
  }
  return std::nullopt;
}

std::optional<std::string_view> MemberAt(const arrow::StructArray& links, const char* name,
                                         std::int64_t row) {
  const int index = static_cast<const arrow::StructType&>(*links.type()).GetFieldIndex(name);
  return index < 0 || links.IsNull(row) ? std::nullopt : TextAt(*links.field(index), row);
}

bool IsAssetPath(std::string_view text) {
  const std::string_view name = io::BaseName(text);
  constexpr std::size_t kDigits = 64;
  if (name.size() < kDigits + 2 || name[kDigits] != '.' || !IsSha256Hex(name.substr(0, kDigits))) {
    return false;
  }
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    if (rest.substr(0, slash) == "..") {
      return false;
    }
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  }
  return true;
}

arrow::Result<std::shared_ptr<arrow::Array>> WithAbsolutePaths(
    const std::shared_ptr<arrow::Array>& array, const std::string& root) {
  if (array->type_id() == arrow::Type::LIST) {
    const auto& lists = static_cast<const arrow::ListArray&>(*array);
    ARROW_ASSIGN_OR_RAISE(const auto values, WithAbsolutePaths(lists.values(), root));
    auto data = array->data()->Copy();
    data->child_data = {values->data()};
    return arrow::MakeArray(data);
  }
  if (array->type_id() == arrow::Type::STRUCT) {
    const auto& links = static_cast<const arrow::StructArray&>(*array);
    const auto& type = static_cast<const arrow::StructType&>(*array->type());
    arrow::ArrayVector members = links.fields();
    auto& path = members[static_cast<std::size_t>(type.GetFieldIndex(std::string(kPathName)))];
    ARROW_ASSIGN_OR_RAISE(path, AbsoluteTexts(*path, root, true));
    std::shared_ptr<arrow::Buffer> nulls;
    if (links.null_count() > 0) {
      arrow::TypedBufferBuilder<bool> valid;
      for (std::int64_t row = 0; row < links.length(); ++row) {
        ARROW_RETURN_NOT_OK(valid.Append(links.IsValid(row)));
      }
      ARROW_ASSIGN_OR_RAISE(nulls, valid.Finish());
    }
    return std::make_shared<arrow::StructArray>(array->type(), links.length(), std::move(members),
                                                std::move(nulls));
  }
  return AbsoluteTexts(*array, root, false);
}

}  // namespace datalake::lake

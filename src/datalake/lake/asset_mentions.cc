#include "datalake/lake/asset_mentions.h"

#include <algorithm>
#include <memory>
#include <tuple>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/checked_cast.h>

#include "datalake/base/hash.h"
#include "datalake/lake/upload_columns.h"

namespace datalake::lake {
namespace {

constexpr std::size_t kDigits = 64;
constexpr std::size_t kMostPathBytes = 4096;
constexpr int kMostDepth = 32;

bool IsTextOrDictionary(const arrow::DataType& type) {
  return IsText(type) || type.id() == arrow::Type::STRING_VIEW ||
         (type.id() == arrow::Type::DICTIONARY &&
          IsText(*static_cast<const arrow::DictionaryType&>(type).value_type()));
}

bool IsLink(const arrow::DataType& type) {
  if (type.id() != arrow::Type::STRUCT) {
    return false;
  }
  const auto& fields = static_cast<const arrow::StructType&>(type);
  const auto hash = fields.GetFieldByName("sha256");
  return hash != nullptr && IsText(*hash->type()) && fields.GetFieldByName("media_type") != nullptr;
}

bool IsLinkColumn(const arrow::DataType& type) {
  return IsLink(type) ||
         ((type.id() == arrow::Type::LIST || type.id() == arrow::Type::LARGE_LIST) &&
          IsLink(*type.field(0)->type()));
}

bool HasText(const arrow::DataType& type, int depth) {
  if (IsTextOrDictionary(type)) {
    return true;
  }
  return depth < kMostDepth &&
         std::any_of(
             type.fields().begin(), type.fields().end(),
             [depth](const auto& field) { return HasText(*field->type(), depth + 1); });
}

// Both columns of the seed, or nothing.
bool HasSeedPair(const arrow::Schema& schema) {
  const auto hash = schema.GetFieldByName("hash");
  const auto path = schema.GetFieldByName("path");
  return hash != nullptr && path != nullptr && IsText(*hash->type()) && IsText(*path->type());
}

std::string_view TextAt(const arrow::Array& array, std::int64_t row) {
  if (array.IsNull(row)) {
    return {};
  }
  switch (array.type_id()) {
    case arrow::Type::STRING_VIEW:
      return static_cast<const arrow::StringViewArray&>(array).GetView(row);
    case arrow::Type::DICTIONARY: {
      const auto& encoded = static_cast<const arrow::DictionaryArray&>(array);
      return BytesOf(*encoded.dictionary(), encoded.GetValueIndex(row));
    }
    default:
      return BytesOf(array, row);
  }
}

using Visit = std::function<void(const AssetMention&)>;

void VisitLinks(const arrow::StructArray& links, std::int64_t at, AssetMention mention,
                std::vector<AssetMention>& out) {
  if (links.IsNull(at)) {
    return;
  }
  const auto sha256 = links.GetFieldByName("sha256");
  mention.sha256 = TextAt(*sha256, at);
  if (!IsSha256Hex(mention.sha256)) {
    return;
  }
  const auto path = links.GetFieldByName("path");
  if (path != nullptr && IsTextOrDictionary(*path->type())) {
    mention.path = TextAt(*path, at);
  }
  out.push_back(mention);
}

template <typename ListType>
void VisitLinkList(const ListType& lists, std::string_view column, std::vector<AssetMention>& out) {
  const auto& links = static_cast<const arrow::StructArray&>(*lists.values());
  for (std::int64_t row = 0; row < lists.length(); ++row) {
    if (lists.IsNull(row)) {
      continue;
    }
    for (std::int64_t at = lists.value_offset(row); at < lists.value_offset(row + 1); ++at) {
      VisitLinks(links, at, {.row = row, .column = column, .sha256 = {}, .path = {}}, out);
    }
  }
}

void VisitLinkColumn(const arrow::Array& column, std::string_view name,
                     std::vector<AssetMention>& out) {
  if (column.type_id() == arrow::Type::LIST) {
    VisitLinkList(static_cast<const arrow::ListArray&>(column), name, out);
  } else if (column.type_id() == arrow::Type::LARGE_LIST) {
    VisitLinkList(static_cast<const arrow::LargeListArray&>(column), name, out);
  } else {
    const auto& links = static_cast<const arrow::StructArray&>(column);
    for (std::int64_t row = 0; row < links.length(); ++row) {
      VisitLinks(links, row, {.row = row, .column = name, .sha256 = {}, .path = {}}, out);
    }
  }
}

void VisitSeedPair(const arrow::RecordBatch& batch, std::vector<AssetMention>& out) {
  const auto hash = batch.GetColumnByName("hash");
  const auto path = batch.GetColumnByName("path");
  for (std::int64_t row = 0; row < batch.num_rows(); ++row) {
    AssetMention mention{.row = row, .column = "hash", .sha256 = TextAt(*hash, row), .path = {}};
    mention.path = TextAt(*path, row);
    if (!IsSha256Hex(mention.sha256)) {
      mention.sha256 = MentionedSha256(mention.path);
    }
    if (!mention.sha256.empty()) {
      out.push_back(mention);
    }
  }
}

void VisitLinksOf(const arrow::RecordBatch& batch, const Visit& visit) {
  std::vector<AssetMention> mentions;
  for (int i = 0; i < batch.num_columns(); ++i) {
    const arrow::Field& field = *batch.schema()->field(i);
    if (IsLinkColumn(*field.type())) {
      VisitLinkColumn(*batch.column(i), field.name(), mentions);
    }
  }
  if (HasSeedPair(*batch.schema())) {
    VisitSeedPair(batch, mentions);
  }
  std::stable_sort(mentions.begin(), mentions.end(), [](const auto& a, const auto& b) {
    return std::tie(a.row, a.sha256) < std::tie(b.row, b.sha256);
  });
  for (std::size_t i = 0; i < mentions.size(); ++i) {
    if (i == 0 || mentions[i].row != mentions[i - 1].row ||
        mentions[i].sha256 != mentions[i - 1].sha256) {
      visit(mentions[i]);
    }
  }
}

// All text below a column; the row is that of the innermost array, which nobody needs here.
void VisitText(const arrow::Array& array, std::string_view column, const Visit& visit, int depth) {
  if (depth > kMostDepth) {
    return;
  }
  if (IsTextOrDictionary(*array.type())) {
    for (std::int64_t i = 0; i < array.length(); ++i) {
      const std::string_view text = TextAt(array, i);
      const std::string_view sha256 = MentionedSha256(text);
      if (!sha256.empty()) {
        visit({.row = i, .column = column, .sha256 = sha256, .path = text});
      }
    }
    return;
  }
  switch (array.type_id()) {
    case arrow::Type::STRUCT: {
      const auto& parts = static_cast<const arrow::StructArray&>(array);
      for (int i = 0; i < parts.num_fields(); ++i) {
        VisitText(*parts.field(i), column, visit, depth + 1);
      }
      return;
    }
    case arrow::Type::LIST:
      VisitText(*static_cast<const arrow::ListArray&>(array).values(), column, visit, depth + 1);
      return;
    case arrow::Type::LARGE_LIST:
      VisitText(*static_cast<const arrow::LargeListArray&>(array).values(), column, visit,
                depth + 1);
      return;
    case arrow::Type::FIXED_SIZE_LIST:
      VisitText(*static_cast<const arrow::FixedSizeListArray&>(array).values(), column, visit,
                depth + 1);
      return;
    case arrow::Type::MAP: {
      const auto& map = static_cast<const arrow::MapArray&>(array);
      VisitText(*map.keys(), column, visit, depth + 1);
      VisitText(*map.items(), column, visit, depth + 1);
      return;
    }
    default:
      return;
  }
}

}  // namespace

std::string_view MentionedSha256(std::string_view text) {
  if (text.size() < kDigits || text.size() > kMostPathBytes) {
    return {};
  }
  const std::size_t slash = text.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? text : text.substr(slash + 1);
  const std::string_view stem = name.substr(0, kDigits);
  const bool ends = name.size() == kDigits || (name.size() > kDigits && name[kDigits] == '.');
  return ends && IsSha256Hex(stem) ? stem : std::string_view();
}

std::vector<std::string> MentionColumns(const arrow::Schema& schema, MentionScope scope) {
  std::vector<std::string> columns;
  const bool has_pair = HasSeedPair(schema);
  for (const auto& field : schema.fields()) {
    const bool wanted =
        scope == MentionScope::kAnything
            ? HasText(*field->type(), 0)
            : IsLinkColumn(*field->type()) ||
                  (has_pair && (field->name() == "hash" || field->name() == "path"));
    if (wanted) {
      columns.push_back(field->name());
    }
  }
  return columns;
}

void ForEachMention(const arrow::RecordBatch& batch, MentionScope scope, const Visit& visit) {
  if (scope == MentionScope::kLinks) {
    VisitLinksOf(batch, visit);
    return;
  }
  for (int i = 0; i < batch.num_columns(); ++i) {
    VisitText(*batch.column(i), batch.column_name(i), visit, 0);
  }
}

}  // namespace datalake::lake

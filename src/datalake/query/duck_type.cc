#include "datalake/query/duck_type.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <arrow/extension_type.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/query/sql_text.h"

namespace datalake::query {
namespace {

Result<std::string> StructTypeName(const arrow::DataType& type, std::string_view column) {
  std::string name = "STRUCT(";
  for (const auto& field : type.fields()) {
    DATALAKE_TRY_ASSIGN(const std::string member, DuckTypeName(*field->type(), column));
    fmt::format_to(std::back_inserter(name), "{}{} {}", name.ends_with('(') ? "" : ", ",
                   QuoteIdentifier(field->name()), member);
  }
  return name + ")";
}

std::string TimestampName(const arrow::TimestampType& type) {
  if (!type.timezone().empty()) {
    return "TIMESTAMP WITH TIME ZONE";
  }
  return type.unit() == arrow::TimeUnit::NANO ? "TIMESTAMP_NS" : "TIMESTAMP";
}

std::string DecimalName(const arrow::DecimalType& type) {
  return fmt::format("DECIMAL({}, {})", type.precision(), type.scale());
}

constexpr int kMaxDecimalDigits = 38;

}  // namespace

Result<std::string> DuckTypeName(const arrow::DataType& type, std::string_view column) {
  switch (type.id()) {
    case arrow::Type::BOOL:
      return "BOOLEAN";
    case arrow::Type::INT8:
      return "TINYINT";
    case arrow::Type::INT16:
      return "SMALLINT";
    case arrow::Type::NA:
    case arrow::Type::INT32:
      return "INTEGER";
    case arrow::Type::INT64:
      return "BIGINT";
    case arrow::Type::UINT8:
      return "UTINYINT";
    case arrow::Type::UINT16:
      return "USMALLINT";
    case arrow::Type::UINT32:
      return "UINTEGER";
    case arrow::Type::UINT64:
      return "UBIGINT";
    case arrow::Type::HALF_FLOAT:
    case arrow::Type::FLOAT:
      return "FLOAT";
    case arrow::Type::DOUBLE:
      return "DOUBLE";
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING:
    case arrow::Type::STRING_VIEW:
      return "VARCHAR";
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_BINARY:
    case arrow::Type::BINARY_VIEW:
    case arrow::Type::FIXED_SIZE_BINARY:
      return "BLOB";
    case arrow::Type::DATE32:
    case arrow::Type::DATE64:
      return "DATE";
    case arrow::Type::TIME32:
    case arrow::Type::TIME64:
      return "TIME";
    case arrow::Type::TIMESTAMP:
      return TimestampName(static_cast<const arrow::TimestampType&>(type));
    case arrow::Type::DECIMAL32:
    case arrow::Type::DECIMAL64:
    case arrow::Type::DECIMAL128:
      return DecimalName(static_cast<const arrow::DecimalType&>(type));
    case arrow::Type::LIST:
    case arrow::Type::LARGE_LIST:
    case arrow::Type::LIST_VIEW:
    case arrow::Type::LARGE_LIST_VIEW:
    case arrow::Type::FIXED_SIZE_LIST: {
      DATALAKE_TRY_ASSIGN(const std::string item, DuckTypeName(*type.field(0)->type(), column));
      return item + "[]";
    }
    case arrow::Type::STRUCT:
      return StructTypeName(type, column);
    case arrow::Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(type);
      DATALAKE_TRY_ASSIGN(const std::string key, DuckTypeName(*map.key_type(), column));
      DATALAKE_TRY_ASSIGN(const std::string item, DuckTypeName(*map.item_type(), column));
      return fmt::format("MAP({}, {})", key, item);
    }
    case arrow::Type::DICTIONARY:
      return DuckTypeName(*static_cast<const arrow::DictionaryType&>(type).value_type(), column);
    case arrow::Type::EXTENSION:
      return DuckTypeName(*static_cast<const arrow::ExtensionType&>(type).storage_type(), column);
    case arrow::Type::DECIMAL256:
      if (static_cast<const arrow::DecimalType&>(type).precision() <= kMaxDecimalDigits) {
        return DecimalName(static_cast<const arrow::DecimalType&>(type));
      }
      [[fallthrough]];
    default:
      return Error{
          ErrorCode::kUnsupported,
          fmt::format("queries cannot read this type: {}: column {}", type.ToString(), column)};
  }
}

std::string CommonDuckType(const std::string& a, const std::string& b) {
  if (a == b) {
    return a;
  }
  // Each holds every value of those before it, but for BIGINT beyond 2^53 in DOUBLE.
  constexpr std::array<std::string_view, 6> kNumbers = {"TINYINT", "SMALLINT", "INTEGER",
                                                        "BIGINT",  "FLOAT",    "DOUBLE"};
  const auto rank = [&](const std::string& type) {
    return std::find(kNumbers.begin(), kNumbers.end(), type) - kNumbers.begin();
  };
  const auto none = static_cast<std::ptrdiff_t>(kNumbers.size());
  const auto high = std::max(rank(a), rank(b));
  if (high == none) {
    return "";
  }
  const auto low = std::min(rank(a), rank(b));
  // Integers of 32 bits and more need DOUBLE beside floats.
  return kNumbers[high] == "FLOAT" && low >= 2 ? "DOUBLE" : std::string(kNumbers[high]);
}

std::shared_ptr<arrow::DataType> CommonStruct(const std::shared_ptr<arrow::DataType>& a,
                                              const std::shared_ptr<arrow::DataType>& b) {
  if (a->id() != b->id()) {
    return nullptr;
  }
  if (a->id() == arrow::Type::LIST) {
    auto items = CommonStruct(a->field(0)->type(), b->field(0)->type());
    return items == nullptr ? nullptr : arrow::list(std::move(items));
  }
  if (a->id() != arrow::Type::STRUCT) {
    return nullptr;
  }
  arrow::FieldVector members = a->fields();
  for (const auto& member : b->fields()) {
    const auto same = std::find_if(members.begin(), members.end(), [&](const auto& known) {
      return FoldName(known->name()) == FoldName(member->name());
    });
    if (same == members.end()) {
      members.push_back(member);
    } else if (!(*same)->type()->Equals(*member->type())) {
      auto common = CommonStruct((*same)->type(), member->type());
      if (common == nullptr) {
        return nullptr;
      }
      *same = (*same)->WithType(std::move(common));
    }
  }
  return arrow::struct_(std::move(members));
}

}  // namespace datalake::query

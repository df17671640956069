#include "datalake/table/partition_path.h"

#include <array>
#include <vector>

#include <arrow/scalar.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>
#include <fmt/format.h>

#include "datalake/base/clock.h"
#include "datalake/base/hex.h"
#include "datalake/format/arrow_status.h"
#include "datalake/io/path.h"

namespace datalake::table {
namespace {

constexpr std::size_t kMaxFolderNameBytes = 255;  // NAME_MAX of ext4, xfs and NFS

void AppendPercent(std::string& out, char c) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  out.push_back('%');
  out.push_back(kDigits[byte >> 4]);
  out.push_back(kDigits[byte & 15]);
}

int HexValue(char c) {
  return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

std::vector<std::string_view> Components(std::string_view path) {
  std::vector<std::string_view> components;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    components.push_back(path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  return components;
}

// The folder of `root` that begins with "<column>=", if any.
std::string_view FolderOfRoot(std::string_view root, std::string_view column) {
  for (const std::string_view component : Components(root)) {
    if (component.size() > column.size() && component.starts_with(column) &&
        component[column.size()] == '=') {
      return component;
    }
  }
  return {};
}

Result<std::shared_ptr<arrow::Scalar>> ParseDecimal(const arrow::Field& field,
                                                    std::string_view text) {
  const auto& type = static_cast<const arrow::Decimal128Type&>(*field.type());
  arrow::Decimal128 value;
  std::int32_t precision = 0;
  std::int32_t scale = 0;
  DATALAKE_TRY(format::FromArrow(arrow::Decimal128::FromString(text, &value, &precision, &scale),
                                 "bad partition value"));
  DATALAKE_TRY_ASSIGN(value,
                      format::FromArrow(value.Rescale(scale, type.scale()), "bad partition value"));
  return std::make_shared<arrow::Decimal128Scalar>(value, field.type());
}

Result<std::shared_ptr<arrow::Scalar>> ParseTimestampValue(const arrow::Field& field,
                                                           std::string text) {
  if (text.size() > 10 && text[10] == ' ') {
    text[10] = 'T';
  }
  const bool has_zone = text.size() > 11 && text.find_first_of("Z+-", 11) != std::string::npos;
  if (!has_zone) {
    text += 'Z';
  }
  DATALAKE_TRY_ASSIGN(const Timestamp time, ParseTimestamp(text));
  return std::make_shared<arrow::TimestampScalar>(time.time_since_epoch().count(), field.type());
}

Result<std::shared_ptr<arrow::Scalar>> ParseTyped(const arrow::Field& field,
                                                  const std::string& text) {
  switch (field.type()->id()) {
    case arrow::Type::STRING:
      return std::make_shared<arrow::StringScalar>(text);
    case arrow::Type::BINARY:
      return std::make_shared<arrow::BinaryScalar>(text);
    case arrow::Type::DECIMAL128:
      return ParseDecimal(field, text);
    case arrow::Type::TIMESTAMP:
      return ParseTimestampValue(field, text);
    default:
      return format::FromArrow(arrow::Scalar::Parse(field.type(), text), "bad partition value");
  }
}

}  // namespace

std::string HiveEscape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool must_escape = byte < 0x20 || byte == 0x7F ||
                             std::string_view("\"#%'*/:=?\\{[]^").find(c) != std::string_view::npos;
    if (must_escape) {
      AppendPercent(out, c);
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::string UriEncode(std::string_view path) {
  std::string out;
  out.reserve(path.size());
  for (const char c : path) {
    if (IsUnreserved(c) || c == '/' || c == '=') {
      out.push_back(c);
    } else {
      AppendPercent(out, c);
    }
  }
  return out;
}

std::string UriDecode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && IsHexDigit(text[i + 1]) &&
        IsHexDigit(text[i + 2])) {
      out.push_back(static_cast<char>(HexValue(text[i + 1]) * 16 + HexValue(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

Result<std::string> DataFilePath(std::string_view root, std::string_view path) {
  const std::size_t colon = path.find(':');
  const bool has_scheme = colon != std::string_view::npos && colon < path.find('/');
  if (has_scheme) {
    constexpr std::string_view kFile = "file:";
    if (!path.starts_with(kFile)) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("data file in another storage: {}: {}", root, path)};
    }
    path.remove_prefix(kFile.size());
    if (path.starts_with("//")) {
      path.remove_prefix(2);
    }
  }
  std::string decoded = UriDecode(path);
  for (const std::string_view component : Components(decoded)) {
    if (component == "..") {
      return Error{ErrorCode::kCorruption,
                   fmt::format("data file path leaves the table: {}: {}", root, path)};
    }
  }
  return io::JoinPath(root, decoded);
}

Result<std::string> PartitionFolder(std::string_view root, std::span<const std::string> columns,
                                    const PartitionValues& values) {
  std::string path;
  for (const std::string& column : columns) {
    const auto found = values.find(column);
    const bool is_null = found == values.end() || !found->second.has_value();
    const std::string folder = fmt::format(
        "{}={}", HiveEscape(column), is_null ? std::string(kHiveNull) : HiveEscape(*found->second));
    const std::string_view in_root = FolderOfRoot(root, HiveEscape(column));
    if (!in_root.empty() && in_root != folder) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("partition value differs from the table's folder: {} is not {}: {}",
                               folder, in_root, root)};
    }
    if (folder.size() > kMaxFolderNameBytes) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("partition value too long for a folder name: {}: {} bytes", column,
                               folder.size())};
    }
    if (in_root.empty()) {
      path = io::JoinPath(path, folder);
    }
  }
  return path;
}

Result<std::shared_ptr<arrow::Scalar>> ParsePartitionValue(const arrow::Field& field,
                                                           const std::optional<std::string>& text) {
  if (!text.has_value() || text->empty()) {
    return arrow::MakeNullScalar(field.type());
  }
  auto value = ParseTyped(field, *text);
  if (!value) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("partition value is no {}: column {}: {}", field.type()->ToString(),
                             field.name(), *text)};
  }
  return value;
}

}  // namespace datalake::table

#include "datalake/format/row_json.h"

#include <cmath>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <arrow/array.h>
#include <arrow/array/array_dict.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/base/clock.h"
#include "datalake/json/writer.h"
#include "datalake/text/utf8.h"

namespace datalake::format {
namespace {

constexpr std::int64_t kExactInDouble = std::int64_t{1} << 53;

template <typename ArrayType>
const ArrayType& As(const arrow::Array& column) {
  return static_cast<const ArrayType&>(column);
}

void AppendBase64(std::string_view bytes, std::string& out) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  out += '"';
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group = group << 8 | (i < count ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      out += i <= count ? kDigits[group >> (18 - 6 * i) & 63] : '=';
    }
  }
  out += '"';
}

void AppendText(std::string_view text, std::string& out) {
  if (text::IsValidUtf8(text)) {
    return json::AppendString(out, text);
  }
  json::AppendString(out, text::ReplaceInvalidUtf8(text));
}

void AppendInt(std::int64_t value, const RowJsonOptions& options, std::string& out) {
  const bool quoted =
      options.big_integers_as_text && (value > kExactInDouble || value < -kExactInDouble);
  const std::string_view quote = quoted ? "\"" : "";
  fmt::format_to(std::back_inserter(out), "{0}{1}{0}", quote, value);
}

void AppendUint(std::uint64_t value, const RowJsonOptions& options, std::string& out) {
  const bool quoted =
      options.big_integers_as_text && value > static_cast<std::uint64_t>(kExactInDouble);
  const std::string_view quote = quoted ? "\"" : "";
  fmt::format_to(std::back_inserter(out), "{0}{1}{0}", quote, value);
}

void AppendNumber(double value, std::string& out) {
  if (std::isfinite(value)) {
    json::AppendDouble(out, value);
  } else {
    out += std::isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  }
}

void AppendFloat(float value, std::string& out) {
  if (!std::isfinite(value)) {
    return AppendNumber(value, out);
  }
  const std::string text = fmt::format("{}", value);  // shortest that reads back as this float
  out += text;
  if (text.find_first_of(".e") == std::string::npos) {
    out += ".0";
  }
}

std::int64_t MicrosOf(std::int64_t value, arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return value * 1'000'000;
    case arrow::TimeUnit::MILLI:
      return value * 1'000;
    case arrow::TimeUnit::MICRO:
      return value;
    default:  // floor, also before 1970
      return (value - (value % 1000 + 1000) % 1000) / 1000;
  }
}

void AppendTimestamp(std::int64_t value, const arrow::TimestampType& type, std::string& out) {
  std::string text =
      FormatTimestamp(Timestamp(std::chrono::microseconds(MicrosOf(value, type.unit()))));
  if (type.timezone().empty()) {
    text.pop_back();  // no zone, no Z
  }
  out += '"' + text + '"';
}

void AppendDate(std::int64_t days, std::string& out) {
  out += '"' + FormatDay(Timestamp(std::chrono::hours(24 * days))) + '"';
}

Status AppendItems(const arrow::Array& items, std::int64_t begin, std::int64_t end,
                   const RowJsonOptions& options, std::string& out) {
  out += '[';
  for (std::int64_t at = begin; at < end; ++at) {
    out += at > begin ? "," : "";
    DATALAKE_TRY(AppendValueJson(items, at, options, out));
  }
  out += ']';
  return {};
}

template <typename ListArrayType>
Status AppendList(const arrow::Array& column, std::int64_t row, const RowJsonOptions& options,
                  std::string& out) {
  const auto& list = As<ListArrayType>(column);
  const auto begin = static_cast<std::int64_t>(list.value_offset(row));
  return AppendItems(*list.values(), begin, begin + list.value_length(row), options, out);
}

Status AppendStruct(const arrow::Array& column, std::int64_t row, const RowJsonOptions& options,
                    std::string& out) {
  const auto& values = As<arrow::StructArray>(column);
  out += '{';
  bool first = true;
  for (int i = 0; i < values.num_fields(); ++i) {
    const std::shared_ptr<arrow::Array> member = values.field(i);  // sliced as the struct is
    if (options.skip_null_members && member->IsNull(row)) {
      continue;
    }
    out += first ? "" : ",";
    first = false;
    AppendText(values.struct_type()->field(i)->name(), out);
    out += ':';
    DATALAKE_TRY(AppendValueJson(*member, row, options, out));
  }
  out += '}';
  return {};
}

Status AppendMap(const arrow::Array& column, std::int64_t row, const RowJsonOptions& options,
                 std::string& out) {
  const auto& map = As<arrow::MapArray>(column);
  const bool object = map.keys()->type_id() == arrow::Type::STRING;
  out += object ? '{' : '[';
  const std::int64_t begin = map.value_offset(row);
  for (std::int64_t at = begin; at < begin + map.value_length(row); ++at) {
    out += at > begin ? "," : "";
    out += object ? "" : "{\"key\":";
    DATALAKE_TRY(AppendValueJson(*map.keys(), at, options, out));
    out += object ? ":" : ",\"value\":";
    DATALAKE_TRY(AppendValueJson(*map.items(), at, options, out));
    out += object ? "" : "}";
  }
  out += object ? '}' : ']';
  return {};
}

// Types without a form of their own (decimals, times of day, durations): their text.
Status AppendOther(const arrow::Array& column, std::int64_t row, std::string& out) {
  const auto scalar = column.GetScalar(row);
  if (!scalar.ok()) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("type has no JSON form: {}", column.type()->ToString())};
  }
  AppendText((*scalar)->ToString(), out);
  return {};
}

}  // namespace

Status AppendValueJson(const arrow::Array& column, std::int64_t row, const RowJsonOptions& options,
                       std::string& out) {
  if (column.IsNull(row)) {
    out += "null";
    return {};
  }
  switch (column.type_id()) {
    case arrow::Type::BOOL:
      out += As<arrow::BooleanArray>(column).Value(row) ? "true" : "false";
      return {};
    case arrow::Type::INT8:
      AppendInt(As<arrow::Int8Array>(column).Value(row), options, out);
      return {};
    case arrow::Type::INT16:
      AppendInt(As<arrow::Int16Array>(column).Value(row), options, out);
      return {};
    case arrow::Type::INT32:
      AppendInt(As<arrow::Int32Array>(column).Value(row), options, out);
      return {};
    case arrow::Type::INT64:
      AppendInt(As<arrow::Int64Array>(column).Value(row), options, out);
      return {};
    case arrow::Type::UINT8:
      AppendUint(As<arrow::UInt8Array>(column).Value(row), options, out);
      return {};
    case arrow::Type::UINT16:
      AppendUint(As<arrow::UInt16Array>(column).Value(row), options, out);
      return {};
    case arrow::Type::UINT32:
      AppendUint(As<arrow::UInt32Array>(column).Value(row), options, out);
      return {};
    case arrow::Type::UINT64:
      AppendUint(As<arrow::UInt64Array>(column).Value(row), options, out);
      return {};
    case arrow::Type::FLOAT:
      AppendFloat(As<arrow::FloatArray>(column).Value(row), out);
      return {};
    case arrow::Type::DOUBLE:
      AppendNumber(As<arrow::DoubleArray>(column).Value(row), out);
      return {};
    case arrow::Type::STRING:
      AppendText(As<arrow::StringArray>(column).GetView(row), out);
      return {};
    case arrow::Type::LARGE_STRING:
      AppendText(As<arrow::LargeStringArray>(column).GetView(row), out);
      return {};
    case arrow::Type::STRING_VIEW:
      AppendText(As<arrow::StringViewArray>(column).GetView(row), out);
      return {};
    case arrow::Type::BINARY:
      AppendBase64(As<arrow::BinaryArray>(column).GetView(row), out);
      return {};
    case arrow::Type::LARGE_BINARY:
      AppendBase64(As<arrow::LargeBinaryArray>(column).GetView(row), out);
      return {};
    case arrow::Type::BINARY_VIEW:
      AppendBase64(As<arrow::BinaryViewArray>(column).GetView(row), out);
      return {};
    case arrow::Type::FIXED_SIZE_BINARY:
      AppendBase64(As<arrow::FixedSizeBinaryArray>(column).GetView(row), out);
      return {};
    case arrow::Type::DATE32:
      AppendDate(As<arrow::Date32Array>(column).Value(row), out);
      return {};
    case arrow::Type::DATE64:
      AppendDate(As<arrow::Date64Array>(column).Value(row) / 86'400'000, out);
      return {};
    case arrow::Type::TIMESTAMP:
      AppendTimestamp(As<arrow::TimestampArray>(column).Value(row),
                      static_cast<const arrow::TimestampType&>(*column.type()), out);
      return {};
    case arrow::Type::LIST:
      return AppendList<arrow::ListArray>(column, row, options, out);
    case arrow::Type::LARGE_LIST:
      return AppendList<arrow::LargeListArray>(column, row, options, out);
    case arrow::Type::FIXED_SIZE_LIST:
      return AppendList<arrow::FixedSizeListArray>(column, row, options, out);
    case arrow::Type::MAP:
      return AppendMap(column, row, options, out);
    case arrow::Type::STRUCT:
      return AppendStruct(column, row, options, out);
    case arrow::Type::DICTIONARY: {
      const auto& dictionary = As<arrow::DictionaryArray>(column);
      return AppendValueJson(*dictionary.dictionary(), dictionary.GetValueIndex(row), options, out);
    }
    case arrow::Type::EXTENSION:
      return AppendValueJson(*As<arrow::ExtensionArray>(column).storage(), row, options, out);
    default:
      return AppendOther(column, row, out);
  }
}

Status AppendRowJson(const arrow::RecordBatch& batch, std::int64_t row,
                     const RowJsonOptions& options, std::string& out) {
  out += '{';
  for (int i = 0; i < batch.num_columns(); ++i) {
    out += i > 0 ? "," : "";
    AppendText(batch.column_name(i), out);
    out += ':';
    const Status appended = AppendValueJson(*batch.column(i), row, options, out);
    if (!appended) {
      return WithContext(appended.error(), batch.column_name(i));
    }
  }
  out += '}';
  return {};
}

}  // namespace datalake::format

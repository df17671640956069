#include "datalake/lake/takedown_rule.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/type.h>

#include "datalake/base/hash.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/row_json.h"
#include "datalake/lake/upload_columns.h"

namespace datalake::lake {
namespace {

constexpr int kMostDepth = 64;
constexpr std::size_t kDigits = 64;

// The row that each element of an array belongs to; -1: none.
using RowOf = std::vector<std::int64_t>;

class AssetMarker {
 public:
  AssetMarker(const TakedownRule& rule, std::vector<bool>& gone) : rule_(rule), gone_(gone) {}

  void Mark(const arrow::Array& array, const RowOf& rows, int depth) {
    if (depth > kMostDepth) {
      return;
    }
    switch (array.type_id()) {
      case arrow::Type::STRING:
      case arrow::Type::LARGE_STRING:
      case arrow::Type::BINARY:
      case arrow::Type::LARGE_BINARY:
        MarkValues(array, rows);
        return;
      case arrow::Type::DICTIONARY:
        MarkDictionary(static_cast<const arrow::DictionaryArray&>(array), rows, depth);
        return;
      case arrow::Type::STRUCT: {
        const auto& parts = static_cast<const arrow::StructArray&>(array);
        for (int i = 0; i < parts.num_fields(); ++i) {
          Mark(*parts.field(i), rows, depth + 1);
        }
        return;
      }
      case arrow::Type::LIST:
        MarkList(static_cast<const arrow::ListArray&>(array), rows, depth);
        return;
      case arrow::Type::LARGE_LIST:
        MarkList(static_cast<const arrow::LargeListArray&>(array), rows, depth);
        return;
      case arrow::Type::FIXED_SIZE_LIST:
        MarkList(static_cast<const arrow::FixedSizeListArray&>(array), rows, depth);
        return;
      case arrow::Type::MAP:
        MarkList(static_cast<const arrow::MapArray&>(array), rows, depth);
        return;
      default:
        return;
    }
  }

 private:
  bool Names(std::string_view bytes, bool is_binary) const {
    std::string found;  // of the bytes, made when needed
    return std::any_of(rule_.assets.begin(), rule_.assets.end(), [&](const auto& asset) {
      const auto& [sha256, size] = asset;
      if (bytes.size() >= kDigits && bytes.find(sha256) != std::string_view::npos) {
        return true;
      }
      if (bytes.empty() || (size == 0 ? !is_binary : bytes.size() != size)) {
        return false;
      }
      found = found.empty() ? Sha256Hex(bytes) : found;
      return found == sha256;
    });
  }

  void MarkValues(const arrow::Array& array, const RowOf& rows) {
    const bool is_binary =
        array.type_id() == arrow::Type::BINARY || array.type_id() == arrow::Type::LARGE_BINARY;
    for (std::int64_t i = 0; i < array.length(); ++i) {
      const std::int64_t row = rows[static_cast<std::size_t>(i)];
      if (row >= 0 && !gone_[static_cast<std::size_t>(row)] && !array.IsNull(i) &&
          Names(BytesOf(array, i), is_binary)) {
        gone_[static_cast<std::size_t>(row)] = true;
      }
    }
  }

  void MarkDictionary(const arrow::DictionaryArray& array, const RowOf& rows, int depth) {
    const arrow::Array& values = *array.dictionary();
    for (std::int64_t i = 0; i < array.length(); ++i) {
      const std::int64_t row = rows[static_cast<std::size_t>(i)];
      if (row >= 0 && !array.IsNull(i)) {
        const auto one = values.Slice(array.GetValueIndex(i), 1);
        Mark(*one, {row}, depth + 1);
      }
    }
  }

  template <typename ListType>
  void MarkList(const ListType& lists, const RowOf& rows, int depth) {
    RowOf inner(static_cast<std::size_t>(lists.values()->length()), -1);
    for (std::int64_t i = 0; i < lists.length(); ++i) {
      if (!lists.IsNull(i)) {
        const auto first = static_cast<std::int64_t>(lists.value_offset(i));
        const auto size = static_cast<std::int64_t>(lists.value_length(i));
        std::fill_n(inner.begin() + first, size, rows[static_cast<std::size_t>(i)]);
      }
    }
    Mark(*lists.values(), inner, depth + 1);
  }

  const TakedownRule& rule_;
  std::vector<bool>& gone_;
};

bool IsTextValue(const arrow::RecordBatch& batch, const char* column, std::int64_t row,
                 std::string_view value) {
  const auto array = batch.GetColumnByName(column);
  return array != nullptr && IsText(*array->type()) && !array->IsNull(row) &&
         BytesOf(*array, row) == value;
}

bool NamesTable(const arrow::RecordBatch& batch, std::int64_t row, const TableName& table) {
  return IsTextValue(batch, "provider", row, table.provider) &&
         IsTextValue(batch, "dataset", row, table.dataset) &&
         IsTextValue(batch, "task", row, table.task);
}

Result<bool> HasValue(const arrow::Array& column, std::int64_t row, const RowKey& key) {
  const auto is_meant = [&key](const std::string& text) {
    return key.values.empty() ? text == key.value : key.values.contains(text);
  };
  if (column.IsNull(row)) {
    return false;
  }
  if (IsText(*column.type())) {
    return is_meant(std::string(BytesOf(column, row)));
  }
  std::string text;
  DATALAKE_TRY(format::AppendValueJson(column, row, {}, text));
  const bool is_quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
  return is_meant(text) || (is_quoted && is_meant(text.substr(1, text.size() - 2)));
}

}  // namespace

Result<std::vector<bool>> MatchRows(const TakedownRule& rule, const arrow::RecordBatch& batch,
                                    KeyUse use) {
  std::vector<bool> gone(static_cast<std::size_t>(batch.num_rows()), false);
  if (!rule.assets.empty()) {
    RowOf rows(gone.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i] = static_cast<std::int64_t>(i);
    }
    AssetMarker marker(rule, gone);
    for (int i = 0; i < batch.num_columns(); ++i) {
      marker.Mark(*batch.column(i), rows, 0);
    }
  }
  if (!rule.key || use == KeyUse::kNone) {
    return gone;
  }
  const auto column = batch.GetColumnByName(rule.key->column);
  for (std::int64_t row = 0; column != nullptr && row < batch.num_rows(); ++row) {
    if (use == KeyUse::kAlways || NamesTable(batch, row, rule.key->table)) {
      DATALAKE_TRY_ASSIGN(const bool has, HasValue(*column, row, *rule.key));
      if (has) {
        gone[static_cast<std::size_t>(row)] = true;
      }
    }
  }
  return gone;
}

Result<std::shared_ptr<arrow::RecordBatch>> WithoutRows(const arrow::RecordBatch& batch,
                                                        const std::vector<bool>& gone) {
  arrow::ArrayVector columns;
  for (int i = 0; i < batch.num_columns(); ++i) {
    arrow::ArrayVector parts;
    std::int64_t first = 0;
    for (std::int64_t row = 0; row <= batch.num_rows(); ++row) {
      if (row == batch.num_rows() || gone[static_cast<std::size_t>(row)]) {
        if (row > first) {
          parts.push_back(batch.column(i)->Slice(first, row - first));
        }
        first = row + 1;
      }
    }
    if (parts.empty()) {
      parts.push_back(batch.column(i)->Slice(0, 0));
    }
    // Joined anew, so that the bytes of the rows that go are not carried along.
    DATALAKE_TRY_ASSIGN(auto column,
                        format::FromArrow(arrow::Concatenate(parts), "cannot take rows away"));
    columns.push_back(std::move(column));
  }
  const std::int64_t rows = std::count(gone.begin(), gone.end(), false);
  return arrow::RecordBatch::Make(batch.schema(), rows, std::move(columns));
}

}  // namespace datalake::lake

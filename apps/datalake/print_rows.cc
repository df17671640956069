#include "apps/datalake/print_rows.h"

#include <algorithm>
#include <memory>
#include <vector>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/type_traits.h>
#include <fmt/format.h>

#include "datalake/format/arrow_status.h"
#include "datalake/format/row_json.h"
#include "datalake/text/utf8.h"

namespace datalake::apps {
namespace {

constexpr format::RowJsonOptions kJson{.big_integers_as_text = true};
constexpr std::string_view kGap = "  ";

// Control characters would break the lines of a table.
std::string OneLine(std::string_view text) {
  std::string line;
  for (const char c : text) {
    if (c == '\n') {
      line += "\\n";
    } else if (c == '\t') {
      line += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      fmt::format_to(std::back_inserter(line), "\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      line.push_back(c);
    }
  }
  return line;
}

std::string Cut(std::string text, std::size_t max_chars) {
  std::size_t chars = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool begins = (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
    if (begins && ++chars == max_chars && text::CountCodePoints(text) > max_chars) {
      text.resize(at);
      text += "…";
      break;
    }
  }
  return text;
}

std::string_view TextOf(const arrow::Array& column, std::int64_t row) {
  switch (column.type_id()) {
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return static_cast<const arrow::BinaryArray&>(column).GetView(row);
    default:
      return static_cast<const arrow::LargeBinaryArray&>(column).GetView(row);
  }
}

Status CheckRead(const arrow::Status& status) {
  return format::FromArrow(status, "cannot read rows");
}

class TablePrinter {
 public:
  TablePrinter(const Context& context, const arrow::Schema& schema, const TableStyle& style)
      : context_(context), style_(style) {
    for (const auto& field : schema.fields()) {
      names_.push_back(Cut(OneLine(field->name()), style.max_cell_chars));
      widths_.push_back(text::CountCodePoints(names_.back()));
      align_right_.push_back(arrow::is_numeric(field->type()->id()) ||
                             arrow::is_decimal(field->type()->id()));
    }
  }

  // Rows are held back until the widths are known.
  Status Add(const arrow::RecordBatch& batch) {
    for (std::int64_t row = 0; row < batch.num_rows(); ++row) {
      std::vector<std::string> cells;
      for (int i = 0; i < batch.num_columns(); ++i) {
        DATALAKE_TRY_ASSIGN(std::string cell,
                            CellText(*batch.column(i), row, style_.max_cell_chars));
        cells.push_back(std::move(cell));
      }
      if (is_begun_) {
        DATALAKE_TRY(PrintLine(cells));
        continue;
      }
      for (std::size_t i = 0; i < cells.size(); ++i) {
        widths_[i] = std::max(widths_[i], text::CountCodePoints(cells[i]));
      }
      held_.push_back(std::move(cells));
      if (held_.size() >= style_.sample_rows) {
        DATALAKE_TRY(Begin());
      }
    }
    return {};
  }

  Status Finish() { return is_begun_ ? Status() : Begin(); }

 private:
  Status Begin() {
    is_begun_ = true;
    DATALAKE_TRY(PrintLine(names_));
    std::vector<std::string> rules;
    for (const std::size_t width : widths_) {
      rules.emplace_back(width, '-');
    }
    DATALAKE_TRY(PrintLine(rules));
    for (const auto& cells : held_) {
      DATALAKE_TRY(PrintLine(cells));
    }
    held_.clear();
    return {};
  }

  Status PrintLine(const std::vector<std::string>& cells) const {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::size_t chars = text::CountCodePoints(cells[i]);
      const std::string padding(widths_[i] - std::min(widths_[i], chars), ' ');
      line += i == 0 ? "" : kGap;
      line += align_right_[i] ? padding + cells[i] : cells[i] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return context_.Print(line);
  }

  const Context& context_;
  TableStyle style_;
  std::vector<std::string> names_;
  std::vector<std::size_t> widths_;
  std::vector<bool> align_right_;
  std::vector<std::vector<std::string>> held_;
  bool is_begun_ = false;
};

}  // namespace

Result<std::string> CellText(const arrow::Array& column, std::int64_t row, std::size_t max_chars) {
  if (column.IsNull(row)) {
    return std::string("null");
  }
  const arrow::Type::type type = column.type_id();
  if (type == arrow::Type::BINARY || type == arrow::Type::LARGE_BINARY) {
    return fmt::format("<{} bytes>", TextOf(column, row).size());
  }
  if (type == arrow::Type::STRING || type == arrow::Type::LARGE_STRING) {
    // Four bytes a code point at most: what is behind is not looked at.
    const std::string_view text = TextOf(column, row);
    return Cut(OneLine(text.substr(0, 4 * max_chars + 4)), max_chars);
  }
  std::string json;
  DATALAKE_TRY(format::AppendValueJson(column, row, {}, json));
  if (json.size() >= 2 && json.front() == '"') {  // dates, decimals
    json = json.substr(1, json.size() - 2);
  }
  return Cut(OneLine(json), max_chars);
}

Result<std::int64_t> PrintRows(const Context& context, arrow::RecordBatchReader& rows,
                               const TableStyle& style) {
  TablePrinter table(context, *rows.schema(), style);
  std::int64_t count = 0;
  std::shared_ptr<arrow::RecordBatch> batch;
  std::string line;
  while (true) {
    DATALAKE_TRY(CheckRead(rows.ReadNext(&batch)));
    if (batch == nullptr) {
      break;
    }
    count += batch->num_rows();
    if (!context.options.json) {
      DATALAKE_TRY(table.Add(*batch));
      continue;
    }
    for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
      line.clear();
      DATALAKE_TRY(format::AppendRowJson(*batch, row, kJson, line));
      DATALAKE_TRY(context.Print(line));
    }
  }
  if (!context.options.json) {
    DATALAKE_TRY(table.Finish());
  }
  return count;
}

}  // namespace datalake::apps

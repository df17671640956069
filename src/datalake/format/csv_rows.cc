#include "datalake/format/csv_rows.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include <arrow/array.h>
#include <arrow/csv/options.h>
#include <arrow/csv/reader.h>
#include <arrow/io/interfaces.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/value_parsing.h>
#include <fmt/format.h>

#include "datalake/format/arrow_io.h"
#include "datalake/format/arrow_status.h"
#include "datalake/io/compression.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"

namespace datalake::format {
namespace {

// Arrow wants a whole row in a block, and keeps a few blocks.
constexpr std::int32_t kBlockBytes = 16 << 20;

// The largest integers that all have a double of their own.
constexpr std::int64_t kExactInDouble = std::int64_t{1} << 53;

const std::vector<std::string>& TrueWords() {
  static const std::vector<std::string> words = {"true", "True", "TRUE"};
  return words;
}

const std::vector<std::string>& FalseWords() {
  static const std::vector<std::string> words = {"false", "False", "FALSE"};
  return words;
}

bool IsOneOf(std::string_view text, const std::vector<std::string>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

template <typename ArrowType>
bool Parses(std::string_view text, typename ArrowType::c_type* out) {
  return arrow::internal::ParseValue<ArrowType>(text.data(), text.size(), out);
}

// "007" and "-01" are codes, not numbers: as numbers they would not come back.
bool HasLeadingZero(std::string_view text) {
  if (text.starts_with('-')) {
    text.remove_prefix(1);
  }
  return text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9';
}

// What the values of one column have been so far. Every test is the parser that will convert the
// column later, so that what passes here converts there.
class ColumnGuess {
 public:
  void Add(std::string_view text) {
    has_values_ = true;
    if (is_bool_) {
      is_bool_ = IsOneOf(text, TrueWords()) || IsOneOf(text, FalseWords());
    }
    if (is_number_) {
      AddNumber(text);
    }
    if (is_date_) {
      std::int32_t days = 0;
      is_date_ = text.size() == 10 && Parses<arrow::Date32Type>(text, &days);
    }
    if (is_local_time_ || is_zoned_time_) {
      AddTime(text);
    }
  }

  std::shared_ptr<arrow::DataType> Type() const {
    if (!has_values_) {
      return arrow::null();
    }
    if (is_bool_) {
      return arrow::boolean();
    }
    if (is_number_ && is_integer_) {
      return arrow::int64();
    }
    if (is_number_ && !has_big_integer_) {
      return arrow::float64();
    }
    if (is_date_) {
      return arrow::date32();
    }
    if (is_zoned_time_) {
      return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    }
    if (is_local_time_) {
      return arrow::timestamp(arrow::TimeUnit::MICRO);
    }
    return arrow::utf8();
  }

 private:
  void AddNumber(std::string_view text) {
    const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
    const bool starts_as_number =
        !digits.empty() && ((digits[0] >= '0' && digits[0] <= '9') || digits[0] == '.');
    std::int64_t integer = 0;
    double number = 0;
    if (!starts_as_number || HasLeadingZero(text)) {
      is_number_ = false;
    } else if (Parses<arrow::Int64Type>(text, &integer)) {
      has_big_integer_ = has_big_integer_ || integer > kExactInDouble || integer < -kExactInDouble;
    } else if (digits.find_first_not_of("0123456789") == std::string_view::npos) {
      is_number_ = false;  // an integer beyond int64
    } else {
      is_integer_ = false;
      is_number_ = Parses<arrow::DoubleType>(text, &number) && std::isfinite(number);
    }
  }

  void AddTime(std::string_view text) {
    std::int64_t micros = 0;
    bool has_zone = false;
    const bool is_time = text.size() > 10 &&
                         arrow::internal::ParseTimestampISO8601(
                             text.data(), text.size(), arrow::TimeUnit::MICRO, &micros, &has_zone);
    is_local_time_ = is_local_time_ && is_time && !has_zone;
    is_zoned_time_ = is_zoned_time_ && is_time && has_zone;
  }

  bool has_values_ = false;
  bool is_bool_ = true;
  bool is_number_ = true;
  bool is_integer_ = true;
  bool has_big_integer_ = false;
  bool is_date_ = true;
  bool is_local_time_ = true;
  bool is_zoned_time_ = true;
};

Error CsvError(const arrow::Status& status, std::string_view file) {
  return ArrowError(status, fmt::format("cannot read csv file: {}", file));
}

Result<std::shared_ptr<arrow::csv::StreamingReader>> MakeReader(
    io::FileSystem& fs, std::string_view file, const RowsOptions& options,
    const arrow::csv::ConvertOptions& convert) {
  DATALAKE_TRY_ASSIGN(auto stream, io::OpenCompressed(fs, file));
  auto read = arrow::csv::ReadOptions::Defaults();
  read.use_threads = false;
  read.block_size = kBlockBytes;
  auto parse = arrow::csv::ParseOptions::Defaults();
  const bool is_tsv = io::BaseName(file).find(".tsv") != std::string_view::npos;
  parse.delimiter = is_tsv ? '\t' : options.csv_delimiter;
  parse.newlines_in_values = true;
  auto reader = arrow::csv::StreamingReader::Make(
      arrow::io::default_io_context(), WrapInput(std::move(stream)), read, parse, convert);
  if (!reader.ok()) {
    return CsvError(reader.status(), file);
  }
  return *std::move(reader);
}

Status CheckHeader(const arrow::Schema& schema, std::string_view file) {
  std::set<std::string> seen;
  for (const std::string& name : schema.field_names()) {
    if (name.empty() || !seen.insert(name).second) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("csv header has an empty or repeated name: {}: \"{}\"", file, name)};
    }
  }
  return {};
}

// Gives the file's name to errors of later blocks.
class NamedRows final : public arrow::RecordBatchReader {
 public:
  NamedRows(std::string file, std::shared_ptr<arrow::RecordBatchReader> rows)
      : file_(std::move(file)), rows_(std::move(rows)) {}

  std::shared_ptr<arrow::Schema> schema() const override { return rows_->schema(); }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    const arrow::Status status = rows_->ReadNext(out);
    return status.ok() ? status : ToArrow(CsvError(status, file_));
  }

 private:
  const std::string file_;
  const std::shared_ptr<arrow::RecordBatchReader> rows_;
};

}  // namespace

Result<std::shared_ptr<arrow::Schema>> InferCsvSchema(io::FileSystem& fs,
                                                      const std::vector<std::string>& files,
                                                      const RowsOptions& options) {
  auto convert = arrow::csv::ConvertOptions::Defaults();
  convert.default_column_type = arrow::utf8();
  convert.null_values = {""};
  convert.strings_can_be_null = true;
  convert.quoted_strings_can_be_null = false;
  std::vector<std::string> names;
  std::map<std::string, ColumnGuess> guesses;
  for (const std::string& file : files) {
    DATALAKE_TRY_ASSIGN(const auto reader, MakeReader(fs, file, options, convert));
    DATALAKE_TRY(CheckHeader(*reader->schema(), file));
    std::vector<ColumnGuess*> columns;
    for (const std::string& name : reader->schema()->field_names()) {
      const auto [place, is_new] = guesses.try_emplace(name);
      if (is_new) {
        names.push_back(name);
      }
      columns.push_back(&place->second);
    }
    while (true) {
      auto batch = reader->Next();
      if (!batch.ok()) {
        return CsvError(batch.status(), file);
      }
      if (*batch == nullptr) {
        break;
      }
      for (std::size_t i = 0; i < columns.size(); ++i) {
        const auto& values =
            static_cast<const arrow::StringArray&>(*(*batch)->column(static_cast<int>(i)));
        for (std::int64_t row = 0; row < values.length(); ++row) {
          if (!values.IsNull(row)) {
            columns[i]->Add(values.GetView(row));
          }
        }
      }
    }
  }
  arrow::FieldVector fields;
  for (const std::string& name : names) {
    fields.push_back(arrow::field(name, guesses.at(name).Type()));
  }
  return arrow::schema(std::move(fields));
}

Result<std::shared_ptr<arrow::RecordBatchReader>> OpenCsv(
    io::FileSystem& fs, std::string_view file, const std::shared_ptr<arrow::Schema>& schema,
    const RowsOptions& options) {
  auto convert = arrow::csv::ConvertOptions::Defaults();
  convert.null_values = {""};
  convert.true_values = TrueWords();
  convert.false_values = FalseWords();
  convert.quoted_strings_can_be_null = false;
  convert.include_columns = schema->field_names();
  convert.include_missing_columns = true;
  for (const auto& field : schema->fields()) {
    convert.column_types[field->name()] = field->type();
  }
  DATALAKE_TRY_ASSIGN(auto reader, MakeReader(fs, file, options, convert));
  return std::make_shared<NamedRows>(std::string(file), std::move(reader));
}

}  // namespace datalake::format

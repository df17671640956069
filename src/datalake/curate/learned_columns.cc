#include "datalake/curate/learned_columns.h"

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/format/arrow_status.h"

namespace datalake::curate {
namespace {

// The parts of kLearnedColumn of a batch.
struct LearnedView {
  explicit LearnedView(const arrow::Array& column)
      : lists(static_cast<const arrow::ListArray&>(column)),
        spans(std::static_pointer_cast<arrow::StructArray>(lists.values())),
        starts(spans->field(0)),
        ends(spans->field(1)),
        scores(spans->field(2)),
        keys(spans->field(3)) {}

  std::string_view KeyAt(std::int64_t i) const {
    return static_cast<const arrow::StringArray&>(*keys).GetView(i);
  }

  Span SpanAt(std::int64_t i) const {
    return {
        .start =
            static_cast<std::uint64_t>(static_cast<const arrow::Int64Array&>(*starts).Value(i)),
        .end = static_cast<std::uint64_t>(static_cast<const arrow::Int64Array&>(*ends).Value(i)),
        .score = static_cast<const arrow::DoubleArray&>(*scores).Value(i)};
  }

  const arrow::ListArray& lists;
  std::shared_ptr<arrow::StructArray> spans;
  std::shared_ptr<arrow::Array> starts;
  std::shared_ptr<arrow::Array> ends;
  std::shared_ptr<arrow::Array> scores;
  std::shared_ptr<arrow::Array> keys;
};

class Expander {
 public:
  Expander(const arrow::Schema& from, const LearnedKeys& keys) {
    arrow::FieldVector fields = from.fields();
    fields.pop_back();
    for (const std::string& key : keys) {
      columns_.emplace(key, columns_.size());
      fields.push_back(arrow::field(key, AttributeSpansType()));
    }
    schema_ = arrow::schema(std::move(fields));
  }

  const std::shared_ptr<arrow::Schema>& schema() const { return schema_; }

  std::shared_ptr<arrow::RecordBatch> Expand(const arrow::RecordBatch& rows) const {
    const LearnedView learned(*rows.column(rows.num_columns() - 1));
    std::vector<SpanRows> columns(columns_.size());
    for (std::int64_t row = 0; row < rows.num_rows(); ++row) {
      for (SpanRows& column : columns) {
        column.counts.push_back(kAbsentRow);
      }
      if (learned.lists.IsNull(row)) {
        continue;
      }
      for (std::int64_t i = learned.lists.value_offset(row);
           i < learned.lists.value_offset(row + 1); ++i) {
        columns[columns_.find(learned.KeyAt(i))->second].Append(learned.SpanAt(i));
      }
    }
    arrow::ArrayVector arrays = rows.columns();
    arrays.pop_back();
    for (SpanRows& column : columns) {
      arrays.push_back(ToArray(std::move(column)));
    }
    return arrow::RecordBatch::Make(schema_, rows.num_rows(), std::move(arrays));
  }

 private:
  std::map<std::string, std::size_t, std::less<>> columns_;
  std::shared_ptr<arrow::Schema> schema_;
};

}  // namespace

Status AddLearnedKeys(const ColumnRows& rows, LearnedKeys& keys) {
  std::string_view rest = rows.learned_keys.bytes;
  for (const std::uint32_t size : rows.learned_keys.sizes) {
    const std::string_view key = rest.substr(0, size);
    rest.remove_prefix(size);
    if (keys.find(key) == keys.end()) {
      keys.emplace(key);
    }
  }
  if (keys.size() > kMaxLearnedKeys) {
    return Error{ErrorCode::kResourceExhausted,
                 fmt::format("too many different attributes for columns of Parquet; write lines of "
                             "JSON: {} keys, at most {}: {} …",
                             keys.size(), kMaxLearnedKeys, *keys.begin())};
  }
  return {};
}

Status ExpandLearnedColumns(io::FileSystem& fs, std::string_view from, std::string_view to,
                            const LearnedKeys& keys, const format::ParquetWriteOptions& options) {
  DATALAKE_TRY_ASSIGN(const auto reader, format::ReadParquet(fs, from));
  const Expander expander(*reader->schema(), keys);
  DATALAKE_TRY_ASSIGN(auto writer, format::ParquetWriter::Make(fs, to, expander.schema(), options));
  while (true) {
    std::shared_ptr<arrow::RecordBatch> rows;
    DATALAKE_TRY(format::FromArrow(reader->ReadNext(&rows), from));
    if (rows == nullptr) {
      break;
    }
    DATALAKE_TRY(writer->Write(*expander.Expand(*rows)));
  }
  DATALAKE_TRY(writer->Publish());
  return {};
}

}  // namespace datalake::curate

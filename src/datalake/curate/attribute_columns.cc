#include "datalake/curate/attribute_columns.h"

#include <map>
#include <utility>

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

namespace datalake::curate {
namespace {

// A batch is full with so many rows or bytes; a block's rows stay together.
constexpr std::size_t kBatchRows = 8192;
constexpr std::size_t kBatchBytes = std::size_t{16} << 20;
constexpr std::size_t kSpanBytes = 24;

template <typename T>
void AppendAll(const std::vector<T>& from, std::vector<T>& to) {
  to.insert(to.end(), from.begin(), from.end());
}

// Offsets and validity of rows of sizes, kAbsentRow among them.
struct RowEnds {
  explicit RowEnds(const std::vector<std::uint32_t>& sizes) {
    std::vector<std::int32_t> ends(sizes.size() + 1);
    std::vector<std::uint8_t> bits(static_cast<std::size_t>(
        arrow::bit_util::BytesForBits(static_cast<std::int64_t>(sizes.size()))));
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const bool is_there = sizes[i] != kAbsentRow;
      ends[i + 1] = ends[i] + (is_there ? static_cast<std::int32_t>(sizes[i]) : 0);
      bits[i / 8] = static_cast<std::uint8_t>(bits[i / 8] | (is_there ? 1U << (i % 8) : 0U));
      null_count += is_there ? 0 : 1;
    }
    offsets = arrow::Buffer::FromVector(std::move(ends));
    validity = null_count == 0 ? nullptr : arrow::Buffer::FromVector(std::move(bits));
  }

  std::shared_ptr<arrow::Buffer> offsets;
  std::shared_ptr<arrow::Buffer> validity;
  std::int64_t null_count = 0;
};

std::shared_ptr<arrow::Field> Number(const char* name, std::shared_ptr<arrow::DataType> type) {
  return arrow::field(name, std::move(type), /*nullable=*/false);
}

arrow::FieldVector SpanFields() {
  return {Number("start", arrow::int64()), Number("end", arrow::int64()),
          Number("score", arrow::float64())};
}

arrow::FieldVector LearnedFields() {
  arrow::FieldVector fields = SpanFields();
  fields.push_back(arrow::field("key", arrow::utf8(), /*nullable=*/false));
  return fields;
}

std::shared_ptr<arrow::DataType> ListOf(arrow::FieldVector fields) {
  return arrow::list(arrow::field("item", arrow::struct_(std::move(fields)), /*nullable=*/false));
}

// Of what a span consists of, beside its numbers in `more`.
std::shared_ptr<arrow::Array> ListArray(const std::shared_ptr<arrow::DataType>& type, SpanRows rows,
                                        const arrow::ArrayVector& more) {
  const RowEnds ends(rows.counts);
  const auto count = static_cast<std::int64_t>(rows.starts.size());
  arrow::ArrayVector parts = {
      std::make_shared<arrow::Int64Array>(count, arrow::Buffer::FromVector(std::move(rows.starts))),
      std::make_shared<arrow::Int64Array>(count, arrow::Buffer::FromVector(std::move(rows.ends))),
      std::make_shared<arrow::DoubleArray>(count,
                                           arrow::Buffer::FromVector(std::move(rows.scores)))};
  parts.insert(parts.end(), more.begin(), more.end());
  auto spans =
      std::make_shared<arrow::StructArray>(type->field(0)->type(), count, std::move(parts));
  return std::make_shared<arrow::ListArray>(type, static_cast<std::int64_t>(rows.counts.size()),
                                            ends.offsets, std::move(spans), ends.validity,
                                            ends.null_count);
}

}  // namespace

void StringRows::Clear() {
  bytes.clear();
  sizes.clear();
}

void StringRows::Append(std::string_view value) {
  bytes.append(value);
  sizes.push_back(static_cast<std::uint32_t>(value.size()));
}

void StringRows::Append(const StringRows& other) {
  bytes.append(other.bytes);
  AppendAll(other.sizes, sizes);
}

void SpanRows::Clear() {
  counts.clear();
  starts.clear();
  ends.clear();
  scores.clear();
}

void SpanRows::Append(const Span& span) {
  std::uint32_t& count = counts.back();
  count = count == kAbsentRow ? 1 : count + 1;
  starts.push_back(static_cast<std::int64_t>(span.start));
  ends.push_back(static_cast<std::int64_t>(span.end));
  scores.push_back(RoundScore(span.score));
}

void SpanRows::Append(const SpanRows& other) {
  AppendAll(other.counts, counts);
  AppendAll(other.starts, starts);
  AppendAll(other.ends, ends);
  AppendAll(other.scores, scores);
}

AttributeColumns::AttributeColumns(const std::vector<AttributeWriter::Source>& sources) {
  std::map<std::string, std::size_t> known;
  for (const AttributeWriter::Source& source : sources) {
    std::vector<std::size_t>& columns = by_source.emplace_back();
    for (const std::string& key : AttributeKeys(source)) {
      const auto [column, is_new] = known.try_emplace(key, keys.size());
      if (is_new) {
        keys.push_back(key);
      }
      columns.push_back(column->second);
    }
    prefixes.push_back(source.key_prefix);
    has_learned_types = has_learned_types || source.tagger.has_learned_types();
  }
}

bool ColumnRows::IsFull() const {
  std::size_t bytes = ids.bytes.size() + sources.bytes.size() + learned_keys.bytes.size() +
                      learned.starts.size() * kSpanBytes;
  for (const SpanRows& key : keys) {
    bytes += key.starts.size() * kSpanBytes;
  }
  return num_rows() >= kBatchRows || bytes >= kBatchBytes;
}

void ColumnRows::Clear() {
  ids.Clear();
  sources.Clear();
  for (SpanRows& key : keys) {
    key.Clear();
  }
  learned.Clear();
  learned_keys.Clear();
}

void ColumnRows::Append(const ColumnRows& other) {
  ids.Append(other.ids);
  sources.Append(other.sources);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    keys[i].Append(other.keys[i]);
  }
  learned.Append(other.learned);
  learned_keys.Append(other.learned_keys);
}

AttributeColumnRows::AttributeColumnRows(const AttributeColumns& columns) : columns_(columns) {
  rows_.keys.resize(columns.keys.size());
}

void AttributeColumnRows::Append(std::string_view id, std::string_view source,
                                 std::span<const AttributeWriter::Values> values) {
  rows_.ids.Append(id);
  rows_.sources.Append(source);
  AddAbsentKeys();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::vector<std::size_t>& columns = columns_.by_source[i];
    for (const Span& span : values[i].spans) {
      if (span.type < columns.size()) {
        rows_.keys[columns[span.type]].Append(span);
      } else {
        AppendLearned(i, values[i], span);
      }
    }
  }
}

void AttributeColumnRows::AppendLearned(std::size_t source, const AttributeWriter::Values& values,
                                        const Span& span) {
  const std::size_t number = span.type - columns_.by_source[source].size();
  rows_.learned.Append(span);
  rows_.learned_keys.Append(
      AttributeKey(columns_.prefixes[source], values.state->learned_types()[number]));
}

void AttributeColumnRows::AppendRejected() {
  rows_.ids.sizes.push_back(kAbsentRow);
  rows_.sources.sizes.push_back(kAbsentRow);
  AddAbsentKeys();
}

void AttributeColumnRows::AddAbsentKeys() {
  for (SpanRows& key : rows_.keys) {
    key.counts.push_back(kAbsentRow);
  }
  rows_.learned.counts.push_back(kAbsentRow);
}

std::shared_ptr<arrow::DataType> AttributeSpansType() {
  return ListOf(SpanFields());
}

std::shared_ptr<arrow::Schema> AttributeSchema(const AttributeColumns& columns) {
  arrow::FieldVector fields = {arrow::field("id", arrow::utf8()),
                               arrow::field("source", arrow::utf8())};
  for (const std::string& key : columns.keys) {
    fields.push_back(arrow::field(key, AttributeSpansType()));
  }
  if (columns.has_learned_types) {
    fields.push_back(arrow::field(std::string(kLearnedColumn), ListOf(LearnedFields())));
  }
  return arrow::schema(std::move(fields));
}

std::shared_ptr<arrow::Array> ToArray(StringRows rows) {
  const RowEnds ends(rows.sizes);
  return std::make_shared<arrow::StringArray>(
      static_cast<std::int64_t>(rows.sizes.size()), ends.offsets,
      arrow::Buffer::FromString(std::move(rows.bytes)), ends.validity, ends.null_count);
}

std::shared_ptr<arrow::Array> ToArray(SpanRows rows) {
  return ListArray(AttributeSpansType(), std::move(rows), {});
}

std::shared_ptr<arrow::RecordBatch> ToBatch(const std::shared_ptr<arrow::Schema>& schema,
                                            ColumnRows rows) {
  const auto num_rows = static_cast<std::int64_t>(rows.num_rows());
  arrow::ArrayVector arrays = {ToArray(std::move(rows.ids)), ToArray(std::move(rows.sources))};
  for (SpanRows& key : rows.keys) {
    arrays.push_back(ToArray(std::move(key)));
  }
  if (arrays.size() < static_cast<std::size_t>(schema->num_fields())) {
    arrays.push_back(ListArray(schema->fields().back()->type(), std::move(rows.learned),
                               {ToArray(std::move(rows.learned_keys))}));
  }
  return arrow::RecordBatch::Make(schema, num_rows, std::move(arrays));
}

}  // namespace datalake::curate

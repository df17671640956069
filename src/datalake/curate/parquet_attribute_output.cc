// One column a key. Threads gather the spans of a block by column; the blocks are put together in
// order to batches, which a thread of the pool encodes while the next one grows.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include "datalake/base/ordered_work.h"
#include "datalake/curate/attribute_output_internal.h"
#include "datalake/format/parquet.h"

namespace datalake::curate {
namespace {

// A batch is full with so many rows or bytes; a block's rows stay together.
constexpr std::size_t kBatchRows = 8192;
constexpr std::size_t kBatchBytes = std::size_t{16} << 20;

constexpr std::uint32_t kAbsent = std::numeric_limits<std::uint32_t>::max();

template <typename T>
void AppendAll(const std::vector<T>& from, std::vector<T>& to) {
  to.insert(to.end(), from.begin(), from.end());
}

// Strings, some of them null.
struct StringRows {
  std::string bytes;
  std::vector<std::uint32_t> sizes;  // kAbsent: null

  void Clear() {
    bytes.clear();
    sizes.clear();
  }

  void Append(std::string_view value) {
    bytes.append(value);
    sizes.push_back(static_cast<std::uint32_t>(value.size()));
  }

  void Append(const StringRows& other) {
    bytes.append(other.bytes);
    AppendAll(other.sizes, sizes);
  }
};

// Spans of one key.
struct SpanRows {
  std::vector<std::uint32_t> counts;  // a row; kAbsent: the key is not there
  std::vector<std::int64_t> starts;
  std::vector<std::int64_t> ends;
  std::vector<double> scores;

  void Clear() {
    counts.clear();
    starts.clear();
    ends.clear();
    scores.clear();
  }

  void Append(const SpanRows& other) {
    AppendAll(other.counts, counts);
    AppendAll(other.starts, starts);
    AppendAll(other.ends, ends);
    AppendAll(other.scores, scores);
  }
};

struct ColumnRows {
  static constexpr std::size_t kSpanBytes = 24;

  StringRows ids;
  StringRows sources;
  std::vector<SpanRows> keys;

  std::size_t num_rows() const { return ids.sizes.size(); }

  bool IsFull() const {
    std::size_t bytes = ids.bytes.size() + sources.bytes.size();
    for (const SpanRows& key : keys) {
      bytes += key.starts.size() * kSpanBytes;
    }
    return num_rows() >= kBatchRows || bytes >= kBatchBytes;
  }

  void Clear() {
    ids.Clear();
    sources.Clear();
    for (SpanRows& key : keys) {
      key.Clear();
    }
  }

  void Append(const ColumnRows& other) {
    ids.Append(other.ids);
    sources.Append(other.sources);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      keys[i].Append(other.keys[i]);
    }
  }
};

// The columns of each type of each source; types with equal keys share one.
struct Columns {
  explicit Columns(const std::vector<AttributeWriter::Source>& sources) {
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
    }
  }

  std::vector<std::string> keys;
  std::vector<std::vector<std::size_t>> by_source;  // by source and type
};

class BlockRows final : public AttributeRows {
 public:
  // `columns` outlives the rows.
  explicit BlockRows(const Columns& columns) : columns_(columns) {
    rows_.keys.resize(columns.keys.size());
  }

  void Clear() override { rows_.Clear(); }

  void Append(std::string_view id, std::string_view source,
              std::span<const AttributeWriter::Values> values) override {
    rows_.ids.Append(id);
    rows_.sources.Append(source);
    AddAbsentKeys();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::vector<std::size_t>& columns = columns_.by_source[i];
      for (const Span& span : values[i].spans) {
        SpanRows& key = rows_.keys[columns[span.type]];
        std::uint32_t& count = key.counts.back();
        count = count == kAbsent ? 1 : count + 1;
        key.starts.push_back(static_cast<std::int64_t>(span.start));
        key.ends.push_back(static_cast<std::int64_t>(span.end));
        key.scores.push_back(RoundScore(span.score));
      }
    }
  }

  void AppendRejected() override {
    rows_.ids.sizes.push_back(kAbsent);
    rows_.sources.sizes.push_back(kAbsent);
    AddAbsentKeys();
  }

  const ColumnRows& rows() const { return rows_; }

 private:
  void AddAbsentKeys() {
    for (SpanRows& key : rows_.keys) {
      key.counts.push_back(kAbsent);
    }
  }

  const Columns& columns_;
  ColumnRows rows_;
};

std::shared_ptr<arrow::DataType> SpanType() {
  return arrow::struct_({arrow::field("start", arrow::int64(), /*nullable=*/false),
                         arrow::field("end", arrow::int64(), /*nullable=*/false),
                         arrow::field("score", arrow::float64(), /*nullable=*/false)});
}

std::shared_ptr<arrow::Schema> SchemaOf(const Columns& columns) {
  const auto spans = arrow::list(arrow::field("item", SpanType(), /*nullable=*/false));
  arrow::FieldVector fields = {arrow::field("id", arrow::utf8()),
                               arrow::field("source", arrow::utf8())};
  for (const std::string& key : columns.keys) {
    fields.push_back(arrow::field(key, spans));
  }
  return arrow::schema(std::move(fields));
}

// Offsets and validity of rows of sizes, kAbsent among them.
struct RowEnds {
  explicit RowEnds(const std::vector<std::uint32_t>& sizes) {
    std::vector<std::int32_t> ends(sizes.size() + 1);
    std::vector<std::uint8_t> bits(static_cast<std::size_t>(
        arrow::bit_util::BytesForBits(static_cast<std::int64_t>(sizes.size()))));
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const bool is_there = sizes[i] != kAbsent;
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

std::shared_ptr<arrow::Array> ToArray(StringRows rows) {
  const RowEnds ends(rows.sizes);
  return std::make_shared<arrow::StringArray>(
      static_cast<std::int64_t>(rows.sizes.size()), ends.offsets,
      arrow::Buffer::FromString(std::move(rows.bytes)), ends.validity, ends.null_count);
}

std::shared_ptr<arrow::Array> ToArray(const std::shared_ptr<arrow::DataType>& type, SpanRows rows) {
  const RowEnds ends(rows.counts);
  const auto count = static_cast<std::int64_t>(rows.starts.size());
  auto spans = std::make_shared<arrow::StructArray>(
      SpanType(), count,
      arrow::ArrayVector{std::make_shared<arrow::Int64Array>(
                             count, arrow::Buffer::FromVector(std::move(rows.starts))),
                         std::make_shared<arrow::Int64Array>(
                             count, arrow::Buffer::FromVector(std::move(rows.ends))),
                         std::make_shared<arrow::DoubleArray>(
                             count, arrow::Buffer::FromVector(std::move(rows.scores)))});
  return std::make_shared<arrow::ListArray>(type, static_cast<std::int64_t>(rows.counts.size()),
                                            ends.offsets, std::move(spans), ends.validity,
                                            ends.null_count);
}

std::shared_ptr<arrow::RecordBatch> ToBatch(const std::shared_ptr<arrow::Schema>& schema,
                                            ColumnRows rows) {
  const auto num_rows = static_cast<std::int64_t>(rows.num_rows());
  arrow::ArrayVector arrays = {ToArray(std::move(rows.ids)), ToArray(std::move(rows.sources))};
  for (SpanRows& key : rows.keys) {
    arrays.push_back(
        ToArray(schema->field(static_cast<int>(arrays.size()))->type(), std::move(key)));
  }
  return arrow::RecordBatch::Make(schema, num_rows, std::move(arrays));
}

class ParquetOutput final : public AttributeOutput {
 public:
  ParquetOutput(Columns columns, std::shared_ptr<arrow::Schema> schema,
                std::unique_ptr<format::ParquetWriter> writer, ThreadPool& pool)
      : columns_(std::move(columns)),
        schema_(std::move(schema)),
        writer_(std::move(writer)),
        encoding_(&pool) {
    filling_.keys.resize(columns_.keys.size());
  }

  std::unique_ptr<AttributeRows> MakeRows() const override {
    return std::make_unique<BlockRows>(columns_);
  }

  Status Write(const AttributeRows& rows) override {
    filling_.Append(static_cast<const BlockRows&>(rows).rows());
    return filling_.IsFull() ? Encode() : Status();
  }

  Status Publish() override {
    if (filling_.num_rows() > 0) {
      DATALAKE_TRY(Encode());
    }
    DATALAKE_TRY(Finish());
    DATALAKE_TRY(writer_->Publish());
    return {};
  }

 private:
  // Hands in what was gathered; one batch is encoded at a time, as they share the writer.
  Status Encode() {
    DATALAKE_TRY(Finish());
    auto rows = std::make_shared<ColumnRows>(std::exchange(filling_, {}));
    filling_.keys.resize(columns_.keys.size());
    encoding_.Push([this, rows] { status_ = writer_->Write(*ToBatch(schema_, std::move(*rows))); });
    return {};
  }

  Status Finish() {
    if (encoding_.size() > 0) {
      encoding_.TakeFront();
    }
    return status_;
  }

  const Columns columns_;
  const std::shared_ptr<arrow::Schema> schema_;
  const std::unique_ptr<format::ParquetWriter> writer_;
  ColumnRows filling_;
  Status status_;         // of the batches before
  OrderedWork encoding_;  // last: it ends before what it uses
};

}  // namespace

Result<std::unique_ptr<AttributeOutput>> MakeParquetAttributes(
    io::FileSystem& fs, std::string_view path, const std::vector<AttributeWriter::Source>& sources,
    ThreadPool& pool) {
  for (const AttributeWriter::Source& source : sources) {
    if (source.tagger.has_learned_types()) {
      return Error{ErrorCode::kUnsupported,
                   "no columns for types that only the data tells; write lines of JSON: " +
                       source.key_prefix};
    }
  }
  Columns columns(sources);
  auto schema = SchemaOf(columns);
  DATALAKE_TRY_ASSIGN(auto writer,
                      format::ParquetWriter::Make(fs, path, schema,
                                                  {.zstd_level = 1,
                                                   .content_defined_chunking = false,
                                                   .collect_statistics = false,
                                                   .publish = io::PublishMode::kReplace}));
  return std::make_unique<ParquetOutput>(std::move(columns), std::move(schema), std::move(writer),
                                         pool);
}

}  // namespace datalake::curate

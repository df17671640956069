#pragma once

// Rows of attributes by column, as Parquet has them: gathered block by block, then made to batches.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/curate/attribute_output.h"
#include "datalake/curate/attribute_writer.h"

namespace datalake::curate {

/// The size of a row that is null.
inline constexpr std::uint32_t kAbsentRow = std::numeric_limits<std::uint32_t>::max();

/// Strings, some of them null.
struct StringRows {
  std::string bytes;
  std::vector<std::uint32_t> sizes;  ///< or kAbsentRow

  void Clear();
  void Append(std::string_view value);
  void Append(const StringRows& other);
};

/// Spans of one key.
struct SpanRows {
  std::vector<std::uint32_t> counts;  ///< a row; kAbsentRow: the key is not there
  std::vector<std::int64_t> starts;
  std::vector<std::int64_t> ends;
  std::vector<double> scores;

  void Clear();
  void Append(const Span& span);
  void Append(const SpanRows& other);
};

/// The columns of each type of each source; types with equal keys share one. Those of learned types
/// lie together in a column of their own, beside the key of each span.
struct AttributeColumns {
  explicit AttributeColumns(const std::vector<AttributeWriter::Source>& sources);

  std::vector<std::string> keys;
  std::vector<std::vector<std::size_t>> by_source;  ///< by source and type
  std::vector<std::string> prefixes;                ///< of keys, by source
  bool has_learned_types = false;
};

/// Rows of all columns.
struct ColumnRows {
  StringRows ids;
  StringRows sources;
  std::vector<SpanRows> keys;
  SpanRows learned;
  StringRows learned_keys;  ///< of its spans

  std::size_t num_rows() const { return ids.sizes.size(); }

  /// Whether they make a batch.
  bool IsFull() const;

  void Clear();
  void Append(const ColumnRows& other);
};

/// Rows of a block. Thread-compatible.
class AttributeColumnRows final : public AttributeRows {
 public:
  /// `columns` outlives the rows.
  explicit AttributeColumnRows(const AttributeColumns& columns);

  void Clear() override { rows_.Clear(); }

  void Append(std::string_view id, std::string_view source,
              std::span<const AttributeWriter::Values> values) override;
  void AppendRejected() override;

  const ColumnRows& rows() const { return rows_; }

 private:
  void AddAbsentKeys();
  void AppendLearned(std::size_t source, const AttributeWriter::Values& values, const Span& span);

  const AttributeColumns& columns_;
  ColumnRows rows_;
};

/// Of the column of learned types, which no reader is to see.
inline constexpr std::string_view kLearnedColumn = "learned";

/// list<struct<start, end, score>>.
std::shared_ptr<arrow::DataType> AttributeSpansType();

/// id, source, a column a key, and kLearnedColumn where there are learned types.
std::shared_ptr<arrow::Schema> AttributeSchema(const AttributeColumns& columns);

std::shared_ptr<arrow::RecordBatch> ToBatch(const std::shared_ptr<arrow::Schema>& schema,
                                            ColumnRows rows);

/// A column of `rows`.
std::shared_ptr<arrow::Array> ToArray(StringRows rows);
std::shared_ptr<arrow::Array> ToArray(SpanRows rows);

}  // namespace datalake::curate

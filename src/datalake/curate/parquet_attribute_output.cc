// One column a key. Threads gather the spans of a block by column; the blocks are put together in
// order to batches, which a thread of the pool encodes while the next one grows. Types that only
// the data tells have no columns before its end: their spans wait, with their keys, in a temporary
// file, which is then written once more with a column for each key.
#include <string>
#include <utility>

#include <arrow/record_batch.h>

#include "datalake/base/ordered_work.h"
#include "datalake/curate/attribute_columns.h"
#include "datalake/curate/attribute_output_internal.h"
#include "datalake/curate/learned_columns.h"
#include "datalake/io/atomic_file.h"

namespace datalake::curate {
namespace {

constexpr format::ParquetWriteOptions kOptions = {.zstd_level = 1,
                                                  .content_defined_chunking = false,
                                                  .collect_statistics = false,
                                                  .publish = io::PublishMode::kReplace};

class ParquetOutput final : public AttributeOutput {
 public:
  ParquetOutput(AttributeColumns columns, std::shared_ptr<arrow::Schema> schema,
                std::unique_ptr<format::ParquetWriter> writer, ThreadPool& pool)
      : columns_(std::move(columns)),
        schema_(std::move(schema)),
        writer_(std::move(writer)),
        encoding_(&pool) {
    filling_.keys.resize(columns_.keys.size());
  }

  std::unique_ptr<AttributeRows> MakeRows() const override {
    return std::make_unique<AttributeColumnRows>(columns_);
  }

  Status Write(const AttributeRows& rows) override {
    filling_.Append(static_cast<const AttributeColumnRows&>(rows).rows());
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

  const AttributeColumns columns_;
  const std::shared_ptr<arrow::Schema> schema_;
  const std::unique_ptr<format::ParquetWriter> writer_;
  ColumnRows filling_;
  Status status_;         // of the batches before
  OrderedWork encoding_;  // last: it ends before what it uses
};

// Of learned types: `rows` writes the temporary file `spool`.
class LearnedParquetOutput final : public AttributeOutput {
 public:
  LearnedParquetOutput(io::FileSystem& fs, std::string path, std::string spool,
                       std::unique_ptr<AttributeOutput> rows)
      : fs_(fs), path_(std::move(path)), spool_(std::move(spool)), rows_(std::move(rows)) {}

  ~LearnedParquetOutput() override { RemoveSpool(); }

  std::unique_ptr<AttributeRows> MakeRows() const override { return rows_->MakeRows(); }

  Status Write(const AttributeRows& rows) override {
    DATALAKE_TRY(AddLearnedKeys(static_cast<const AttributeColumnRows&>(rows).rows(), keys_));
    return rows_->Write(rows);
  }

  Status Publish() override {
    DATALAKE_TRY(rows_->Publish());
    has_spool_ = true;
    DATALAKE_TRY(ExpandLearnedColumns(fs_, spool_, path_, keys_, kOptions));
    RemoveSpool();
    return {};
  }

 private:
  void RemoveSpool() {
    if (std::exchange(has_spool_, false)) {
      (void)fs_.Remove(spool_);
    }
  }

  io::FileSystem& fs_;
  const std::string path_;
  const std::string spool_;
  std::unique_ptr<AttributeOutput> rows_;
  LearnedKeys keys_;
  bool has_spool_ = false;
};

Result<std::unique_ptr<AttributeOutput>> MakeOutput(io::FileSystem& fs, std::string_view path,
                                                    AttributeColumns columns, ThreadPool& pool) {
  auto schema = AttributeSchema(columns);
  DATALAKE_TRY_ASSIGN(auto writer, format::ParquetWriter::Make(fs, path, schema, kOptions));
  return std::make_unique<ParquetOutput>(std::move(columns), std::move(schema), std::move(writer),
                                         pool);
}

}  // namespace

Result<std::unique_ptr<AttributeOutput>> MakeParquetAttributes(
    io::FileSystem& fs, std::string_view path, const std::vector<AttributeWriter::Source>& sources,
    ThreadPool& pool) {
  AttributeColumns columns(sources);
  if (!columns.has_learned_types) {
    return MakeOutput(fs, path, std::move(columns), pool);
  }
  std::string spool = io::TemporaryPath(path);
  DATALAKE_TRY_ASSIGN(auto rows, MakeOutput(fs, spool, std::move(columns), pool));
  return std::make_unique<LearnedParquetOutput>(fs, std::string(path), std::move(spool),
                                                std::move(rows));
}

}  // namespace datalake::curate

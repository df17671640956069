#include <algorithm>
#include <exception>
#include <utility>

#include <arrow/io/interfaces.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/byte_size.h>
#include <arrow/util/compression.h>
#include <fmt/format.h>
#include <parquet/arrow/schema.h>
#include <parquet/arrow/writer.h>
#include <parquet/exception.h>
#include <parquet/properties.h>
#include <parquet/schema.h>

#include "datalake/format/arrow_io.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/column_statistics.h"
#include "datalake/format/parquet.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"

namespace datalake::format {
namespace {

// Rows whose Arrow bytes are measured and written at once, so that a huge batch still gives row
// groups of the wanted size.
constexpr std::int64_t kSliceRows = 4096;
// Small pages and their headers are put together to writes of this size.
constexpr std::size_t kBufferBytes = std::size_t{64} << 10;

constexpr int kZstdChecksumFlag = 201;  // ZSTD_c_checksumFlag, fixed by zstd's stable interface

// Leaf columns of binary that is no text.
arrow::Result<std::vector<std::string>> BinaryColumns(const arrow::Schema& schema) {
  std::shared_ptr<parquet::SchemaDescriptor> columns;
  ARROW_RETURN_NOT_OK(
      parquet::arrow::ToParquetSchema(&schema, *parquet::default_writer_properties(), &columns));
  std::vector<std::string> paths;
  for (int i = 0; i < columns->num_columns(); ++i) {
    const auto& column = *columns->Column(i);
    if (column.physical_type() == parquet::Type::BYTE_ARRAY && column.logical_type()->is_none()) {
      paths.push_back(column.path()->ToDotString());
    }
  }
  return paths;
}

// Leaf columns of floats. Parquet's own bounds leave NaN out, and readers that put NaN above all
// numbers (DuckDB, DataFusion) then skip row groups that hold wanted rows: such columns get none.
arrow::Result<std::vector<std::string>> FloatColumns(const arrow::Schema& schema) {
  std::shared_ptr<parquet::SchemaDescriptor> columns;
  ARROW_RETURN_NOT_OK(
      parquet::arrow::ToParquetSchema(&schema, *parquet::default_writer_properties(), &columns));
  std::vector<std::string> paths;
  for (int i = 0; i < columns->num_columns(); ++i) {
    const auto& column = *columns->Column(i);
    if (column.physical_type() == parquet::Type::FLOAT ||
        column.physical_type() == parquet::Type::DOUBLE) {
      paths.push_back(column.path()->ToDotString());
    }
  }
  return paths;
}

arrow::Result<std::shared_ptr<parquet::WriterProperties>> MakeProperties(
    const arrow::Schema& schema, const ParquetWriteOptions& options) {
  // Two checksums of every page: zstd's own, which every reader checks as it decompresses, and
  // Parquet's, which our reader checks too (it covers pages that did not shrink).
  const auto codec = std::make_shared<arrow::util::ZstdCodecOptions>();
  codec->compression_level = options.zstd_level;
  codec->compression_context_params = {{kZstdChecksumFlag, 1}};
  parquet::WriterProperties::Builder builder;
  builder.compression(parquet::Compression::ZSTD)
      ->codec_options(codec)
      ->enable_page_checksum()
      ->data_pagesize(static_cast<std::int64_t>(options.page_bytes))
      ->max_row_group_length(options.row_group_rows)
      ->version(parquet::ParquetVersion::PARQUET_2_6)
      ->enable_statistics()
      ->enable_write_page_index()
      ->created_by("datalake");
  if (options.content_defined_chunking) {
    builder.enable_content_defined_chunking();
  }
  ARROW_ASSIGN_OR_RAISE(const auto floats, FloatColumns(schema));
  for (const std::string& path : floats) {
    builder.disable_statistics(path)->disable_write_page_index(path);
  }
  if (options.raw_binary) {
    ARROW_ASSIGN_OR_RAISE(const auto binary, BinaryColumns(schema));
    for (const std::string& path : binary) {
      builder.compression(path, parquet::Compression::UNCOMPRESSED)
          ->compression_level(path, arrow::util::kUseDefaultCompressionLevel)
          ->disable_dictionary(path)
          ->disable_statistics(path)
          ->disable_write_page_index(path);
    }
  }
  return builder.build();
}

class ParquetFileWriter final : public ParquetWriter {
 public:
  ParquetFileWriter(std::string path, std::shared_ptr<arrow::Schema> schema,
                    const ParquetWriteOptions& options, std::unique_ptr<io::AtomicFile> file)
      : path_(std::move(path)),
        schema_(std::move(schema)),
        options_(options),
        file_(std::move(file)),
        statistics_(*schema_) {}

  ~ParquetFileWriter() override {
    if (writer_ != nullptr) {
      // Arrow closes in its destructor and complains aloud when that fails; end it here, quietly.
      const Status ignored = Guarded([&] { return writer_->Close(); });
      (void)ignored;
    }
  }

  Status Start() {
    sink_ = WrapOutput(*file_, kBufferBytes);
    return Guarded([&]() -> arrow::Status {
      ARROW_ASSIGN_OR_RAISE(auto properties, MakeProperties(*schema_, options_));
      auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
      ARROW_ASSIGN_OR_RAISE(writer_, parquet::arrow::FileWriter::Open(
                                         *schema_, arrow::default_memory_pool(), sink_,
                                         std::move(properties), std::move(arrow_properties)));
      return arrow::Status::OK();
    });
  }

  Status Write(const arrow::RecordBatch& batch) override {
    if (!batch.schema()->Equals(*schema_, /*check_metadata=*/false)) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("batch does not have the schema of the file: {}: {} instead of {}",
                               path_, batch.schema()->ToString(), schema_->ToString())};
    }
    for (std::int64_t row = 0; row < batch.num_rows(); row += kSliceRows) {
      DATALAKE_TRY(WriteSlice(*batch.Slice(row, kSliceRows)));
    }
    return {};
  }

  std::uint64_t written_bytes() const override {
    return static_cast<std::uint64_t>(sink_->Tell().ValueOr(0));
  }

  Result<WrittenFile> Publish() override {
    DATALAKE_TRY(Guarded([&] { return writer_->Close(); }));
    writer_.reset();
    DATALAKE_TRY(Guarded([&] { return sink_->Close(); }));
    DATALAKE_TRY(file_->Publish());
    WrittenFile written{.size_bytes = file_->size_bytes(), .num_rows = num_rows_};
    if (options_.collect_statistics) {
      written.columns = statistics_.Finish();
    }
    return written;
  }

 private:
  Status WriteSlice(const arrow::RecordBatch& slice) {
    DATALAKE_TRY_ASSIGN(const std::int64_t bytes,
                        FromArrow(arrow::util::ReferencedBufferSize(slice), path_));
    const bool is_full =
        group_rows_ > 0 &&
        (group_bytes_ + static_cast<std::uint64_t>(bytes) > options_.row_group_bytes ||
         group_rows_ + slice.num_rows() > options_.row_group_rows);
    if (is_full || num_rows_ == 0) {
      DATALAKE_TRY(Guarded([&] { return writer_->NewBufferedRowGroup(); }));
      group_rows_ = 0;
      group_bytes_ = 0;
    }
    if (options_.collect_statistics) {
      DATALAKE_TRY(statistics_.Add(slice));
    }
    DATALAKE_TRY(Guarded([&] { return writer_->WriteRecordBatch(slice); }));
    group_rows_ += slice.num_rows();
    group_bytes_ += static_cast<std::uint64_t>(bytes);
    num_rows_ += slice.num_rows();
    return {};
  }

  // Parquet throws where Arrow returns.
  template <typename Call>
  Status Guarded(Call call) {
    try {
      return FromArrow(call(), fmt::format("cannot write parquet file: {}", path_));
    } catch (const parquet::ParquetStatusException& e) {
      return ArrowError(e.status(), fmt::format("cannot write parquet file: {}", path_));
    } catch (const std::exception& e) {
      return Error{ErrorCode::kInternal,
                   fmt::format("cannot write parquet file: {}: {}", path_, e.what())};
    }
  }

  const std::string path_;
  const std::shared_ptr<arrow::Schema> schema_;
  const ParquetWriteOptions options_;
  const std::unique_ptr<io::AtomicFile> file_;
  StatisticsCollector statistics_;
  std::shared_ptr<arrow::io::OutputStream> sink_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
  std::int64_t num_rows_ = 0;
  std::int64_t group_rows_ = 0;
  std::uint64_t group_bytes_ = 0;
};

Error OutOfRange(std::string_view member, std::string_view range) {
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("option out of range: {} must be {}", member, range)};
}

}  // namespace

Status ParquetWriteOptions::Validate() const {
  if (zstd_level < 1 || zstd_level > 22) {
    return OutOfRange("zstd_level", "1 to 22");
  }
  if (row_group_bytes == 0 || row_group_rows <= 0) {
    return OutOfRange("row_group_bytes and row_group_rows", "positive");
  }
  if (page_bytes < 1024 || page_bytes > (1ULL << 30)) {
    return OutOfRange("page_bytes", "1 KiB to 1 GiB");
  }
  return {};
}

Result<std::unique_ptr<ParquetWriter>> ParquetWriter::Make(io::FileSystem& fs,
                                                           std::string_view path,
                                                           std::shared_ptr<arrow::Schema> schema,
                                                           const ParquetWriteOptions& options) {
  DATALAKE_TRY(options.Validate());
  DATALAKE_TRY_ASSIGN(auto file, io::AtomicFile::Make(fs, path, options.publish));
  auto writer = std::make_unique<ParquetFileWriter>(std::string(path), std::move(schema), options,
                                                    std::move(file));
  DATALAKE_TRY(writer->Start());
  return writer;
}

Result<WrittenFile> WriteParquet(io::FileSystem& fs, std::string_view path,
                                 arrow::RecordBatchReader& rows,
                                 const ParquetWriteOptions& options) {
  DATALAKE_TRY_ASSIGN(auto writer, ParquetWriter::Make(fs, path, rows.schema(), options));
  while (true) {
    DATALAKE_TRY_ASSIGN(const auto batch, FromArrow(rows.Next(), "cannot read rows"));
    if (batch == nullptr) {
      return writer->Publish();
    }
    DATALAKE_TRY(writer->Write(*batch));
  }
}

}  // namespace datalake::format

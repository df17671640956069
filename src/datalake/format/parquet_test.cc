#include "datalake/format/parquet.h"

#include <limits>

#include <arrow/api.h>
#include <arrow/json/from_string.h>
#include <gtest/gtest.h>

#include "datalake/format/arrow_io.h"
#include "datalake/format/arrow_status.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/fault_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::format {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;

std::shared_ptr<arrow::RecordBatch> Batch(const std::shared_ptr<arrow::Schema>& schema,
                                          const std::string& json) {
  auto array = arrow::json::ArrayFromJSONString(arrow::struct_(schema->fields()), json);
  return arrow::RecordBatch::FromStructArray(array.ValueOrDie()).ValueOrDie();
}

std::shared_ptr<arrow::RecordBatchReader> Reader(const std::shared_ptr<arrow::Schema>& schema,
                                                 const arrow::RecordBatchVector& batches) {
  return arrow::RecordBatchReader::Make(batches, schema).ValueOrDie();
}

class ParquetTest : public ::testing::Test {
 protected:
  Result<WrittenFile> Write(const std::string& json, const ParquetWriteOptions& options = {}) {
    auto rows = Reader(schema_, {Batch(schema_, json)});
    return WriteParquet(fs_, "/f.parquet", *rows, options);
  }

  io::MemoryFileSystem fs_;
  std::shared_ptr<arrow::Schema> schema_ = arrow::schema({
      arrow::field("id", arrow::int64()),
      arrow::field("text", arrow::utf8()),
      arrow::field("score", arrow::float64()),
      arrow::field("meta", arrow::struct_({arrow::field("lang", arrow::utf8())})),
      arrow::field("tags", arrow::list(arrow::utf8())),
  });
  const std::string rows_ = R"([
      {"id": 3, "text": "b", "score": 0.5, "meta": {"lang": "de"}, "tags": ["x", "y"]},
      {"id": 1, "text": "a", "score": null, "meta": null, "tags": []},
      {"id": 2, "text": null, "score": 1.5, "meta": {"lang": "en"}, "tags": null}])";
};

TEST_F(ParquetTest, ReadsBackWhatWasWritten) {
  ASSERT_THAT(Write(rows_), IsOk());

  auto reader = ReadParquet(fs_, "/f.parquet");

  ASSERT_THAT(reader, IsOk());
  auto table = (*reader)->ToTable().ValueOrDie();
  auto expected = arrow::Table::FromRecordBatches({Batch(schema_, rows_)}).ValueOrDie();
  EXPECT_TRUE(table->Equals(*expected)) << table->ToString();
}

TEST_F(ParquetTest, ReadsColumnsInTheOrderAskedFor) {
  ASSERT_THAT(Write(rows_), IsOk());
  const std::vector<std::string> columns = {"meta", "id"};

  auto reader = ReadParquet(fs_, "/f.parquet", columns);

  ASSERT_THAT(reader, IsOk());
  auto table = (*reader)->ToTable().ValueOrDie();
  EXPECT_EQ(table->ColumnNames(), columns);
  EXPECT_EQ(table->num_rows(), 3);
}

TEST_F(ParquetTest, NamesNearestColumnWhenUnknown) {
  ASSERT_THAT(Write(rows_), IsOk());
  const std::vector<std::string> columns = {"txt"};
  EXPECT_THAT(ReadParquet(fs_, "/f.parquet", columns), IsError(ErrorCode::kNotFound, "text"));
}

TEST_F(ParquetTest, ReportsExactStatistics) {
  auto written = Write(rows_);

  ASSERT_THAT(written, IsOk());
  EXPECT_EQ(written->num_rows, 3);
  ASSERT_EQ(written->columns.size(), 4U);  // tags is a list
  EXPECT_EQ(written->columns[0].min->ToString(), "1");
  EXPECT_EQ(written->columns[0].max->ToString(), "3");
  EXPECT_EQ(written->columns[1].null_count, 1);
  EXPECT_EQ(written->columns[1].max->ToString(), "b");
  EXPECT_EQ(written->columns[3].path, (std::vector<std::string>{"meta", "lang"}));
  EXPECT_EQ(written->columns[3].null_count, 1);
  EXPECT_EQ(written->columns[3].min->ToString(), "de");
}

TEST_F(ParquetTest, GivesNoBoundsForColumnWithNaN) {
  schema_ = arrow::schema({arrow::field("x", arrow::float64())});
  auto written = Write(R"([{"x": 1.0}, {"x": NaN}, {"x": 2.0}])");
  ASSERT_THAT(written, IsOk());
  EXPECT_EQ(written->columns[0].min, nullptr);
  EXPECT_EQ(written->columns[0].max, nullptr);
  EXPECT_EQ(written->columns[0].null_count, 0);
}

TEST_F(ParquetTest, SplitsRowGroupsByBytes) {
  arrow::StringBuilder builder;
  for (int i = 0; i < 50'000; ++i) {
    ASSERT_TRUE(builder.Append(std::to_string(i * 7919) + std::string(100, 'x')).ok());
  }
  schema_ = arrow::schema({arrow::field("text", arrow::utf8())});
  auto rows =
      Reader(schema_, {arrow::RecordBatch::Make(schema_, 50'000, {builder.Finish().ValueOrDie()})});

  ASSERT_THAT(WriteParquet(fs_, "/g.parquet", *rows, {.row_group_bytes = 1 << 20}), IsOk());

  auto facts = ReadParquetFacts(fs_, "/g.parquet");
  ASSERT_THAT(facts, IsOk());
  EXPECT_EQ(facts->num_rows, 50'000);
  EXPECT_GE(facts->num_row_groups, 5);
  EXPECT_LE(facts->num_row_groups, 8);
}

TEST_F(ParquetTest, WritesFileWithoutRows) {
  ASSERT_THAT(Write("[]"), IsOk());
  auto facts = ReadParquetFacts(fs_, "/f.parquet");
  ASSERT_THAT(facts, IsOk());
  EXPECT_EQ(facts->num_rows, 0);
  EXPECT_EQ((*ReadParquet(fs_, "/f.parquet"))->ToTable().ValueOrDie()->num_columns(), 5);
}

TEST_F(ParquetTest, LeavesAnExistingFileAlone) {
  ASSERT_THAT(Write(rows_), IsOk());
  EXPECT_THAT(Write("[]"), IsError(ErrorCode::kAlreadyExists, "/f.parquet"));
  EXPECT_EQ(ReadParquetFacts(fs_, "/f.parquet")->num_rows, 3);
}

TEST_F(ParquetTest, LeavesNothingBehindWhenNotPublished) {
  {
    auto writer = ParquetWriter::Make(fs_, "/dir/f.parquet", schema_, {});
    ASSERT_THAT(writer, IsOk());
    ASSERT_THAT((*writer)->Write(*Batch(schema_, rows_)), IsOk());
  }
  EXPECT_EQ(fs_.List("/dir")->size(), 0U);
}

TEST_F(ParquetTest, SmallPagesGoToTheFileTogether) {
  testing::FaultFileSystem fs;
  const auto rows = *arrow::RecordBatchReader::Make({Batch(schema_, rows_)});
  ASSERT_THAT(WriteParquet(fs, "/f.parquet", *rows, {}), IsOk());
  EXPECT_LE(fs.calls(), 7U);  // create, write, sync, close, link, remove, sync of the folder
  fs.FailCall(8, testing::Fault::kNoSpace);
  const auto again = *arrow::RecordBatchReader::Make({Batch(schema_, rows_)});
  EXPECT_THAT(WriteParquet(fs, "/g.parquet", *again, {}),
              IsError(ErrorCode::kResourceExhausted, "cannot write: /"));
  EXPECT_THAT(fs.Stat("/g.parquet"), IsError(ErrorCode::kNotFound, ""));
}

TEST_F(ParquetTest, RefusesBatchOfAnotherSchema) {
  auto writer = ParquetWriter::Make(fs_, "/f.parquet", schema_, {});
  ASSERT_THAT(writer, IsOk());
  auto other = arrow::schema({arrow::field("other", arrow::int64())});
  EXPECT_THAT((*writer)->Write(*Batch(other, R"([{"other": 1}])")),
              IsError(ErrorCode::kInvalidArgument, "schema"));
}

// Every truncation and every flipped byte of a file is an error or harmless, never a crash.
TEST_F(ParquetTest, SurvivesDamage) {
  ASSERT_THAT(Write(rows_), IsOk());
  const std::string bytes = *io::ReadFile(fs_, "/f.parquet", 1 << 20);
  int errors = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const bool truncate : {true, false}) {
      std::string damaged = truncate ? bytes.substr(0, i) : bytes;
      if (!truncate) {
        damaged[i] = static_cast<char>(damaged[i] ^ 0x55);
      }
      ASSERT_THAT(io::ReplaceFile(fs_, "/d.parquet", damaged), IsOk());
      auto reader = ReadParquet(fs_, "/d.parquet");
      if (!reader) {
        ++errors;
        EXPECT_NE(reader.error().code, ErrorCode::kInternal) << reader.error().message;
        continue;
      }
      auto table = (*reader)->ToTable();
      if (!table.ok()) {
        ++errors;
        EXPECT_EQ(ArrowError(table.status(), "x").code, ErrorCode::kCorruption);
      }
    }
  }
  EXPECT_GT(errors, static_cast<int>(bytes.size()));
}

TEST_F(ParquetTest, SaysThatAFileIsNoParquet) {
  ASSERT_THAT(io::ReplaceFile(fs_, "/n.parquet", "not parquet at all"), IsOk());
  EXPECT_THAT(ReadParquet(fs_, "/n.parquet"), IsError(ErrorCode::kCorruption, "/n.parquet"));
  EXPECT_THAT(ReadParquet(fs_, "/none.parquet"), IsError(ErrorCode::kNotFound, "/none.parquet"));
}

TEST(ParquetWriteOptionsTest, ValidateNamesTheMember) {
  EXPECT_THAT(ParquetWriteOptions{.zstd_level = 99}.Validate(),
              IsError(ErrorCode::kInvalidArgument, "zstd_level"));
}

TEST(ArrowStatusTest, AnErrorKeepsItsCodeThroughArrow) {
  const Error error{ErrorCode::kResourceExhausted, "cannot write file: disk full: /x"};
  EXPECT_EQ(ArrowError(ToArrow(error), "ignored"), error);
  EXPECT_EQ(ArrowError(arrow::Status::Invalid("Two\nlines."), "cannot read"),
            (Error{ErrorCode::kInvalidArgument, "cannot read: Two lines"}));
}

}  // namespace
}  // namespace datalake::format

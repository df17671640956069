#include "datalake/format/rows.h"

#include <arrow/api.h>
#include <arrow/json/from_string.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/format/arrow_status.h"
#include "datalake/format/parquet.h"
#include "datalake/format/row_json.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/compression.h"
#include "datalake/io/file_system.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::format {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;

class RowsTest : public ::testing::Test {
 protected:
  void Put(const std::string& path, std::string_view bytes) {
    ASSERT_THAT(fs_.MakeDirectories("/d"), IsOk());
    ASSERT_THAT(io::ReplaceFile(fs_, path, bytes), IsOk());
  }

  // "name: type, …" of what OpenRows decides.
  std::string Types(const std::string& path) {
    auto source = OpenRows(fs_, path);
    if (!source) {
      return source.error().message;
    }
    std::string text;
    for (const auto& field : source->reader->schema()->fields()) {
      text += (text.empty() ? "" : ", ") + field->name() + ": " + field->type()->ToString();
    }
    return text;
  }

  // All rows as JSON lines, or the error.
  std::string Lines(const std::string& path, const RowsOptions& options = {}) {
    auto source = OpenRows(fs_, path, options);
    if (!source) {
      return source.error().message;
    }
    std::string text;
    while (true) {
      auto batch = source->reader->Next();
      if (!batch.ok()) {
        return ArrowError(batch.status(), "x").message;
      }
      if (*batch == nullptr) {
        return text;
      }
      for (std::int64_t row = 0; row < (*batch)->num_rows(); ++row) {
        EXPECT_THAT(AppendRowJson(**batch, row, {}, text), IsOk());
        text += '\n';
      }
    }
  }

  io::MemoryFileSystem fs_;
};

TEST_F(RowsTest, DecidesCsvTypesOverAllRows) {
  Put("/d/a.csv",
      "i,f,s,zip,day,at,utc,b,empty\n"
      "1,1,x,007,2026-01-01,2026-01-01 10:00:00,2026-01-01T10:00:00Z,true,\n"
      "-5,2.5,12,123,2026-02-01,2026-01-01T10:00:00.5,2026-01-01T10:00:00+02:00,False,\n");
  EXPECT_EQ(Types("/d/a.csv"),
            "i: int64, f: double, s: string, zip: string, day: date32[day], at: timestamp[us], "
            "utc: timestamp[us, tz=UTC], b: bool, empty: null");
  EXPECT_EQ(
      Lines("/d/a.csv"),
      R"({"i":1,"f":1.0,"s":"x","zip":"007","day":"2026-01-01","at":"2026-01-01T10:00:00.000000","utc":"2026-01-01T10:00:00.000000Z","b":true,"empty":null}
{"i":-5,"f":2.5,"s":"12","zip":"123","day":"2026-02-01","at":"2026-01-01T10:00:00.500000","utc":"2026-01-01T08:00:00.000000Z","b":false,"empty":null}
)");
}

TEST_F(RowsTest, DecidesByTheVeryLastCsvRow) {
  std::string text = "n,m\n";
  for (int i = 0; i < 300'000; ++i) {
    text += std::to_string(i) + ",7\n";
  }
  Put("/d/a.csv", text + "last,7.5\n");
  EXPECT_EQ(Types("/d/a.csv"), "n: string, m: double");
}

TEST_F(RowsTest, KeepsIntegersThatDoubleCannotHoldAsText) {
  Put("/d/a.csv", "a,b\n9223372036854775808,9007199254740993\n1,0.5\n");
  EXPECT_EQ(Types("/d/a.csv"), "a: string, b: string");
  EXPECT_EQ(Lines("/d/a.csv"),
            "{\"a\":\"9223372036854775808\",\"b\":\"9007199254740993\"}\n"
            "{\"a\":\"1\",\"b\":\"0.5\"}\n");
}

TEST_F(RowsTest, ReadsQuotedCsv) {
  Put("/d/a.csv", "a,b\n\"x, \"\"y\"\"\nz\",1\n,\n\"\",2\n");
  EXPECT_EQ(
      Lines("/d/a.csv"),
      "{\"a\":\"x, \\\"y\\\"\\nz\",\"b\":1}\n{\"a\":\"\",\"b\":null}\n{\"a\":\"\",\"b\":2}\n");
}

TEST_F(RowsTest, ReadsTabsAndGzip) {
  auto file = fs_.MakeDirectories("/d") ? fs_.Create("/d/a.tsv.gz") : fs_.Create("/a");
  ASSERT_THAT(file, IsOk());
  auto gzip = io::MakeCompressor(std::move(*file), io::Compression::kGzip);
  ASSERT_THAT(gzip, IsOk());
  ASSERT_THAT((*gzip)->Write(std::string_view("a\tb\n1\tx\n")), IsOk());
  ASSERT_THAT((*gzip)->Close(), IsOk());
  EXPECT_EQ(Lines("/d/a.tsv.gz"), "{\"a\":1,\"b\":\"x\"}\n");
}

TEST_F(RowsTest, NamesTheFileOfBrokenCsv) {
  Put("/d/a.csv", "a,b\n1,2\n3\n");
  EXPECT_THAT(OpenRows(fs_, "/d/a.csv"), IsError(ErrorCode::kInvalidArgument, "/d/a.csv"));
  Put("/d/b.csv", "a,a\n1,2\n");
  EXPECT_THAT(OpenRows(fs_, "/d/b.csv"), IsError(ErrorCode::kInvalidArgument, "repeated"));
  Put("/d/c.csv", "");
  EXPECT_THAT(OpenRows(fs_, "/d/c.csv"), IsError(ErrorCode::kInvalidArgument, "/d/c.csv"));
}

TEST_F(RowsTest, DecidesJsonTypesOverAllRows) {
  Put("/d/a.jsonl", R"({"i": 1, "n": 1, "mix": 1, "o": {"a": 1}, "l": []}
{"i": 2, "n": 0.5, "mix": "x", "o": {"b": [true]}, "l": [{"c": null}], "none": null, "e": {}}

{"mix": {"k": [1]}, "l": [{"c": "y"}, null]}
)");
  EXPECT_EQ(Types("/d/a.jsonl"),
            "i: int64, n: double, mix: string, o: struct<a: int64, b: list<item: bool>>, "
            "l: list<item: struct<c: string>>, none: null, e: string");
  EXPECT_EQ(Lines("/d/a.jsonl"),
            R"({"i":1,"n":1.0,"mix":"1","o":{"a":1,"b":null},"l":[],"none":null,"e":null}
{"i":2,"n":0.5,"mix":"x","o":{"a":null,"b":[true]},"l":[{"c":null}],"none":null,"e":"{}"}
{"i":null,"n":null,"mix":"{\"k\":[1]}","o":null,"l":[{"c":"y"},null],"none":null,"e":null}
)");
}

TEST_F(RowsTest, KeepsAllJsonRowsOverSeveralBatches) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) {
    text += "{\"i\": " + std::to_string(i) + "}\n";
  }
  Put("/d/a.jsonl", text);
  const std::string lines = Lines("/d/a.jsonl", {.batch_rows = 777});
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 20'000);
  EXPECT_TRUE(lines.ends_with("{\"i\":19999}\n"));
}

TEST_F(RowsTest, ReadsBigUnsignedNumbers) {
  Put("/d/a.jsonl",
      "{\"u\": 18446744073709551615, \"m\": 18446744073709551615}\n{\"u\": 1, \"m\": -1}");
  EXPECT_EQ(Types("/d/a.jsonl"), "u: uint64, m: double");
}

TEST_F(RowsTest, ReadsAnArrayOfObjects) {
  Put("/d/a.json", "[\n {\"a\": 1},\n {\"a\": 2}\n]\n");
  EXPECT_EQ(Lines("/d/a.json"), "{\"a\":1}\n{\"a\":2}\n");
}

TEST_F(RowsTest, KeepsWideObjectsAsText) {
  std::string object = "{";
  for (int i = 0; i < 600; ++i) {
    object += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\":1";
  }
  Put("/d/a.jsonl", "{\"o\":" + object + "}}\n");
  EXPECT_EQ(Types("/d/a.jsonl"), "o: string");
}

TEST_F(RowsTest, NamesFileAndLineOfBrokenJson) {
  Put("/d/a.jsonl", "{\"a\": 1}\n{\"a\": \n");
  EXPECT_THAT(OpenRows(fs_, "/d/a.jsonl"), IsError(ErrorCode::kInvalidArgument, "/d/a.jsonl:2"));
  Put("/d/b.jsonl", "{\"a\": 1}\n17\n");
  EXPECT_THAT(OpenRows(fs_, "/d/b.jsonl"), IsError(ErrorCode::kInvalidArgument, "/d/b.jsonl:2"));
  Put("/d/c.jsonl", "{\"a\": \"\xFF\"}\n");
  EXPECT_THAT(OpenRows(fs_, "/d/c.jsonl"), IsError(ErrorCode::kInvalidArgument, "/d/c.jsonl:1"));
}

TEST_F(RowsTest, UnifiesFilesOfAGlob) {
  Put("/d/a.jsonl", "{\"a\": 1, \"b\": \"x\"}\n");
  Put("/d/b.jsonl", "{\"a\": 0.5, \"c\": true}\n");
  EXPECT_EQ(Lines("/d/*.jsonl"),
            "{\"a\":1.0,\"b\":\"x\",\"c\":null}\n{\"a\":0.5,\"b\":null,\"c\":true}\n");
  EXPECT_THAT(OpenRows(fs_, "/d/*.nothing"), IsError(ErrorCode::kNotFound, "/d/*.nothing"));
}

class ParquetRowsTest : public RowsTest {
 protected:
  void PutParquet(const std::string& path, const std::shared_ptr<arrow::DataType>& type,
                  const std::string& json) {
    auto schema = arrow::schema({arrow::field("a", type)});
    auto batch = arrow::RecordBatch::Make(
        schema, 2, {arrow::json::ArrayFromJSONString(type, json).ValueOrDie()});
    auto rows = arrow::RecordBatchReader::Make({batch}, schema).ValueOrDie();
    ASSERT_THAT(WriteParquet(fs_, path, *rows), IsOk());
  }
};

TEST_F(ParquetRowsTest, WidensColumnsOfSeveralFiles) {
  PutParquet("/d/a.parquet", arrow::int32(), "[1, null]");
  PutParquet("/d/b.parquet", arrow::float64(), "[0.5, 2]");
  EXPECT_EQ(Types("/d/*.parquet"), "a: double");
  EXPECT_EQ(Lines("/d"), "{\"a\":1.0}\n{\"a\":null}\n{\"a\":0.5}\n{\"a\":2.0}\n");
}

TEST_F(ParquetRowsTest, NamesFilesThatDisagree) {
  PutParquet("/d/a.parquet", arrow::int32(), "[1, null]");
  PutParquet("/d/b.parquet", arrow::utf8(), R"(["x", "y"])");
  EXPECT_THAT(OpenRows(fs_, "/d"), IsError(ErrorCode::kInvalidArgument, "string in /d/b.parquet"));
}

TEST_F(ParquetRowsTest, RefusesTextThatIsNoUtf8) {
  auto schema = arrow::schema({arrow::field("a", arrow::utf8())});
  arrow::StringBuilder builder;
  ASSERT_TRUE(builder.Append("\xFF\xFE").ok());
  auto batch = arrow::RecordBatch::Make(schema, 1, {builder.Finish().ValueOrDie()});
  auto rows = arrow::RecordBatchReader::Make({batch}, schema).ValueOrDie();
  ASSERT_THAT(WriteParquet(fs_, "/d/a.parquet", *rows), IsOk());
  EXPECT_THAT(Lines("/d/a.parquet"), ::testing::HasSubstr("/d/a.parquet"));
}

TEST_F(RowsTest, SaysWhichKindsOfFileItKnows) {
  Put("/d/a.xyz", "x");
  EXPECT_THAT(OpenRows(fs_, "/d/a.xyz"), IsError(ErrorCode::kUnsupported, ".parquet, .arrow"));
  EXPECT_THAT(OpenRows(fs_, "/d"), IsError(ErrorCode::kNotFound, "no files with rows"));
  EXPECT_THAT(OpenRows(fs_, "/none.csv"), IsError(ErrorCode::kNotFound, "/none.csv"));
  Put("/d/a.csv", "a\n1\n");
  Put("/d/a.jsonl", "{}\n");
  EXPECT_THAT(OpenRows(fs_, "/d"), IsError(ErrorCode::kInvalidArgument, "two kinds"));
}

}  // namespace
}  // namespace datalake::format

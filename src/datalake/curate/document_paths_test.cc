#include "datalake/curate/document_paths.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::curate {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::datalake::testing::IsOkAndHolds;

TEST(WithParquetTest, ReplacesSuffixesOfLines) {
  EXPECT_EQ(WithParquet("/a/x.jsonl.gz"), "/a/x.parquet");
  EXPECT_EQ(WithParquet("/a/x.json"), "/a/x.parquet");
  EXPECT_EQ(WithParquet("/a/x.y.zst"), "/a/x.y.parquet");
  EXPECT_EQ(WithParquet("/a/x.parquet"), "/a/x.parquet");
}

TEST(LinesPathTest, MakesLinesOfParquet) {
  EXPECT_EQ(LinesPath("/a/x.parquet", ""), "/a/x.jsonl.zst");
  EXPECT_EQ(LinesPath("/a/x.parquet", "gz"), "/a/x.jsonl.gz");
  EXPECT_EQ(LinesPath("/a/x.json.gz", "zst"), "/a/x.json.zst");
}

TEST(FindCompressedTest, FindsOtherForms) {
  io::MemoryFileSystem fs;
  EXPECT_THAT(FindCompressed(fs, "/a.jsonl.gz"), IsOkAndHolds("/a.jsonl.gz"));
  ASSERT_THAT(io::ReplaceFile(fs, "/a.parquet", ""), IsOk());
  EXPECT_THAT(FindCompressed(fs, "/a.jsonl.gz"), IsOkAndHolds("/a.parquet"));
  ASSERT_THAT(io::ReplaceFile(fs, "/a.jsonl.zst", ""), IsOk());
  EXPECT_THAT(FindCompressed(fs, "/a.jsonl.gz"), IsOkAndHolds("/a.jsonl.zst"));
  ASSERT_THAT(io::ReplaceFile(fs, "/b.jsonl.zst", ""), IsOk());
  EXPECT_THAT(FindCompressed(fs, "/b.parquet"), IsOkAndHolds("/b.jsonl.zst"));
}

TEST(CheckSuffixesTest, Check45OtherCompressionsAreRefused) {
  const std::vector<std::string> known = {"/a.jsonl", "/b.json.gz", "/c.zst", "/d.zstd", "/part"};
  EXPECT_THAT(CheckSuffixes(known), IsOk());
  EXPECT_THAT(CheckSuffixes({"/d/a.jsonl", "/d/b.jsonl.xz"}),
              IsError(ErrorCode::kUnsupported, "/d/b.jsonl.xz"));
}

}  // namespace
}  // namespace datalake::curate

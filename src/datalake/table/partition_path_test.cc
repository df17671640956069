#include "datalake/table/partition_path.h"

#include <array>
#include <vector>

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "datalake/testing/matchers.h"

namespace datalake::table {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOkAndHolds;

// The examples of the trials with other readers: value → folder → path in the log.
TEST(PartitionPathTest, EscapesLikeHiveThenLikeAUri) {
  const std::vector<std::array<std::string, 3>> cases = {
      {"50%", "p=50%25", "p=50%2525"},
      {"a=b", "p=a%3Db", "p=a%253Db"},
      {"with space", "p=with space", "p=with%20space"},
      {"a/b", "p=a%2Fb", "p=a%252Fb"},
      {"tab\there", "p=tab%09here", "p=tab%2509here"},
      {"ü", "p=ü", "p=%C3%BC"},
      {"a&b+c", "p=a&b+c", "p=a%26b%2Bc"},
      {"x-1._~", "p=x-1._~", "p=x-1._~"}};
  const std::vector<std::string> columns = {"p"};
  for (const auto& [value, folder, path] : cases) {
    EXPECT_THAT(PartitionFolder("/t", columns, {{"p", value}}), IsOkAndHolds(folder));
    EXPECT_EQ(UriEncode(folder), path);
    EXPECT_EQ(UriDecode(path), folder);
  }
}

TEST(PartitionPathTest, NamesTheFolderOfNull) {
  const std::vector<std::string> columns = {"p", "q"};
  EXPECT_THAT(PartitionFolder("/t", columns, {{"p", std::nullopt}, {"q", "x"}}),
              IsOkAndHolds("p=__HIVE_DEFAULT_PARTITION__/q=x"));
}

TEST(PartitionPathTest, LeavesOutWhatTheRootNames) {
  const std::vector<std::string> columns = {"provider", "p"};
  EXPECT_THAT(PartitionFolder("/l/provider=a%3Db/t", columns, {{"provider", "a=b"}, {"p", "x"}}),
              IsOkAndHolds("p=x"));
  EXPECT_THAT(PartitionFolder("/l/provider=z/t", columns, {{"provider", "a"}, {"p", "x"}}),
              IsError(ErrorCode::kInvalidArgument, "provider=a is not provider=z"));
}

TEST(PartitionPathTest, RefusesFolderNamesThatNoDiskTakes) {
  const std::vector<std::string> columns = {"p"};
  EXPECT_THAT(PartitionFolder("/t", columns, {{"p", std::string(300, 'x')}}),
              IsError(ErrorCode::kInvalidArgument, "302 bytes"));
}

TEST(PartitionPathTest, DecodesPathsOfOtherWriters) {
  EXPECT_EQ(UriDecode("p=with space"), "p=with space");  // a raw blank
  EXPECT_EQ(UriDecode("%c3%bc%zz%4"), "ü%zz%4");
}

TEST(PartitionPathTest, ResolvesDataFiles) {
  EXPECT_THAT(DataFilePath("/t", "p=a%20b/x.parquet"), IsOkAndHolds("/t/p=a b/x.parquet"));
  EXPECT_THAT(DataFilePath("/t", "file:///u/x.parquet"), IsOkAndHolds("/u/x.parquet"));
  EXPECT_THAT(DataFilePath("/t", "s3://b/x.parquet"), IsError(ErrorCode::kUnsupported, "s3://b"));
  EXPECT_THAT(DataFilePath("/t", "p=1/%2E%2E/%2e%2e/x"), IsError(ErrorCode::kCorruption, "leaves"));
}

TEST(PartitionPathTest, ParsesTypedValues) {
  const auto text = [](const std::shared_ptr<arrow::DataType>& type, const char* value) {
    auto scalar = ParsePartitionValue(*arrow::field("c", type), value);
    return scalar ? (*scalar)->ToString() : scalar.error().message;
  };
  const auto utc = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  EXPECT_EQ(text(arrow::int64(), "-1"), "-1");
  EXPECT_EQ(text(arrow::boolean(), "true"), "true");
  EXPECT_EQ(text(arrow::date32(), "2026-01-01"), "2026-01-01");
  EXPECT_EQ(text(arrow::decimal128(5, 2), "1.5"), "1.50");
  EXPECT_EQ(text(utc, "2026-01-01 00:00:00.5"), text(utc, "2026-01-01T00:00:00.500000Z"));
  EXPECT_EQ(text(arrow::int64(), ""), "null");
  EXPECT_EQ(text(arrow::int64(), "x"), "partition value is no int64: column c: x");
}

}  // namespace
}  // namespace datalake::table

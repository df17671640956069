#include "datalake/io/metered_file_system.h"

#include <gtest/gtest.h>

#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::io {
namespace {

using ::datalake::testing::IsOk;
using ::datalake::testing::IsOkAndHolds;

TEST(MeteredFileSystemTest, CountsReadsOfItsInputsAndAllWrites) {
  MemoryFileSystem inner;
  ASSERT_THAT(ReplaceFile(inner, "/a", "12345"), IsOk());
  ASSERT_THAT(ReplaceFile(inner, "/b", "123"), IsOk());
  MeteredFileSystem fs(inner, {"/a"});
  EXPECT_THAT(ReadFile(fs, "/a", 100), IsOkAndHolds("12345"));
  EXPECT_THAT(ReadFile(fs, "/b", 100), IsOkAndHolds("123"));
  EXPECT_EQ(fs.read_bytes(), 5U);
  const auto file = fs.OpenRandomAccess("/a");
  ASSERT_THAT(file, IsOk());
  std::byte byte{};
  EXPECT_THAT((*file)->ReadAt(4, std::span(&byte, 1)), IsOkAndHolds(1U));
  EXPECT_EQ(fs.read_bytes(), 6U);
  EXPECT_EQ(fs.written_bytes(), 0U);
  ASSERT_THAT(ReplaceFile(fs, "/c", "1234567"), IsOk());
  EXPECT_EQ(fs.written_bytes(), 7U);
  EXPECT_THAT(ReadFile(inner, "/c", 100), IsOkAndHolds("1234567"));
}

}  // namespace
}  // namespace datalake::io

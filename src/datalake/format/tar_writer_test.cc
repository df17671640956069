#include "datalake/format/tar_writer.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::format {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;

class TarWriterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(fs_.MakeDirectory("/t"), IsOk());
    auto file = fs_.Create("/t/a.tar");
    ASSERT_THAT(file, IsOk());
    file_ = std::move(file).value();
  }

  std::string Written() {
    EXPECT_THAT(file_->Close(), IsOk());
    return io::ReadFile(fs_, "/t/a.tar", 1 << 20).value_or("");
  }

  io::MemoryFileSystem fs_;
  std::unique_ptr<io::WritableFile> file_;
};

TEST_F(TarWriterTest, WritesBlocksOf512Bytes) {
  TarWriter tar(*file_);
  ASSERT_THAT(tar.Add("a.txt", "hello"), IsOk());
  ASSERT_THAT(tar.Add("b.txt", std::string(512, 'x')), IsOk());
  ASSERT_THAT(tar.Finish(), IsOk());
  const std::string bytes = Written();
  EXPECT_EQ(bytes.size(), 6 * 512U);  // two headers, two contents, two blocks of zeros
  EXPECT_EQ(bytes.size(), tar.size_bytes());
  EXPECT_EQ(bytes.substr(0, 6), std::string("a.txt\0", 6));
  EXPECT_EQ(bytes.substr(124, 12), std::string("00000000005\0", 12));
  EXPECT_EQ(bytes.substr(257, 8), std::string("ustar\00000", 8));
  EXPECT_EQ(bytes.substr(512, 6), std::string("hello\0", 6));
}

// The checksum is the sum of the header's bytes with its own field as spaces.
TEST_F(TarWriterTest, SumsItsHeader) {
  TarWriter tar(*file_);
  ASSERT_THAT(tar.Add("a", ""), IsOk());
  std::string header = Written().substr(0, 512);
  const unsigned long told = std::stoul(header.substr(148, 6), nullptr, 8);
  header.replace(148, 8, 8, ' ');
  unsigned long sum = 0;
  for (const char byte : header) {
    sum += static_cast<unsigned char>(byte);
  }
  EXPECT_EQ(told, sum);
}

TEST_F(TarWriterTest, RefusesNamesThatNoReaderTakes) {
  TarWriter tar(*file_);
  EXPECT_THAT(tar.Add("", "x"), IsError(ErrorCode::kInvalidArgument, "no name"));
  EXPECT_THAT(tar.Add("/etc/passwd", "x"), IsError(ErrorCode::kInvalidArgument, "/etc"));
  EXPECT_THAT(tar.Add(std::string(101, 'x'), "x"), IsError(ErrorCode::kInvalidArgument, "xx"));
}

TEST_F(TarWriterTest, NoticesAFileThatChangedMeanwhile) {
  ASSERT_THAT(io::ReplaceFile(fs_, "/t/content", "12345"), IsOk());
  TarWriter tar(*file_);
  auto longer = fs_.OpenInput("/t/content");
  EXPECT_THAT(tar.AddStream("a", 4, **longer), IsError(ErrorCode::kCorruption, "changed"));
  auto shorter = fs_.OpenInput("/t/content");
  EXPECT_THAT(tar.AddStream("a", 6, **shorter), IsError(ErrorCode::kCorruption, "changed"));
}

}  // namespace
}  // namespace datalake::format

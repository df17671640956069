#include "datalake/curate/output_file.h"

#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/thread_pool.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/fault_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::curate {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;

constexpr std::uint64_t kMaxFileBytes = 1 << 30;

std::string Lines(int count) {
  std::string lines;
  for (int i = 0; i < count; ++i) {
    lines += fmt::format("{{\"id\":\"{}\",\"attributes\":{{\"a\":[[0,{},1.0]]}}}}\n", i,
                         i * std::int64_t{7919});
  }
  return lines;
}

Status WriteOutput(io::FileSystem& fs, std::string_view path, std::string_view text,
                   ThreadPool* pool) {
  DATALAKE_TRY_ASSIGN(OutputFile file, OutputFile::Make(fs, path, {.pool = pool}));
  constexpr std::size_t kPiece = 100'000;
  for (std::size_t at = 0; at < text.size(); at += kPiece) {
    DATALAKE_TRY(file.Write(text.substr(at, kPiece)));
  }
  return file.Publish();
}

TEST(OutputFileTest, BytesDoNotDependOnThreads) {
  const std::string text = Lines(300'000);
  ASSERT_GT(text.size(), 10'000'000U);
  for (const std::string path : {"/a.jsonl.zst", "/a.jsonl.gz", "/a.jsonl"}) {
    io::MemoryFileSystem fs;
    ASSERT_THAT(WriteOutput(fs, path, text, nullptr), IsOk());
    const std::string expected = io::ReadFile(fs, path, kMaxFileBytes).value();
    for (const std::size_t threads : {1, 2, 8}) {
      ThreadPool pool(threads);
      ASSERT_THAT(WriteOutput(fs, path, text, &pool), IsOk());
      EXPECT_EQ(io::ReadFile(fs, path, kMaxFileBytes).value(), expected) << path << threads;
    }
  }
}

TEST(OutputFileTest, LeavesNothingWithoutPublish) {
  io::MemoryFileSystem fs;
  ThreadPool pool(2);
  {
    auto file = OutputFile::Make(fs, "/o/a.zst", {.pool = &pool});
    ASSERT_THAT(file, IsOk());
    ASSERT_THAT(file->Write(Lines(200'000)), IsOk());
  }
  EXPECT_TRUE(fs.List("/o")->empty());
}

TEST(OutputFileTest, RefusesBadLevel) {
  io::MemoryFileSystem fs;
  EXPECT_THAT(OutputFile::Make(fs, "/a.zst", {.level = 99}),
              IsError(ErrorCode::kInvalidArgument, "zstd level"));
  EXPECT_TRUE(fs.List("/")->empty());
}

// Check 47: a disk that is full at any moment, the last flush too, gives an error and no file.
TEST(OutputFileTest, EveryFaultIsAnErrorAndLeavesTheOldFileOrTheWholeNewOne) {
  const std::string text = Lines(130'000);
  bool was_acknowledged = false;
  ThreadPool pool(2);
  std::string whole;
  {
    io::MemoryFileSystem fs;
    ASSERT_THAT(WriteOutput(fs, "/o/a.jsonl.zst", text, nullptr), IsOk());
    whole = io::ReadFile(fs, "/o/a.jsonl.zst", kMaxFileBytes).value();
  }
  testing::ForEachFault(
      [](testing::FaultFileSystem& fs) {
        ASSERT_THAT(fs.MakeDirectories("/o"), IsOk());
        ASSERT_THAT(io::ReplaceFile(fs, "/o/a.jsonl.zst", "old"), IsOk());
      },
      [&](testing::FaultFileSystem& fs) {
        was_acknowledged = WriteOutput(fs, "/o/a.jsonl.zst", text, &pool).has_value();
      },
      [&](testing::FaultFileSystem& fs) {
        const auto found = io::ReadFile(fs, "/o/a.jsonl.zst", kMaxFileBytes);
        ASSERT_THAT(found, IsOk());
        EXPECT_TRUE(*found == whole || (!was_acknowledged && *found == "old"));
      },
      /*seeds=*/2);
}

}  // namespace
}  // namespace datalake::curate

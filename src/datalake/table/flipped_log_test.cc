// Bytes of a table's log flipped, one at a time: an error, or the same answer.
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/log.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/path.h"
#include "datalake/table/log_store.h"
#include "datalake/table/table_test_support.h"
#include "datalake/testing/matchers.h"

namespace datalake::table {
namespace {

using ::datalake::testing::IsOk;

constexpr std::size_t kStep = 4;

class FlippedLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(small_.Append("a", {1, 2}), IsOk());
    ASSERT_THAT(small_.Append("b", {3}), IsOk());
    ASSERT_THAT(small_.table().Checkpoint(), IsOk());  // of version 2
    ASSERT_THAT(small_.Append("a", {4}), IsOk());
    for (const std::int64_t version : {0, 1}) {  // the checkpoint alone knows of them
      ASSERT_THAT(small_.fs().Remove(LogFilePath(small_.root(), version)), IsOk());
    }
  }

  // All that a snapshot says; or nothing when the log is found damaged.
  std::string Answer() {
    const auto opened = Table::Open(small_.environment(), small_.root());
    if (!opened) {
      return "";
    }
    const auto snapshot = (*opened)->Snapshot();
    if (!snapshot) {
      return "";
    }
    std::string text = fmt::format("{} {}", (*snapshot)->version(), (*snapshot)->schema_json());
    for (const TableFilePtr& file : (*snapshot)->files()) {
      text += fmt::format("\n{} {} {} {} {} {}", file->os_path, file->size_bytes, file->num_rows,
                          file->xxh3.value_or(0), file->stats_json, file->modified_ms);
      for (const auto& [name, value] : file->partition_values) {
        text += " " + name + "=" + value.value_or("null");
      }
    }
    return text;
  }

  SmallTable small_;
};

// Every fourth byte; in a run by hand, all of them, with the same outcome.
TEST_F(FlippedLogTest, ByteIsDetectedOrHarmless) {
  SetLogLevel(LogLevel::kOff);  // each damaged checkpoint is a warning
  const std::string whole = Answer();
  ASSERT_NE(whole, "");
  const std::string folder = LogFolder(small_.root());
  std::size_t detected = 0;
  std::size_t flipped = 0;
  const auto entries = small_.fs().List(folder);
  ASSERT_THAT(entries, IsOk());
  for (const io::DirectoryEntry& entry : *entries) {
    const std::string path = io::JoinPath(folder, entry.name);
    const std::string bytes = *io::ReadFile(small_.fs(), path, 1 << 20);
    for (std::size_t at = 0; at < bytes.size(); at += kStep) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ (1 << (flipped % 8)));
      ASSERT_THAT(io::ReplaceFile(small_.fs(), path, changed), IsOk());
      const std::string answer = Answer();
      ++flipped;
      detected += answer.empty() ? 1 : 0;
      EXPECT_TRUE(answer.empty() || answer == whole) << entry.name << " byte " << at << answer;
    }
    ASSERT_THAT(io::ReplaceFile(small_.fs(), path, bytes), IsOk());
  }
  EXPECT_EQ(Answer(), whole);
  EXPECT_GT(detected, flipped / 4);  // statistics and places of pages that nobody asks for
}

}  // namespace
}  // namespace datalake::table

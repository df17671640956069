// Streams whose outputs are cut by their own size continue where a killed run stopped.
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/curate/mix.h"
#include "datalake/curate/mix_test_support.h"
#include "datalake/io/atomic_file.h"
#include "datalake/testing/fault_file_system.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::curate {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;

constexpr int kFiles = 2;

// Rows of two files with attributes, a bad row now and then, so that `mix` cuts several outputs.
void WriteInputs(io::FileSystem& fs, int rows, int text_bytes) {
  for (int file = 0; file < kFiles; ++file) {
    std::string documents;
    std::string attributes;
    for (int row = 0; row < rows; ++row) {
      documents += row % 5 == 3 ? std::string("bad\n")
                                : fmt::format("{{\"id\":\"{}-{}\",\"text\":\"{}\"}}\n", file, row,
                                              std::string(text_bytes + row % 7, 'x'));
      attributes += row % 5 == 3 ? std::string("{\"id\":null,\"attributes\":{}}\n")
                                 : fmt::format("{{\"id\":\"{}-{}\",\"attributes\":{{\"q\":{}}}}}\n",
                                               file, row, row % 4);
    }
    Write(fs, fmt::format("/c/documents/{}.jsonl", file), documents);
    Write(fs, fmt::format("/c/attributes/x/{}.jsonl", file), attributes);
  }
}

MixOptions CutOptions(SizeBy size_by, std::uint64_t max_size_bytes) {
  MixOptions options;
  options.streams = {Stream()};
  options.streams[0].attributes = {"x"};
  options.streams[0].exclude = {"$.attributes[?(@.q == 2)]"};
  options.streams[0].compression = "zst";
  options.streams[0].size_by = size_by;
  options.streams[0].max_size_bytes = max_size_bytes;
  options.max_rejects = 1000000;
  return options;
}

using Files = std::map<std::string, std::string>;

// All that is below /out but the notes.
Files Made(io::FileSystem& fs) {
  Files files;
  for (const char* folder : {"/out", "/out/rejects"}) {
    const auto entries = fs.List(folder);
    for (const io::DirectoryEntry& entry : entries ? *entries : std::vector<io::DirectoryEntry>()) {
      const std::string path = fmt::format("{}/{}", folder, entry.name);
      if (!entry.name.starts_with('.') && !entry.is_directory) {
        files[path] = io::ReadFile(fs, path, 1 << 30).value_or("unreadable");
      }
    }
  }
  return files;
}

class MixResumeTest : public MixFixture, public ::testing::WithParamInterface<SizeBy> {};

INSTANTIATE_TEST_SUITE_P(Sizes, MixResumeTest,
                         ::testing::Values(SizeBy::kUncompressed, SizeBy::kCompressed));

TEST_P(MixResumeTest, GoesOnBehindTheOutputsThatAreDone) {
  WriteInputs(fs_, 3000, 400);
  const MixOptions options = CutOptions(GetParam(), 300'000);
  const Result<MixReport> first = Run(options);
  ASSERT_THAT(first, IsOk());
  const std::size_t outputs = first->outputs.size();
  ASSERT_GT(outputs, 2U);
  EXPECT_GT(first->streams[0].rejected, 100U);
  const Files want = Made(fs_);

  for (std::size_t gone = 0; gone < outputs; ++gone) {
    SCOPED_TRACE(gone);
    std::vector<Timestamp> before;
    for (const std::string& output : first->outputs) {
      before.push_back(fs_.Stat(output)->modified);
    }
    ASSERT_THAT(fs_.Remove(first->outputs[gone]), IsOk());
    const Result<MixReport> again = Run(options);
    ASSERT_THAT(again, IsOk());
    EXPECT_EQ(again->outputs, first->outputs);
    EXPECT_EQ(again->streams[0].documents, first->streams[0].documents);
    EXPECT_EQ(again->streams[0].written, first->streams[0].written);
    EXPECT_EQ(again->streams[0].filtered, first->streams[0].filtered);
    EXPECT_EQ(again->streams[0].rejected, first->streams[0].rejected);
    EXPECT_EQ(again->streams[0].bytes_written, first->streams[0].bytes_written);
    EXPECT_TRUE(Made(fs_) == want);
    for (std::size_t i = 0; i < gone; ++i) {
      EXPECT_EQ(fs_.Stat(first->outputs[i])->modified, before[i]) << i;
    }
  }
}

TEST_P(MixResumeTest, DoneOutputsAreLeftAndOthersMadeAnew) {
  WriteInputs(fs_, 50, 40);
  MixOptions options = CutOptions(GetParam(), 1000);
  const Result<MixReport> first = Run(options);
  ASSERT_THAT(first, IsOk());
  const Timestamp made = fs_.Stat(first->outputs.back())->modified;
  ASSERT_THAT(Run(options), IsOk());
  EXPECT_EQ(fs_.Stat(first->outputs.back())->modified, made);

  options.max_rejects = 0;
  EXPECT_THAT(Run(options), IsError(ErrorCode::kInvalidArgument, "see /out/rejects"));
  options.max_rejects = 1000;
  options.streams[0].max_size_bytes = 2000;
  const Result<MixReport> larger = Run(options);
  ASSERT_THAT(larger, IsOk());
  EXPECT_LT(larger->outputs.size(), first->outputs.size());
  EXPECT_EQ(larger->streams[0].written, first->streams[0].written);
}

TEST(MixResumeFaultTest, EveryFailureLeavesWholeOutputsAndIsContinued) {
  const testing::ManualClock clock;
  NullProgress progress;
  const auto run = [&](io::FileSystem& fs) {
    return RunMix(CutOptions(SizeBy::kUncompressed, 700), {fs, clock, progress, 1, {}});
  };
  const auto prepare = [](io::FileSystem& fs) { WriteInputs(fs, 9, 100); };
  io::MemoryFileSystem whole;
  prepare(whole);
  ASSERT_GT(run(whole)->outputs.size(), 2U);
  const Files want = Made(whole);
  testing::ForEachFault([&](testing::FaultFileSystem& fs) { prepare(fs); },
                        [&](testing::FaultFileSystem& fs) { (void)run(fs); },
                        [&](testing::FaultFileSystem& fs) {
                          for (const auto& [path, bytes] : Made(fs)) {
                            ASSERT_TRUE(want.contains(path)) << path;
                            EXPECT_EQ(bytes, want.at(path)) << path;
                          }
                          ASSERT_THAT(run(fs), IsOk());
                          EXPECT_TRUE(Made(fs) == want);
                        });
}

}  // namespace
}  // namespace datalake::curate

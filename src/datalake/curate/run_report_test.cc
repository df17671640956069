#include "datalake/curate/run_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::curate {
namespace {

using ::datalake::testing::IsOk;
using ::testing::HasSubstr;

RunReport Report() {
  RunReport report;
  report.command = "tag";
  report.seconds = 2;
  report.cpu_seconds = 3;
  report.threads = 2;
  report.files = 1;
  report.documents = 10;
  report.kept = 9;
  report.rejected = 1;
  report.spans = 7;
  report.bytes = 4'000'000;
  report.counts = {{"files_skipped", 5}};
  report.costs = {{"parse", 1'000}, {"gopher_v2", 3'000}};
  return report;
}

TEST(RunReportTest, TableHasCountsRatesAndShares) {
  const std::string table = RunReportTable(Report());
  EXPECT_THAT(
      table,
      HasSubstr("documents in   10\nkept           9\nrejected       1\nspans          7\n"));
  EXPECT_THAT(table, HasSubstr("files skipped  5\n"));
  EXPECT_THAT(table, HasSubstr("2.0 s, 3.0 s of CPU on 2 threads, 2 MB/s"));
  EXPECT_THAT(table, HasSubstr("CPU share       75.0 %  gopher_v2\n                25.0 %  parse"));
}

TEST(RunReportTest, JsonIsWrittenOnceIntoEachFolder) {
  io::MemoryFileSystem fs;
  const json::Value report = RunReportJson(Report());
  ASSERT_THAT(WriteRunReport(fs, {"/a/x", "/b", "/a/x"}, report), IsOk());
  for (const char* path : {"/a/x/report.json", "/b/report.json"}) {
    const auto text = io::ReadFile(fs, path, 1 << 20);
    ASSERT_THAT(text, IsOk());
    const auto read = json::ParseValue(*text, path);
    ASSERT_THAT(read, IsOk());
    EXPECT_EQ(*read, report);
    EXPECT_EQ((*read)["spans"], 7);
    EXPECT_EQ((*read)["costs"][1]["share"], 0.75);
  }
}

}  // namespace
}  // namespace datalake::curate

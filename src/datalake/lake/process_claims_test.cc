#include <array>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/io/atomic_file.h"
#include "datalake/lake/process.h"
#include "datalake/lake/process_test_support.h"
#include "datalake/lake/upload.h"
#include "datalake/testing/matchers.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

TEST_F(ProcessTest, FailedUploadIsSetAsideAndCanBeRetried) {
  WriteRows("/in/rows.parquet", {{"n", Texts({"1"})}});
  const auto good = Stage(Request("good"));
  const auto bad = Stage(Request("bad"));
  ASSERT_THAT(bad, IsOk());
  const std::string rows = "/lake/staging/pending/" + bad->id + "/rows.parquet";
  const std::string bytes = *io::ReadFile(fs_, rows, 1 << 20);
  ASSERT_THAT(io::ReplaceFile(fs_, rows, bytes.substr(0, bytes.size() / 2)), IsOk());
  const ProcessReport report = Process();
  EXPECT_EQ(report.succeeded(), 1U);
  EXPECT_EQ(report.failed(), 1U);
  Uploads uploads(*lake_);
  EXPECT_EQ(uploads.Counts()->failed, 1U);
  const auto failed = uploads.List(UploadState::kFailed);
  ASSERT_THAT(*failed, SizeIs(1));
  ASSERT_TRUE((*failed)[0].error.has_value());
  EXPECT_EQ((*failed)[0].error->code, ErrorCode::kCorruption);
  const std::string json = ProcessReportJson(report);
  EXPECT_THAT(json, HasSubstr(R"("success":1,"failed":1,"total_processed":2)"));
  EXPECT_THAT(json, HasSubstr(R"("success_rate":"50.0%")"));
  EXPECT_THAT(json, HasSubstr(R"("error_type":"corruption")"));

  ASSERT_THAT(io::ReplaceFile(fs_, "/lake/staging/failed/" + bad->id + "/rows.parquet", bytes),
              IsOk());
  ASSERT_THAT(uploads.Retry(bad->id), IsOk());
  EXPECT_EQ(Process().succeeded(), 1U);
  EXPECT_THAT(Rows({"test", "bad", "raw"}, {"n"}), SizeIs(1));
}

TEST_F(ProcessTest, DiscardRemovesPendingAndFailedOnes) {
  WriteRows("/in/rows.parquet", {{"n", Texts({"1"})}});
  const auto info = Stage(Request());
  Uploads uploads(*lake_);
  ASSERT_THAT(uploads.Discard(info->id), IsOk());
  EXPECT_THAT(uploads.Discard(info->id), IsError(ErrorCode::kNotFound, info->id));
  EXPECT_THAT(uploads.Discard("../x"), IsError(ErrorCode::kInvalidArgument, "../x"));
  EXPECT_THAT(uploads.Retry("x"), IsError(ErrorCode::kNotFound, "x"));
  EXPECT_EQ(Process().uploads.size(), 0U);
}

TEST_F(ProcessTest, HandMadeUploadWithABadNameFails) {
  WriteRows("/in/rows.parquet", {{"n", Texts({"1"})}});
  const auto info = Stage(Request());
  const std::string path = "/lake/staging/pending/" + info->id + "/upload.json";
  std::string text = *io::ReadFile(fs_, path, 1 << 20);
  text.replace(text.find("\"d\""), 3, "\"../../x\"");
  ASSERT_THAT(io::ReplaceFile(fs_, path, text), IsOk());
  const ProcessReport report = Process();
  ASSERT_EQ(report.failed(), 1U);
  EXPECT_EQ(report.uploads[0].error->code, ErrorCode::kInvalidArgument);
}

TEST_F(ProcessTest, DeadOwnersClaimIsTakenOver) {
  WriteRows("/in/rows.parquet", {{"n", Texts({"1"})}});
  const auto info = Stage(Request());
  ASSERT_THAT(
      fs_.Rename("/lake/staging/pending/" + info->id, "/lake/staging/processing/" + info->id),
      IsOk());
  {
    const auto owner = fs_.Lock("/lake/staging/processing/" + info->id + "/claim.lock");
    ASSERT_THAT(owner, IsOk());
    EXPECT_THAT(Process().uploads, IsEmpty()) << "its owner lives";
    EXPECT_THAT(Uploads(*lake_).Discard(info->id), IsError(ErrorCode::kConflict, "processed"));
  }
  EXPECT_EQ(Process().succeeded(), 1U);
}

TEST_F(ProcessTest, TwoProcessorsTakeEachUploadOnce) {
  WriteRows("/in/rows.parquet", {{"image", Blobs({kPng, kPng})}});
  constexpr int kUploads = 20;
  for (int i = 0; i < kUploads; ++i) {
    UploadRequest request = Request("d" + std::to_string(i % 3));
    request.variant = "v" + std::to_string(i);
    ASSERT_THAT(Stage(request), IsOk());
  }
  std::array<Result<ProcessReport>, 2> reports = {ProcessReport{}, ProcessReport{}};
  {
    std::vector<std::jthread> threads;
    for (auto& report : reports) {
      threads.emplace_back([this, &report] {
        NullProgress progress;
        report = ProcessUploads(*lake_, {.threads = 1}, progress, {});
      });
    }
  }
  ASSERT_THAT(reports[0], IsOk());
  ASSERT_THAT(reports[1], IsOk());
  EXPECT_EQ(reports[0]->failed() + reports[1]->failed(), 0U);
  EXPECT_EQ(reports[0]->succeeded() + reports[1]->succeeded(), std::uint64_t{kUploads});
  std::size_t rows = 0;
  for (const char* dataset : {"d0", "d1", "d2"}) {
    rows += Rows({"test", dataset, "raw"}, {"hash"}).size();
  }
  EXPECT_EQ(rows, 2U * kUploads);
  EXPECT_EQ(Uploads(*lake_).Counts()->failed, 0U);
}

TEST_F(ProcessTest, OverwritingUploadWaitsForAnEarlierOneOfItsVariant) {
  WriteRows("/in/rows.parquet", {{"n", Texts({"old"})}});
  const auto older = Stage(Request());
  ASSERT_THAT(older, IsOk());
  ASSERT_THAT(
      fs_.Rename("/lake/staging/pending/" + older->id, "/lake/staging/processing/" + older->id),
      IsOk());
  auto owner = fs_.Lock("/lake/staging/processing/" + older->id + "/claim.lock");
  ASSERT_THAT(owner, IsOk());
  clock_.Advance(std::chrono::seconds(1));
  WriteRows("/in/rows.parquet", {{"n", Texts({"new"})}});
  UploadRequest request = Request();
  request.overwrite = true;
  ASSERT_THAT(Stage(request), IsOk());
  request.variant = "another";
  ASSERT_THAT(Stage(request), IsOk());

  EXPECT_EQ(Process().succeeded(), 1U) << "only that of the other variant";
  EXPECT_EQ(Uploads(*lake_).Counts()->pending, 1U);

  owner->reset();
  EXPECT_EQ(Process().succeeded(), 2U);
  EXPECT_THAT(Rows({"test", "d", "raw"}, {"n", "variant"}),
              UnorderedElementsAre(R"({"n":"new","variant":"text"})",
                                   R"({"n":"new","variant":"another"})"));
}

TEST_F(ProcessTest, UploadThatAnotherLetsGoMeanwhileIsTaken) {
  WriteRows("/in/rows.parquet", {{"n", Texts({"1"})}});
  const auto first = Stage(Request("a"));
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(Stage(Request("b")), IsOk());
  auto other = fs_.Lock("/lake/staging/pending/" + first->id + "/claim.lock");
  ASSERT_THAT(other, IsOk());
  ProgressHook hook([&other] { other->reset(); });
  const auto report = ProcessUploads(*lake_, {.threads = 1}, hook, {});
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->succeeded(), 2U);
  EXPECT_EQ(Uploads(*lake_).Counts()->pending, 0U);
}

TEST_F(ProcessTest, RefusedCommitLeavesNoFiles) {
  WriteRows("/in/rows.parquet", {{"n", Texts({"1"})}});
  ASSERT_THAT(Stage(Request()), IsOk());
  ASSERT_EQ(Process().succeeded(), 1U);
  const std::string root = lake_->context().layout.Table({"test", "d", "raw"});
  const auto before = fs_.List(root + "/variant=text");
  ASSERT_THAT(before, IsOk());
  ASSERT_THAT(*before, SizeIs(1));
  ASSERT_THAT(io::ReplaceFile(fs_, root + "/_delta_log/00000000000000000002.json",
                              R"({"protocol":{"minReaderVersion":1,"minWriterVersion":4}})"
                              "\n"),
              IsOk());
  ASSERT_THAT(Stage(Request()), IsOk());
  const ProcessReport report = Process();
  ASSERT_THAT(report.uploads, SizeIs(1));
  ASSERT_TRUE(report.uploads[0].error.has_value());
  EXPECT_EQ(report.uploads[0].error->code, ErrorCode::kUnsupported);
  EXPECT_THAT(*fs_.List(root + "/variant=text"), SizeIs(1));
}

TEST_F(ProcessTest, RejectsFileIsMadeForTheFirstRejectedRow) {
  WriteRows("/in/rows.parquet", {{"image", Blobs({kPng})}});
  UploadRequest request = Request();
  request.on_bad_asset = OnBadAsset::kReject;
  ASSERT_THAT(Stage(request), IsOk());
  std::vector<std::string> seen;
  ProgressHook hook([this, &seen] {
    const auto names = DotFiles("/lake/staging/failed");
    seen.insert(seen.end(), names.begin(), names.end());
  });
  ASSERT_THAT(ProcessUploads(*lake_, {.threads = 1}, hook, {}), IsOk());
  EXPECT_THAT(seen, IsEmpty());
}

TEST_F(ProcessTest, RejectsFileOfADeadProcessorIsRemoved) {
  WriteRows("/in/rows.parquet", {{"n", Texts({"1"})}});
  const auto info = Stage(Request());
  ASSERT_THAT(info, IsOk());
  ASSERT_THAT(
      fs_.Rename("/lake/staging/pending/" + info->id, "/lake/staging/processing/" + info->id),
      IsOk());
  const std::string name = "." + info->id + "_rejects.jsonl.1.1.tmp";
  ASSERT_THAT(fs_.Create("/lake/staging/failed/" + name), IsOk());
  ASSERT_THAT(fs_.Create("/lake/staging/failed/.gone_rejects.jsonl.1.2.tmp"), IsOk());
  {
    const auto owner = fs_.Lock("/lake/staging/processing/" + info->id + "/claim.lock");
    ASSERT_THAT(owner, IsOk());
    Process();
    EXPECT_THAT(DotFiles("/lake/staging/failed"), ElementsAre(name)) << "its owner lives";
  }
  Process();
  EXPECT_THAT(DotFiles("/lake/staging/failed"), IsEmpty());
}

TEST_F(ProcessTest, StopPutsTheUploadBack) {
  WriteRows("/in/rows.parquet", {{"n", Texts({"1"})}});
  ASSERT_THAT(Stage(Request()), IsOk());
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(ProcessUploads(*lake_, {}, progress_, stop.get_token()),
              IsError(ErrorCode::kCancelled, "stopped"));
  EXPECT_EQ(Uploads(*lake_).Counts()->pending, 1U);
}

}  // namespace
}  // namespace datalake::lake

#include "datalake/lake/upload_receiver.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/hash.h"
#include "datalake/base/random.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/lake/process.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class UploadReceiverTest : public ::testing::Test {
 protected:
  UploadReceiverTest() {
    EXPECT_THAT(InitLake(fs_, clock_, random_, "/lake"), IsOk());
    lake_ = *Lake::Open(fs_, clock_, random_, "/lake");
    request_.provider = "test";
    request_.dataset = "d";
    request_.source_path = "rows.jsonl";
    Add("rows.jsonl", "{\"file\":\"sub/a.bin\"}\n");
    Add("sub/a.bin", std::string(5 << 20, 'a'));
  }

  void Add(const std::string& path, std::string content) {
    files_.push_back({path, content.size(), Sha256Hex(content)});
    contents_.push_back(std::move(content));
  }

  // Sends what is missing.
  void Send(const Receiving& receiving) {
    for (std::size_t i = 0; i < receiving.files.size(); ++i) {
      for (const std::uint64_t part : receiving.files[i].missing_parts) {
        EXPECT_THAT(Put(receiving, i, part), IsOk());
      }
    }
  }

  Status Put(const Receiving& receiving, std::size_t file, std::uint64_t part) {
    const std::string bytes =
        contents_[file].substr(part * receiving.part_bytes, receiving.part_bytes);
    return receiver_->PutPart(receiving.id, file, part, bytes, Sha256Hex(bytes));
  }

  io::MemoryFileSystem fs_;
  testing::ManualClock clock_;
  SeededRandom random_{9};
  NullProgress progress_;
  std::unique_ptr<Lake> lake_;
  std::unique_ptr<UploadReceiver> receiver_ = nullptr;
  UploadRequest request_;
  std::vector<AnnouncedFile> files_;
  std::vector<std::string> contents_;

  void SetUp() override { receiver_ = std::make_unique<UploadReceiver>(*lake_); }
};

TEST_F(UploadReceiverTest, PartsInAnyOrderBecomeAnUpload) {
  const auto receiving = receiver_->Begin(request_, files_);
  ASSERT_THAT(receiving, IsOk());
  EXPECT_THAT(receiving->files[1].missing_parts, ElementsAre(0, 1, 2));
  ASSERT_THAT(Put(*receiving, 1, 2), IsOk());
  ASSERT_THAT(Put(*receiving, 1, 2), IsOk()) << "again is fine";
  EXPECT_THAT(receiver_->Complete(receiving->id, progress_, {}),
              IsError(ErrorCode::kConflict, "missing"));
  // A client that was cut off begins again and is told what is left.
  const auto again = receiver_->Begin(request_, files_);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->id, receiving->id);
  EXPECT_THAT(again->files[1].missing_parts, ElementsAre(0, 1));
  Send(*again);
  const auto info = receiver_->Complete(again->id, progress_, {});
  ASSERT_THAT(info, IsOk());
  EXPECT_EQ(info->id, again->id);
  EXPECT_EQ(info->variant, "files");
  EXPECT_THAT(*Uploads(*lake_).List(UploadState::kPending), SizeIs(1));
}

TEST_F(UploadReceiverTest, CompletingTwiceStagesOnce) {
  const auto receiving = receiver_->Begin(request_, files_);
  Send(*receiving);
  ASSERT_THAT(receiver_->Complete(receiving->id, progress_, {}), IsOk());
  ASSERT_THAT(ProcessUploads(*lake_, {.threads = 1}, progress_, {}), IsOk());
  const auto again = receiver_->Complete(receiving->id, progress_, {});
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->rows, 1U);
  EXPECT_THAT(*Uploads(*lake_).List(UploadState::kPending), IsEmpty());
  // The same data once more is another upload.
  const auto other = receiver_->Begin(request_, files_);
  ASSERT_THAT(other, IsOk());
  EXPECT_NE(other->id, receiving->id);
}

TEST_F(UploadReceiverTest, WrongPartsAreRefused) {
  const auto receiving = receiver_->Begin(request_, files_);
  const std::string& id = receiving->id;
  const std::string row = contents_[0];
  EXPECT_THAT(receiver_->PutPart(id, 0, 0, row, Sha256Hex("other")),
              IsError(ErrorCode::kInvalidArgument, "checksum"));
  EXPECT_THAT(receiver_->PutPart(id, 0, 0, "short", Sha256Hex("short")),
              IsError(ErrorCode::kInvalidArgument, "5 bytes instead of"));
  EXPECT_THAT(receiver_->PutPart(id, 0, 1, row, Sha256Hex(row)),
              IsError(ErrorCode::kNotFound, "no such part"));
  EXPECT_THAT(receiver_->PutPart(id, 2, 0, row, Sha256Hex(row)),
              IsError(ErrorCode::kNotFound, "no such part"));
  EXPECT_THAT(receiver_->PutPart("none", 0, 0, row, Sha256Hex(row)),
              IsError(ErrorCode::kNotFound, "none"));
  EXPECT_THAT(receiver_->PutPart("../x", 0, 0, row, Sha256Hex(row)),
              IsError(ErrorCode::kInvalidArgument, "../x"));
}

TEST_F(UploadReceiverTest, AFileThatIsNotThatOfItsHashIsSentAgain) {
  files_[1].sha256 = Sha256Hex("something else");
  const auto receiving = receiver_->Begin(request_, files_);
  Send(*receiving);
  EXPECT_THAT(receiver_->Complete(receiving->id, progress_, {}),
              IsError(ErrorCode::kConflict, "sub/a.bin"));
  EXPECT_THAT(receiver_->Get(receiving->id)->files[1].missing_parts, SizeIs(3));
  EXPECT_THAT(*Uploads(*lake_).List(UploadState::kPending), IsEmpty());
}

TEST_F(UploadReceiverTest, PathsThatLeadOutAreRefused) {
  for (const char* path : {"../x", "/x", "a/../x", "a//b", "a/", "", ".", "a\\b"}) {
    EXPECT_THAT(receiver_->Begin(request_, {{path, 1, files_[0].sha256}}),
                IsError(ErrorCode::kInvalidArgument, "below the upload's folder"))
        << path;
  }
  EXPECT_THAT(receiver_->Begin(request_, {files_[0], files_[0]}),
              IsError(ErrorCode::kInvalidArgument, "twice"));
  EXPECT_THAT(receiver_->Begin(request_, {{"x", 1, "abc"}}),
              IsError(ErrorCode::kInvalidArgument, "sha256"));
  EXPECT_THAT(receiver_->Begin(request_, {}), IsError(ErrorCode::kInvalidArgument, "not 0"));
  EXPECT_THAT(receiver_->Begin(request_, {{"x", std::uint64_t{1} << 60, files_[0].sha256}}),
              IsError(ErrorCode::kResourceExhausted, "free"));
  request_.source_path = "../../etc";
  EXPECT_THAT(receiver_->Begin(request_, files_),
              IsError(ErrorCode::kInvalidArgument, "below the upload's folder"));
}

TEST_F(UploadReceiverTest, AbortedUploadsAreGone) {
  const auto receiving = receiver_->Begin(request_, files_);
  ASSERT_THAT(receiver_->Abort(receiving->id), IsOk());
  EXPECT_THAT(receiver_->Get(receiving->id), IsError(ErrorCode::kNotFound, receiving->id));
}

TEST_F(UploadReceiverTest, APartThatComesLateLeavesNothing) {
  const auto begun = receiver_->Begin(request_, files_);
  ASSERT_THAT(begun, IsOk());
  Send(*begun);
  NullProgress progress;
  ASSERT_THAT(receiver_->Complete(begun->id, progress, {}), IsOk());
  EXPECT_THAT(Put(*begun, 1, 0), IsOk());
  EXPECT_FALSE(*fs_.Exists("/lake/staging/receiving/" + begun->id + "/parts"));
}

}  // namespace
}  // namespace datalake::lake

#include "datalake/lake/takedown.h"

#include <memory>
#include <string>
#include <vector>

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/assets/asset_store.h"
#include "datalake/assets/blocklist.h"
#include "datalake/base/hash.h"
#include "datalake/base/log.h"
#include "datalake/base/random.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/io/path.h"
#include "datalake/lake/collections.h"
#include "datalake/lake/lake_log.h"
#include "datalake/lake/process.h"
#include "datalake/lake/verify.h"
#include "datalake/table/read.h"
#include "datalake/table/table.h"
#include "datalake/testing/fault_file_system.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::FaultFileSystem;
using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const TableName kRaw{"test", "d", "raw"};

struct Row {
  std::string picture;
  std::string caption;
};

class TakedownTest : public ::testing::Test {
 protected:
  void SetUp() override { SetLogLevel(LogLevel::kOff); }

  static std::shared_ptr<arrow::RecordBatchReader> Rows(const std::vector<Row>& rows) {
    arrow::BinaryBuilder pictures;
    arrow::StringBuilder captions;
    for (const Row& row : rows) {
      EXPECT_TRUE(pictures.Append(row.picture).ok());
      EXPECT_TRUE(captions.Append(row.caption).ok());
    }
    const std::shared_ptr<arrow::Array> picture = *pictures.Finish();
    const std::shared_ptr<arrow::Array> caption = *captions.Finish();
    return *arrow::RecordBatchReader::Make(
        {arrow::RecordBatch::Make(arrow::schema({arrow::field("image", arrow::binary()),
                                                 arrow::field("caption", arrow::utf8())}),
                                  picture->length(), {picture, caption})});
  }

  Status Upload(Lake& lake, const std::vector<Row>& rows, const std::string& dataset = "d") {
    UploadRequest request;
    request.provider = "test";
    request.dataset = dataset;
    DATALAKE_TRY_ASSIGN(const UploadInfo staged,
                        Uploads(lake).StageRows(request, *Rows(rows), progress_, {}));
    static_cast<void>(staged);
    DATALAKE_TRY_ASSIGN(const ProcessReport report,
                        ProcessUploads(lake, {.threads = 1}, progress_, {}));
    return report.failed() == 0 ? Status() : Status(*report.uploads.back().error);
  }

  std::unique_ptr<Lake> Open(io::FileSystem& fs) {
    return *Lake::Open(fs, clock_, random_, "/lake");
  }

  // Two versions of a table, another dataset, and a collection of the first.
  void Prepare(io::FileSystem& fs) {
    PrepareOneTable(fs);
    const auto lake = Open(fs);
    ASSERT_THAT(Upload(*lake, {{"bad picture", "again"}, {"other", "b"}}, "e"), IsOk());
  }

  void PrepareOneTable(io::FileSystem& fs) {
    ASSERT_THAT(InitLake(fs, clock_, random_, "/lake"), IsOk());
    const auto lake = Open(fs);
    ASSERT_THAT(Upload(*lake, {{"good", "a dog"}, {"bad picture", "a SECRET"}}), IsOk());
    ASSERT_THAT(Upload(*lake, {{"later", "a cat"}}), IsOk());
    const auto table = lake->OpenTable(kRaw);
    const auto rows = table::ReadTable(fs, *(*table)->Snapshot());
    ASSERT_THAT(Collections(*lake).Save(
                    **rows, {.name = "c",
                             .version = "v1.0",
                             .source = {.kind = "search", .query = {}, .inputs = {{kRaw, 2}}}}),
                IsOk());
  }

  Result<TakedownReport> TakeDownAsset(Lake& lake, const std::string& sha256) {
    return TakeDown(lake, {.assets = {sha256}, .reason = "request 1", .user = "ada"}, progress_,
                    {});
  }

  static std::vector<std::string> Captions(io::FileSystem& fs, Lake& lake, const TableName& name) {
    const auto table = lake.OpenTable(name);
    const auto rows = table::ReadTable(fs, *(*table)->Snapshot());
    return Captions(**rows);
  }

  static std::vector<std::string> Captions(arrow::RecordBatchReader& rows) {
    std::vector<std::string> captions;
    while (const auto batch = rows.Next().ValueOrDie()) {
      const auto& column =
          static_cast<const arrow::StringArray&>(*batch->GetColumnByName("caption"));
      for (std::int64_t i = 0; i < column.length(); ++i) {
        captions.push_back(column.GetString(i));
      }
    }
    return captions;
  }

  // Every file whose name or bytes hold `text`.
  static void Find(io::FileSystem& fs, const std::string& folder, const std::string& text,
                   std::vector<std::string>& found) {
    const auto entries = fs.List(folder);
    ASSERT_THAT(entries, IsOk());
    for (const io::DirectoryEntry& entry : *entries) {
      const std::string path = io::JoinPath(folder, entry.name);
      if (entry.is_symlink) {
        continue;
      }
      if (entry.is_directory) {
        Find(fs, path, text, found);
      } else if (io::ReadFile(fs, path, 1 << 24).value_or("").find(text) != std::string::npos) {
        found.push_back(path);
      }
    }
  }

  void ExpectGone(io::FileSystem& fs, const std::string& text) {
    std::vector<std::string> found;
    Find(fs, "/lake", text, found);
    EXPECT_THAT(found, IsEmpty()) << text;
  }

  const std::string bad_ = Sha256Hex("bad picture");
  SeededRandom random_{11};
  datalake::testing::ManualClock clock_;
  NullProgress progress_;
};

TEST_F(TakedownTest, AnAssetGoesWithItsRowsFromAllVersionsAndCollections) {
  io::MemoryFileSystem fs;
  Prepare(fs);
  const auto lake = Open(fs);
  const auto report = TakeDownAsset(*lake, bad_);
  ASSERT_THAT(report, IsOk());
  EXPECT_TRUE(report->is_complete()) << report->message;
  EXPECT_THAT(report->places, SizeIs(3));
  EXPECT_THAT(report->removed_assets, ElementsAre(bad_));
  EXPECT_EQ(report->removed_bytes, 11U);
  EXPECT_THAT(Captions(fs, *lake, kRaw), ::testing::UnorderedElementsAre("a dog", "a cat"));
  EXPECT_THAT(Captions(fs, *lake, {"test", "e", "raw"}), ElementsAre("b"));
  EXPECT_FALSE(*lake->assets().Contains(bad_));
  ExpectGone(fs, "bad picture");
  ExpectGone(fs, "SECRET");  // statistics in the log, too
  const auto verified = VerifyLake(*lake, {.deep = true}, progress_, {});
  ASSERT_THAT(verified, IsOk());
  EXPECT_FALSE(verified->has_findings());
  EXPECT_EQ(verified->orphan_count, 0U);
}

TEST_F(TakedownTest, OldVersionsSayThatTheirRowsWereTakenDown) {
  io::MemoryFileSystem fs;
  Prepare(fs);
  const auto lake = Open(fs);
  const auto report = TakeDownAsset(*lake, bad_);
  ASSERT_THAT(report, IsOk());
  const auto table = lake->OpenTable(kRaw);
  const auto rows = table::ReadTable(fs, *(*table)->Snapshot(1));
  const auto read = (*rows)->ToTable();
  ASSERT_FALSE(read.ok());
  EXPECT_THAT(read.status().ToString(), HasSubstr("taken down"));
  EXPECT_THAT(read.status().ToString(), HasSubstr(report->id));
  const auto history = (*table)->History(1);
  EXPECT_EQ(history->front().info.operation, "takedown");
  EXPECT_EQ(history->front().info.reason, "request 1");
}

TEST_F(TakedownTest, CollectionsAreAmendedAndSaySo) {
  io::MemoryFileSystem fs;
  Prepare(fs);
  const auto lake = Open(fs);
  const auto before = Collections(*lake).Find("c", "v1.0");
  const auto report = TakeDownAsset(*lake, bad_);
  ASSERT_THAT(report, IsOk());
  const auto after = Collections(*lake).Find("c", "latest");
  ASSERT_THAT(after, IsOk());
  EXPECT_EQ(after->num_samples, 2);
  EXPECT_NE(after->content_sha256, before->content_sha256);
  const auto rows = Collections(*lake).Open("c", "v1.0");
  ASSERT_THAT(rows, IsOk());
  EXPECT_THAT(Captions(**rows), ::testing::UnorderedElementsAre("a dog", "a cat"));
  const auto metadata = io::ReadFile(fs, after->path + "/metadata.json", 1 << 20);
  EXPECT_THAT(*metadata, HasSubstr("\"amended\""));
  EXPECT_THAT(*metadata, HasSubstr(report->id));
}

TEST_F(TakedownTest, TheSameBytesCannotComeInAgain) {
  io::MemoryFileSystem fs;
  Prepare(fs);
  const auto lake = Open(fs);
  ASSERT_THAT(TakeDownAsset(*lake, bad_), IsOk());
  EXPECT_THAT(lake->assets().PutBytes("bad picture"),
              IsError(ErrorCode::kPermissionDenied, "taken down"));
  ASSERT_THAT(Upload(*lake, {{"bad picture", "third try"}, {"new", "fine"}}, "f"), IsOk());
  EXPECT_FALSE(*lake->assets().Contains(bad_));
  EXPECT_THAT(Captions(fs, *lake, {"test", "f", "raw"}), SizeIs(2));
  EXPECT_FALSE(VerifyLake(*lake, {}, progress_, {})->has_findings());
  ExpectGone(fs, "bad picture");
}

TEST_F(TakedownTest, RowsGoByTheirValueWithTheAssetsThatOnlyTheyLink) {
  io::MemoryFileSystem fs;
  Prepare(fs);
  const auto lake = Open(fs);
  ASSERT_THAT(Upload(*lake, {{"own", "a SECRET"}}), IsOk());
  const TakedownRequest request{
      .table = kRaw, .column = "caption", .value = "a SECRET", .reason = "request 2"};
  const auto report = TakeDown(*lake, request, progress_, {});
  ASSERT_THAT(report, IsOk());
  // "bad picture" is linked by a row of another dataset.
  EXPECT_THAT(report->shared_assets, ElementsAre(bad_));
  EXPECT_THAT(report->blocked, ElementsAre(Sha256Hex("own")));
  EXPECT_TRUE(*lake->assets().Contains(bad_));
  EXPECT_FALSE(*lake->assets().Contains(Sha256Hex("own")));
  EXPECT_THAT(Captions(fs, *lake, kRaw), ::testing::UnorderedElementsAre("a dog", "a cat"));
  EXPECT_EQ(Collections(*lake).Find("c", "")->num_samples, 2);
  ExpectGone(fs, "SECRET");
  EXPECT_FALSE(VerifyLake(*lake, {}, progress_, {})->has_findings());
}

TEST_F(TakedownTest, TheRecordHoldsNoContentAndShowsChanges) {
  io::MemoryFileSystem fs;
  Prepare(fs);
  const auto lake = Open(fs);
  const TakedownRequest request{.table = kRaw,
                                .column = "caption",
                                .value = "a SECRET",
                                .reason = "request 3",
                                .user = "ada"};
  ASSERT_THAT(TakeDown(*lake, request, progress_, {}), IsOk());
  ASSERT_THAT(TakeDownAsset(*lake, Sha256Hex("good")), IsOk());
  const LakeLog log(lake->context());
  const auto records = log.Read();
  ASSERT_THAT(records, IsOk());
  ASSERT_THAT(*records, SizeIs(2));
  EXPECT_EQ((*records)[0].user, "ada");
  EXPECT_THAT((*records)[0].body, HasSubstr(Sha256Hex("a SECRET")));
  EXPECT_THAT((*records)[0].body, Not(HasSubstr("a SECRET")));
  for (const std::string number : {"1", "2"}) {
    const std::string path = "/lake/log/0000000000000000000" + number + ".json";
    const std::string text = *io::ReadFile(fs, path, 1 << 20);
    std::string changed = text;
    changed[text.find("request") + 2] ^= 1;
    ASSERT_THAT(io::ReplaceFile(fs, path, changed), IsOk());
    EXPECT_THAT(log.Read(), IsError(ErrorCode::kCorruption, number + ".json"));
    ASSERT_THAT(io::ReplaceFile(fs, path, text), IsOk());
  }
}

TEST_F(TakedownTest, ADryRunOnlyCounts) {
  io::MemoryFileSystem fs;
  Prepare(fs);
  const auto lake = Open(fs);
  const auto report =
      TakeDown(*lake, {.assets = {bad_}, .reason = "x", .dry_run = true}, progress_, {});
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->places, SizeIs(3));
  EXPECT_TRUE(*lake->assets().Contains(bad_));
  EXPECT_THAT(Captions(fs, *lake, kRaw), SizeIs(3));
  EXPECT_THAT(LakeLog(lake->context()).Read().value(), IsEmpty());
}

TEST_F(TakedownTest, TellsWhichStagedUploadsHoldTheBytes) {
  io::MemoryFileSystem fs;
  Prepare(fs);
  const auto lake = Open(fs);
  UploadRequest request;
  request.provider = "test";
  request.dataset = "g";
  const auto staged =
      Uploads(*lake).StageRows(request, *Rows({{"bad picture", "waits"}}), progress_, {});
  ASSERT_THAT(staged, IsOk());
  const auto report = TakeDownAsset(*lake, bad_);
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->staged, ElementsAre("pending/" + staged->id));
  EXPECT_FALSE(report->is_complete());
}

TEST_F(TakedownTest, RefusesRequestsThatSayNotWhat) {
  io::MemoryFileSystem fs;
  Prepare(fs);
  const auto lake = Open(fs);
  EXPECT_THAT(TakeDown(*lake, {}, progress_, {}), IsError(ErrorCode::kInvalidArgument, "one of"));
  EXPECT_THAT(TakeDown(*lake, {.assets = {"../x"}}, progress_, {}),
              IsError(ErrorCode::kInvalidArgument, "SHA-256"));
  EXPECT_THAT(TakeDown(*lake, {.table = kRaw, .column = "capton", .value = "x"}, progress_, {}),
              IsError(ErrorCode::kNotFound, "caption"));
  EXPECT_THAT(TakeDown(*lake, {.table = kRaw, .column = "variant", .value = "x"}, progress_, {}),
              IsError(ErrorCode::kInvalidArgument, "partition"));
}

TEST_F(TakedownTest, TheSameRequestFinishesWhatWasInterrupted) {
  io::MemoryFileSystem prepared;
  PrepareOneTable(prepared);  // of another table the same steps are done again
  datalake::testing::ForEachFault(
      [&](FaultFileSystem& fs) { fs.CopyFrom(prepared); },
      [&](FaultFileSystem& fs) {
        const auto lake = Lake::Open(fs, clock_, random_, "/lake");
        if (lake) {
          static_cast<void>(TakeDownAsset(**lake, bad_));
        }
      },
      [&](FaultFileSystem& fs) {
        const auto lake = Open(fs);
        const auto report = TakeDownAsset(*lake, bad_);
        ASSERT_THAT(report, IsOk());
        EXPECT_TRUE(report->is_complete()) << report->message;
        EXPECT_THAT(Captions(fs, *lake, kRaw), ::testing::UnorderedElementsAre("a dog", "a cat"));
        const auto info = Collections(*lake).Find("c", "v1.0");
        ASSERT_THAT(info, IsOk());
        EXPECT_EQ(info->num_samples, 2);
        ExpectGone(fs, "bad picture");
        EXPECT_FALSE(VerifyLake(*lake, {.deep = true}, progress_, {})->has_findings());
      },
      1);
}

}  // namespace
}  // namespace datalake::lake

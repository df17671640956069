// The promise of gc beside writers: an asset that a commit is about to link is never removed,
// whatever runs between two calls of the file system and wherever a process dies.
#include "datalake/lake/gc.h"

#include <memory>
#include <string>
#include <vector>

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/assets/asset_store.h"
#include "datalake/base/hash.h"
#include "datalake/base/log.h"
#include "datalake/base/random.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/lake/collections.h"
#include "datalake/lake/process.h"
#include "datalake/lake/verify.h"
#include "datalake/table/read.h"
#include "datalake/table/table.h"
#include "datalake/testing/fault_file_system.h"
#include "datalake/testing/hook_file_system.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::FaultFileSystem;
using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;

class GcTest : public ::testing::Test {
 protected:
  void SetUp() override { SetLogLevel(LogLevel::kOff); }

  static std::shared_ptr<arrow::RecordBatchReader> Pictures(const std::vector<std::string>& bytes) {
    arrow::BinaryBuilder builder;
    for (const std::string& one : bytes) {
      EXPECT_TRUE(builder.Append(one).ok());
    }
    const std::shared_ptr<arrow::Array> column = *builder.Finish();
    const auto batch = arrow::RecordBatch::Make(
        arrow::schema({arrow::field("image", column->type())}), column->length(), {column});
    return *arrow::RecordBatchReader::Make({batch});
  }

  Status Upload(Lake& lake, const std::vector<std::string>& bytes) {
    UploadRequest request;
    request.provider = "test";
    request.dataset = "d";
    return Uploads(lake).StageRows(request, *Pictures(bytes), progress_, {})
               ? Status()
               : Status(Error{ErrorCode::kIo, "cannot stage"});
  }

  Result<ProcessReport> Process(Lake& lake) {
    return ProcessUploads(lake, {.threads = 1}, progress_, {});
  }

  Result<GcReport> Gc(Lake& lake, bool apply = true) {
    return CollectGarbage(lake, {.apply = apply, .grace = std::chrono::seconds{0}, .threads = 1},
                          progress_, {});
  }

  std::unique_ptr<Lake> Open(io::FileSystem& fs) {
    return *Lake::Open(fs, clock_, random_, "/lake");
  }

  // A lake with one linked asset, "linked", and one that nothing links, "shared".
  void Prepare(io::FileSystem& fs) {
    ASSERT_THAT(InitLake(fs, clock_, random_, "/lake"), IsOk());
    const auto lake = Open(fs);
    ASSERT_THAT(Upload(*lake, {"linked"}), IsOk());
    ASSERT_THAT(Process(*lake), IsOk());
    ASSERT_THAT(lake->assets().PutBytes("shared"), IsOk());
  }

  // Finishes what is left and looks at every link.
  void ExpectWhole(io::FileSystem& fs, std::uint64_t rows) {
    const auto lake = Open(fs);
    Uploads uploads(*lake);
    const auto failed = uploads.List(UploadState::kFailed);
    ASSERT_THAT(failed, IsOk());
    for (const UploadInfo& info : *failed) {
      ASSERT_THAT(uploads.Retry(info.id), IsOk());
    }
    ASSERT_THAT(Process(*lake), IsOk());
    const auto report = VerifyLake(*lake, {.deep = true, .threads = 1}, progress_, {});
    ASSERT_THAT(report, IsOk());
    EXPECT_EQ(report->missing_count, 0U);
    EXPECT_EQ(report->mismatched_count, 0U);
    EXPECT_THAT(report->problems, ::testing::IsEmpty());
    EXPECT_EQ(report->rows, rows);
    EXPECT_EQ(report->checked_items, rows);
  }

  SeededRandom random_{7};
  datalake::testing::ManualClock clock_;
  NullProgress progress_;
};

TEST_F(GcTest, SaysWhatItWouldDoAndChangesNothing) {
  io::MemoryFileSystem fs;
  Prepare(fs);
  const auto lake = Open(fs);
  const auto report = Gc(*lake, false);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->stored, 2U);
  EXPECT_EQ(report->orphans, 1U);
  EXPECT_EQ(report->orphan_bytes, 6U);
  ASSERT_EQ(report->listed.size(), 1U);
  EXPECT_EQ(report->listed[0].sha256, Sha256Hex("shared"));
  EXPECT_EQ(report->waiting, 0U);
  EXPECT_TRUE(*lake->assets().Contains(Sha256Hex("shared")));
}

TEST_F(GcTest, RemovesInTwoPhasesWithAGracePeriod) {
  io::MemoryFileSystem fs;
  Prepare(fs);
  const auto lake = Open(fs);
  const GcOptions options{.apply = true, .threads = 1};
  const auto first = CollectGarbage(*lake, options, progress_, {});
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->condemned, 1U);
  EXPECT_EQ(first->swept, 0U);
  EXPECT_EQ(first->waiting, 1U);
  EXPECT_TRUE(*lake->assets().Contains(Sha256Hex("shared")));
  clock_.Advance(std::chrono::hours{24});
  const auto second = CollectGarbage(*lake, options, progress_, {});
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(second->swept, 1U);
  EXPECT_EQ(second->swept_bytes, 6U);
  EXPECT_EQ(second->trash_bytes, 6U);
  EXPECT_FALSE(*lake->assets().Contains(Sha256Hex("shared")));
  clock_.Advance(std::chrono::hours{24 * 8});
  const auto third = CollectGarbage(*lake, options, progress_, {});
  ASSERT_THAT(third, IsOk());
  EXPECT_EQ(third->deleted_bytes, 6U);
  EXPECT_EQ(third->trash, 0U);
  ExpectWhole(fs, 1);
}

TEST_F(GcTest, MarksInSeveralPassesWithinItsMemory) {
  io::MemoryFileSystem fs;
  Prepare(fs);
  const auto lake = Open(fs);
  const auto report = CollectGarbage(
      *lake,
      {.apply = true, .grace = std::chrono::seconds{0}, .threads = 1, .mark_memory_bytes = 1},
      progress_, {});
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->swept, 1U);
  ExpectWhole(fs, 1);
}

TEST_F(GcTest, KeepsWhatOnlyAnOldVersionOrACollectionLinks) {
  io::MemoryFileSystem fs;
  Prepare(fs);
  const auto lake = Open(fs);
  // "shared" goes into a collection alone, as text of some other column.
  arrow::StringBuilder builder;
  ASSERT_TRUE(builder.Append(Sha256Hex("shared")).ok());
  const std::shared_ptr<arrow::Array> column = *builder.Finish();
  const auto rows = *arrow::RecordBatchReader::Make({arrow::RecordBatch::Make(
      arrow::schema({arrow::field("picture", arrow::utf8())}), 1, {column})});
  ASSERT_THAT(Collections(*lake).Save(*rows, {.name = "c"}), IsOk());
  // "linked" only in version 1.
  const auto table = lake->OpenTable({"test", "d", "raw"});
  ASSERT_THAT((*table)->Remove({(*(*table)->Snapshot())->files()[0]->path}, {}), IsOk());
  const auto report = Gc(*lake);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->condemned + report->swept, 0U);
}

TEST_F(GcTest, RefusesWhenRowsCannotBeRead) {
  io::MemoryFileSystem fs;
  Prepare(fs);
  const auto lake = Open(fs);
  const std::string bad = "/lake/catalog/provider=test/dataset=d/task=raw/variant=image/x.parquet";
  ASSERT_THAT((*fs.Create(bad))->Write(std::as_bytes(std::span("no parquet at all"))), IsOk());
  EXPECT_THAT(Gc(*lake), IsError(ErrorCode::kCorruption, "x.parquet"));
}

TEST_F(GcTest, NoLinkIsLostWhateverInterleavesWithAnUpload) {
  for (const bool condemned_before : {false, true}) {
    const auto prepare = [&](io::FileSystem& fs) {
      Prepare(fs);
      const auto lake = Open(fs);
      if (condemned_before) {
        ASSERT_THAT(CollectGarbage(*lake, {.apply = true, .threads = 1}, progress_, {}), IsOk());
      }
      ASSERT_THAT(Upload(*lake, {"shared", "new"}), IsOk());
    };
    const auto upload = [&](io::FileSystem& fs) { static_cast<void>(Process(*Open(fs))); };
    const auto collect = [&](io::FileSystem& fs) { static_cast<void>(Gc(*Open(fs))); };
    const auto check = [&](io::FileSystem& fs, std::uint64_t) { ExpectWhole(fs, 3); };
    datalake::testing::ForEachInterleaving(
        {.prepare = prepare, .first = collect, .second = upload, .check = check});
    datalake::testing::ForEachInterleaving(
        {.prepare = prepare, .first = upload, .second = collect, .check = check});
  }
}

TEST_F(GcTest, NoLinkIsLostWhateverInterleavesWithACollectionBeingSaved) {
  // The rows were read from a version whose files are then removed, by a purge, while they are
  // saved.
  std::shared_ptr<arrow::RecordBatchReader> rows;
  const auto prepare = [&](io::FileSystem& fs) {
    Prepare(fs);
    const auto lake = Open(fs);
    const auto table = lake->OpenTable({"test", "d", "raw"});
    const auto snapshot = *(*table)->Snapshot();
    auto all = table::ReadTable(fs, snapshot);
    rows =
        *arrow::RecordBatchReader::Make((*all)->ToRecordBatches().ValueOrDie(), (*all)->schema());
    ASSERT_THAT((*table)->Remove({snapshot->files()[0]->path}, {}), IsOk());
    ASSERT_THAT(fs.Remove(snapshot->files()[0]->os_path), IsOk());
    ASSERT_THAT(CollectGarbage(*lake, {.apply = true, .threads = 1}, progress_, {}), IsOk());
  };
  const auto save = [&](io::FileSystem& fs) {
    const auto lake = Open(fs);
    ASSERT_THAT(Collections(*lake).Save(*rows, {.name = "c"}), IsOk());
  };
  const auto check = [&](io::FileSystem& fs, std::uint64_t k) {
    const auto lake = Open(fs);
    const auto report = VerifyLake(*lake, {.deep = true, .threads = 1}, progress_, {});
    ASSERT_THAT(report, IsOk());
    EXPECT_EQ(report->checked_items, 1U);
    EXPECT_EQ(report->missing_count, 0U) << k;
  };
  // A sweep that is over before the save begins has taken the asset: nothing linked it. From the
  // first call of the save on it must hold.
  const auto collect = [&](io::FileSystem& fs) { static_cast<void>(Gc(*Open(fs))); };
  std::uint64_t first_call = 0;
  datalake::testing::ForEachInterleaving({.prepare = prepare,
                                          .first = save,
                                          .second = collect,
                                          .check = [&](io::FileSystem& fs, std::uint64_t k) {
                                            const auto lake = Open(fs);
                                            // Before the lease is there the asset may go, as it
                                            // would have gone a moment earlier.
                                            if (first_call == 0 &&
                                                *lake->assets().Contains(Sha256Hex("linked"))) {
                                              first_call = k;
                                            }
                                            if (first_call > 0) {
                                              check(fs, k);
                                            }
                                          }});
  EXPECT_GT(first_call, 0U);
  EXPECT_LT(first_call, 60U);
}

TEST_F(GcTest, NoLinkIsLostWhereverACollectorDies) {
  datalake::testing::ForEachFault(
      [&](FaultFileSystem& fs) {
        Prepare(fs);
        ASSERT_THAT(Upload(*Open(fs), {"shared"}), IsOk());
      },
      [&](FaultFileSystem& fs) { static_cast<void>(Gc(*Open(fs))); },
      [&](FaultFileSystem& fs) {
        ASSERT_THAT(Gc(*Open(fs)), IsOk());
        ExpectWhole(fs, 2);
        ASSERT_THAT(Gc(*Open(fs)), IsOk());
        ExpectWhole(fs, 2);
      },
      1);
}

}  // namespace
}  // namespace datalake::lake

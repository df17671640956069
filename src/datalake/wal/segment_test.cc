#include "datalake/wal/segment.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::wal {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using datalake::testing::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

class SegmentTest : public ::testing::Test {
 protected:
  SegmentTest() : bytes_(EncodeHeader(header_)) {}

  void Add(std::uint64_t sequence, std::string_view payload, std::uint64_t durable) {
    AppendRecord(header_, Record{.sequence = sequence, .received = {}, .payload = payload}, durable,
                 bytes_);
  }

  Result<SegmentScan> Scan(const std::string& bytes) {
    payloads_.clear();
    DATALAKE_TRY(io::ReplaceFile(fs_, "/s", bytes));
    DATALAKE_TRY_ASSIGN(const auto file, fs_.OpenRandomAccess("/s"));
    return ScanSegment(*file, "/s", kNoLimit, [&](const Record& record) {
      payloads_.emplace_back(record.payload);
      return Status();
    });
  }

  const SegmentHeader header_{.first_sequence = 7, .created = {}, .salt = 99};
  io::MemoryFileSystem fs_;
  std::string bytes_;
  std::vector<std::string> payloads_;
};

TEST_F(SegmentTest, ReadsBackRecordsAndSeal) {
  Add(7, "one", 6);
  Add(8, "", 6);
  Add(9, std::string(2'000'000, 'x'), 8);
  EXPECT_EQ(Scan(bytes_)->end, SegmentEnd::kOpen);
  AppendSeal(header_, 9, {}, bytes_);
  const auto scan = Scan(bytes_ + std::string(5000, '\0'));
  ASSERT_THAT(scan, IsOk());
  EXPECT_EQ(scan->end, SegmentEnd::kSealed);
  EXPECT_EQ(scan->records, 3U);
  EXPECT_EQ(scan->last_sequence, 9U);
  EXPECT_THAT(payloads_, ElementsAre("one", "", std::string(2'000'000, 'x')));
}

TEST_F(SegmentTest, ZerosBehindTheRecordsAreAnOpenEnd) {
  Add(7, "one", 6);
  const auto scan = Scan(bytes_ + std::string(100'000, '\0'));
  ASSERT_THAT(scan, IsOk());
  EXPECT_EQ(scan->end, SegmentEnd::kOpen);
  EXPECT_EQ(scan->end_offset, bytes_.size());
}

TEST_F(SegmentTest, EveryCutKeepsTheWholeRecordsBeforeIt) {
  Add(7, "one", 6);
  const std::size_t first_end = bytes_.size();
  Add(8, "twotwo", 6);
  for (std::size_t size = 0; size < bytes_.size(); ++size) {
    const auto scan = Scan(bytes_.substr(0, size));
    if (size < kHeaderBytes) {
      EXPECT_THAT(scan, IsError(ErrorCode::kCorruption, "/s: byte 0")) << size;
    } else {
      ASSERT_THAT(scan, IsOk());
      EXPECT_EQ(scan->records, size < first_end ? 0U : 1U) << size;
      EXPECT_LE(scan->end_offset, size);
      EXPECT_NE(scan->end, SegmentEnd::kCorrupt);
    }
  }
}

TEST_F(SegmentTest, EveryFlippedBitIsSeen) {
  Add(7, "one", 6);
  Add(8, "two", 7);
  AppendSeal(header_, 8, {}, bytes_);
  for (std::size_t i = 0; i < bytes_.size(); ++i) {
    std::string damaged = bytes_;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << (i % 8)));
    const auto scan = Scan(damaged);
    const bool padding = (i >= 99 && i < 104) || (i >= 139 && i < 144);
    EXPECT_EQ(scan.has_value() && scan->end == SegmentEnd::kSealed, padding) << i;
  }
}

TEST_F(SegmentTest, DamageBeforeASyncedRecordIsCorruptionNotATornTail) {
  Add(7, "one", 6);
  const std::size_t at = bytes_.size();
  Add(8, "two", 6);
  std::string torn = bytes_;
  Add(9, "three", 8);  // written after 8 was synced
  std::string corrupt = bytes_;
  torn[at + kRecordHeaderBytes] = 'X';
  corrupt[at + kRecordHeaderBytes] = 'X';
  EXPECT_EQ(Scan(torn)->end, SegmentEnd::kTorn);
  const auto scan = Scan(corrupt);
  EXPECT_EQ(scan->end, SegmentEnd::kCorrupt);
  EXPECT_THAT(scan->problem, HasSubstr("checksum does not match: /s: byte " + std::to_string(at)));
}

TEST_F(SegmentTest, IntactRecordBehindAHoleOfItsOwnGroupIsNotReadAsTruth) {
  Add(7, "one", 6);
  const std::size_t hole = bytes_.size();
  Add(8, "two", 7);
  const std::size_t end = bytes_.size();
  Add(9, "three", 7);  // of the same group as 8: neither was acknowledged
  std::fill(bytes_.begin() + static_cast<std::ptrdiff_t>(hole),
            bytes_.begin() + static_cast<std::ptrdiff_t>(end), '\0');
  const auto scan = Scan(bytes_);
  EXPECT_EQ(scan->end, SegmentEnd::kTorn);
  EXPECT_THAT(payloads_, ElementsAre("one"));
}

TEST_F(SegmentTest, RecordsOfAnotherSegmentAreNotTaken) {
  Add(7, "one", 6);
  const SegmentHeader other{.first_sequence = 7, .created = {}, .salt = 98};
  AppendRecord(other, Record{.sequence = 8, .received = {}, .payload = "stale"}, 7, bytes_);
  const auto scan = Scan(bytes_);
  EXPECT_EQ(scan->end, SegmentEnd::kTorn);
  EXPECT_EQ(scan->records, 1U);
}

TEST_F(SegmentTest, SalvageSkipsDamageOnly) {
  Add(7, "one", 6);
  const std::size_t at = bytes_.size();
  Add(8, "two", 7);
  Add(9, "three", 8);
  bytes_[at + 5] = '\x7f';  // its length
  ASSERT_THAT(io::ReplaceFile(fs_, "/s", bytes_), IsOk());
  std::vector<std::string> payloads;
  EXPECT_THAT(SalvageSegment(fs_, "/s",
                             [&](const Record& record) {
                               payloads.emplace_back(record.payload);
                               return Status();
                             }),
              IsOkAndHolds(40U));
  EXPECT_THAT(payloads, ElementsAre("one", "three"));
}

TEST(SegmentNameTest, ParsesOnlyWhatItMakes) {
  EXPECT_EQ(SegmentName(42), "00000000000000000042.log");
  EXPECT_EQ(ParseSegmentName("00000000000000000042.log"), 42U);
  EXPECT_EQ(ParseSegmentName("00000000000000000042.log.corrupt", ".corrupt"), 42U);
  EXPECT_EQ(ParseSegmentName("0000000000000000042.log"), std::nullopt);
  EXPECT_EQ(ParseSegmentName("0000000000000000004x.log"), std::nullopt);
  EXPECT_EQ(ParseSegmentName("99999999999999999999.log"), std::nullopt);
  EXPECT_EQ(ParseSegmentName("LOCK"), std::nullopt);
}

}  // namespace
}  // namespace datalake::wal

#include "datalake/curate/dedupe_state.h"

#include <algorithm>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/testing/fault_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::curate {
namespace {

using datalake::testing::FaultFileSystem;
using datalake::testing::ForEachFault;
using datalake::testing::IsError;
using datalake::testing::IsOk;

constexpr std::string_view kPath = "/state/keys.bin";

std::vector<Hash128> SortedKeys(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Hash128> keys(count);
  for (Hash128& key : keys) {
    key = {random(), random()};
  }
  std::ranges::sort(keys, {}, [](const Hash128& key) { return std::pair(key.high, key.low); });
  return keys;
}

StateGeneration Generation(std::string name) {
  StateGeneration generation;
  generation.units = R"({"key":"$.text"})";
  generation.inputs.push_back({.path = "c/documents/" + name,
                               .mirrored = name,
                               .size_bytes = 7,
                               .modified_us = -5,
                               .hash = {1, 0xFFFFFFFFFFFFFFFFU}});
  return generation;
}

Status Write(io::FileSystem& fs, const std::vector<Hash128>& keys, const DedupeStateReader* older,
             std::string name) {
  DATALAKE_TRY_ASSIGN(const auto writer, DedupeStateWriter::Make(fs, kPath, SeenKind::kExact));
  if (older != nullptr) {
    DATALAKE_TRY(writer->CopyGenerations(*older));
  }
  // In uneven pieces, as shards come.
  for (std::size_t at = 0; at < keys.size(); at += 999) {
    DATALAKE_TRY(writer->AppendKeys(
        std::span(keys).subspan(at, std::min<std::size_t>(999, keys.size() - at))));
  }
  return writer->Publish(Generation(std::move(name)));
}

Result<std::vector<Hash128>> Read(const DedupeStateReader& reader, std::size_t generation) {
  std::vector<Hash128> all;
  DedupeStateReader::Keys keys(reader, generation);
  while (true) {
    DATALAKE_TRY_ASSIGN(const std::span<const Hash128> piece, keys.Next());
    if (piece.empty()) {
      return all;
    }
    all.insert(all.end(), piece.begin(), piece.end());
  }
}

// Opens and reads all of it.
Status ReadAll(io::FileSystem& fs) {
  DATALAKE_TRY_ASSIGN(const auto reader, DedupeStateReader::Open(fs, kPath));
  for (std::size_t i = 0; i < reader->summary().generations.size(); ++i) {
    DATALAKE_TRY(Read(*reader, i));
  }
  if (reader->summary().kind == SeenKind::kBloom) {
    BloomFilter filter(reader->summary().bloom);
    DATALAKE_TRY(reader->ReadBloom(filter));
  }
  return {};
}

TEST(DedupeStateTest, GenerationsComeBackAsWritten) {
  io::MemoryFileSystem fs;
  const std::vector<Hash128> first = SortedKeys(150'000, 1);  // three pieces
  const std::vector<Hash128> second = SortedKeys(65'536, 2);  // exactly one
  ASSERT_THAT(Write(fs, first, nullptr, "a"), IsOk());
  {
    const auto older = DedupeStateReader::Open(fs, kPath);
    ASSERT_THAT(older, IsOk());
    ASSERT_THAT(Write(fs, second, older->get(), "b"), IsOk());
  }
  const auto reader = DedupeStateReader::Open(fs, kPath);
  ASSERT_THAT(reader, IsOk());
  const StateSummary& summary = (*reader)->summary();
  EXPECT_EQ(summary.kind, SeenKind::kExact);
  ASSERT_EQ(summary.generations.size(), 2U);
  EXPECT_EQ(summary.generations[0].inputs, Generation("a").inputs);
  EXPECT_EQ(summary.generations[1].inputs, Generation("b").inputs);
  EXPECT_EQ(summary.generations[1].units, R"({"key":"$.text"})");
  EXPECT_EQ(Read(**reader, 0).value_or(std::vector<Hash128>()), first);
  EXPECT_EQ(Read(**reader, 1).value_or(std::vector<Hash128>()), second);
}

TEST(DedupeStateTest, BloomFilterComesBackAsWritten) {
  io::MemoryFileSystem fs;
  BloomFilter filter({.blocks = 20'000, .lane_bits = 2});  // more than one piece
  const std::vector<Hash128> keys = SortedKeys(50'000, 3);
  std::vector<std::uint8_t> verdicts(keys.size());
  filter.Take(keys, verdicts, BloomAccess::kInsert);
  const auto writer = DedupeStateWriter::Make(fs, kPath, SeenKind::kBloom);
  ASSERT_THAT(writer, IsOk());
  ASSERT_THAT((*writer)->WriteBloom(filter), IsOk());
  ASSERT_THAT((*writer)->Publish(Generation("a")), IsOk());
  const auto reader = DedupeStateReader::Open(fs, kPath);
  ASSERT_THAT(reader, IsOk());
  EXPECT_EQ((*reader)->summary().bloom, filter.shape());
  BloomFilter back((*reader)->summary().bloom);
  ASSERT_THAT((*reader)->ReadBloom(back), IsOk());
  EXPECT_TRUE(std::ranges::equal(back.Bytes(), filter.Bytes()));
}

TEST(DedupeStateTest, EveryFlippedBitAndEveryCutIsNoticed) {
  io::MemoryFileSystem fs;
  ASSERT_THAT(Write(fs, SortedKeys(40, 4), nullptr, "a"), IsOk());
  const std::string whole = io::ReadFile(fs, kPath, 1 << 20).value_or("");
  ASSERT_GT(whole.size(), 700U);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string bytes = whole;
    bytes[i] = static_cast<char>(bytes[i] ^ (1 << (i % 8)));
    ASSERT_THAT(io::ReplaceFile(fs, kPath, bytes), IsOk());
    EXPECT_FALSE(ReadAll(fs)) << "flipped at " << i;
    ASSERT_THAT(io::ReplaceFile(fs, kPath, whole.substr(0, i)), IsOk());
    EXPECT_FALSE(ReadAll(fs)) << "cut at " << i;
  }
  ASSERT_THAT(io::ReplaceFile(fs, kPath, whole + "x"), IsOk());
  EXPECT_THAT(ReadAll(fs), IsError(ErrorCode::kCorruption, "damaged dedupe state"));
}

TEST(DedupeStateTest, OtherFilesAreNamedForWhatTheyAre) {
  io::MemoryFileSystem fs;
  EXPECT_THAT(ReadAll(fs), IsError(ErrorCode::kNotFound, kPath));
  ASSERT_THAT(io::ReplaceFile(fs, kPath, "some text that is no state of ours"), IsOk());
  EXPECT_THAT(ReadAll(fs), IsError(ErrorCode::kCorruption, "no saved state of dedupe"));
  ASSERT_THAT(io::ReplaceFile(fs, kPath, "\x17\xF1\xF0\x81" + std::string(100, '\0')), IsOk());
  EXPECT_THAT(ReadAll(fs), IsError(ErrorCode::kUnsupported, "filter of the Dolma toolkit"));
  ASSERT_THAT(Write(fs, {}, nullptr, "a"), IsOk());
  std::string newer = io::ReadFile(fs, kPath, 1 << 20).value_or("");
  newer[8] = 2;
  ASSERT_THAT(io::ReplaceFile(fs, kPath, newer), IsOk());
  EXPECT_THAT(ReadAll(fs), IsError(ErrorCode::kUnsupported, "state of version 2"));
}

TEST(DedupeStateTest, UnsortedKeysAreDamage) {
  io::MemoryFileSystem fs;
  std::vector<Hash128> keys = SortedKeys(100, 5);
  std::swap(keys[50], keys[51]);
  ASSERT_THAT(Write(fs, keys, nullptr, "a"), IsOk());
  EXPECT_THAT(ReadAll(fs), IsError(ErrorCode::kCorruption, "unsorted"));
}

TEST(DedupeStateTest, HashFileSeesEveryByte) {
  io::MemoryFileSystem fs;
  std::string bytes(3 << 20, 'x');
  ASSERT_THAT(io::ReplaceFile(fs, "/f", bytes), IsOk());
  const Result<Hash128> whole = HashFile(fs, "/f");
  ASSERT_THAT(whole, IsOk());
  for (const std::size_t at : {std::size_t{0}, bytes.size() / 2, bytes.size() - 1}) {
    bytes[at] = 'y';
    ASSERT_THAT(io::ReplaceFile(fs, "/f", bytes), IsOk());
    EXPECT_NE(HashFile(fs, "/f").value_or(Hash128()), *whole);
    bytes[at] = 'x';
  }
}

TEST(DedupeStateCrashTest, EveryFailureLeavesTheOldStateOrTheNewOne) {
  const std::vector<Hash128> old_keys = SortedKeys(100, 6);
  const std::vector<Hash128> new_keys = SortedKeys(200, 7);
  bool acknowledged = false;
  ForEachFault([&](FaultFileSystem& fs) { ASSERT_THAT(Write(fs, old_keys, nullptr, "a"), IsOk()); },
               [&](FaultFileSystem& fs) {
                 acknowledged = false;
                 const auto older = DedupeStateReader::Open(fs, kPath);
                 acknowledged = older && Write(fs, new_keys, older->get(), "b");
               },
               [&](FaultFileSystem& fs) {
                 ASSERT_THAT(ReadAll(fs), IsOk());
                 const auto reader = DedupeStateReader::Open(fs, kPath);
                 ASSERT_THAT(reader, IsOk());
                 const std::size_t generations = (*reader)->summary().generations.size();
                 EXPECT_TRUE(generations == 2 || (generations == 1 && !acknowledged));
                 EXPECT_EQ(Read(**reader, 0).value_or(std::vector<Hash128>()), old_keys);
                 if (generations == 2) {
                   EXPECT_EQ(Read(**reader, 1).value_or(std::vector<Hash128>()), new_keys);
                 }
               });
}

}  // namespace
}  // namespace datalake::curate

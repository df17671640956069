#include "datalake/io/compression.h"

#include <array>
#include <cstring>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/random.h"
#include "datalake/base/thread_pool.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::io {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using datalake::testing::IsOkAndHolds;

// Lines of half random text, so that it compresses about as text does.
std::string MakeText(std::size_t bytes, std::uint64_t seed) {
  SeededRandom random(seed);
  std::string text;
  std::array<std::byte, 32> noise;
  while (text.size() < bytes) {
    random.Fill(noise);
    text += "the quick brown fox ";
    for (const std::byte b : noise) {
      text += static_cast<char>('a' + (static_cast<int>(b) & 15));
    }
    text += '\n';
  }
  text.resize(bytes);
  return text;
}

class CompressionTest : public ::testing::Test {
 protected:
  void PutRaw(std::string_view path, std::string_view bytes) {
    ASSERT_THAT(ReplaceFile(fs_, path, bytes), IsOk());
  }

  std::string Compress(std::string_view text, Compression compression, int level = 0,
                       std::size_t write_bytes = 100'000, ThreadPool* pool = nullptr) {
    EXPECT_THAT(fs_.RemoveTree("/scratch"), IsOk());
    auto sink = fs_.Create("/scratch");
    EXPECT_THAT(sink, IsOk());
    auto out = MakeCompressor(*std::move(sink), compression, level, pool);
    EXPECT_THAT(out, IsOk());
    for (std::size_t at = 0; at < text.size(); at += write_bytes) {
      EXPECT_THAT((*out)->Write(text.substr(at, write_bytes)), IsOk());
    }
    EXPECT_THAT((*out)->Close(), IsOk());
    EXPECT_THAT((*out)->Close(), IsOk());
    return ReadFile(fs_, "/scratch", 1U << 30).value_or("");
  }

  // With and without threads the same comes out.
  Result<std::string> Read(std::string_view path, std::size_t read_bytes = 70'000) {
    ThreadPool pool(3);
    const Result<std::string> parallel = ReadWith(&pool, path, read_bytes);
    Result<std::string> alone = ReadWith(nullptr, path, read_bytes);
    EXPECT_EQ(parallel.has_value(), alone.has_value());
    if (parallel && alone) {
      EXPECT_TRUE(*parallel == *alone);
    } else if (!parallel && !alone) {
      EXPECT_EQ(parallel.error().message, alone.error().message);
    }
    return alone;
  }

  Result<std::string> ReadWith(ThreadPool* pool, std::string_view path, std::size_t read_bytes) {
    DATALAKE_TRY_ASSIGN(const auto in, OpenCompressed(fs_, path, pool));
    std::string text;
    std::vector<std::byte> buffer(read_bytes);
    while (true) {
      DATALAKE_TRY_ASSIGN(const std::size_t n, in->Read(buffer));
      if (n == 0) {
        return text;
      }
      text.append(reinterpret_cast<const char*>(buffer.data()), n);
    }
  }

  MemoryFileSystem fs_;
};

struct Form {
  Compression compression;
  int level;
  const char* path;
};

constexpr std::size_t kSeekTableBytes = 8 + 8 + 9;  // of a file of one frame

constexpr std::array<Form, 6> kForms{{{Compression::kGzip, 1, "/f.gz"},
                                      {Compression::kGzip, 2, "/f.gz"},
                                      {Compression::kGzip, 3, "/f.gz"},
                                      {Compression::kGzip, 6, "/f.gz"},
                                      {Compression::kZstd, 1, "/f.zst"},
                                      {Compression::kZstd, 6, "/f.zstd"}}};

TEST_F(CompressionTest, RoundTripsAllSizes) {
  for (const Form& form : kForms) {
    for (const std::size_t size : {0, 1, 100, 262'144, 1'000'000, 9'000'000}) {
      SCOPED_TRACE(std::string(form.path) + " level " + std::to_string(form.level) + ", " +
                   std::to_string(size) + " bytes");
      const std::string text = MakeText(size, 1);
      PutRaw(form.path, Compress(text, form.compression, form.level));
      EXPECT_EQ(Read(form.path).value_or("failed"), text);
    }
  }
}

TEST_F(CompressionTest, OutputDoesNotDependOnTheCutIntoWrites) {
  const std::string text = MakeText(5'000'000, 2);
  for (const Form& form : kForms) {
    EXPECT_EQ(Compress(text, form.compression, form.level, 1'000),
              Compress(text, form.compression, form.level, 777'777));
  }
}

TEST_F(CompressionTest, ReadsManyMembersAndFramesWithAnyReadSize) {
  std::string gzip;
  std::string zstd("\x52\x2a\x4d\x18\x03\x00\x00\x00xyz", 11);  // a frame to skip
  std::string all;
  for (std::uint64_t i = 0; i < 300; ++i) {
    const std::string text = MakeText(i * 37 % 5000, i);
    all += text;
    gzip += Compress(text, Compression::kGzip, i % 2 == 0 ? 1 : 9);
    zstd += Compress(text, Compression::kZstd);
  }
  PutRaw("/f.gz", gzip);
  PutRaw("/f.zst", zstd);
  for (const std::size_t read_bytes : {1, 13, 4096, 1'000'000}) {
    EXPECT_EQ(Read("/f.gz", read_bytes).value_or("failed"), all) << read_bytes;
    EXPECT_EQ(Read("/f.zst", read_bytes).value_or("failed"), all) << read_bytes;
  }
}

// Also the bytes before the damage, and the offset of it in the file.
TEST_F(CompressionTest, DamageBehindManyFramesIsReportedWhereItIs) {
  const std::string text = MakeText(9'000'000, 8);
  for (const Form& form : kForms) {
    std::string bytes = Compress(text, form.compression, form.level);
    const std::size_t at = bytes.size() * 3 / 4;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x55);
    PutRaw(form.path, bytes);
    ThreadPool pool(4);
    auto in = OpenCompressed(fs_, form.path, &pool);
    ASSERT_THAT(in, IsOk());
    std::string read;
    std::vector<std::byte> buffer(50'000);
    Result<std::size_t> n = (*in)->Read(buffer);
    for (; n && *n > 0; n = (*in)->Read(buffer)) {
      read.append(reinterpret_cast<const char*>(buffer.data()), *n);
    }
    EXPECT_THAT(n, IsError(ErrorCode::kCorruption, form.path));
    EXPECT_GT(read.size(), text.size() / 4);
    const std::string message = n.error().message;
    const std::uint64_t offset = std::stoull(message.substr(message.rfind(' ') + 1));
    EXPECT_GT(offset, bytes.size() / 2);
    EXPECT_LE(offset, bytes.size());
  }
}

TEST_F(CompressionTest, ReadsFramesThatTellNoSize) {
  const std::string text = MakeText(3'000'000, 9);
  const std::string zstd = Compress(text, Compression::kZstd);
  const std::string known = zstd.substr(0, zstd.size() - kSeekTableBytes - 8);
  // A frame of one raw block "ab\n" without content size, before and behind (RFC 8878 §3.1.1).
  const std::string unknown(
      "\x28\xb5\x2f\xfd\x00\x58\x19\x00\x00"
      "ab\n",
      12);
  PutRaw("/f.zst", unknown + known + unknown + zstd);
  EXPECT_EQ(Read("/f.zst").value_or("failed"), "ab\n" + text + "ab\n" + text);
  PutRaw("/g.zst", known + unknown + zstd);
  EXPECT_EQ(Read("/g.zst").value_or("failed"), text + "ab\n" + text);
}

TEST_F(CompressionTest, FramesEndBehindLines) {
  const std::string text = MakeText(9'000'000, 3);
  const std::string zstd = Compress(text, Compression::kZstd);
  std::size_t frames = 0;
  for (std::size_t at = zstd.find("\x28\xb5\x2f\xfd"); at != std::string::npos;
       at = zstd.find("\x28\xb5\x2f\xfd", at + 4)) {
    if (at > 0) {
      PutRaw("/head.zst", zstd.substr(0, at));
      EXPECT_TRUE(Read("/head.zst").value_or("").ends_with('\n'));
    }
    ++frames;
  }
  EXPECT_EQ(frames, 5U);
}

TEST_F(CompressionTest, OutputDoesNotDependOnThreads) {
  const std::string text = MakeText(15'000'000, 6);
  for (const Form& form : kForms) {
    SCOPED_TRACE(std::string(form.path) + " level " + std::to_string(form.level));
    const std::string expected = Compress(text, form.compression, form.level);
    for (const std::size_t threads : {1, 2, 8}) {
      ThreadPool pool(threads);
      EXPECT_EQ(Compress(text, form.compression, form.level, 333'333, &pool), expected) << threads;
    }
  }
}

// zstd_seekable_compression_format.md of zstd's sources.
TEST_F(CompressionTest, ZstdEndsWithTheSeekTable) {
  const std::string text = MakeText(5'000'000, 7);
  const std::string zstd = Compress(text, Compression::kZstd);
  const auto number = [&](std::size_t from_end) {
    std::uint32_t value = 0;
    std::memcpy(&value, zstd.data() + zstd.size() - from_end, 4);
    return value;
  };
  EXPECT_EQ(number(4), 0x8F92EAB1U);
  EXPECT_EQ(zstd[zstd.size() - 5], '\0');
  const std::uint32_t frames = number(9);
  ASSERT_EQ(frames, 3U);
  const std::size_t table_bytes = 9 + 8 * frames;
  EXPECT_EQ(number(table_bytes + 4), table_bytes);
  EXPECT_EQ(number(table_bytes + 8), 0x184D2A5EU);
  std::size_t compressed = 0;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < frames; ++i) {
    PutRaw("/frame.zst", zstd.substr(compressed, number(table_bytes - 8 * i)));
    const std::uint32_t size = number(table_bytes - 8 * i - 4);
    EXPECT_EQ(Read("/frame.zst").value_or("failed"), text.substr(bytes, size));
    compressed += number(table_bytes - 8 * i);
    bytes += size;
  }
  EXPECT_EQ(compressed + table_bytes + 8, zstd.size());
  EXPECT_EQ(bytes, text.size());
}

TEST_F(CompressionTest, EveryCutIsCorruption) {
  for (const Form& form : kForms) {
    const std::string text = MakeText(3000, 4);
    const std::string bytes = Compress(text, form.compression, form.level);
    const std::size_t frame_end =
        form.compression == Compression::kZstd ? bytes.size() - kSeekTableBytes : bytes.size();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      PutRaw(form.path, bytes.substr(0, size));
      if (size == frame_end) {
        EXPECT_EQ(Read(form.path).value_or("failed"), text);  // nothing but the table is lost
        continue;
      }
      ASSERT_THAT(Read(form.path), IsError(ErrorCode::kCorruption, form.path)) << size;
    }
    PutRaw(form.path, bytes.substr(0, bytes.size() - 1));
    EXPECT_THAT(Read(form.path),
                IsError(ErrorCode::kCorruption, ": byte " + std::to_string(bytes.size() - 1)));
  }
}

TEST_F(CompressionTest, EveryFlippedBitIsSeen) {
  for (const Form& form : kForms) {
    const std::string text = MakeText(2000, 5);
    const std::string bytes = Compress(text, form.compression, form.level);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << (i % 8)));
      PutRaw(form.path, damaged);
      const auto read = Read(form.path);
      // Some bits of a gzip header say nothing about the content.
      EXPECT_TRUE(!read || *read == text) << "byte " << i;
    }
  }
}

TEST_F(CompressionTest, BytesBehindTheEndAreCorruption) {
  for (const Form& form : kForms) {
    const std::string bytes = Compress("hello\n", form.compression, form.level);
    for (const std::string& tail : {std::string("garbage"), std::string(8, '\0')}) {
      PutRaw(form.path, bytes + tail);
      EXPECT_THAT(Read(form.path), IsError(ErrorCode::kCorruption, form.path));
    }
  }
}

TEST_F(CompressionTest, NameAndContentMustAgree) {
  const std::string gzip = Compress("hello\n", Compression::kGzip);
  const std::string zstd = Compress("hello\n", Compression::kZstd);
  PutRaw("/a.jsonl", gzip);
  EXPECT_THAT(Read("/a.jsonl"), IsError(ErrorCode::kInvalidArgument, "content is gzip"));
  PutRaw("/a.jsonl", zstd);
  EXPECT_THAT(Read("/a.jsonl"), IsError(ErrorCode::kInvalidArgument, "content is zstd"));
  PutRaw("/a.gz", zstd);
  EXPECT_THAT(Read("/a.gz"), IsError(ErrorCode::kInvalidArgument, "its name says gzip: /a.gz"));
  PutRaw("/a.zst", "hello\n");
  EXPECT_THAT(Read("/a.zst"), IsError(ErrorCode::kInvalidArgument, "content is plain"));
  PutRaw("/a.txt", "hi");
  EXPECT_THAT(Read("/a.txt", 1), IsOkAndHolds("hi"));
  PutRaw("/a.txt", "");
  EXPECT_THAT(Read("/a.txt"), IsOkAndHolds(""));
  PutRaw("/a.txt", "\x1f");
  EXPECT_THAT(Read("/a.txt"), IsOkAndHolds("\x1f"));
}

TEST_F(CompressionTest, LevelsOutOfRangeAreRefused) {
  auto sink = fs_.Create("/s");
  EXPECT_THAT(MakeCompressor(*std::move(sink), Compression::kGzip, 13),
              IsError(ErrorCode::kInvalidArgument, "gzip level"));
  sink = fs_.Create("/t");
  EXPECT_THAT(MakeCompressor(*std::move(sink), Compression::kZstd, -1),
              IsError(ErrorCode::kInvalidArgument, "zstd level"));
}

std::string Deflated(std::string_view text, Compression compression) {
  MemoryFileSystem fs;
  auto sink = fs.Create("/f");
  auto stream = MakeCompressor(*std::move(sink), compression);
  EXPECT_THAT((*stream)->Write(text), IsOk());
  EXPECT_THAT((*stream)->Close(), IsOk());
  return ReadFile(fs, "/f", 1 << 24).value();
}

TEST(InflateTest, GivesTheBytesBack) {
  const std::string text(300'000, 'a');
  for (const Compression compression : {Compression::kGzip, Compression::kZstd}) {
    EXPECT_THAT(Inflate(Deflated(text, compression), compression, text.size(), "body"),
                IsOkAndHolds(text));
  }
  EXPECT_THAT(Inflate("plain", Compression::kNone, 5, "body"), IsOkAndHolds("plain"));
}

TEST(InflateTest, StopsABombAtTheLimit) {
  const std::string text(10'000'000, '\0');
  for (const Compression compression : {Compression::kGzip, Compression::kZstd}) {
    EXPECT_THAT(Inflate(Deflated(text, compression), compression, 1000, "body"),
                IsError(ErrorCode::kResourceExhausted, "1000"));
    EXPECT_THAT(Inflate(Deflated(text, compression), compression, text.size() - 1, "body"),
                IsError(ErrorCode::kResourceExhausted, "body"));
  }
}

TEST(InflateTest, DamageIsCorruption) {
  for (const Compression compression : {Compression::kGzip, Compression::kZstd}) {
    const std::string whole = Deflated("some text that is long enough", compression);
    EXPECT_THAT(Inflate(whole.substr(0, whole.size() - 1), compression, 1000, "body"),
                IsError(ErrorCode::kCorruption, "body"));
    EXPECT_THAT(Inflate("", compression, 1000, "body"), IsError(ErrorCode::kCorruption, "empty"));
    EXPECT_THAT(Inflate("no such thing", compression, 1000, "body"),
                IsError(ErrorCode::kCorruption, "body"));
  }
}

}  // namespace
}  // namespace datalake::io

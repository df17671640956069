#include "datalake/format/document_reader.h"

#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::format {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::datalake::testing::IsOkAndHolds;

std::string LineOf(int id, std::size_t text_bytes) {
  return fmt::format("{{\"id\":\"{}\",\"text\":\"{}\"}}", id, std::string(text_bytes, 'x'));
}

class DocumentReaderTest : public ::testing::Test {
 protected:
  std::unique_ptr<DocumentReader> Open(std::string_view text,
                                       const DocumentReaderOptions& options = {}) {
    EXPECT_THAT(io::ReplaceFile(fs_, "/f.jsonl", text), IsOk());
    auto reader = OpenDocuments(fs_, "/f.jsonl", options);
    EXPECT_THAT(reader, IsOk());
    return *std::move(reader);
  }

  io::MemoryFileSystem fs_;
};

TEST_F(DocumentReaderTest, CountsLinesOverBlocksOfAnySize) {
  std::mt19937 random(6);
  std::string text;
  constexpr int kLines = 200;
  for (int id = 0; id < kLines; ++id) {
    text += LineOf(id, random() % 300) + (id + 1 == kLines ? "" : "\n");
  }
  for (const std::size_t block_bytes : {1, 7, 100, 1000, 1'000'000}) {
    const auto reader = Open(text, {.block_bytes = block_bytes});
    DocumentBatch batch;
    int id = 0;
    std::uint64_t offset = 0;
    while (true) {
      const auto more = reader->Next(batch);
      ASSERT_THAT(more, IsOk());
      if (!*more) {
        break;
      }
      ASSERT_EQ(batch.first_line(), static_cast<std::uint64_t>(id) + 1);
      ASSERT_EQ(batch.byte_offset(), offset);
      ASSERT_EQ(batch.documents().size(), batch.num_lines());
      for (const Document& document : batch.documents()) {
        ASSERT_EQ(document.id, std::to_string(id));
        ASSERT_EQ(document.raw_line, LineOf(id, document.text.size()));
        ++id;
      }
      offset += batch.size_bytes();
    }
    EXPECT_EQ(id, kLines) << block_bytes;
    EXPECT_EQ(offset, text.size());
  }
}

TEST_F(DocumentReaderTest, KeepsBadLinesApart) {
  const auto reader = Open(LineOf(1, 2) + "\n\n" + LineOf(3, 2) + "\nbroken\n");
  DocumentBatch batch;
  ASSERT_THAT(reader->Next(batch), IsOkAndHolds(true));
  ASSERT_EQ(batch.documents().size(), 2U);
  EXPECT_EQ(batch.documents()[1].line, 2U);
  ASSERT_EQ(batch.rejects().size(), 2U);
  EXPECT_EQ(batch.rejects()[0].reason, "empty line");
  EXPECT_EQ(batch.rejects()[1].line, 3U);
  EXPECT_EQ(batch.rejects()[1].raw_line, "broken");
  EXPECT_EQ(batch.Where(3), "/f.jsonl:4");
  EXPECT_THAT(reader->Next(batch), IsOkAndHolds(false));
}

TEST_F(DocumentReaderTest, EmptyFileHasNoBlocks) {
  DocumentBatch batch;
  EXPECT_THAT(Open("")->Next(batch), IsOkAndHolds(false));
}

TEST_F(DocumentReaderTest, RefusesLineOverLimit) {
  const auto reader = Open(LineOf(1, 10) + "\n" + LineOf(2, 100'000) + "\n",
                           {.block_bytes = 100, .max_line_bytes = 1000});
  DocumentBatch batch;
  Result<bool> more = true;
  while (more && *more) {
    more = reader->Next(batch);
  }
  EXPECT_THAT(more, IsError(ErrorCode::kResourceExhausted, "/f.jsonl:2"));
}

TEST_F(DocumentReaderTest, KnowsDocumentPaths) {
  for (const char* path : {"a.jsonl", "a.json.gz", "a.jsonl.zst", "a.jsonl.zstd", "a.parquet"}) {
    EXPECT_TRUE(IsDocumentPath(path)) << path;
  }
  for (const char* path : {"a", "a.txt", "a.gz", "jsonl"}) {
    EXPECT_FALSE(IsDocumentPath(path)) << path;
  }
}

}  // namespace
}  // namespace datalake::format

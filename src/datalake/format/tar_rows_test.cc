#include "datalake/format/tar_rows.h"

#include <string>
#include <utility>
#include <vector>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/format/arrow_status.h"
#include "datalake/format/row_json.h"
#include "datalake/format/rows.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::format {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// One member of a tar in the ustar form (POSIX.1-1988).
std::string Member(const std::string& name, const std::string& content, char type = '0',
                   std::uint64_t claimed_size = 0) {
  std::string header(512, '\0');
  const auto put = [&header](std::size_t at, const std::string& text) {
    header.replace(at, text.size(), text);
  };
  put(0, name);
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  put(124, fmt::format("{:011o}", claimed_size == 0 ? content.size() : claimed_size));
  put(136, "00000000000");
  put(148, "        ");
  header[156] = type;
  if (type == '2') {
    put(157, "elsewhere");
  }
  put(257, std::string("ustar\0", 6) + "00");
  unsigned sum = 0;
  for (const char c : header) {
    sum += static_cast<unsigned char>(c);
  }
  put(148, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
  std::string padded = content;
  padded.resize((content.size() + 511) / 512 * 512);
  return header + padded;
}

class TarRowsTest : public ::testing::Test {
 protected:
  // A tar of these members, read as rows.
  Result<std::vector<std::string>> Rows(const std::string& members,
                                        const std::string& end = std::string(1024, '\0')) {
    const std::string tar = members + end;
    EXPECT_THAT(io::ReplaceFile(fs_, "a.tar", tar), IsOk());
    DATALAKE_TRY_ASSIGN(const RowSource source, OpenRows(fs_, "a.tar"));
    schema_ = source.reader->schema();
    std::vector<std::string> rows;
    std::shared_ptr<arrow::RecordBatch> batch;
    while (true) {
      DATALAKE_TRY(FromArrow(source.reader->ReadNext(&batch), "cannot read"));
      if (batch == nullptr) {
        return rows;
      }
      for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
        DATALAKE_TRY(AppendRowJson(*batch, row, {}, rows.emplace_back()));
      }
    }
  }

  io::MemoryFileSystem fs_;
  std::shared_ptr<arrow::Schema> schema_;
};

TEST_F(TarRowsTest, MembersOfOneKeyAreARow) {
  const auto rows =
      Rows(Member("d/1.jpg", "J") + Member("d/1.json", R"({"a":1})") + Member("d/1.cls", "7\n") +
           Member("d/2.PNG", "P") + Member("d/2.txt", "two") + Member("d/2.cls", "8"));
  ASSERT_THAT(rows, IsOk());
  EXPECT_THAT(
      *rows,
      ElementsAre(
          R"({"__key__":"d/1","cls":7,"image":{"bytes":"Sg==","path":"d/1.jpg"},"json":{"a":1},"txt":null})",
          R"({"__key__":"d/2","cls":8,"image":{"bytes":"UA==","path":"d/2.PNG"},"json":null,"txt":"two"})"));
}

TEST_F(TarRowsTest, TwoPicturesInARowAreTwoColumns) {
  const auto rows =
      Rows(Member("1.left.jpg", "L") + Member("1.right.jpg", "R") + Member("2.left.jpg", "M"));
  ASSERT_THAT(rows, IsOk());
  EXPECT_THAT(
      rows->at(1),
      R"({"__key__":"2","left_jpg":{"bytes":"TQ==","path":"2.left.jpg"},"right_jpg":null})");
}

TEST_F(TarRowsTest, OtherMembersAreFilesAndMacFilesAreLeftOut) {
  const auto rows =
      Rows(Member("__MACOSX/._1.wav", "x") + Member("1.wav", "W") + Member("README", "no row"));
  ASSERT_THAT(rows, IsOk());
  EXPECT_THAT(*rows, ElementsAre(R"({"__key__":"1","wav":{"bytes":"Vw==","path":"1.wav"}})"));
}

TEST_F(TarRowsTest, NamesThatLeadOutAreRefused) {
  for (const char* name : {"../1.jpg", "/etc/1.jpg", "a/../../1.jpg", "a/.."}) {
    EXPECT_THAT(Rows(Member("0.jpg", "x") + Member(name, "x")),
                IsError(ErrorCode::kInvalidArgument, name));
  }
}

TEST_F(TarRowsTest, LinksAndDevicesAreRefused) {
  for (const char type : {'1', '2', '3', '4', '6'}) {
    EXPECT_THAT(Rows(Member("0.jpg", "x") + Member("1.jpg", "", type)),
                IsError(ErrorCode::kInvalidArgument, "link or a device"));
  }
}

TEST_F(TarRowsTest, RepeatedNamesAndBadValuesAreNamed) {
  EXPECT_THAT(Rows(Member("1.jpg", "x") + Member("1.jpg", "y")),
              IsError(ErrorCode::kInvalidArgument, "twice in a row"));
  EXPECT_THAT(Rows(Member("1.json", "{")), IsError(ErrorCode::kInvalidArgument, "1.json"));
  EXPECT_THAT(Rows(Member("1.txt", "\xff")), IsError(ErrorCode::kInvalidArgument, "1.txt"));
  EXPECT_THAT(Rows(Member("README", "x")), IsError(ErrorCode::kInvalidArgument, "no members"));
}

TEST_F(TarRowsTest, CutAndBrokenTarsAreCorrupt) {
  EXPECT_THAT(Rows(Member("1.jpg", std::string(5000, 'x')).substr(0, 1000), ""),
              IsError(ErrorCode::kCorruption, "a.tar"));
  EXPECT_THAT(Rows(std::string(2000, 'x')), IsError(ErrorCode::kCorruption, "a.tar"));
}

TEST_F(TarRowsTest, MembersThatClaimTooMuchAreBombs) {
  EXPECT_THAT(Rows(Member("1.jpg", "x", '0', 8'000'000'000)),
              IsError(ErrorCode::kResourceExhausted, "1.jpg"));
}

}  // namespace
}  // namespace datalake::format

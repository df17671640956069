#include "datalake/server/file_response.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::server {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using datalake::testing::IsOkAndHolds;
using ::testing::Contains;
using ::testing::Eq;
using ::testing::Optional;
using ::testing::Pair;

constexpr const char* kEtag = "\"abc\"";

std::string BodyOf(const Response& response) {
  std::string body = response.body;
  bool more = response.stream != nullptr;
  while (more) {
    response.stream->Next([&](const Result<std::string>& piece) {
      EXPECT_THAT(piece, IsOk());
      more = piece && !piece->empty();
      body += piece ? *piece : "";
    });
  }
  return body;
}

class FileResponseTest : public ::testing::Test {
 protected:
  FileResponseTest() { EXPECT_THAT(io::ReplaceFile(fs_, "/f", "0123456789"), IsOk()); }

  Response Get(std::vector<std::pair<std::string, std::string>> headers) {
    Request request;
    request.path = "/v1/x";
    request.headers = std::move(headers);
    return FileResponse(request, fs_, "/f", {.etag = kEtag, .download_name = "a\"b.parquet"});
  }

  io::MemoryFileSystem fs_;
};

TEST(ParseRangeTest, ReadsTheThreeForms) {
  EXPECT_THAT(ParseRange("bytes=0-3", 10), IsOkAndHolds(Optional(Eq(ByteRange{0, 4}))));
  EXPECT_THAT(ParseRange("bytes=4-", 10), IsOkAndHolds(Optional(Eq(ByteRange{4, 6}))));
  EXPECT_THAT(ParseRange("bytes=-3", 10), IsOkAndHolds(Optional(Eq(ByteRange{7, 3}))));
  EXPECT_THAT(ParseRange("bytes=-30", 10), IsOkAndHolds(Optional(Eq(ByteRange{0, 10}))));
  EXPECT_THAT(ParseRange("bytes=8-99", 10), IsOkAndHolds(Optional(Eq(ByteRange{8, 2}))));
}

TEST(ParseRangeTest, IgnoresWhatIsNoRange) {
  for (const char* header : {"", "items=0-1", "bytes=", "bytes=-", "bytes=3-1", "bytes=a-b",
                             "bytes=0-1,3-4", "bytes=99999999999999999999-"}) {
    EXPECT_THAT(ParseRange(header, 10), IsOkAndHolds(Eq(std::nullopt))) << header;
  }
}

TEST(ParseRangeTest, RefusesRangesWithoutABytes) {
  EXPECT_THAT(ParseRange("bytes=10-", 10), IsError(ErrorCode::kInvalidArgument, "10"));
  EXPECT_THAT(ParseRange("bytes=-0", 10), IsError(ErrorCode::kInvalidArgument, "10"));
  EXPECT_THAT(ParseRange("bytes=0-0", 0), IsError(ErrorCode::kInvalidArgument, "0"));
}

TEST_F(FileResponseTest, SendsTheWholeFileWithItsEtag) {
  const Response response = Get({});
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.headers, Contains(Pair("ETag", kEtag)));
  EXPECT_THAT(response.headers,
              Contains(Pair("Content-Disposition", "attachment; filename=\"a_b.parquet\"")));
  EXPECT_EQ(response.stream->size_bytes(), 10U);
  EXPECT_EQ(BodyOf(response), "0123456789");
}

TEST_F(FileResponseTest, SendsAPart) {
  const Response response = Get({{"range", "bytes=2-4"}});
  EXPECT_EQ(response.status, 206);
  EXPECT_THAT(response.headers, Contains(Pair("Content-Range", "bytes 2-4/10")));
  EXPECT_EQ(BodyOf(response), "234");
}

TEST_F(FileResponseTest, AnotherVersionIsSentWhole) {
  EXPECT_EQ(Get({{"range", "bytes=2-4"}, {"if-range", "\"old\""}}).status, 200);
  EXPECT_EQ(Get({{"range", "bytes=2-4"}, {"if-range", kEtag}}).status, 206);
}

TEST_F(FileResponseTest, TheSameVersionIsNotSentAgain) {
  EXPECT_EQ(Get({{"if-none-match", "\"x\", W/\"abc\""}}).status, 304);
  EXPECT_EQ(Get({{"if-none-match", "\"x\""}}).status, 200);
}

TEST_F(FileResponseTest, ARangeBehindTheEndSaysHowLongTheFileIs) {
  const Response response = Get({{"range", "bytes=10-"}});
  EXPECT_EQ(response.status, 416);
  EXPECT_THAT(response.headers, Contains(Pair("Content-Range", "bytes */10")));
}

TEST_F(FileResponseTest, AFileThatIsNotThereIsAProblem) {
  EXPECT_EQ(FileResponse({}, fs_, "/none", {}).status, 404);
}

TEST_F(FileResponseTest, BytesInMemoryAreSentAlike) {
  Request request;
  request.headers = {{"range", "bytes=1-2"}};
  EXPECT_EQ(BytesResponse(request, "abcd", {}).body, "bc");
}

}  // namespace
}  // namespace datalake::server

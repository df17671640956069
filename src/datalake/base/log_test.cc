#include "datalake/base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/log_record.h"

namespace datalake {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class LogTest : public ::testing::Test {
 protected:
  ~LogTest() override {
    SetLogFormat(LogFormat::kText);
    SetLogLevel(LogLevel::kWarning);
  }

  template <typename Write>
  std::string Lines(Write write) {
    ::testing::internal::CaptureStderr();
    write();
    return ::testing::internal::GetCapturedStderr();
  }
};

TEST_F(LogTest, WritesFromItsLevelOn) {
  EXPECT_THAT(Lines([] { LogInfo("not this"); }), IsEmpty());
  EXPECT_THAT(Lines([] { LogWarning("this"); }), EndsWith("this\n"));
}

TEST_F(LogTest, WritesOneObjectALine) {
  SetLogFormat(LogFormat::kJson);
  const std::string line = Lines(
      [] { LogRecord(LogLevel::kError, "a \"quoted\"\nline", R"("status":404,"route":"/a")"); });
  EXPECT_THAT(line, StartsWith(R"({"time":"2)"));
  EXPECT_THAT(line, HasSubstr(R"("level":"error")"));
  EXPECT_THAT(line, HasSubstr(R"("message":"a \"quoted\"\u000aline","status":404,"route":"/a"})"));
  EXPECT_THAT(Lines([] { LogError("plain"); }), EndsWith("\"message\":\"plain\"}\n"));
}

TEST_F(LogTest, TextHasTheMessageAlone) {
  EXPECT_THAT(Lines([] { LogRecord(LogLevel::kError, "words", R"("status":404)"); }),
              EndsWith("words\n"));
}

}  // namespace
}  // namespace datalake

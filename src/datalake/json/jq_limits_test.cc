// Programs that never end, and what ends them.
#include <chrono>
#include <stop_token>
#include <thread>

#include <gtest/gtest.h>

#include "datalake/json/jq.h"
#include "datalake/testing/matchers.h"

namespace datalake::json {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using datalake::testing::IsOkAndHolds;

constexpr const char* kEndless[] = {
    "def f: f; f",
    "last(repeat(1))",
    "[range(0; 1e12)] | length",
    "reduce repeat(1) as $x (0; . + $x)",
    "def f: f | f; f",
    "[limit(3; repeat(empty))]",
    ".v | until(false; . + 1)",
    "(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|"
    "(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|"
    "(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|select(. == 1)",
};

Result<bool> Evaluate(const Jq& jq, JqScratch& scratch, std::string_view document = "{\"v\":1}") {
  std::string buffer(document);
  buffer.resize(document.size() + FlatTreeParser::kPadding);
  FlatTreeParser parser;
  FlatTree tree;
  EXPECT_THAT(parser.Append(std::string_view(buffer).substr(0, document.size()), {}, tree), IsOk());
  return jq.AllTrue(tree.root(), scratch);
}

TEST(JqLimitsTest, EndlessProgramsAreEnded) {
  for (const char* program : kEndless) {
    const Result<Jq> jq = Jq::Compile(program, JqDialect::kJq);
    ASSERT_THAT(jq, IsOk()) << program;
    JqScratch scratch({.time = std::chrono::milliseconds(200)});
    EXPECT_THAT(Evaluate(*jq, scratch),
                IsError(ErrorCode::kResourceExhausted, "jq: no end of one document after 0.2 s: "))
        << program;
  }
}

TEST(JqLimitsTest, StopEndsARun) {
  for (const char* program : kEndless) {
    const Result<Jq> jq = Jq::Compile(program, JqDialect::kJq);
    ASSERT_THAT(jq, IsOk()) << program;
    std::stop_source stop;
    JqScratch scratch;
    scratch.StopBy(stop.get_token());
    std::jthread stopper([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(60));
      stop.request_stop();
    });
    EXPECT_THAT(Evaluate(*jq, scratch), IsError(ErrorCode::kCancelled, "cancelled")) << program;
  }
}

TEST(JqLimitsTest, MemoryIsBounded) {
  const Result<Jq> jq = Jq::Compile("[range(0; 1e12)] | length", JqDialect::kJq);
  JqScratch scratch({.memory_bytes = 64 << 20});
  EXPECT_THAT(Evaluate(*jq, scratch),
              IsError(ErrorCode::kResourceExhausted, "jq: more than 64 MiB for one document"));
}

TEST(JqLimitsTest, TheNextDocumentIsRunAsBefore) {
  const Result<Jq> jq = Jq::Compile(".v | until(. < 10; .) | . > 1", JqDialect::kJq);
  JqScratch scratch({.time = std::chrono::milliseconds(100)});
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(Evaluate(*jq, scratch, R"({"v":5})"), IsOkAndHolds(true));
    EXPECT_THAT(Evaluate(*jq, scratch, R"({"v":50})"),
                IsError(ErrorCode::kResourceExhausted, "no end"));
    EXPECT_THAT(Evaluate(*jq, scratch, R"({"v":1})"), IsOkAndHolds(false));
  }
}

}  // namespace
}  // namespace datalake::json

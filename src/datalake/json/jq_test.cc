#include "datalake/json/jq.h"

#include <random>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "datalake/json/jq_fast.h"
#include "datalake/json/jq_library.h"
#include "datalake/testing/matchers.h"

namespace datalake::json {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using datalake::testing::IsOkAndHolds;
using ::testing::ElementsAre;

// A parsed document and the text that it views.
class Parsed {
 public:
  explicit Parsed(std::string_view text) : buffer_(text) {
    buffer_.resize(text.size() + FlatTreeParser::kPadding);
    FlatTreeParser parser;
    EXPECT_THAT(parser.Append(std::string_view(buffer_).substr(0, text.size()), {}, tree_), IsOk());
  }

  const FlatNode& root() const { return tree_.root(); }

 private:
  std::string buffer_;
  FlatTree tree_;
};

std::string ListOf(const std::vector<const FlatNode*>& outputs) {
  std::string list = "[";
  for (const FlatNode* output : outputs) {
    list += list.size() > 1 ? "," : "";
    AppendSorted(*output, list);
  }
  return list + "]";
}

// The outputs as a JSON array, or the error.
std::string Outputs(std::string_view program, std::string_view document,
                    JqDialect dialect = JqDialect::kJq) {
  const Result<Jq> jq = Jq::Compile(program, dialect);
  if (!jq) {
    return jq.error().message;
  }
  const Parsed parsed(document);
  JqScratch scratch;
  std::vector<const FlatNode*> outputs;
  const Status status = jq->Select(parsed.root(), scratch, outputs);
  return status ? ListOf(outputs) : status.error().message;
}

bool IsFast(std::string_view program) {
  const Result<Jq> jq = Jq::Compile(program, JqDialect::kJq);
  return jq.has_value() && jq->is_fast();
}

TEST(JqTest, PathsGoIntoValues) {
  constexpr std::string_view document = R"({"a":{"b":[10,[20,21],{"c":null}]},"k k":1,"a b":2})";
  EXPECT_EQ(Outputs(".a.b[0]", document), "[10]");
  EXPECT_EQ(Outputs(".a.b[1][-1]", document), "[21]");
  EXPECT_EQ(Outputs(R"(.["a"]["b"][2].c)", document), "[null]");
  EXPECT_EQ(Outputs(R"(."k k",.a.["b"][9])", document), "[1,null]");
  EXPECT_EQ(Outputs(".missing.deeper[3]", document), "[null]");
  EXPECT_EQ(Outputs(".a.b[]", document), R"([10,[20,21],{"c":null}])");
  EXPECT_EQ(Outputs(".a.b[].c?", document), "[null]");
  EXPECT_EQ(Outputs(".a[0]", document), "jq: cannot index object with number: .a[0]");
  EXPECT_EQ(Outputs(".a.b.c", document), "jq: cannot index array with \"c\": .a.b.c");
}

TEST(JqTest, WhatConfigsUseIsFast) {
  for (const char* program :
       {".attributes.a", ".attributes?.b?.c?", R"(.attributes["x__y"][0][2] >= 0.5)",
        "(.attributes.a | length) > 0", ".a.b[-1][2] < 1 and .c != null or (.d | not)",
        ".a // 0 | . > 3", "any(.a[]; .[2] > 0.5)", ".a | any(.[2] > 0.5)", "all(.a[]; .)",
        ".a | map(select(.[2] >= 1)) | length == 0", "[.a[][2]] | add > 1", ".m | has(\"x\")",
        "if .a then .b else .c end", ".a[0][2] / .b[0][2] <= 0.1", ".source | startswith(\"x\")",
        ".metadata.lang == \"en\"", ".a | type == \"array\"", "[.a[] | select(.[2] > 0.4)]"}) {
    EXPECT_TRUE(IsFast(program)) << program;
  }
  for (const char* program : {"..", ".a as $x | $x", ".text | test(\"a\")", ".a[1:2]", "{a: 1}",
                              "def f: 1; f", ".a |= 1", "@base64", "# c\n.a"}) {
    EXPECT_FALSE(IsFast(program)) << program;
    EXPECT_THAT(Jq::Compile(program, JqDialect::kJq), IsOk()) << program;
  }
}

TEST(JqTest, OtherProgramsRunInLibjq) {
  constexpr std::string_view document = R"({"a":[1,2,3],"t":"Ab"})";
  EXPECT_EQ(Outputs(".a[1:]", document), "[[2,3]]");
  EXPECT_EQ(Outputs(".t | ascii_downcase", document), R"(["ab"])");
  EXPECT_EQ(Outputs(".t + \"c\"", document), R"(["Abc"])") << "found while it runs";
  EXPECT_EQ(Outputs(".a as [$x] | $x", document), "[1]");
  EXPECT_EQ(Outputs("error(\"no\")", document), "jq: no");
  EXPECT_EQ(Outputs("limit(3; repeat(1))", document), "[1,1,1]");
  EXPECT_EQ(Outputs("repeat(1)", document), "jq: more than 1000000 outputs");
}

TEST(JqTest, ProgramsThatDoNotCompileAreErrors) {
  EXPECT_THAT(Jq::Compile(".a[", JqDialect::kJq),
              IsError(ErrorCode::kInvalidArgument, "bad jq program: syntax error"));
  EXPECT_THAT(Jq::Compile("nosuch(1)", JqDialect::kJq),
              IsError(ErrorCode::kInvalidArgument, "nosuch/1 is not defined"));
  EXPECT_THAT(Jq::Compile(std::string_view(".a\0", 3), JqDialect::kJq),
              IsError(ErrorCode::kInvalidArgument, "NUL"));
  EXPECT_THAT(Jq::Compile("", JqDialect::kJq), IsOk());
}

Result<bool> AllTrue(std::string_view program, std::string_view document,
                     JqDialect dialect = JqDialect::kJq) {
  const Result<Jq> jq = Jq::Compile(program, dialect);
  const Parsed parsed(document);
  JqScratch scratch;
  return jq->AllTrue(parsed.root(), scratch);
}

Result<bool> AnyTrue(std::string_view program, std::string_view document) {
  const Result<Jq> jq = Jq::Compile(program, JqDialect::kJq);
  const Parsed parsed(document);
  JqScratch scratch;
  return jq->AnyTrue(parsed.root(), scratch);
}

// Check 15 of the toolkit's behaviour.
TEST(JqTest, Check15EmptyValuesCountAsFalse) {
  for (const char* value : {"[]", "{}", "0", "\"\"", "null", "false", "0.0"}) {
    const std::string document = fmt::format(R"({{"v":{}}})", value);
    EXPECT_THAT(AllTrue(".v", document), IsOkAndHolds(false)) << value;
    EXPECT_THAT(AllTrue(".v as $x | $x", document), IsOkAndHolds(false)) << value;
    EXPECT_THAT(AnyTrue(".v", document), IsOkAndHolds(false)) << value;
  }
  for (const char* value : {"[0]", "{\"a\":null}", "1", "\"0\"", "true", "0.1", "-1"}) {
    const std::string document = fmt::format(R"({{"v":{}}})", value);
    EXPECT_THAT(AllTrue(".v", document), IsOkAndHolds(true)) << value;
    EXPECT_THAT(AllTrue(".v as $x | $x", document), IsOkAndHolds(true)) << value;
  }
  EXPECT_THAT(AllTrue(".v", R"({"v":0.0})", JqDialect::kJaq), IsOkAndHolds(true));
  EXPECT_THAT(AllTrue(".v | length", R"({"v":0.0})", JqDialect::kJaq), IsOkAndHolds(false));
  EXPECT_THAT(AllTrue(".v[]", R"({"v":[1,0]})"), IsOkAndHolds(false));
  EXPECT_THAT(AnyTrue(".v[]", R"({"v":[1,0]})"), IsOkAndHolds(true));
  EXPECT_THAT(AllTrue(".v[]", R"({"v":[]})"), IsOkAndHolds(false)) << "no output is no match";
}

// Check 14: what jaq and jq make of a missing key of a missing key.
TEST(JqTest, Check14IndexingNull) {
  constexpr std::string_view document = R"({"attributes":{"a":[[0,3,1]]}})";
  EXPECT_THAT(AllTrue(".attributes.b.b != null", document, JqDialect::kJaq),
              IsError(ErrorCode::kInvalidArgument, "cannot index null with \"b\""));
  EXPECT_THAT(AllTrue(".attributes.b.b != null", document), IsOkAndHolds(false));
  for (const JqDialect dialect : {JqDialect::kJq, JqDialect::kJaq}) {
    EXPECT_THAT(AllTrue(".attributes?.b?.b?", document, dialect), IsOkAndHolds(false));
    EXPECT_THAT(AllTrue(".attributes.a[0][2] == 1.0", document, dialect), IsOkAndHolds(true));
  }
}

TEST(JqTest, JaqGivesNumbersAsTheyAreWritten) {
  constexpr std::string_view document = R"({"v":1.0,"w":1e3})";
  EXPECT_EQ(Outputs(".v | tostring", document, JqDialect::kJaq), R"(["1.0"])");
  EXPECT_EQ(Outputs(".w | tojson", document, JqDialect::kJaq), R"(["1e3"])");
  EXPECT_EQ(Outputs(".v | tostring", document), R"(["1"])");
  EXPECT_EQ(Outputs(".v | tonumber", document), "[1.0]");
}

TEST(JqTest, SumsOfOneAreTheElement) {
  EXPECT_EQ(Outputs(".a | add", R"({"a":[[]]})"), "[[]]");
  EXPECT_EQ(Outputs(".a | add, (map(.[]?) | first)", R"({"a":[null,[1,true]]})"), "[[1,true],1]");
  EXPECT_EQ(Outputs("[.a | add]", R"({"a":{"x":1,"y":null,"z":2.5}})"), "[[3.5]]");
}

TEST(JqTest, TryLetsErrorsBehindItPass) {
  EXPECT_EQ(Outputs("(.a)? | .b.c", R"({"a":{"b":1}})"),
            "jq: cannot index number with \"c\": (.a)? | .b.c");
  EXPECT_EQ(Outputs("(.a.b.c)?", R"({"a":{"b":1}})"), "[]");
}

TEST(JqTest, IntegersAreComparedExactly) {
  constexpr std::string_view document = R"({"a":9007199254740993,"b":18446744073709551615})";
  EXPECT_EQ(Outputs(".a == 9007199254740992, .a > 9007199254740992, .b > .a", document),
            "[false,true,true]");
}

// libjq does so when it compiles: 0/0 is a NaN there, which is less than every number.
TEST(JqTest, NumbersOfTheProgramAreCalculatedOnce) {
  EXPECT_EQ(Outputs(".a >= 0/0/5, .a < 0/0", R"({"a":1})"), "[true,false]");
  EXPECT_THAT(Jq::Compile("1/0", JqDialect::kJq),
              IsError(ErrorCode::kInvalidArgument, "Division by zero?"));
  EXPECT_EQ(Outputs("[1+2*3, 7/2, 1-1, (1-1)*5]", "[]"), "[[7,3.5,0,0]]");
  EXPECT_TRUE(IsFast(".a > 1/1000"));
  EXPECT_EQ(Outputs(".a / 0", R"({"a":1})"), "jq: division by zero: .a / 0");
  EXPECT_FALSE(IsFast(".a > 9223372036856775807"));
  EXPECT_FALSE(IsFast(".a > 1e300"));
  EXPECT_TRUE(IsFast(".a > 9007199254740993"));
}

TEST(JqTest, RepeatedNamesHaveTheLastValue) {
  constexpr std::string_view document = R"({"o":{"x":1,"y":2,"x":3}})";
  EXPECT_EQ(Outputs(".o[], (.o | length), .o.x", document), "[3,2,2,3]");
  EXPECT_EQ(Outputs(".o == .o | not", document), "[false]");
}

TEST(JqTest, KnowsWhatItLooksAt) {
  const auto keys = [](std::string_view program) {
    return Jq::Compile(program, JqDialect::kJq)->root_keys();
  };
  using Keys = std::vector<std::string>;
  EXPECT_EQ(keys(".a.b > 1 and (.c | length > 2) and any(.a[]; .z)"), (Keys{"a", "c"}));
  EXPECT_EQ(keys("."), std::nullopt);
  EXPECT_EQ(keys("length"), std::nullopt);
  EXPECT_EQ(keys(". == null"), std::nullopt);
  EXPECT_EQ(keys(".a as $x | $x"), std::nullopt);
  EXPECT_EQ(keys("select(.a) | .b"), (Keys{"a", "b"}));
  const Result<Jq> jq =
      Jq::Compile(".attributes.x[0][2] > 1 or (.attributes | .y) or .m.z", JqDialect::kJq);
  EXPECT_THAT(jq->MemberKeys("attributes"), ElementsAre("x", "y"));
}

TEST(JqTest, ThreadsShareAProgram) {
  const Result<Jq> jq = Jq::Compile(".a | tostring | length", JqDialect::kJq);
  ASSERT_THAT(jq, IsOk());
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      const Parsed parsed(fmt::format(R"({{"a":[{}]}})", std::string(thread + 1, '7')));
      JqScratch scratch;
      for (int i = 0; i < 200; ++i) {
        std::vector<const FlatNode*> outputs;
        ASSERT_THAT(jq->Select(parsed.root(), scratch, outputs), IsOk());
        ASSERT_EQ(ListOf(outputs), fmt::format("[{}]", thread + 3));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

// Random programs of the fast part, each over random documents, against libjq.
class Maker {
 public:
  explicit Maker(unsigned seed) : random_(seed) {}

  std::string Program(int depth) {
    if (depth == 0) {
      return Pick({".",     ".a",    ".b",         ".a.b",    ".a[0]",  ".b[-1]", ".[\"a\"]",
                   ".a?",   ".b[]?", "1",          "0.5",     "-2",     "\"x\"",  "\"a\"",
                   "null",  "true",  "false",      "length",  "not",    "type",   "empty",
                   "first", "last?", "numbers",    "strings", "arrays", "values", "add",
                   "any",   "all",   "has(\"a\")", "has(0)",  ".[]",    ".[]?"});
    }
    const auto part = [&] { return Program(depth - 1 - Number(2) * (depth > 1 ? 1 : 0)); };
    switch (Number(14)) {
      case 0:
        return part() + " | " + part();
      case 1:
        return "(" + part() + ") " + Pick({"==", "!=", "<", "<=", ">", ">="}) + " (" + part() + ")";
      case 2:
        return "(" + part() + ") " + Pick({"and", "or"}) + " (" + part() + ")";
      case 3:
        return "(" + part() + ") " + Pick({"+", "-", "*", "/"}) + " (" + part() + ")";
      case 4:
        return "map(" + part() + ")";
      case 5:
        return "select(" + part() + ")";
      case 6:
        return "[" + part() + "]";
      case 7:
        return Pick({"any", "all"}) + "(" + part() + "; " + part() + ")";
      case 8:
        return Pick({"any", "all"}) + "(" + part() + ")";
      case 9:
        return "if " + part() + " then " + part() + " else " + part() + " end";
      case 10:
        return "(" + part() + ") // (" + part() + ")";
      case 11:
        return "(" + part() + ", " + part() + ")";
      case 12:
        return "first(" + part() + ")";
      default:
        return part() + " | " + Pick({"length", "not", "type", ".a", ".[0]", ".b?", "add"});
    }
  }

  std::string Document(int depth) {
    const int kind = depth == 0 ? Number(6) : Number(9);
    switch (kind) {
      case 0:
        return "null";
      case 1:
        return Pick({"true", "false"});
      case 2:
      case 3:
        return Pick({"0", "1", "-1", "0.5", "2", "1e3", "-0.25", "123456"});
      case 4:
      case 5:
        return Pick({"\"\"", "\"x\"", "\"a\"", "\"\u00e9\\n\"", "\"\xf0\x9f\x98\x8a\""});
      case 6:
      case 7: {
        std::string list;
        for (int i = Number(4); i > 0; --i) {
          list += (list.empty() ? "" : ",") + Document(depth - 1);
        }
        return "[" + list + "]";
      }
      default: {
        std::string members;
        for (int i = Number(4); i > 0; --i) {
          members += (members.empty() ? "" : ",") + Pick({"\"a\"", "\"b\"", "\"c\""}) + ":" +
                     Document(depth - 1);
        }
        return "{" + members + "}";
      }
    }
  }

 private:
  int Number(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }

  std::string Pick(std::initializer_list<std::string> from) {
    return *(from.begin() + Number(static_cast<int>(from.size())));
  }

  std::mt19937 random_;
};

// What stands in for libjq 1.6's own any, all and first, which lose errors and outputs (corrected
// in jq 1.7). Unlike those they look at all outputs.
constexpr std::string_view kDefinitions =
    "def any(g; c): reduce (g | c) as $x (false; . or $x); def any(c): any(.[]; c);"
    "def any: any(.[]; .); def all(g; c): reduce (g | c) as $x (true; . and $x);"
    "def all(c): all(.[]; c); def all: all(.[]; .);"
    "def first(f): [f] | if length > 0 then .[0] else empty end;";

// True where errors are lost: libjq 1.6's `?` also swallows those from behind it, and the
// definitions find some behind what decides.
bool MayDifferInErrors(std::string_view program, bool is_error) {
  const auto has = [&](std::string_view part) { return program.find(part) != program.npos; };
  return is_error ? has("?") : has("any") || has("all") || has("first(");
}

TEST(JqTest, TheFastPartDoesWhatLibjqDoes) {
  Maker maker(20);
  int compared = 0;
  int errors = 0;
  for (int round = 0; round < 120; ++round) {
    const std::string text = maker.Program(3);
    const auto program = ParseFastJq(text, JqDialect::kJq);
    ASSERT_NE(program, nullptr) << text;
    Result<JqMachine> machine = JqMachine::Compile(std::string(kDefinitions) + text);
    ASSERT_THAT(machine, IsOk()) << text;
    for (int i = 0; i < 25; ++i) {
      const std::string document =
          "{\"a\":" + maker.Document(3) + ",\"b\":" + maker.Document(2) + "}";
      const Parsed parsed(document);
      JqArena arena;
      std::vector<const FlatNode*> outputs;
      std::string error;
      const JqOutcome outcome =
          RunFastJq(*program, JqDialect::kJq, parsed.root(), arena, outputs, error);
      if (outcome == JqOutcome::kBail) {
        continue;
      }
      std::string list;
      const Status status = machine->Run(parsed.root(), list);
      const bool is_error = outcome == JqOutcome::kError;
      if (is_error == status.has_value() && MayDifferInErrors(text, is_error)) {
        continue;
      }
      ASSERT_EQ(outcome == JqOutcome::kDone, status.has_value())
          << text << "\n"
          << document << "\n"
          << error << (status ? list : status.error().message);
      if (outcome == JqOutcome::kError) {
        ++errors;
        continue;
      }
      ASSERT_EQ(CompareJq(Parsed(ListOf(outputs)).root(), Parsed(list).root()), 0)
          << text << "\n"
          << document << "\n"
          << ListOf(outputs) << "\n"
          << list;
      ++compared;
    }
  }
  EXPECT_GT(compared, 1000);
  EXPECT_GT(errors, 200);
}

}  // namespace
}  // namespace datalake::json

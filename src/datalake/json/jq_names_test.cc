#include "datalake/json/jq_names.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/json/jq.h"
#include "datalake/json/jq_home.h"
#include "datalake/testing/matchers.h"

namespace datalake::json {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(JqNamesTest, FindsCallsAndVariables) {
  const JqNames names = FindJqNames(R"(def f(g): g; .env | map(f(.a)) as $x | $ ENV | a::b(1.e))");
  EXPECT_THAT(names.words, ElementsAre("def", "f", "g", "g", "map", "f", "as", "a::b"));
  EXPECT_THAT(names.variables, ElementsAre("x", "ENV"));
  EXPECT_THAT(names.defined, ElementsAre("f"));
}

TEST(JqNamesTest, LeavesOutFieldsKeysStringsAndComments) {
  for (const char* program :
       {".env", ".a.input", "{env: 1, input: 2}", "{env}", "{a: 1, env}", "\"env\"", "# env\n.",
        "\"\\\"env\"", ".[\"env\"]", "@env", "\"a\\nenv\\(\"env\")env\""}) {
    EXPECT_THAT(CheckJqNames(FindJqNames(program), program), IsOk()) << program;
  }
}

TEST(JqNamesTest, FindsThemWhereverTheyHide) {
  for (const char* program :
       {"env", "..env", "$ENV.HOME", "\"\\(env)\"", "\"a\\(\"b\\(env)\")\"", "@base64 \"\\(env)\"",
        "{a: env}", "{(env|keys[0]): 1}", "{a: (1, env)}", ".[env:3]", "[env]", "{$ENV}",
        "{\"a\\(env)\": 1}", "def f: env; f", "# c\nenv", "{a: [1, env]}"}) {
    EXPECT_THAT(CheckJqNames(FindJqNames(program), program),
                IsError(ErrorCode::kInvalidArgument, "the environment"))
        << program;
  }
}

TEST(JqNamesTest, ProgramsSeeTheirDocumentAlone) {
  for (const char* program :
       {"env", "$ENV", "input", "[inputs]", "input_filename", "input_line_number", "now",
        "0 | localtime", "0 | strflocaltime(\"%c\")", "halt", "1 | halt_error", "stderr",
        "get_search_list", "\"a\" | modulemeta", "import \"a\" as a; .", "include \"a\"; .",
        "import \"a\" as $a; ."}) {
    EXPECT_THAT(Jq::Compile(program, JqDialect::kJq),
                IsError(ErrorCode::kInvalidArgument, "a filter has its document alone"))
        << program;
  }
  for (const char* program : {".input", "{now: 1}", "0 | todate", "gmtime?", ".a | debug"}) {
    EXPECT_THAT(Jq::Compile(program, JqDialect::kJq), IsOk()) << program;
  }
}

// A folder with a `.jq`.
class JqHomeTest : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(home_); }

  void TearDown() override { std::filesystem::remove_all(home_); }

  void Write(std::string_view text) const { std::ofstream(home_ + "/.jq") << text; }

  Status Check(std::string_view program) const { return CheckJqHome(FindJqNames(program), home_); }

  const std::string home_ = ::testing::TempDir() + "jq_home_test";
};

TEST_F(JqHomeTest, RefusesWhatItsDefinitionsWouldChange) {
  EXPECT_THAT(Check("length"), IsOk()) << "no file";
  Write("def length: 5; def mine(f): f;");
  EXPECT_THAT(Check(".a | length > 3"), IsError(ErrorCode::kInvalidArgument,
                                                "a function that a file of this machine defines"));
  EXPECT_THAT(Check("mine(.)"), IsError(ErrorCode::kInvalidArgument, "/.jq: mine"));
  EXPECT_THAT(Check(".length, {mine: 1}, \"length\""), IsOk());
  EXPECT_THAT(Check("def mine(f): f | f; mine(.)"), IsOk());
  Write("include \"other\";");
  EXPECT_THAT(Check("length"), IsError(ErrorCode::kInvalidArgument, "definitions of other files"));
}

// In a process of its own, whose environment it changes.
TEST_F(JqHomeTest, ADefinitionThereNeverGivesAnotherResult) {
  Write("def ascii_downcase: \"machine\"; def mine: 1;");
  EXPECT_EXIT(
      {
        setenv("HOME", home_.c_str(), 1);
        const bool is_refused = !Jq::Compile(".a | ascii_downcase", JqDialect::kJq).has_value();
        const bool is_unknown = !Jq::Compile("mine", JqDialect::kJq).has_value();
        const bool is_other_fine = Jq::Compile(".a | ascii_upcase", JqDialect::kJq).has_value();
        std::_Exit(is_refused && is_unknown && is_other_fine ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace datalake::json

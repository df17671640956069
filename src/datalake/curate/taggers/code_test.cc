#include <chrono>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/curate/taggers/code_comments.h"
#include "datalake/curate/taggers/tagger_test_support.h"
#include "datalake/curate/taggers/taggers.h"

namespace datalake::curate {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

const TaggerSettings kDolma = {.compatibility = Compatibility::kDolma};

TEST(CodeRedPajamaTest, CountsLinesAsSplitlines) {
  EXPECT_THAT(SpansOf(MakeCodeRedPajamaTaggersV1, "int a1;\r\n\u00e9\u00bd\u2028\n"),
              ElementsAre("max_line_length_doc[0,13,7.00000]", "avg_line_length_doc[0,13,3.00000]",
                          "alnum_prop_doc[0,13,0.53846]", "alpha_token_prop_doc[0,13,0.83333]"));
}

TEST(CodeCopyrightTest, TakesTheFirstBlockOnly) {
  EXPECT_THAT(SpansOf(MakeCodeCopyrightCommentsV1, "\u00e9 /* COPYRIGHT \u00a9 */ x"),
              ElementsAre("copyright_notice[2,19,1.00000]", "doc[0,21,0.85714]"));
  EXPECT_THAT(SpansOf(MakeCodeCopyrightCommentsV1, "/*/ a */ /* copyright */"),
              ElementsAre("doc[0,24,0.00000]"));
  EXPECT_THAT(SpansOf(MakeCodeCopyrightCommentsV1, "/* copyright"),
              ElementsAre("doc[0,12,0.00000]"));
}

TEST(CodeCopyrightTest, TakesLeadingComments) {
  constexpr std::string_view kText = "// a\n# b\n\n-- c\nx\n// d\n";
  EXPECT_THAT(SpansOf(MakeCodeCopyrightCommentsV1, kText),
              ElementsAre("comment_block[0,15,1.00000]", "doc[0,22,0.72727]"));
  EXPECT_THAT(SpansOf(MakeCodeCopyrightCommentsV1, kText, kDolma),
              ElementsAre("comment_block[0,12,1.00000]", "doc[0,22,0.59091]"));
  EXPECT_THAT(SpansOf(MakeCodeCopyrightCommentsV1, ""), ElementsAre("doc[0,0,-1.00000]"));
  EXPECT_THAT(SpansOf(MakeCodeCopyrightCommentsV1, "", kDolma),
              ElementsAre("comment_block[0,1,1.00000]", "doc[0,0,-1.00000]"));
}

TEST(CodeCommentsTest, JavaHasStringsAndCharacters) {
  EXPECT_EQ(JavaCommentChars("// c\r\nint a; /* b\r\nc */\r\n"), 4U + 9U);
  EXPECT_EQ(JavaCommentChars("s = \"// no \\\" /* no\"; c = '\"'; // yes\n"), 6U);
  EXPECT_EQ(JavaCommentChars("\"\"\"\n// no \" \"\"\"; /** \u00e9 */"), 8U);
  EXPECT_EQ(JavaCommentChars("a /* open // yes\nb"), 6U);
}

TEST(CodeCommentsTest, JavaScriptHasTemplatesAndRegularExpressions) {
  EXPECT_EQ(JavaScriptCommentChars("a = `// no ${ f('}') /* yes */ + `x` } // no` // yes"),
            9U + 6U);
  EXPECT_EQ(JavaScriptCommentChars("x = /[/*]\\/\\/ no/g; // yes"), 6U);
  EXPECT_EQ(JavaScriptCommentChars("x = a / 2; // yes\ny = (1) / 2 // yes"), 12U);
  EXPECT_EQ(JavaScriptCommentChars("it's // yes\n"), 6U);
}

TEST(CodeCommentsTest, OthersHaveTheirMarks) {
  EXPECT_EQ(CommentChars("SELECT '-- no'; -- yes", kDashes | kWithNewline), 7U);
  EXPECT_EQ(CommentChars("<p>it's <!-- yes --></p>", kMarkup), 12U);
}

TEST(PythonTextTest, TakesDocstringsAndComments) {
  EXPECT_EQ(PythonTextChars("# comment\nx = 1  # tail\n\"\"\"no doc\"\"\"\n"), 12U);
  EXPECT_EQ(PythonTextChars("def f():\n    '''doc string'''\n    return 1\n"), 10U);
  EXPECT_EQ(PythonTextChars("\"mod\"\nclass A:\n  \"\"\"one\n    two\n  three\"\"\"\n"
                            "  async def f(): 'no'\n  def g(self, a=lambda: 1): r'f\\n' 'x'; 1\n"),
            15U + 1 + 4 + 1 + 3);
  EXPECT_EQ(PythonTextChars("def f():\n  f'no'\ndef g():\n  b'no'\ndef h():\n  'no' % 1\n"), 0U);
  EXPECT_EQ(PythonTextChars("s = 'no # no'\nt = '''\n# no\n'''  # yes\n"), 3U);
  EXPECT_EQ(PythonTextChars("def f():\n  '\\x41\\u00e9\\n\\q'\n"), 5U);
}

TEST(PythonTextTest, WhatDoesNotTokenizeHasNone) {
  EXPECT_EQ(PythonTextChars("# yes\nx = (\n"), 0U);
  EXPECT_EQ(PythonTextChars("# yes\nx = '''\n"), 0U);
  EXPECT_EQ(PythonTextChars("# yes\nif x:\n    a\n  b\n"), 0U);
  EXPECT_EQ(PythonTextChars("'''doc'''\nprint 'x' # yes\n"), 3U);
  EXPECT_EQ(PythonTextChars("'''doc'''\nx = 'open # yes\n"), 3U);
}

TEST(HtmlTextTest, CountsVisibleText) {
  EXPECT_EQ(HtmlTextChars("<p>a &amp; b</p>\n \n<!-- c --><b title='>'>d</b>"), 5U + 1 + 1);
  EXPECT_EQ(HtmlTextChars("<script>if (a < b) x('<p>')</SCRIPT >y<style>p{}</style>"), 1U);
  EXPECT_EQ(HtmlTextChars("<pre>  \n </pre>  <!DOCTYPE html>1 < 2"), 4U + 1 + 5);
  EXPECT_EQ(HtmlTextChars("a<template>no <b>no</b></template>b"), 2U);
  EXPECT_EQ(HtmlTextChars("&unknown &#65;"), 10U);
}

TEST(CodeStarCoderTest, ReadsMetadata) {
  constexpr std::string_view kPython = "# yes\nx = 1\n";
  EXPECT_THAT(
      SpansOf(MakeCodeStarCoderTaggersV1, kPython, {}, R"({"ext":"py","max_stars_count":5})"),
      ElementsAre("has_xml_template_doc[0,12,0.00000]", "num_github_stars_doc[0,12,5.00000]",
                  "nl_ratio_doc[0,12,0.25000]", "code_to_text_ratio_html_doc[0,12,1.00000]"));
  EXPECT_THAT(SpansOf(MakeCodeStarCoderTaggersV1, kPython, {}, R"({"ext":"unknown"})"),
              Contains("nl_ratio_doc[0,12,-1.00000]"));
  EXPECT_THAT(SpansOf(MakeCodeStarCoderTaggersV2, kPython, {}, "{}"),
              Contains("code_to_comment_ratio_doc[0,12,0.50000]"));
  EXPECT_THAT(SpansOf(MakeCodeStarCoderTaggersV2, "", {}, R"({"ext":"py"})"),
              Contains("code_to_comment_ratio_doc[0,0,0.50000]"));
  EXPECT_THAT(SpansOf(MakeCodeStarCoderTaggersV2, "", kDolma, R"({"ext":"py"})"),
              ElementsAre("rejected: text is empty: its share of comments is not defined"));
}

TEST(CodeTest, HostileTextsTakeLinearTime) {
  for (const std::string_view unit :
       {"\"",       "'",   "\"\\", "`", "`${", "/*",  "/*/", "//",  "<",    "<a ", "<!--",
        "</",       "&",   "&#",   "#", "(",   "'''", "{`",  "=\"", "\\\n", " \n", "def f(): ''\n",
        "</script", "\n#c"}) {
    std::string text = "<script>";
    for (const bool in_script : {true, false}) {
      text = in_script ? text : std::string();
      while (text.size() < (1 << 20)) {
        text += unit;
      }
      const auto start = std::chrono::steady_clock::now();
      PythonTextChars(text);
      HtmlTextChars(text);
      JavaCommentChars(text);
      JavaScriptCommentChars(text);
      CommentChars(text, 0x17F);
      SpansOf(MakeCodeCopyrightCommentsV1, text);
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
      EXPECT_LT(took.count(), 10) << unit;
    }
  }
}

}  // namespace
}  // namespace datalake::curate

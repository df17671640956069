// The small taggers that count lengths, words and paragraphs.
#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/curate/tagger.h"
#include "datalake/testing/matchers.h"

namespace datalake::curate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Row = std::tuple<std::string, std::uint64_t, std::uint64_t, double>;

class LengthTest : public ::testing::Test {
 protected:
  LengthTest() { EXPECT_TRUE(AddBuiltinTaggers(registry_).has_value()); }

  std::vector<Row> Run(std::string_view name, std::string_view text,
                       Compatibility compatibility = Compatibility::kNone) {
    const auto tagger = registry_.Make(name, {.compatibility = compatibility});
    EXPECT_TRUE(tagger.has_value());
    DocumentView document;
    document.Reset(text);
    std::vector<Span> spans;
    (*tagger)->Tag(document, nullptr, spans);
    std::vector<Row> rows;
    for (const Span& span : spans) {
      rows.emplace_back((*tagger)->types()[span.type], span.start, span.end, span.score);
    }
    return rows;
  }

 private:
  TaggerRegistry registry_;
};

TEST_F(LengthTest, CountsTheText) {
  const std::string_view text = " \u00e9 b\n\x1f";
  EXPECT_THAT(Run("char_length_v1", text), ElementsAre(Row{"length", 0, 6, 6}));
  EXPECT_THAT(Run("char_length_strip_ws_v1", text), ElementsAre(Row{"length_no_ws", 0, 6, 3}));
  EXPECT_THAT(Run("char_length_strip_ws_v1", " \u3000"), ElementsAre(Row{"length_no_ws", 0, 2, 0}));
  EXPECT_THAT(Run("bytes_length_v1", text), ElementsAre(Row{"bytes", 0, 6, 7}));
  EXPECT_THAT(Run("doc_count_v1", text), ElementsAre(Row{"docs", 0, 6, 1}));
}

TEST_F(LengthTest, CountsParagraphsThatAreNotBlank) {
  EXPECT_THAT(
      Run("char_length_with_paragraphs_v1", "\u00e9\n \nab"),
      ElementsAre(Row{"paragraph", 0, 2, 2}, Row{"paragraph", 4, 6, 2}, Row{"document", 0, 6, 6}));
  EXPECT_THAT(Run("char_length_with_paragraphs_v1", ""), ElementsAre(Row{"document", 0, 0, 0}));
}

TEST_F(LengthTest, CountsPiecesOrWhatIsBetweenThem) {
  EXPECT_THAT(Run("whitespace_tokenizer_v1", "hello, world!"),
              ElementsAre(Row{"length", 0, 13, 4}));
  // specs: 12.22
  const auto toolkit = [&](std::string_view text) {
    return std::get<3>(Run("whitespace_tokenizer_v1", text, Compatibility::kDolma).at(0));
  };
  EXPECT_EQ(toolkit(""), 1);
  EXPECT_EQ(toolkit("hello world"), 3);
  EXPECT_EQ(toolkit("hello, world!"), 5);
  EXPECT_EQ(toolkit("don't"), 4);
  EXPECT_THAT(
      Run("whitespace_tokenizer_with_paragraphs_v1", "a b\n\nc.", Compatibility::kDolma),
      ElementsAre(Row{"paragraph", 0, 4, 3}, Row{"paragraph", 5, 7, 3}, Row{"document", 0, 7, 6}));
  EXPECT_THAT(
      Run("whitespace_tokenizer_with_paragraphs_v1", "a b\n\nc."),
      ElementsAre(Row{"paragraph", 0, 4, 2}, Row{"paragraph", 5, 7, 2}, Row{"document", 0, 7, 4}));
  EXPECT_THAT(Run("whitespace_tokenizer_with_paragraphs_v1", " ", Compatibility::kDolma),
              ElementsAre(Row{"document", 0, 1, 0}));
}

TEST_F(LengthTest, CountsSegments) {
  EXPECT_THAT(Run("uniseg_length_v1", " a b. "), ElementsAre(Row{"length", 0, 6, 4}));
  EXPECT_THAT(Run("uniseg_length_v1", " "), ElementsAre(Row{"length", 0, 1, 0}));
  EXPECT_THAT(
      Run("uniseg_length_paragraphs_v1", "a b.\n \nc"),
      ElementsAre(Row{"paragraph", 0, 5, 3}, Row{"paragraph", 7, 8, 1},
                  Row{"negative_paragraph", 0, 5, -3}, Row{"negative_paragraph", 7, 8, -1}));
  EXPECT_THAT(Run("uniseg_length_paragraphs_v1", " \n"), IsEmpty());
  EXPECT_THAT(Run("uniseg_length_paragraphs_with_doc_length_v1", "a b.\nc"),
              ElementsAre(Row{"paragraph", 0, 5, 3}, Row{"paragraph", 5, 6, 1},
                          Row{"negative_paragraph", 0, 5, -3}, Row{"negative_paragraph", 5, 6, -1},
                          Row{"document", 0, 6, 4}, Row{"negative_document", 0, 6, -4}));
  const std::vector<Row> empty = Run("uniseg_length_paragraphs_with_empty_v1", "\n");
  EXPECT_THAT(empty, ElementsAre(Row{"paragraph", 0, 1, 0}, Row{"negative_paragraph", 0, 1, 0}));
  EXPECT_FALSE(std::signbit(std::get<3>(empty[1])));  // the toolkit writes 0.0
}

TEST_F(LengthTest, RandomNumbersDependOnTheTextAlone) {
  EXPECT_EQ(Run("random_number_v1", "a"), Run("random_number_v1", "a"));
  EXPECT_NE(Run("random_number_v1", "a"), Run("random_number_v1", "b"));
  double sum = 0;
  for (int i = 0; i < 1000; ++i) {
    const double number = std::get<3>(Run("random_number_v1", std::to_string(i)).at(0));
    EXPECT_TRUE(number >= 0 && number < 1);
    sum += number;
  }
  EXPECT_NEAR(sum / 1000, 0.5, 0.05);
}

TEST_F(LengthTest, FindsParagraphsWithoutLettersAndDigits) {
  constexpr std::string_view kName = "not_alphanum_paragraph_v1";
  EXPECT_THAT(Run(kName, "***\n\u263a \U0001F600!\nab\n?"),
              ElementsAre(Row{"all_punct", 0, 4, 1}, Row{"all_punct", 4, 9, 1},
                          Row{"all_punct", 12, 13, 1}));
  EXPECT_THAT(Run(kName, "a!\n\u00e9\n \n"), ElementsAre(Row{"all_punct", 0, 7, 0}));
  EXPECT_THAT(Run(kName, "\x1c!"), ElementsAre(Row{"all_punct", 0, 2, 0}));  // no \s there
  EXPECT_THAT(Run(kName, ""), ElementsAre(Row{"all_punct", 0, 0, 0}));
}

// The toolkit's pattern takes 64 s for 44 emoji before a letter.
TEST_F(LengthTest, ManyEmojiAreNoTrouble) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) {
    text += "\U0001F600";
  }
  EXPECT_THAT(Run("not_alphanum_paragraph_v1", text + "\u00e9"),
              ElementsAre(Row{"all_punct", 0, 100'001, 0}));
  EXPECT_THAT(Run("not_alphanum_paragraph_v1", text), ElementsAre(Row{"all_punct", 0, 100'000, 1}));
}

}  // namespace
}  // namespace datalake::curate

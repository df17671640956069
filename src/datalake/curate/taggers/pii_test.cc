#include <array>
#include <chrono>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include "datalake/curate/taggers/pii_patterns.h"
#include "datalake/curate/taggers/tagger_test_support.h"
#include "datalake/curate/taggers/taggers.h"
#include "datalake/text/lines.h"

namespace datalake::curate {
namespace {

using ::testing::ElementsAre;

constexpr std::string_view kSpace =
    R"(\t-\r\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";

// The patterns as they are in the toolkit. RE2 finds the match that a backtracking engine finds.
const RE2& EmailPattern() {
  static const RE2 pattern(
      fmt::format(R"([.{0}@,?!;:)(]*([^{0}@]+@[^{0}@,?!;:)(]+?)[.{0}@,?!;:)(]?[{0}])", kSpace));
  return pattern;
}

const RE2& PhonePattern() {
  static const RE2 pattern(fmt::format(
      R"([{}]+\(?(\p{{Nd}}{{3}})\)?[-\. ]*(\p{{Nd}}{{3}})[-. ]?(\p{{Nd}}{{4}}))", kSpace));
  return pattern;
}

const RE2& AddressPattern() {
  static const RE2 pattern(
      R"((?:(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)\.){3}(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?))");
  return pattern;
}

struct PlainMatch {
  ByteRange range;
  std::string_view group;
};

// re.finditer of `text` [begin, end).
void FindPlainly(const RE2& pattern, std::string_view text, std::size_t begin, std::size_t end,
                 std::vector<PlainMatch>& out) {
  std::array<re2::StringPiece, 2> groups;
  // Cut, not only limited: no match looks beyond.
  const re2::StringPiece part(text.data() + begin, end - begin);
  std::size_t at = 0;
  const int count = std::min(2, pattern.NumberOfCapturingGroups() + 1);
  while (pattern.Match(part, at, part.size(), RE2::UNANCHORED, groups.data(), count)) {
    const auto match_begin = static_cast<std::size_t>(groups[0].data() - text.data());
    out.push_back({{match_begin, match_begin + groups[0].size()},
                   std::string_view(groups[1].data(), groups[1].size())});
    at = match_begin - begin + groups[0].size();
  }
}

std::vector<PlainMatch> FindPlainly(const RE2& pattern, std::string_view text, MatchScope scope) {
  std::vector<PlainMatch> matches;
  if (scope == MatchScope::kText) {
    FindPlainly(pattern, text, 0, text.size(), matches);
    return matches;
  }
  text::ForEachParagraph(text, [&](std::string_view paragraph) {
    const auto begin = static_cast<std::size_t>(paragraph.data() - text.data());
    FindPlainly(pattern, text, begin, begin + paragraph.size(), matches);
  });
  return matches;
}

std::vector<ByteRange> Ranges(const std::vector<PlainMatch>& matches) {
  std::vector<ByteRange> ranges;
  for (const PlainMatch& match : matches) {
    ranges.push_back(match.range);
  }
  return ranges;
}

// Random pieces of what the patterns care for, most of them near misses.
std::string RandomText(std::mt19937& random, std::span<const std::string_view> pieces) {
  std::string text;
  for (auto left = random() % 60; left > 0; --left) {
    text += pieces[random() % pieces.size()];
  }
  return text;
}

TEST(PiiPatternsTest, EmailsAreThoseOfThePattern) {
  constexpr std::array<std::string_view, 16> kPieces = {
      "@", "@",     ".",      " ",      "\n",     "a", "b",  "(",
      ",", "a@b.c", "\u00e9", "\u00a0", "\u2003", ")", "@@", ".@"};
  std::mt19937 random(7);
  std::vector<EmailMatch> found;
  for (int round = 0; round < 40'000; ++round) {
    const std::string text = RandomText(random, kPieces);
    for (const MatchScope scope : {MatchScope::kText, MatchScope::kParagraph}) {
      FindEmails(text, scope, found);
      const std::vector<PlainMatch> expected = FindPlainly(EmailPattern(), text, scope);
      ASSERT_EQ(found.size(), expected.size()) << ::testing::PrintToString(text);
      for (std::size_t i = 0; i < found.size(); ++i) {
        ASSERT_EQ(found[i].range, expected[i].range) << ::testing::PrintToString(text);
        ASSERT_EQ(text.substr(found[i].local_begin, found[i].domain_end - found[i].local_begin),
                  expected[i].group)
            << ::testing::PrintToString(text);
        ASSERT_EQ(found[i].at, found[i].local_begin + expected[i].group.find('@'));
      }
    }
  }
}

TEST(PiiPatternsTest, NumbersAreThoseOfThePatterns) {
  constexpr std::array<std::string_view, 22> kPieces = {"1",          "2",
                                                        "25",         "255",
                                                        "256",        "206",
                                                        "0199",       ".",
                                                        ".",          ".",
                                                        " ",          "-",
                                                        "(",          ")",
                                                        "\n",         "x",
                                                        "555",        "0123",
                                                        "\u0665",     "\u00a0",
                                                        "\U0001F60A", "\uff12\u0660\u06f0"};
  std::mt19937 random(8);
  std::vector<ByteRange> phones;
  std::vector<ByteRange> addresses;
  for (int round = 0; round < 40'000; ++round) {
    std::string text = RandomText(random, kPieces);
    if (round % 2 == 0) {  // ends of masks of 64 bytes at all places
      text.insert(0, std::string(random() % 64, 'x'));
    }
    for (const MatchScope scope : {MatchScope::kText, MatchScope::kParagraph}) {
      FindNumbers(text, scope, phones, addresses);
      ASSERT_EQ(phones, Ranges(FindPlainly(PhonePattern(), text, scope)))
          << ::testing::PrintToString(text);
      ASSERT_EQ(addresses, Ranges(FindPlainly(AddressPattern(), text, scope)))
          << ::testing::PrintToString(text);
    }
  }
}

constexpr Compatibility kDolma = Compatibility::kDolma;

TEST(PiiRegexTest, TakesWhatIsAroundAnAddressAlong) {
  EXPECT_THAT(SpansOf(MakePiiRegexV2, "a@b.co"), ElementsAre("doc[0,6,0.00000]"));
  EXPECT_THAT(SpansOf(MakePiiRegexV2, "a@b.co "),
              ElementsAre("EMAIL_ADDRESS[0,7,1.00000]", "doc[0,7,1.00000]"));
  EXPECT_THAT(SpansOf(MakePiiRegexV2, "mail me at a.b@c.org.\nx"),
              ElementsAre("EMAIL_ADDRESS[10,22,1.00000]", "doc[0,23,0.20000]"));
  EXPECT_THAT(SpansOf(MakePiiRegexV2, "(@b.co and a@b, "), ElementsAre("doc[0,16,0.00000]"));
}

TEST(PiiRegexTest, FindsNumbers) {
  EXPECT_THAT(SpansOf(MakePiiRegexV2, "x 2065550100123"),
              ElementsAre("PHONE_NUMBER[1,12,1.00000]", "doc[0,15,0.50000]"));
  EXPECT_THAT(SpansOf(MakePiiRegexV2, "v1.2.3.4.5"),
              ElementsAre("IP_ADDRESS[1,8,1.00000]", "doc[0,10,1.00000]"));
  EXPECT_THAT(SpansOf(MakePiiRegexV2, "256.1.1.1"),
              ElementsAre("IP_ADDRESS[1,9,1.00000]", "doc[0,9,1.00000]"));
}

TEST(PiiRegexTest, PassesOverNumbersNearAnIsbn) {
  const std::string near = "isbn" + std::string(96, 'x') + " 206 555 0100";
  const std::string far = "isbn" + std::string(97, 'x') + " 206 555 0100";
  EXPECT_THAT(SpansOf(MakePiiRegexV2, near), ElementsAre("doc[0,113,0.00000]"));
  EXPECT_THAT(SpansOf(MakePiiRegexV2, far),
              ElementsAre("PHONE_NUMBER[101,114,1.00000]", "doc[0,114,0.25000]"));
  const std::string wide = "#\U0001F60A " + std::string(97, 'y') + "1.2.3.4";
  EXPECT_THAT(SpansOf(MakePiiRegexV2, wide), ElementsAre("doc[0,107,0.00000]"));
  EXPECT_THAT(SpansOf(MakePiiRegexV2, "x" + wide.substr(1)),
              ElementsAre("IP_ADDRESS[100,107,1.00000]", "doc[0,107,0.50000]"));
}

TEST(PiiRegexTest, CountsInCodePoints) {
  EXPECT_THAT(SpansOf(MakePiiRegexWithCountsV2, "\U0001F60A a@b.co \u00e9 1.1.1.1"),
              ElementsAre("EMAIL_ADDRESS[1,9,1.00000]", "IP_ADDRESS[11,18,1.00000]",
                          "doc[0,18,0.50000]", "doc_count[0,18,2.00000]"));
}

TEST(PiiRegexTest, WordlessTextScoresMinusOne) {
  for (const MakeTagger make : {MakePiiRegexV1, MakePiiRegexV2}) {
    EXPECT_THAT(SpansOf(make, "   "), ElementsAre("doc[0,3,-1.00000]"));
  }
  EXPECT_THAT(SpansOf(MakePiiRegexWithCountsV2, ""),
              ElementsAre("doc[0,0,-1.00000]", "doc_count[0,0,0.00000]"));
  constexpr std::string_view kReason =
      "rejected: text without a word: the part of personal data is not defined";
  EXPECT_THAT(SpansOf(MakePiiRegexV1, " ", {.compatibility = kDolma}), ElementsAre(kReason));
  EXPECT_THAT(SpansOf(MakePiiRegexWithCountsV2, " ", {.compatibility = kDolma}),
              ElementsAre(kReason));
  EXPECT_THAT(SpansOf(MakePiiRegexV2, " ", {.compatibility = kDolma}),
              ElementsAre("doc[0,1,-1.00000]"));
}

TEST(PiiRegexTest, UrlsAreNoPhones) {
  constexpr std::string_view kUrl = "see 206-555-0100.com/x now";
  EXPECT_THAT(SpansOf(MakePiiRegexV2, kUrl), ElementsAre("doc[0,26,0.00000]"));
  EXPECT_THAT(SpansOf(MakePiiRegexV2, kUrl, {.compatibility = kDolma}),
              ElementsAre("PHONE_NUMBER[3,16,1.00000]", "doc[0,26,0.33333]"));
  EXPECT_THAT(SpansOf(MakePiiRegexV2, "see 206-555-0100. a/b"),
              ElementsAre("PHONE_NUMBER[3,16,1.00000]", "doc[0,21,0.33333]"));
}

TEST(PiiRegexFastTest, GoesByParagraphs) {
  EXPECT_THAT(
      SpansOf(MakePiiRegexWithCountsFastV2, "x 206 555 0100\n206 555 0100\na@b.co\n 1.1.1.1"),
      ElementsAre("PHONE_NUMBER[1,14,1.00000]", "EMAIL_ADDRESS[28,35,1.00000]",
                  "IP_ADDRESS[36,43,1.00000]", "doc_count[0,43,3.00000]",
                  "doc_frac[0,43,0.62791]"));
  // Not v2's: nobody looks for a `#`, and the domain is that of the match.
  EXPECT_THAT(
      SpansOf(MakePiiRegexWithCountsFastV2, "#1 1.1.1.1 a@b. "),
      ElementsAre("IP_ADDRESS[3,10,1.00000]", "doc_count[0,16,1.00000]", "doc_frac[0,16,0.43750]"));
}

TEST(PiiRegexFastTest, FractionIsThatOfTheText) {
  EXPECT_THAT(SpansOf(MakePiiRegexWithCountsFastV2, "none"),
              ElementsAre("doc_count[0,4,0.00000]", "doc_frac[0,4,0.00000]"));
  EXPECT_THAT(SpansOf(MakePiiRegexWithCountsFastV2, "none", {.compatibility = kDolma}),
              ElementsAre("doc_count[0,4,0.00000]", "doc_frac[0,4,1.00000]"));
  for (const Compatibility compatibility : {Compatibility::kNone, kDolma}) {
    EXPECT_THAT(SpansOf(MakePiiRegexWithCountsFastV2, "", {.compatibility = compatibility}),
                ElementsAre("doc_count[0,0,0.00000]", "doc_frac[0,0,-1.00000]"));
  }
}

TEST(PiiRegexFastTest, SkipsTextsOfQuestionMarks) {
  const std::string most = " 1.1.1.1 " + std::string(10'000, '?');
  EXPECT_EQ(SpansOf(MakePiiRegexWithCountsFastV2, most).size(), 3U);
  EXPECT_EQ(SpansOf(MakePiiRegexWithCountsFastV2, most + "?").size(), 2U);
}

// Quadratic time would take minutes here, linear time milliseconds.
TEST(PiiRegexTest, HostileTextsTakeLinearTime) {
  constexpr std::size_t kBytes = 4 << 20;
  constexpr std::array<std::string_view, 16> kUnits = {
      "@",    "a@",     "?",    "1",       ".",        " ",          "1.",  " 123",
      "a@b.", " (123)", ".@. ", "1.1.1.1", " 123 456", "\U0001F60A", "(@.", "\u0665"};
  for (const std::string_view unit : kUnits) {
    std::string text;
    while (text.size() < kBytes) {
      text += unit;
    }
    const auto start = std::chrono::steady_clock::now();
    SpansOf(MakePiiRegexV2, text);
    SpansOf(MakePiiRegexWithCountsFastV2, text);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    EXPECT_LT(took.count(), 20) << unit;
  }
}

}  // namespace
}  // namespace datalake::curate

#include "datalake/curate/dedupe_units.h"

#include <random>
#include <set>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/text/word_segments.h"

namespace datalake::curate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Span = std::pair<std::uint32_t, std::uint32_t>;

DedupeOptions Paragraphs() {
  DedupeOptions options;
  options.unit = DedupeUnitKind::kParagraphs;
  return options;
}

DedupeOptions Ngrams(std::uint64_t length, std::uint64_t stride = 0) {
  DedupeOptions options;
  options.unit = DedupeUnitKind::kNgrams;
  options.ngram_length = length;
  options.stride = stride;
  return options;
}

DedupeBlock UnitsOf(const DedupeOptions& options, std::string_view text) {
  UnitMaker maker(options);
  DedupeBlock block;
  (void)maker.Add(text, block);
  return block;
}

std::vector<Span> SpansOf(const DedupeBlock& block) {
  std::vector<Span> spans;
  for (const DedupeUnit& unit : block.units) {
    spans.emplace_back(unit.begin, unit.end);
  }
  return spans;
}

TEST(UnitMakerTest, ParagraphsCoverTheTextInCodePoints) {
  EXPECT_THAT(SpansOf(UnitsOf(Paragraphs(), "ab\n\nh\u00e9\U0001F60A!\nz")),
              ElementsAre(Span(0, 3), Span(3, 4), Span(4, 9), Span(9, 10)));
  // Nothing comes behind the last newline.
  EXPECT_THAT(SpansOf(UnitsOf(Paragraphs(), "ab\nc\n")), ElementsAre(Span(0, 3), Span(3, 5)));
  EXPECT_THAT(SpansOf(UnitsOf(Paragraphs(), "\n")), ElementsAre(Span(0, 1)));
  EXPECT_THAT(SpansOf(UnitsOf(Paragraphs(), "")), IsEmpty());
}

TEST(UnitMakerTest, SeparatorMayBeAnyText) {
  DedupeOptions options = Paragraphs();
  options.paragraph_separator = "\u2014\u2014";
  EXPECT_THAT(SpansOf(UnitsOf(options, "a\u2014\u2014b\u2014c\u2014\u2014\u2014d")),
              ElementsAre(Span(0, 3), Span(3, 8), Span(8, 10)));
  options.paragraph_separator = "aa";  // from the left, without overlaps
  EXPECT_THAT(SpansOf(UnitsOf(options, "xaaay")), ElementsAre(Span(0, 3), Span(3, 5)));
}

// The toolkit's offsets: one for any separator, bounded by the bytes of the text.
TEST(UnitMakerTest, CompatibilityGivesTheToolkitsOffsets) {
  DedupeOptions options = Paragraphs();
  options.compatibility = Compatibility::kDolma;
  EXPECT_THAT(SpansOf(UnitsOf(options, "ab\nc\n")),
              ElementsAre(Span(0, 3), Span(3, 4), Span(4, 4)));
  // Non-ASCII: the end of the last one is one too far.
  EXPECT_THAT(SpansOf(UnitsOf(options, "h\u00e9\u00e9\nb")), ElementsAre(Span(0, 4), Span(4, 6)));
  options.paragraph_separator = "--";
  EXPECT_THAT(SpansOf(UnitsOf(options, "ab--cd")), ElementsAre(Span(0, 3), Span(3, 5)));
}

TEST(UnitMakerTest, EqualParagraphsHaveEqualKeys) {
  const DedupeBlock block = UnitsOf(Paragraphs(), "same\nother\nsame");
  ASSERT_EQ(block.keys.size(), 3U);
  EXPECT_EQ(block.keys[0], block.keys[2]);
  EXPECT_NE(block.keys[0], block.keys[1]);
}

TEST(UnitMakerTest, LeavesShortAndBlankParagraphsAlone) {
  DedupeOptions options = Paragraphs();
  options.min_length = 3;
  options.skip_empty = true;
  EXPECT_THAT(SpansOf(UnitsOf(options, "abc\n\u00e9\u00e9\n   \n\u00e9\u00e9\u00e9")),
              ElementsAre(Span(0, 4), Span(11, 14)));
}

// Check 38.
TEST(UnitMakerTest, Check38ShortUnitsAreSkippedLongOnesCompared) {
  DedupeOptions options = Paragraphs();
  options.min_words = 5;
  EXPECT_THAT(SpansOf(UnitsOf(options, "one two three four\none two three four five\n1 2 3 4!")),
              ElementsAre(Span(19, 43), Span(43, 51)));
  options.unit = DedupeUnitKind::kDocuments;
  EXPECT_THAT(UnitsOf(options, "one two three four").keys, IsEmpty());
  EXPECT_EQ(UnitsOf(options, "one two three four five").keys.size(), 1U);
  // The toolkit compares nothing at all then.
  options.compatibility = Compatibility::kDolma;
  EXPECT_THAT(UnitsOf(options, "one two three four five").keys, IsEmpty());
  options.unit = DedupeUnitKind::kParagraphs;
  EXPECT_THAT(UnitsOf(options, "one two three four five").keys, IsEmpty());
}

// Check 4: n-grams of "a b c d e f g h" begin at words 0, 1 and 4.
TEST(UnitMakerTest, Check4NgramsBeginAt0And1AndThenByStride) {
  const DedupeBlock block = UnitsOf(Ngrams(3, 3), "a b c d e f g h");
  ASSERT_EQ(block.units.size(), 1U);
  EXPECT_EQ(block.units[0].rule, UnitRule::kShare);
  EXPECT_EQ(block.units[0].tested, 3U);
  const auto key = [](std::string_view words) {
    const std::vector<Hash128> keys = UnitsOf(Ngrams(3), words).keys;
    return keys.front();
  };
  EXPECT_THAT(block.keys, ElementsAre(key("a b c"), key("b c d"), key("e f g")));
}

TEST(UnitMakerTest, NgramsRollRight) {
  // Wherever an n-gram stands, its key is the same; all that differ have different ones.
  const std::string text = "a b a b a a a b b a c c a b";
  const std::vector<Hash128> keys = UnitsOf(Ngrams(3), text).keys;
  std::set<std::string> grams;
  std::set<Hash128> distinct(keys.begin(), keys.end());
  for (std::size_t i = 0; i + 5 <= text.size(); i += 2) {
    grams.insert(text.substr(i, 5));
  }
  EXPECT_EQ(keys.size(), 12U);
  EXPECT_EQ(distinct.size(), grams.size());
  // The length is a part of the key, and repeated words do not cancel each other.
  EXPECT_NE(UnitsOf(Ngrams(2), "x x").keys.front(), UnitsOf(Ngrams(4), "x x x x").keys.front());
  EXPECT_NE(UnitsOf(Ngrams(4), "x x x x").keys.front(), UnitsOf(Ngrams(4), "y y y y").keys.front());
}

TEST(UnitMakerTest, ShortParagraphsAreComparedWholeUnlessSkipped) {
  const DedupeBlock whole = UnitsOf(Ngrams(3), "a b");
  ASSERT_EQ(whole.units.size(), 1U);
  EXPECT_EQ(whole.units[0].rule, UnitRule::kLastKey);
  EXPECT_THAT(whole.keys, ElementsAre(Xxh3Hash128("a b")));
  // One n-gram leaves its key too.
  const DedupeBlock one = UnitsOf(Ngrams(3), "a b c");
  EXPECT_EQ(one.units[0].rule, UnitRule::kLastKey);
  EXPECT_EQ(one.keys.size(), 2U);
  EXPECT_EQ(one.keys[1], Xxh3Hash128("a b c"));

  DedupeOptions skipping = Ngrams(3);
  skipping.skip_short_paragraphs = true;
  EXPECT_THAT(UnitsOf(skipping, "a b").units, IsEmpty());
  const DedupeBlock share = UnitsOf(skipping, "a b c");
  ASSERT_EQ(share.units.size(), 1U);
  EXPECT_EQ(share.units[0].rule, UnitRule::kShare);
  EXPECT_EQ(share.keys.size(), 1U);
}

TEST(UnitMakerTest, PartitionsShareTheKeysWithoutGapOrOverlap) {
  std::string text;
  for (int i = 0; i < 3000; ++i) {
    text += "paragraph " + std::to_string(i) + "\n";
  }
  const std::vector<Hash128> all = UnitsOf(Paragraphs(), text).keys;
  std::multiset<Hash128> shared;
  for (std::uint64_t index = 0; index < 3; ++index) {
    DedupeOptions options = Paragraphs();
    options.num_partitions = 3;
    options.partition_index = index;
    const std::vector<Hash128> own = UnitsOf(options, text).keys;
    EXPECT_NEAR(static_cast<double>(own.size()), 1000, 120);
    shared.insert(own.begin(), own.end());
  }
  EXPECT_EQ(shared, std::multiset<Hash128>(all.begin(), all.end()));
}

// Partitions on several machines must agree for ever: these are in saved states.
TEST(UnitMakerTest, KeysAndPartitionsNeverChange) {
  EXPECT_EQ(Xxh3Hash128("hello world"), (Hash128{0xa99b8775cc15b6c7U, 0xdf8d09e93f874900U}));
  const Hash128 gram = UnitsOf(Ngrams(3), "a b c").keys.front();
  EXPECT_EQ(gram, (Hash128{0x2a0e5701cc2596a1U, 0xda826ea027299445U}));
  EXPECT_TRUE(IsOwnKey({1, 2}, 7, 5));
}

// A text of three MiB, of lines both short and longer than what is split at once.
std::string LongText() {
  std::mt19937 random(7);
  const std::vector<std::string> words = {
      "a", "the",    "don't", "3.14", "x_y", "\u4e2d\u6587", "e.g.", "--",
      "'", "\u00e9", "\t",    "(",    ":",   "7,",           "\r\n", "\U0001F60A"};
  std::string text;
  while (text.size() < 3'000'000) {
    text += words[random() % words.size()];
    text += random() % 3 == 0 ? "" : " ";
    if (random() % 10 == 0 && (text.size() < 400'000 || text.size() > 2'400'000)) {
      text += "\n";
    }
  }
  return text;
}

// What the blocks say when they are put together.
DedupeBlock Joined(const std::vector<DedupeBlock>& blocks) {
  DedupeBlock all;
  std::uint32_t open_keys = 0;
  for (const DedupeBlock& block : blocks) {
    all.keys.insert(all.keys.end(), block.keys.begin(), block.keys.end());
    for (DedupeUnit unit : block.units) {
      open_keys += unit.keys;
      if (unit.rule != UnitRule::kOpen) {
        unit.keys = std::exchange(open_keys, 0);
        all.units.push_back(unit);
      }
    }
  }
  return all;
}

TEST(UnitMakerTest, PiecesOfLongTextsGiveTheSame) {
  const std::string text = LongText();
  for (const DedupeOptions& options : {Ngrams(3), Ngrams(3, 2), Ngrams(1), Paragraphs()}) {
    const DedupeBlock whole = UnitsOf(options, text);
    UnitMaker maker(options);
    std::vector<DedupeBlock> blocks(1);
    EXPECT_EQ(maker.Begin(text, blocks.back()), RowForm::kList);
    while (!maker.More(blocks.back(), 100'000)) {
      EXPECT_LT(blocks.back().keys.size(), 1'200'000U) << "at most a piece more";
      blocks.emplace_back();
    }
    const DedupeBlock joined = Joined(blocks);
    EXPECT_TRUE(joined.keys == whole.keys);
    ASSERT_EQ(joined.units.size(), whole.units.size());
    for (std::size_t i = 0; i < whole.units.size(); ++i) {
      EXPECT_EQ(joined.units[i].keys, whole.units[i].keys);
      EXPECT_EQ(joined.units[i].tested, whole.units[i].tested);
      EXPECT_EQ(joined.units[i].rule, whole.units[i].rule);
    }
  }
}

// The words of pieces are those of the whole, so the n-grams of one word are.
TEST(UnitMakerTest, LongLinesAreSplitIntoTheSameWords) {
  const std::string text = LongText();
  std::size_t begin = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.size() < (1 << 20)) {
      continue;
    }
    std::vector<text::Word> words;
    text::SplitNonBlankWordSegments(line, words);
    std::vector<Hash128> want;
    for (const text::Word& word : words) {
      want.push_back(Xxh3Hash128(std::string_view(line).substr(word.begin, word.end - word.begin)));
    }
    EXPECT_TRUE(UnitsOf(Ngrams(1), line).keys == want);
  }
  EXPECT_GT(begin, 2'000'000U);
}

}  // namespace
}  // namespace datalake::curate

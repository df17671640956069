#include "datalake/text/repetitions.h"

#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/text/unicode.h"
#include "datalake/text/utf8.h"

namespace datalake::text {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<Repetition> Find(std::string_view text) {
  static RepetitionFinder finder;  // one for all: nothing may be left of the text before
  std::vector<Repetition> found;
  finder.Find(text, found);
  return found;
}

// The pattern (.+?)(\s?\1){3,} by backtracking, as Python's re goes.
class PlainPattern {
 public:
  explicit PlainPattern(std::string_view text) : text_(text) {}

  std::vector<Repetition> FindAll() const {
    std::vector<Repetition> all;
    for (std::size_t begin = 0; begin < text_.size();) {
      const Repetition found = MatchAt(begin);
      if (found.end == 0) {
        begin += DecodeCodePoint(text_, begin).bytes;
        continue;
      }
      all.push_back(found);
      begin = found.end;
    }
    return all;
  }

 private:
  Repetition MatchAt(std::size_t begin) const {
    for (std::size_t end = begin; end < text_.size() && text_[end] != '\n';) {
      end += DecodeCodePoint(text_, end).bytes;
      const std::string_view unit = text_.substr(begin, end - begin);
      const std::size_t match = Copies(unit, end, 0);
      if (match != 0) {
        std::uint64_t count = 0;
        const std::string_view all = text_.substr(begin, match - begin);
        for (std::size_t at = all.find(unit); at != std::string_view::npos;
             at = all.find(unit, at + unit.size())) {
          ++count;
        }
        return {begin, match, count};
      }
    }
    return {};
  }

  // The end of the match whose copies so far end at `at`; 0 when there is none.
  std::size_t Copies(std::string_view unit, std::size_t at, int copies) const {
    if (at < text_.size()) {
      const DecodedCodePoint next = DecodeCodePoint(text_, at);
      if (IsSpace(next.value) && text_.substr(at + next.bytes).starts_with(unit)) {
        const std::size_t end = Copies(unit, at + next.bytes + unit.size(), copies + 1);
        if (end != 0) {
          return end;
        }
      }
    }
    if (text_.substr(at).starts_with(unit)) {
      const std::size_t end = Copies(unit, at + unit.size(), copies + 1);
      if (end != 0) {
        return end;
      }
    }
    return copies >= 3 ? at : 0;
  }

  std::string_view text_;
};

std::string Times(std::string_view unit, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) {
    text += unit;
  }
  return text;
}

TEST(RepetitionsTest, FindsShortUnits) {
  EXPECT_THAT(Find(""), IsEmpty());
  EXPECT_THAT(Find("aaa"), IsEmpty());
  EXPECT_THAT(Find("aaaa"), ElementsAre(Repetition{0, 4, 4}));
  EXPECT_THAT(Find("MMMMMMMMMM"), ElementsAre(Repetition{0, 10, 10}));
  EXPECT_THAT(Find("blah blah blah blah blah"), ElementsAre(Repetition{0, 24, 5}));
  EXPECT_THAT(Find("x\ny\nz\n\n\n\n"), IsEmpty());  // a unit has no newline in it
  EXPECT_THAT(Find("a\na\na\na"), ElementsAre(Repetition{0, 7, 4}));
  EXPECT_THAT(Find("a  a  a  a"), IsEmpty());
  EXPECT_THAT(Find("    "), ElementsAre(Repetition{0, 4, 4}));
  EXPECT_THAT(Find("ababababcccc"), ElementsAre(Repetition{0, 8, 4}, Repetition{8, 12, 4}));
}

TEST(RepetitionsTest, FindsLongUnits) {
  const std::string unit = "the quick brown fox jumps over the lazy dog";
  EXPECT_THAT(Find("x" + Times(unit + "\u3000", 4)), ElementsAre(Repetition{1, 182, 4}));
  EXPECT_THAT(Find(unit + unit + " " + unit + "\n" + unit), ElementsAre(Repetition{0, 174, 4}));
  EXPECT_THAT(Find(unit + unit + "  " + unit + "\n" + unit), IsEmpty());
}

TEST(RepetitionsTest, AgreesWithBacktrackingOnRandomTexts) {
  const std::vector<std::vector<std::string>> kAlphabets = {{" ", "a"},
                                                            {"a", "b"},
                                                            {"a", "b", " "},
                                                            {"a", " ", "\n"},
                                                            {"\u00e9", "a"},
                                                            {"\u3000", "a", "b"},
                                                            {"\u00a0", "b"},
                                                            {"\U0001F600", " ", "\t"},
                                                            {"a", "b", "c", "d", " ", "\n"}};
  std::mt19937 random(8);
  for (int round = 0; round < 6000; ++round) {
    const auto& alphabet = kAlphabets[random() % kAlphabets.size()];
    const auto word = [&](std::size_t length) {
      std::string text;
      for (std::size_t i = 0; i < length; ++i) {
        text += alphabet[random() % alphabet.size()];
      }
      return text;
    };
    static const std::vector<std::string> kBetween = {"", "", " ", "\n", "\u3000", "  "};
    std::string text = word(random() % 20);
    for (std::size_t part = random() % 4; part > 0; --part) {
      const std::string unit = word(1 + random() % 45);
      const bool spaced = random() % 2 == 0;
      for (std::size_t i = 2 + random() % 4; i > 0; --i) {
        text += unit + (spaced ? kBetween[random() % kBetween.size()] : "");
      }
      text += word(random() % 12);
    }
    ASSERT_EQ(Find(text), PlainPattern(text).FindAll()) << "seed 8, round " << round << "\n"
                                                        << text;
  }
}

std::uint64_t WorkFor(const std::string& text) {
  RepetitionFinder finder;
  std::vector<Repetition> found;
  finder.Find(text, found);
  return finder.work() + text.size();
}

// Twice the text may be little more than twice the work, where the pattern takes four times.
TEST(RepetitionsTest, TakesTimeAlmostLinearInHostileTexts) {
  std::mt19937 random(9);
  const auto letters = [&](std::size_t size) {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) {
      text += static_cast<char>('a' + random() % 20);
    }
    return text;
  };
  const auto fibonacci = [](std::size_t size) {
    std::string before = "a";
    std::string text = "ab";
    while (text.size() < size) {
      std::swap(before, text);
      text = before + text;
    }
    return text.substr(0, size);
  };
  constexpr std::size_t kSize = 100'000;
  for (const auto& [name, make] :
       std::vector<std::pair<std::string, std::function<std::string(std::size_t)>>>{
           {"one letter", [](std::size_t size) { return std::string(size, 'a'); }},
           {"emoji", [](std::size_t size) { return Times("\U0001F600", size / 4); }},
           {"newlines", [](std::size_t size) { return std::string(size, '\n'); }},
           {"no space", letters},
           {"half of it one letter",
            [&](std::size_t size) { return letters(size / 2) + std::string(size / 2, 'a'); }},
           {"three times", [&](std::size_t size) { return Times(letters(size / 3), 3); }},
           {"few letters between",
            [&](std::size_t size) { return Times("aaaab" + letters(1), size / 6); }},
           {"equal lines beside a long one",
            [&](std::size_t size) {
              return Times("ab cd ef gh ij kl mn\n", size / 42) + letters(size / 2);
            }},
           {"fibonacci", fibonacci}}) {
    const std::uint64_t once = WorkFor(make(kSize));
    const std::uint64_t twice = WorkFor(make(2 * kSize));
    EXPECT_LT(twice, 2.6 * static_cast<double>(once)) << name;
    EXPECT_LT(once, 60 * kSize) << name;
  }
}

}  // namespace
}  // namespace datalake::text

#include <string>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/curate/taggers/taggers.h"
#include "datalake/testing/matchers.h"

namespace datalake::curate {
namespace {

using ::testing::ElementsAre;
using Row = std::tuple<std::string, std::uint64_t, std::uint64_t, double>;

std::vector<Row> TagRows(Result<std::unique_ptr<const Tagger>> tagger, std::string_view text) {
  EXPECT_TRUE(tagger.has_value());
  const std::unique_ptr<TaggerState> state = (*tagger)->MakeState();
  DocumentView document;
  document.Reset(text);
  std::vector<Span> spans;
  (*tagger)->Tag(document, state.get(), spans);
  std::vector<Row> rows;
  for (const Span& span : spans) {
    rows.emplace_back((*tagger)->types()[span.type], span.start, span.end, span.score);
  }
  return rows;
}

TEST(RepetitionsTest, FindsThemInTheDocument) {
  // specs: 12.29
  EXPECT_THAT(TagRows(MakeRepetitionsV1({}), "blah blah blah blah blah"),
              ElementsAre(Row{"repetition", 0, 24, 5}, Row{"doc_max_score_repetition", 0, 24, 5},
                          Row{"doc_max_length_repetition", 0, 24, 24},
                          Row{"doc_frac_repetition", 0, 24, 1}));
  EXPECT_THAT(TagRows(MakeRepetitionsV1({}), "\u00e9 ....\na\na\na\na"),
              ElementsAre(Row{"repetition", 2, 6, 4}, Row{"repetition", 7, 14, 4},
                          Row{"doc_max_score_repetition", 0, 14, 4},
                          Row{"doc_max_length_repetition", 0, 14, 7},
                          Row{"doc_frac_repetition", 0, 14, 11.0 / 14}));
  EXPECT_THAT(
      TagRows(MakeRepetitionsV1({}), ""),
      ElementsAre(Row{"doc_max_score_repetition", 0, 0, 0},
                  Row{"doc_max_length_repetition", 0, 0, 0}, Row{"doc_frac_repetition", 0, 0, 0}));
}

TEST(RepetitionsTest, FindsThemInParagraphs) {
  EXPECT_THAT(TagRows(MakeParagraphRepetitionsV1({}), "\u00e9 ....\na\na\na\na"),
              ElementsAre(Row{"repetition", 2, 6, 4}, Row{"doc_max_score_repetition", 0, 14, 4},
                          Row{"doc_max_length_repetition", 0, 14, 4},
                          Row{"doc_frac_repetition", 0, 14, 4.0 / 14}));
}

}  // namespace
}  // namespace datalake::curate

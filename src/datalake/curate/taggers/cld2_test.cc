#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/curate/taggers/tagger_test_support.h"
#include "datalake/curate/taggers/taggers.h"

namespace datalake::curate {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const TaggerSettings kDolma = {.compatibility = Compatibility::kDolma};
constexpr std::string_view kEnglish =
    "The quick brown fox jumps over the lazy dog and nobody is surprised by that any more.\n";
constexpr std::string_view kGerman =
    "Dies ist ein deutscher Text, der lang genug ist, um sicher erkannt zu werden.\n";

TEST(Cld2Test, TypesAreLanguageCodes) {
  EXPECT_THAT(SpansOf(MakeCld2DocV2, kGerman), ElementsAre("de[0,78,0.98000]"));
  EXPECT_THAT(SpansOf(MakeCld2DocV2, kGerman, kDolma),
              ElementsAre("ge[0,78,0.98000]", "un[0,78,0.00000]", "un[0,78,0.00000]"));
  EXPECT_THAT(SpansOf(MakeCld2DocV2, ""), IsEmpty());
}

TEST(Cld2Test, EnglishHasItsOpposite) {
  EXPECT_THAT(SpansOf(MakeCld2EnDocV2, kEnglish),
              ElementsAre("en[0,86,0.98000]", "not_en[0,86,0.02000]"));
  EXPECT_THAT(SpansOf(MakeCld2EnDocV2, kGerman),
              ElementsAre("en[0,78,0.00000]", "not_en[0,78,1.00000]"));
  EXPECT_THAT(SpansOf(MakeCld2EnDocV2, ""), ElementsAre("en[0,0,0.00000]", "not_en[0,0,1.00000]"));
}

TEST(Cld2Test, GoesByParagraphs) {
  const std::string text = std::string(kGerman) + " \n" + std::string(kEnglish);
  EXPECT_THAT(SpansOf(MakeCld2ParagraphV2, text),
              ElementsAre("de[0,78,0.98000]", "en[80,166,0.98000]"));
  EXPECT_THAT(
      SpansOf(MakeCld2EnParagraphWithDocScoreV2, text),
      ElementsAre("en[0,78,0.00000]", "en[80,166,0.98000]", "not_en[0,78,1.00000]",
                  "not_en[80,166,0.02000]", "doc_en[0,166,0.50771]", "doc_not_en[0,166,0.49229]"));
  EXPECT_THAT(SpansOf(MakeCld2EnParagraphWithDocScoreV2, ""),
              ElementsAre("doc_en[0,0,0.00000]", "doc_not_en[0,0,0.00000]"));
}

TEST(Cld2Test, ControlCharactersAreLeftOut) {
  for (const std::string_view control : {"\x01", "\u0085", "\uFFFE", "\U0001FFFF"}) {
    const std::string text = std::string(kEnglish) + std::string(control) + std::string(kEnglish);
    EXPECT_THAT(SpansOf(MakeCld2EnDocV2, text), Contains("en[0,173,0.99000]")) << control;
    EXPECT_THAT(SpansOf(MakeCld2EnDocV2, text, kDolma), Contains("en[0,173,0.99000]")) << control;
  }
}

// The full tables, not the small ones of the same library: those do not know Hawaiian.
TEST(Cld2Test, KnowsRareLanguages) {
  EXPECT_THAT(SpansOf(MakeCld2DocV2,
                      "He mau aniani ho\u02bbokahi k\u0113ia no ka ho\u02bbonui \u02bbana i ka "
                      "hua\u02bb\u014dlelo ma ka \u02bb\u014dlelo Hawai\u02bbi, a ua hana \u02bbia "
                      "e n\u0101 kumu a me n\u0101 haum\u0101na o ke kula nui."),
              Contains(::testing::StartsWith("haw[")));
}

}  // namespace
}  // namespace datalake::curate

#include <chrono>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/curate/taggers/tagger_test_support.h"
#include "datalake/curate/taggers/taggers.h"
#include "datalake/json/writer.h"

namespace datalake::curate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> SpansOfHtml(MakeTagger make, std::string_view html) {
  std::string metadata = R"({"html":)";
  json::AppendString(metadata, html);
  metadata.push_back('}');
  return SpansOf(make, "caf\u00e9", {}, metadata);
}

TEST(CreativeCommonsTest, NamesLicenceVersionAndLanguage) {
  EXPECT_THAT(
      SpansOfHtml(
          MakeCcRe,
          "<p><a rel=\"license\" href=\"http://creativecommons.org/licenses/by-nc-sa/3.0/de/"
          "deed.en\">x</a> <A HREF='https://creativecommons.org/publicdomain/zero/1.0/'>"
          "<a href=\"https://creativecommons.org/licenses/by/4.0\">y</a>"
          "<meta content='http://creativecommons.org/licenses/by-nc-sa/3.0/de/deed.en'/>"),
      ElementsAre("cc_by_nc_sa_3_0_en[0,4,1.00000]", "cc_publicdomain_zero_1_0[0,4,0.75000]",
                  "cc_by_4_0[0,4,0.66667]", "cc_by_nc_sa_3_0_en[0,4,0.62500]"));
}

TEST(CreativeCommonsTest, WantsALink) {
  EXPECT_THAT(SpansOfHtml(MakeCcRe, "see http://creativecommons.org/licenses/by/4.0/"), IsEmpty());
  EXPECT_THAT(SpansOfHtml(MakeCcRe, "<a x>href=\"http://creativecommons.org/licenses/by/4.0/\">"),
              IsEmpty());
  EXPECT_THAT(SpansOfHtml(MakeCcRe, ""), IsEmpty());
}

TEST(CreativeCommonsTest, FastTakesAnyMention) {
  EXPECT_THAT(SpansOfHtml(MakeCcReFast,
                          "see http://creativecommons.org/licenses/by-nd/4.0/ and "
                          "https://creativecommons.org/licenses/by-nc-nd> not "
                          "http://creativecommons.org/licenses/by-nd-x/"),
              ElementsAre("cc_by_nd[0,4,1.00000]", "cc_by_nc_nd[0,4,0.75000]"));
}

TEST(CreativeCommonsTest, DocumentsWithoutHtmlAreRejected) {
  for (const std::string_view metadata : {"", "{}", R"({"html":null})", R"({"html":1})"}) {
    EXPECT_THAT(SpansOf(MakeCcRe, "x", {}, metadata),
                ElementsAre("rejected: metadata.html must be a string"));
  }
}

TEST(CreativeCommonsTest, HostileTextsTakeLinearTime) {
  const std::string link = "<a href=\"http://creativecommons.org/licenses/by/";
  for (const std::string_view unit : {"<a ", "<a href=", "<meta \n", "\"", "&quot;"}) {
    std::string html = link;
    while (html.size() < (1 << 20)) {
      html += unit;
    }
    const auto start = std::chrono::steady_clock::now();
    SpansOfHtml(MakeCcRe, html);
    SpansOfHtml(MakeCcReFast, html);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    EXPECT_LT(took.count(), 20) << unit;
  }
}

}  // namespace
}  // namespace datalake::curate

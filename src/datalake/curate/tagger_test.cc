#include "datalake/curate/tagger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/curate/taggers/taggers.h"
#include "datalake/testing/matchers.h"

namespace datalake::curate {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::IsSupersetOf;

TEST(TaggerRegistryTest, MakesBuiltinTaggers) {
  TaggerRegistry registry;
  ASSERT_THAT(AddBuiltinTaggers(registry), IsOk());
  EXPECT_THAT(registry.Names(), IsSupersetOf({"char_length_v1", "gopher_v2"}));
  for (const std::string& name : registry.Names()) {
    const bool needs_list = name.find("list_") != name.npos || name.starts_with("blocklist_") ||
                            name.ends_with("_abp_v1");
    if (needs_list) {
      EXPECT_THAT(registry.Make(name, {}),
                  IsError(ErrorCode::kInvalidArgument, "set lists." + name));
    } else {
      EXPECT_THAT(registry.Make(name, {}), IsOk()) << name;
    }
  }
}

TEST(TaggerRegistryTest, NamesTheNearestOfAnUnknownTagger) {
  TaggerRegistry registry;
  ASSERT_THAT(AddBuiltinTaggers(registry), IsOk());
  EXPECT_THAT(registry.Make("gofer_v2", {}), IsError(ErrorCode::kNotFound, "gopher_v2"));
}

TEST(TaggerRegistryTest, RefusesNameTwice) {
  TaggerRegistry registry;
  ASSERT_THAT(AddBuiltinTaggers(registry), IsOk());
  EXPECT_THAT(registry.Add("gopher_v2", "again", MakeGopherV2),
              IsError(ErrorCode::kAlreadyExists, "gopher_v2"));
}

TEST(CharLengthV1Test, CountsCodePoints) {
  const auto tagger = MakeCharLengthV1({});
  ASSERT_THAT(tagger, IsOk());
  DocumentView document;
  document.Reset("a\u00e9\U0001F60A\n");
  std::vector<Span> spans;
  (*tagger)->Tag(document, nullptr, spans);
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(spans[0].end, 4U);
  EXPECT_EQ(spans[0].score, 4.0);
}

}  // namespace
}  // namespace datalake::curate

#include "apps/datalake/lake_documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/testing/matchers.h"

namespace datalake::apps {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;

TEST(LakeDocumentsTest, ParsesTableVersionAndVariant) {
  const auto whole = LakeDocuments::Parse("lake:p/d/raw@12?variant=en");
  ASSERT_THAT(whole, IsOk());
  EXPECT_EQ(whole->table, (lake::TableName{"p", "d", "raw"}));
  EXPECT_EQ(whole->version, 12);
  EXPECT_EQ(whole->partition_column, "variant");
  EXPECT_EQ(whole->partition_value, "en");
  const auto newest = LakeDocuments::Parse("lake:p/owner--d/raw");
  ASSERT_THAT(newest, IsOk());
  EXPECT_EQ(newest->table.dataset, "owner--d");
  EXPECT_FALSE(newest->version.has_value());
  EXPECT_EQ(newest->partition_column, "");
}

TEST(LakeDocumentsTest, RefusesOtherForms) {
  for (const std::string_view text :
       {"lake:", "lake:p", "lake:p/d", "lake:p/d/t/x", "lake:p/d/t@", "lake:p/d/t@-1",
        "lake:p/d/t@1x", "lake:p/d/t?variant", "lake:p/d/t?=x",
        "lake:p/d/t?variant=", "lake:p/d/t?variant=*", "lake:../d/t", "lake:p/d/.."}) {
    EXPECT_THAT(LakeDocuments::Parse(text), IsError(ErrorCode::kInvalidArgument, "")) << text;
  }
}

}  // namespace
}  // namespace datalake::apps

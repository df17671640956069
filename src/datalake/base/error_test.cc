#include "datalake/base/error.h"

#include <cerrno>
#include <memory>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/result.h"
#include "datalake/testing/matchers.h"

namespace datalake {
namespace {

using testing::IsError;
using testing::IsOkAndHolds;

TEST(ErrorCodeTest, TableGivesEveryCodeItsOwnExitCodeAndName) {
  std::set<int> exit_codes;
  std::set<std::string_view> names;
  for (int i = 1; i <= 12; ++i) {
    const ErrorCodeFacts& facts = FactsOf(static_cast<ErrorCode>(i));
    EXPECT_EQ(static_cast<int>(facts.code), i);
    EXPECT_EQ(facts.exit_code, i + 9);
    EXPECT_TRUE(exit_codes.insert(facts.exit_code).second);
    EXPECT_TRUE(names.insert(facts.name).second);
    EXPECT_EQ(ErrorCodeFromName(facts.name), facts.code);
  }
}

TEST(ErrorCodeTest, ErrnoMapsToTheCodeThatNamesIt) {
  EXPECT_EQ(ErrorCodeFromErrno(ENOENT), ErrorCode::kNotFound);
  EXPECT_EQ(ErrorCodeFromErrno(EEXIST), ErrorCode::kAlreadyExists);
  EXPECT_EQ(ErrorCodeFromErrno(EROFS), ErrorCode::kPermissionDenied);
  EXPECT_EQ(ErrorCodeFromErrno(ENOSPC), ErrorCode::kResourceExhausted);
  EXPECT_EQ(ErrorCodeFromErrno(EIO), ErrorCode::kIo);
}

Result<int> Half(int value) {
  if (value % 2 != 0) {
    return Error{ErrorCode::kInvalidArgument, "odd"};
  }
  return value / 2;
}

Result<int> Quarter(int value) {
  DATALAKE_TRY_ASSIGN(const int half, Half(value));
  DATALAKE_TRY(Half(half));
  return half / 2;
}

TEST(ResultTest, MacrosPassValuesAndReturnErrors) {
  EXPECT_THAT(Quarter(8), IsOkAndHolds(2));
  EXPECT_THAT(Quarter(6), IsError(ErrorCode::kInvalidArgument, "odd"));
  EXPECT_THAT(Quarter(7), IsError(ErrorCode::kInvalidArgument, "odd"));
}

TEST(ResultTest, MoveOnlyValueConvertsToItsBase) {
  struct Base {
    virtual ~Base() = default;
  };

  struct Derived : Base {};

  const auto make = []() -> Result<std::unique_ptr<Base>> { return std::make_unique<Derived>(); };
  EXPECT_NE(make().value(), nullptr);
}

}  // namespace
}  // namespace datalake

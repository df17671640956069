#include "datalake/table/diff.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/table/compact.h"
#include "datalake/table/delete_rows.h"
#include "datalake/table/table_test_support.h"
#include "datalake/testing/matchers.h"

namespace datalake::table {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DiffTest : public ::testing::Test {
 protected:
  // "insert 3 x" for each differing row, sorted.
  std::vector<std::string> Diff(std::int64_t from, std::int64_t to, const DiffOptions& options) {
    auto diff = DiffVersions(small_.fs(), *small_.table().Snapshot(from),
                             *small_.table().Snapshot(to), options);
    if (!diff) {
      return {diff.error().message};
    }
    const auto rows = (*diff)->rows()->ToTable();
    if (!rows.ok()) {
      return {rows.status().message()};
    }
    std::vector<std::string> lines;
    for (std::int64_t i = 0; i < (*rows)->num_rows(); ++i) {
      std::string line;
      for (const char* column : {"_change_type", "id", "text"}) {
        line += (line.empty() ? "" : " ") +
                (*rows)->GetColumnByName(column)->GetScalar(i).ValueOrDie()->ToString();
      }
      lines.push_back(line);
    }
    std::sort(lines.begin(), lines.end());
    counts_ = (*diff)->counts();
    return lines;
  }

  Status Delete(std::set<std::int64_t> ids) {
    IdPredicate predicate(small_.fs(), std::move(ids));
    DATALAKE_TRY(DeleteRows(small_.table(), predicate, {}));
    return {};
  }

  SmallTable small_;
  DiffCounts counts_;
};

TEST_F(DiffTest, TellsRowsByKey) {
  ASSERT_THAT(small_.Append("a", {1, 2, 3}), IsOk());
  ASSERT_THAT(small_.Append("b", {7}), IsOk());
  ASSERT_THAT(Delete({2, 3}), IsOk());
  ASSERT_THAT(small_.Append("a", {3, 4}, "new"), IsOk());  // version 4

  EXPECT_THAT(
      Diff(2, 4, {.key = {"id"}}),
      ElementsAre("delete 2 x", "insert 4 new", "update_postimage 3 new", "update_preimage 3 x"));
  EXPECT_EQ(counts_.added, 1);
  EXPECT_EQ(counts_.removed, 1);
  EXPECT_EQ(counts_.changed, 1);
  EXPECT_EQ(counts_.files_skipped, 1);
  EXPECT_THAT(
      Diff(4, 2, {.key = {"id"}}),
      ElementsAre("delete 4 new", "insert 2 x", "update_postimage 3 x", "update_preimage 3 new"));
}

TEST_F(DiffTest, ComparesWholeRowsWithoutAKey) {
  ASSERT_THAT(small_.Append("a", {1, 1, 2}), IsOk());
  ASSERT_THAT(Delete({1, 2}), IsOk());
  ASSERT_THAT(small_.Append("a", {1, 3}), IsOk());
  EXPECT_THAT(Diff(1, 3, {}), ElementsAre("delete 1 x", "delete 2 x", "insert 3 x"));
}

TEST_F(DiffTest, FindsNoDifferenceAfterACompaction) {
  ASSERT_THAT(small_.Append("a", {1}), IsOk());
  ASSERT_THAT(small_.Append("a", {2}), IsOk());
  ASSERT_THAT(CompactTable(small_.table(), {}, {}), IsOk());
  EXPECT_THAT(Diff(2, 3, {.key = {"id"}}), IsEmpty());
  EXPECT_THAT(Diff(2, 3, {}), IsEmpty());
  EXPECT_THAT(Diff(3, 3, {}), IsEmpty());
  EXPECT_EQ(counts_.files_read, 0);
}

TEST_F(DiffTest, IsTheSameInManyPasses) {
  std::vector<std::int64_t> ids(500);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ids[i] = static_cast<std::int64_t>(i);
  }
  ASSERT_THAT(small_.Append("a", ids), IsOk());
  std::set<std::int64_t> gone;
  for (std::int64_t id = 0; id < 500; id += 3) {
    gone.insert(id);
  }
  ASSERT_THAT(Delete(gone), IsOk());
  ASSERT_THAT(small_.Append("b", {0, 3, 1000}, "y"), IsOk());
  for (const DiffOptions& options : {DiffOptions{.key = {"id"}}, DiffOptions{}}) {
    DiffOptions tight = options;
    tight.memory_bytes = 1000;
    const auto whole = Diff(1, 3, options);
    EXPECT_GT(whole.size(), 160U);
    EXPECT_EQ(whole, Diff(1, 3, tight));
  }
}

TEST_F(DiffTest, ReadsOldRowsWithTheNewSchema) {
  ASSERT_THAT(small_.Append("a", {1, 2}), IsOk());
  auto wider =
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("text", arrow::utf8()),
                     arrow::field("n", arrow::int64())});
  ASSERT_THAT(Delete({2}), IsOk());
  ASSERT_THAT(small_.table().Append(*Rows(wider, R"([{"id": 2, "text": "x", "n": null}])"),
                                    {{"p", "a"}}, {}),
              IsOk());
  EXPECT_THAT(Diff(1, 3, {.key = {"id"}}), IsEmpty());
}

TEST_F(DiffTest, SaysThatAKeyIsNotUnique) {
  ASSERT_THAT(small_.Append("a", {1}), IsOk());
  ASSERT_THAT(small_.Append("a", {2, 2}), IsOk());
  EXPECT_THAT(Diff(1, 2, {.key = {"id"}}), ElementsAre(HasSubstr("not unique in the newer")));
  EXPECT_THAT(Diff(2, 1, {.key = {"id"}}), ElementsAre(HasSubstr("not unique in the older")));
  EXPECT_THAT(Diff(1, 2, {.key = {"idd"}}), ElementsAre(HasSubstr("did you mean id")));
}

TEST_F(DiffTest, RefusesTwoTables) {
  SmallTable other({}, {}, /*seed=*/2);
  EXPECT_THAT(DiffVersions(small_.fs(), *small_.table().Snapshot(), *other.table().Snapshot()),
              IsError(ErrorCode::kInvalidArgument, "two tables"));
}

}  // namespace
}  // namespace datalake::table

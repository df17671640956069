// Every mutating call of a table's life fails, or is the last one before a crash: a commit is there
// whole or not at all, nothing acknowledged is lost, and a retry adds nothing twice.
#include <array>
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "datalake/table/table.h"
#include "datalake/table/table_test_support.h"
#include "datalake/testing/fault_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::table {
namespace {

using datalake::testing::IsOk;

constexpr char kRoot[] = "/lake/t";
constexpr int kAppends = 3;
constexpr int kRowsOfAppend = 3;

// Makes a table, appends three times (ids 10·i to 10·i + 2, each append a transaction), and with
// the last one removes the first file. Can be run again from any state that a crash has left.
class Life {
 public:
  explicit Life(testing::FaultFileSystem& fs) : fs_(fs) {}

  // What has been acknowledged: numbers of appends.
  const std::set<int>& acknowledged() const { return acknowledged_; }

  bool is_removed() const { return is_removed_; }

  Status Run() {
    DATALAKE_TRY_ASSIGN(auto table, OpenOrCreate());
    for (int i = 1; i <= kAppends; ++i) {
      auto result = table->Append(*Rows(schema_, Json(i)), {{"p", "v"}}, {.operation = "upload"},
                                  Transaction{.app_id = "life", .version = i});
      DATALAKE_TRY(result);
      acknowledged_.insert(i);
    }
    return RemoveFirst(*table);
  }

  // Ids of the rows that are there, how often each.
  std::map<std::int64_t, int> Ids() {
    std::map<std::int64_t, int> ids;
    auto table = Table::Open(environment_, kRoot, options_);
    if (!table) {
      EXPECT_EQ(table.error().code, ErrorCode::kNotFound) << table.error().message;
      return ids;
    }
    auto snapshot = (*table)->Snapshot();
    EXPECT_THAT(snapshot, IsOk());
    auto rows = AllRows(fs_, *snapshot);
    for (const auto& chunk : rows->GetColumnByName("id")->chunks()) {
      for (std::int64_t i = 0; i < chunk->length(); ++i) {
        ++ids[static_cast<const arrow::Int64Array&>(*chunk).Value(i)];
      }
    }
    return ids;
  }

 private:
  Result<std::unique_ptr<Table>> OpenOrCreate() {
    DATALAKE_TRY_ASSIGN(const bool exists, Table::Exists(fs_, kRoot));
    if (exists) {
      return Table::Open(environment_, kRoot, options_);
    }
    auto fields = schema_->fields();
    fields.push_back(arrow::field("p", arrow::utf8()));
    return Table::Create(environment_, kRoot,
                         {.schema = arrow::schema(fields), .partition_columns = {"p"}}, {},
                         options_);
  }

  Status RemoveFirst(Table& table) {
    DATALAKE_TRY_ASSIGN(const auto snapshot, table.Snapshot());
    for (const TableFilePtr& file : snapshot->files()) {
      if (file->stats_json.find("\"minValues\":{\"id\":10}") != std::string::npos) {
        DATALAKE_TRY(table.Remove({file->path}, {}));
      }
    }
    is_removed_ = true;
    return {};
  }

  static std::string Json(int i) {
    std::string json = "[";
    for (int row = 0; row < kRowsOfAppend; ++row) {
      json += (row > 0 ? "," : "") + ("{\"id\":" + std::to_string(10 * i + row)) + "}";
    }
    return json + "]";
  }

  testing::FaultFileSystem& fs_;
  testing::ManualClock clock_;
  SeededRandom random_{7};
  TableEnvironment environment_{fs_, clock_, random_};
  TableOptions options_{.checkpoint_interval = 2};
  std::shared_ptr<arrow::Schema> schema_ = arrow::schema({arrow::field("id", arrow::int64())});
  std::set<int> acknowledged_;
  bool is_removed_ = false;
};

// Each append is whole or absent, none is doubled, none that was acknowledged is missing.
void ExpectPromise(Life& life, const std::string& where) {
  const auto ids = life.Ids();
  for (int i = 1; i <= kAppends; ++i) {
    int rows = 0;
    for (int row = 0; row < kRowsOfAppend; ++row) {
      const auto found = ids.find(10 * i + row);
      rows += found == ids.end() ? 0 : found->second;
    }
    EXPECT_TRUE(rows == 0 || rows == kRowsOfAppend) << where << ": append " << i << ": " << rows;
    const bool must_be_there = life.acknowledged().contains(i) && i > 1;
    EXPECT_TRUE(rows > 0 || !must_be_there) << where << ": append " << i << " is lost";
  }
  if (life.is_removed()) {
    EXPECT_FALSE(ids.contains(10)) << where << ": the removal is lost";
  }
}

void ExpectFinished(Life& life, const std::string& where) {
  const auto ids = life.Ids();
  EXPECT_EQ(ids.size(), static_cast<std::size_t>((kAppends - 1) * kRowsOfAppend)) << where;
  for (const auto& [id, count] : ids) {
    EXPECT_EQ(count, 1) << where << ": row " << id;
  }
}

std::uint64_t CallsOfALife() {
  testing::FaultFileSystem fs;
  Life life(fs);
  EXPECT_THAT(life.Run(), IsOk());
  ExpectFinished(life, "without faults");
  return fs.calls();
}

TEST(TableCrashTest, KeepsItsPromiseWhenACallFails) {
  const std::uint64_t calls = CallsOfALife();
  ASSERT_GT(calls, 50U);
  for (const testing::Fault fault :
       {testing::Fault::kIoError, testing::Fault::kNoSpace, testing::Fault::kShortWrite}) {
    for (std::uint64_t k = 0; k < calls; ++k) {
      testing::FaultFileSystem fs;
      Life life(fs);
      fs.FailCall(k, fault);
      const Status first = life.Run();
      const std::string where = "call " + std::to_string(k) + ": " + fs.failed_call();
      ExpectPromise(life, where);
      if (!first) {
        ASSERT_THAT(life.Run(), IsOk()) << where;
      }
      fs.PowerLoss(k);
      ExpectFinished(life, where);
    }
  }
}

TEST(TableCrashTest, KeepsItsPromiseWhenThePowerFails) {
  const std::uint64_t calls = CallsOfALife();
  for (std::uint64_t k = 0; k < calls; ++k) {
    for (const std::uint64_t seed : {k, k + 1000}) {
      testing::FaultFileSystem fs;
      Life life(fs);
      fs.CrashAtCall(k);
      const Status first = life.Run();
      const std::string where = "call " + std::to_string(k) + ": " + fs.failed_call();
      fs.PowerLoss(seed);
      ExpectPromise(life, where);
      ASSERT_THAT(life.Run(), IsOk()) << where;
      ExpectFinished(life, where);
    }
  }
}

TEST(TableCrashTest, KeepsItsPromiseWhenTheProcessDies) {
  const std::uint64_t calls = CallsOfALife();
  for (std::uint64_t k = 0; k < calls; ++k) {
    testing::FaultFileSystem fs;
    Life life(fs);
    fs.CrashAtCall(k);
    const Status first = life.Run();
    const std::string where = "call " + std::to_string(k) + ": " + fs.failed_call();
    fs.Restart();
    ExpectPromise(life, where);
    ASSERT_THAT(life.Run(), IsOk()) << where;
    fs.PowerLoss(k);
    ExpectFinished(life, where);
  }
}

}  // namespace
}  // namespace datalake::table

// Many writers on one table, in threads and in processes: every version is there once.
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "datalake/base/clock.h"
#include "datalake/io/local_file_system.h"
#include "datalake/table/compact.h"
#include "datalake/table/delete_rows.h"
#include "datalake/table/fsck.h"
#include "datalake/table/replace_rows.h"
#include "datalake/table/table.h"
#include "datalake/table/table_test_support.h"
#include "datalake/table/vacuum.h"
#include "datalake/testing/matchers.h"
#include "datalake/testing/temp_dir.h"

namespace datalake::table {
namespace {

using datalake::testing::IsOk;

constexpr int kAppendsEach = 50;

class TableConcurrencyTest : public ::testing::Test {
 protected:
  std::unique_ptr<Table> Create() {
    auto table = Table::Create(environment_, root_, {.schema = schema_}, {});
    EXPECT_THAT(table, IsOk());
    return std::move(*table);
  }

  // Appends rows first … first + 49, one a commit; true when all went well.
  bool AppendAll(Table& table, int first) {
    for (int i = 0; i < kAppendsEach; ++i) {
      const std::string json = "[{\"id\":" + std::to_string(first + i) + "}]";
      if (!table.Append(*Rows(schema_, json), {}, {.operation = "append"})) {
        return false;
      }
    }
    return true;
  }

  void ExpectRows(int writers) {
    auto table = Table::Open(environment_, root_);
    ASSERT_THAT(table, IsOk());
    auto snapshot = *(*table)->Snapshot();
    EXPECT_EQ(snapshot->version(), writers * kAppendsEach);
    std::set<std::string> ids;
    auto rows = AllRows(fs_, snapshot);
    for (std::int64_t i = 0; i < rows->num_rows(); ++i) {
      ids.insert(rows->GetColumnByName("id")->GetScalar(i).ValueOrDie()->ToString());
    }
    EXPECT_EQ(rows->num_rows(), writers * kAppendsEach);
    EXPECT_EQ(ids.size(), static_cast<std::size_t>(writers * kAppendsEach));
  }

  io::LocalFileSystem fs_;
  SystemClock clock_;
  SystemRandom random_;
  testing::TempDir dir_;
  std::string root_ = dir_ / "t";
  TableEnvironment environment_{fs_, clock_, random_};
  std::shared_ptr<arrow::Schema> schema_ = arrow::schema({arrow::field("id", arrow::int64())});
};

TEST_F(TableConcurrencyTest, ThreadsShareATable) {
  auto table = Create();
  std::vector<std::jthread> threads;
  for (int writer = 0; writer < 4; ++writer) {
    threads.emplace_back([&, writer] { EXPECT_TRUE(AppendAll(*table, writer * 1000)); });
  }
  threads.clear();
  ExpectRows(4);
}

TEST_F(TableConcurrencyTest, ThreadsWithHandlesOfTheirOwnRetry) {
  Create();
  std::vector<std::jthread> threads;
  for (int writer = 0; writer < 4; ++writer) {
    threads.emplace_back([&, writer] {
      auto table = Table::Open(environment_, root_);
      ASSERT_THAT(table, IsOk());
      EXPECT_TRUE(AppendAll(**table, writer * 1000));
    });
  }
  threads.clear();
  ExpectRows(4);
}

TEST_F(TableConcurrencyTest, ProcessesShareATable) {
  Create();
  std::vector<pid_t> children;
  for (int writer = 0; writer < 2; ++writer) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto table = Table::Open(environment_, root_);
      _exit(table && AppendAll(**table, writer * 1000) ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int state = 0;
    ASSERT_EQ(waitpid(child, &state, 0), child);
    EXPECT_TRUE(WIFEXITED(state) && WEXITSTATUS(state) == 0);
  }
  ExpectRows(2);
}

// Appends, deletions and compactions at once, each with a handle of its own: every row that was
// appended is there once unless it was deleted.
TEST_F(TableConcurrencyTest, RewritesAndAppendsKeepEveryRow) {
  Create();
  std::vector<std::jthread> threads;
  for (int writer = 0; writer < 2; ++writer) {
    threads.emplace_back([&, writer] {
      auto table = Table::Open(environment_, root_);
      ASSERT_THAT(table, IsOk());
      EXPECT_TRUE(AppendAll(**table, writer * 1000));
    });
  }
  threads.emplace_back([&] {
    auto table = Table::Open(environment_, root_);
    for (int round = 0; round < 5; ++round) {
      EXPECT_THAT(CompactTable(**table, {}, {}), IsOk());
    }
  });
  threads.emplace_back([&] {
    auto table = Table::Open(environment_, root_);
    for (std::int64_t id = 0; id < 10; ++id) {
      IdPredicate predicate(fs_, {id});
      EXPECT_THAT(DeleteRows(**table, predicate, {}), IsOk());
    }
  });
  threads.clear();
  auto table = *Table::Open(environment_, root_);
  IdPredicate rest(fs_, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  ASSERT_THAT(DeleteRows(*table, rest, {}), IsOk());
  std::set<std::string> ids;
  const auto rows = AllRows(fs_, *table->Snapshot());
  for (std::int64_t i = 0; i < rows->num_rows(); ++i) {
    ids.insert(rows->GetColumnByName("id")->GetScalar(i).ValueOrDie()->ToString());
  }
  EXPECT_EQ(rows->num_rows(), 2 * kAppendsEach - 10);
  EXPECT_EQ(ids.size(), static_cast<std::size_t>(2 * kAppendsEach - 10));
  EXPECT_FALSE(CheckTable(environment_, root_, FsckDepth::kRows)->has_errors());
}

// Of replacements at once one comes after the other: the rows are those of one of them.
TEST_F(TableConcurrencyTest, ReplacementsDoNotMix) {
  Create();
  std::vector<std::jthread> threads;
  for (int writer = 0; writer < 3; ++writer) {
    threads.emplace_back([&, writer] {
      auto table = Table::Open(environment_, root_);
      for (int round = 0; round < 5; ++round) {
        const std::string id = std::to_string(writer * 100 + round);
        const std::string json = "[{\"id\":" + id + "},{\"id\":" + id + "}]";
        EXPECT_THAT(ReplacePartition(**table, *Rows(schema_, json), {}, {}), IsOk());
      }
    });
  }
  threads.clear();
  auto table = *Table::Open(environment_, root_);
  const auto snapshot = *table->Snapshot();
  EXPECT_EQ(snapshot->version(), 15);
  const auto rows = AllRows(fs_, snapshot);
  ASSERT_EQ(rows->num_rows(), 2);
  const auto ids = rows->GetColumnByName("id");
  EXPECT_TRUE(ids->GetScalar(0).ValueOrDie()->Equals(*ids->GetScalar(1).ValueOrDie()));
}

// A vacuum beside writers takes nothing that a version within the retention needs.
TEST_F(TableConcurrencyTest, VacuumLeavesWritersAlone) {
  Create();
  std::jthread writer([&] {
    auto table = Table::Open(environment_, root_);
    EXPECT_TRUE(AppendAll(**table, 0));
  });
  auto table = *Table::Open(environment_, root_);
  for (int round = 0; round < 20; ++round) {
    EXPECT_THAT(VacuumTable(*table, {.mode = VacuumMode::kDelete,
                                     .retention = std::chrono::milliseconds(0),
                                     .leftover_grace = std::chrono::hours(1)}),
                IsOk());
  }
  writer.join();
  ExpectRows(1);
}

TEST_F(TableConcurrencyTest, OneOfManyCreatesTheTable) {
  std::atomic<int> created = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      auto table = Table::Create(environment_, root_, {.schema = schema_}, {});
      created += table ? 1 : 0;
      EXPECT_TRUE(table || table.error().code == ErrorCode::kAlreadyExists);
    });
  }
  threads.clear();
  EXPECT_EQ(created, 1);
}

}  // namespace
}  // namespace datalake::table

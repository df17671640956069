#include "datalake/job/plan.h"

#include <atomic>
#include <string>

#include <gtest/gtest.h>

#include "datalake/base/mutex.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/local_file_system.h"
#include "datalake/testing/matchers.h"
#include "datalake/testing/temp_dir.h"

namespace datalake::job {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;

class ExecuteLocallyTest : public ::testing::Test {
 protected:
  // A unit that writes its id into its output.
  TaskUnit Unit(const std::string& id, std::vector<std::size_t> after = {}) {
    const std::string path = dir_.path() + "/" + id;
    return {.id = id,
            .inputs = {},
            .outputs = {path},
            .after = std::move(after),
            .bytes = 1,
            .run = [this, id, path](const TaskContext&) -> Status {
              {
                const MutexLock lock(mutex_);
                order_ += id;
              }
              return io::PutIfAbsent(fs_, path, id);
            }};
  }

  Result<ExecuteReport> Execute(const Plan& plan, std::size_t threads = 4) {
    return ExecuteLocally(fs_, plan, {.threads = threads}, progress_, stop_.get_token());
  }

  io::LocalFileSystem fs_;
  testing::TempDir dir_;
  NullProgress progress_;
  std::stop_source stop_;
  Mutex mutex_;
  std::string order_;
};

TEST_F(ExecuteLocallyTest, RunsEveryUnitOnceAndSkipsThemNextTime) {
  Plan plan{.name = "p", .units = {}};
  for (char c = 'a'; c <= 'z'; ++c) {
    plan.units.push_back(Unit(std::string(1, c)));
  }
  auto first = Execute(plan);
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->units_run, 26U);
  EXPECT_EQ(order_.size(), 26U);
  auto second = Execute(plan);
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(second->units_skipped, 26U);
  EXPECT_EQ(order_.size(), 26U);
}

TEST_F(ExecuteLocallyTest, RunsAfterWhatAUnitNeeds) {
  Plan plan{.name = "p", .units = {Unit("a"), Unit("b"), Unit("c", {0, 1}), Unit("d", {2})}};
  ASSERT_THAT(Execute(plan), IsOk());
  EXPECT_EQ(order_.substr(2), "cd");
}

TEST_F(ExecuteLocallyTest, ReturnsTheFirstErrorInUnitOrderAndStartsNothingNew) {
  Plan plan{.name = "p", .units = {Unit("a"), Unit("b"), Unit("c", {1})}};
  plan.units[1].run = [](const TaskContext&) -> Status {
    return Error{ErrorCode::kIo, "broken disk"};
  };
  EXPECT_THAT(Execute(plan), IsError(ErrorCode::kIo, "b: broken disk"));
  EXPECT_EQ(order_.find('c'), std::string::npos);
}

TEST_F(ExecuteLocallyTest, StopsOnRequestAndGoesOnLater) {
  Plan plan{.name = "p", .units = {}};
  for (char c = 'a'; c <= 'z'; ++c) {
    plan.units.push_back(Unit(std::string(1, c)));
  }
  std::stop_source stop;
  auto write = plan.units[3].run;
  plan.units[3].run = [&stop, write](const TaskContext& context) {
    stop.request_stop();
    return write(context);
  };
  EXPECT_THAT(ExecuteLocally(fs_, plan, {.threads = 1}, progress_, stop.get_token()),
              IsError(ErrorCode::kCancelled, "p"));
  EXPECT_EQ(order_, "abcd");
  auto rest = Execute(plan, 1);
  ASSERT_THAT(rest, IsOk());
  EXPECT_EQ(rest->units_skipped, 4U);
  EXPECT_EQ(rest->units_run, 22U);
}

TEST_F(ExecuteLocallyTest, EmptyPlanIsDone) {
  EXPECT_THAT(Execute({.name = "p", .units = {}}), IsOk());
}

TEST_F(ExecuteLocallyTest, ValidateRefusesBrokenPlans) {
  EXPECT_THAT(Execute({.name = "p", .units = {Unit("a"), Unit("a")}}),
              IsError(ErrorCode::kInvalidArgument, "same id"));
  EXPECT_THAT(Execute({.name = "p", .units = {Unit("a", {0})}}),
              IsError(ErrorCode::kInvalidArgument, "later"));
  TaskUnit twin = Unit("a");
  twin.id = "b";
  EXPECT_THAT(Execute({.name = "p", .units = {Unit("a"), twin}}),
              IsError(ErrorCode::kInvalidArgument, "same file"));
}

}  // namespace
}  // namespace datalake::job

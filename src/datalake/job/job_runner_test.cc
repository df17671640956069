#include "datalake/job/job_runner.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/mutex.h"
#include "datalake/base/process.h"
#include "datalake/io/local_file_system.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"
#include "datalake/testing/temp_dir.h"

namespace datalake::job {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::SizeIs;

// A job body that waits until it is let go or stopped.
class Gate {
 public:
  JobBody Body() {
    return [this](JobContext& context) -> Result<std::string> {
      context.Log("waiting");
      const MutexLock lock(mutex_);
      if (!changed_.Wait(mutex_, context.stop(), [this] { return open_; })) {
        return Error{ErrorCode::kCancelled, "stopped"};
      }
      return std::string(R"({"got":)") + context.parameters() + "}";
    };
  }

  void Open() {
    const MutexLock lock(mutex_);
    open_ = true;
    changed_.NotifyAll();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool open_ = false;
};

class JobRunnerTest : public ::testing::Test {
 protected:
  std::unique_ptr<JobRunner> OpenRunner() {
    auto runner = JobRunner::Open(store_, clock_);
    EXPECT_THAT(runner, IsOk());
    EXPECT_THAT((*runner)->Register("process", gate_.Body()), IsOk());
    return std::move(*runner);
  }

  io::LocalFileSystem fs_;
  testing::ManualClock clock_;
  testing::TempDir dir_;
  JobStore store_{fs_, clock_, dir_.path()};
  Gate gate_;
};

TEST_F(JobRunnerTest, RunsAJobAndKeepsItsResult) {
  auto runner = OpenRunner();
  const auto started = runner->Start("process", R"({"x":1})");
  ASSERT_THAT(started, IsOk());
  EXPECT_EQ(started->id, "process_20260101_000000_000");
  EXPECT_EQ(runner->Get(started->id)->state, JobState::kRunning);
  gate_.Open();
  ASSERT_THAT(runner->Wait(started->id, {}), IsOk());
  const auto record = store_.Load(started->id);
  ASSERT_THAT(record, IsOk());
  EXPECT_EQ(record->state, JobState::kCompleted);
  EXPECT_EQ(record->result, R"({"got":{"x":1}})");
  EXPECT_THAT(record->log, SizeIs(1));
  EXPECT_TRUE(record->completed_at.has_value());
}

TEST_F(JobRunnerTest, TellsAnObserverBeginAndEnd) {
  class Watcher final : public JobObserver {
   public:
    void OnJob(const JobRecord& record) override { states.push_back(record.state); }

    std::vector<JobState> states;
  } watcher;

  auto runner = JobRunner::Open(store_, clock_, &watcher);
  ASSERT_THAT(runner, IsOk());
  ASSERT_THAT((*runner)->Register("quick", [](JobContext&) { return Result<std::string>("1"); }),
              IsOk());
  const auto started = (*runner)->Start("quick", "");
  ASSERT_THAT((*runner)->Wait(started->id, {}), IsOk());
  EXPECT_THAT(watcher.states, ::testing::ElementsAre(JobState::kRunning, JobState::kCompleted));
}

TEST_F(JobRunnerTest, SecondStartGivesTheRunningJob) {
  auto runner = OpenRunner();
  const auto first = runner->Start("process", "");
  const auto second = runner->Start("process", "");
  ASSERT_THAT(second, IsOk());
  EXPECT_TRUE(second->already_running);
  EXPECT_EQ(second->id, first->id);
  gate_.Open();
  ASSERT_THAT(runner->Wait(first->id, {}), IsOk());
  const auto third = runner->Start("process", "");
  ASSERT_THAT(third, IsOk());
  EXPECT_FALSE(third->already_running);
  EXPECT_NE(third->id, first->id) << "ids are unique within a millisecond";
}

TEST_F(JobRunnerTest, StartMeanwhileRunsTheBodyOnceMore) {
  auto runner = OpenRunner();
  ASSERT_THAT(runner->Register("count",
                               [gate = gate_.Body(),
                                rounds = 0](JobContext& context) mutable -> Result<std::string> {
                                 DATALAKE_TRY(gate(context));
                                 return std::to_string(++rounds);
                               }),
              IsOk());
  const auto first = runner->Start("count", "");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(runner->Start("count", "")->id, first->id);
  }
  gate_.Open();
  EXPECT_EQ(runner->Wait(first->id, {})->result, "2") << "state of the body lasts for the job";
  const auto next = runner->Start("count", "");
  EXPECT_EQ(runner->Wait(next->id, {})->result, "1") << "and no longer";
}

TEST_F(JobRunnerTest, CancelledJobIsNotRunOnceMore) {
  auto runner = OpenRunner();
  const auto started = runner->Start("process", "");
  ASSERT_THAT(runner->Start("process", ""), IsOk());
  ASSERT_THAT(runner->Cancel(started->id), IsOk());
  const auto record = runner->Wait(started->id, {});
  EXPECT_EQ(record->state, JobState::kCancelled);
  EXPECT_THAT(record->log, SizeIs(1));
}

// What was there before Start is done when the job that Start named has ended, also when Start came
// between the last look of a body and the end of its job.
TEST_F(JobRunnerTest, NoStartIsLost) {
  io::MemoryFileSystem fs;
  ASSERT_THAT(fs.MakeDirectories("/jobs"), IsOk());
  JobStore store(fs, clock_, "/jobs");
  auto opened = JobRunner::Open(store, clock_);
  ASSERT_THAT(opened, IsOk());
  const std::unique_ptr<JobRunner> runner = *std::move(opened);
  std::atomic<int> posted{0};
  std::atomic<int> done{0};
  ASSERT_THAT(runner->Register("drain",
                               [&](JobContext&) -> Result<std::string> {
                                 done = posted.load();
                                 return std::string("{}");
                               }),
              IsOk());
  std::atomic<int> lost{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 100; ++i) {
          const int mine = ++posted;
          const auto started = runner->Start("drain", "");
          ASSERT_THAT(started, IsOk());
          ASSERT_THAT(runner->Wait(started->id, {}), IsOk());
          lost += done.load() < mine ? 1 : 0;
        }
      });
    }
  }
  EXPECT_EQ(lost.load(), 0);
}

TEST_F(JobRunnerTest, AnotherKindRunsBesideIt) {
  auto runner = OpenRunner();
  ASSERT_THAT(runner->Register(
                  "validate", [](JobContext&) -> Result<std::string> { return std::string("{}"); }),
              IsOk());
  ASSERT_THAT(runner->Start("process", ""), IsOk());
  const auto other = runner->Start("validate", "");
  ASSERT_THAT(other, IsOk());
  EXPECT_FALSE(other->already_running);
  EXPECT_EQ(runner->Wait(other->id, {})->state, JobState::kCompleted);
}

TEST_F(JobRunnerTest, CancelMakesItCancelled) {
  auto runner = OpenRunner();
  const auto started = runner->Start("process", "");
  EXPECT_THAT(runner->Remove(started->id), IsError(ErrorCode::kConflict, "running"));
  ASSERT_THAT(runner->Cancel(started->id), IsOk());
  EXPECT_EQ(runner->Wait(started->id, {})->state, JobState::kCancelled);
  EXPECT_THAT(runner->Cancel(started->id), IsError(ErrorCode::kConflict, "ended"));
  ASSERT_THAT(runner->Remove(started->id), IsOk());
  EXPECT_THAT(runner->Get(started->id), IsError(ErrorCode::kNotFound, started->id));
}

TEST_F(JobRunnerTest, FailedBodyMakesItFailed) {
  auto runner = OpenRunner();
  ASSERT_THAT(runner->Register("bad",
                               [](JobContext&) -> Result<std::string> {
                                 return Error{ErrorCode::kCorruption, "broken file: x"};
                               }),
              IsOk());
  const auto started = runner->Start("bad", "");
  const auto record = runner->Wait(started->id, {});
  ASSERT_THAT(record, IsOk());
  EXPECT_EQ(record->state, JobState::kFailed);
  EXPECT_EQ(record->error, (Error{ErrorCode::kCorruption, "broken file: x"}));
}

TEST_F(JobRunnerTest, EndOfTheRunnerInterruptsAndRestartRunsAgain) {
  std::string id;
  {
    auto runner = OpenRunner();
    id = runner->Start("process", R"("again")")->id;
  }
  const auto record = store_.Load(id);
  ASSERT_THAT(record, IsOk());
  EXPECT_EQ(record->state, JobState::kFailed);
  EXPECT_TRUE(record->interrupted);
  auto runner = OpenRunner();
  gate_.Open();
  const auto restarted = runner->Restart(id);
  ASSERT_THAT(restarted, IsOk());
  EXPECT_EQ(runner->Wait(restarted->id, {})->result, R"({"got":"again"})");
}

TEST_F(JobRunnerTest, JobsThatADeadProcessLeftRunAgainUnderTheirIds) {
  const std::string mine = ProcessIdentity();
  const std::string dead = mine.substr(0, mine.find('/')) + "/another-boot/1/1/1";
  gate_.Open();
  const auto left = store_.Create("process", dead, R"("on")");
  ASSERT_THAT(left, IsOk());
  for (std::uint64_t restart = 1; restart <= 4; ++restart) {
    auto runner = OpenRunner();
    const auto resumed = runner->ResumeInterrupted();
    ASSERT_THAT(resumed, IsOk());
    if (restart == 4) {
      EXPECT_TRUE(resumed->empty()) << "it may be what ends the process";
      break;
    }
    ASSERT_EQ(*resumed, std::vector<std::string>{left->id});
    auto record = runner->Wait(left->id, {});
    ASSERT_THAT(record, IsOk());
    EXPECT_EQ(record->state, JobState::kCompleted);
    EXPECT_EQ(record->result, R"({"got":"on"})");
    EXPECT_EQ(record->restarts, restart);
    record->state = JobState::kRunning;  // as if the process had died in it
    record->owner = dead;
    record->result = "";
    ASSERT_THAT(store_.Save(*record), IsOk());
  }
}

TEST_F(JobRunnerTest, AJobThatANewerOneOfItsKindFollowedStaysInterrupted) {
  const std::string mine = ProcessIdentity();
  const std::string dead = mine.substr(0, mine.find('/')) + "/another-boot/1/1/1";
  gate_.Open();
  ASSERT_THAT(store_.Create("process", dead, ""), IsOk());
  {
    auto runner = OpenRunner();
    const auto newer = runner->Start("process", "");
    ASSERT_THAT(runner->Wait(newer->id, {}), IsOk());
  }
  auto runner = OpenRunner();
  const auto resumed = runner->ResumeInterrupted();
  ASSERT_THAT(resumed, IsOk());
  EXPECT_TRUE(resumed->empty());
}

TEST_F(JobRunnerTest, JobOfADeadProcessIsMarkedAtOpen) {
  const std::string mine = ProcessIdentity();
  const std::string dead = mine.substr(0, mine.find('/')) + "/another-boot/1/1/1";
  const auto record = store_.Create("process", dead, "");
  ASSERT_THAT(record, IsOk());
  auto runner = OpenRunner();
  const auto marked = runner->Get(record->id);
  ASSERT_THAT(marked, IsOk());
  EXPECT_EQ(marked->state, JobState::kFailed);
  EXPECT_TRUE(marked->interrupted);
}

TEST_F(JobRunnerTest, UnknownKindNamesTheNearest) {
  auto runner = OpenRunner();
  EXPECT_THAT(runner->Start("proces", ""), IsError(ErrorCode::kNotFound, "process"));
  EXPECT_THAT(runner->Get("../x"), IsError(ErrorCode::kInvalidArgument, "job id"));
}

TEST_F(JobRunnerTest, ListLeavesOutBrokenFiles) {
  ASSERT_THAT(store_.Create("process", "", ""), IsOk());
  auto file = fs_.Create(dir_.path() + "/broken.json");
  ASSERT_THAT(file, IsOk());
  ASSERT_THAT((*file)->Write(std::string_view("{")), IsOk());
  ASSERT_THAT((*file)->Close(), IsOk());
  const auto records = store_.List();
  ASSERT_THAT(records, IsOk());
  EXPECT_THAT(*records, SizeIs(1));
}

}  // namespace
}  // namespace datalake::job

#include "datalake/base/ordered_pipeline.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "datalake/base/mutex.h"

namespace datalake {
namespace {

// A block on its way. Claimed by whoever does its work: a thread of the pool or the caller.
enum class BlockState : std::uint8_t { kReady, kRunning, kDone };

// Outlives the run in tasks of the pool that come too late: they find their block claimed.
struct Shared {
  Mutex mutex;
  CondVar changed;
  std::deque<std::pair<std::uint64_t, BlockState>> blocks DATALAKE_GUARDED_BY(mutex);
  std::function<void(std::size_t)> work;

  BlockState* Find(std::uint64_t number) DATALAKE_REQUIRES(mutex) {
    if (blocks.empty() || number < blocks.front().first) {
      return nullptr;
    }
    const std::uint64_t index = number - blocks.front().first;
    return index < blocks.size() ? &blocks[index].second : nullptr;
  }

  bool Claim(std::uint64_t number) {
    MutexLock lock(mutex);
    BlockState* state = Find(number);
    if (state == nullptr || *state != BlockState::kReady) {
      return false;
    }
    *state = BlockState::kRunning;
    return true;
  }

  void Finish(std::uint64_t number) {
    MutexLock lock(mutex);
    *Find(number) = BlockState::kDone;
    changed.NotifyAll();
  }
};

class Runner {
 public:
  Runner(ThreadPool& pool, const OrderedSteps& steps)
      : pool_(pool), steps_(steps), shared_(std::make_shared<Shared>()) {
    shared_->work = steps.work;
    for (std::size_t slot = OrderedSlots(pool); slot > 0; --slot) {
      free_.push_back(slot - 1);
    }
  }

  Status Run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (!ended_ && !free_.empty() && Read()) {
        continue;
      }
      if (slots_.empty() && ended_) {
        return error_ ? Status(*std::move(error_)) : Status();
      }
      if (!slots_.empty()) {
        if (Status status = Advance(); !status) {
          Abandon();
          return status;
        }
      }
    }
    Abandon();
    return Error{ErrorCode::kCancelled, "cancelled"};
  }

 private:
  // Reads one block; true when a thread of the pool was found for it.
  bool Read() {
    const std::size_t slot = free_.back();
    Result<bool> more = steps_.read(slot);
    if (!more || !*more) {
      ended_ = true;
      if (!more) {
        error_ = std::move(more).error();
      }
      return false;
    }
    free_.pop_back();
    const std::uint64_t number = first_ + slots_.size();
    slots_.push_back(slot);
    {
      MutexLock lock(shared_->mutex);
      shared_->blocks.emplace_back(number, BlockState::kReady);
    }
    return pool_.size() > 1 && pool_.TrySubmit([shared = shared_, number, slot] {
      if (shared->Claim(number)) {
        shared->work(slot);
        shared->Finish(number);
      }
    });
  }

  // Emits the first block if it is done, or does work, or waits.
  Status Advance() {
    if (FirstIsDone()) {
      const std::size_t slot = slots_.front();
      DATALAKE_TRY(steps_.emit(slot));
      slots_.pop_front();
      free_.push_back(slot);
      ++first_;
      MutexLock lock(shared_->mutex);
      shared_->blocks.pop_front();
      return {};
    }
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (shared_->Claim(first_ + i)) {
        steps_.work(slots_[i]);
        shared_->Finish(first_ + i);
        return {};
      }
    }
    MutexLock lock(shared_->mutex);
    shared_->changed.Wait(shared_->mutex, {},
                          [this] { return shared_->blocks.front().second == BlockState::kDone; });
    return {};
  }

  bool FirstIsDone() {
    MutexLock lock(shared_->mutex);
    return shared_->blocks.front().second == BlockState::kDone;
  }

  // Gives up: what has not begun never will; what runs is waited for.
  void Abandon() {
    MutexLock lock(shared_->mutex);
    for (auto& [number, state] : shared_->blocks) {
      state = state == BlockState::kReady ? BlockState::kDone : state;
    }
    shared_->changed.Wait(shared_->mutex, {}, [this] {
      return std::none_of(shared_->blocks.begin(), shared_->blocks.end(),
                          [](const auto& block) { return block.second == BlockState::kRunning; });
    });
  }

  ThreadPool& pool_;
  const OrderedSteps& steps_;
  const std::shared_ptr<Shared> shared_;
  std::vector<std::size_t> free_;
  std::deque<std::size_t> slots_;  // of the blocks in flight, in order
  std::uint64_t first_ = 0;        // number of the block slots_.front()
  bool ended_ = false;
  std::optional<Error> error_;
};

}  // namespace

std::size_t OrderedSlots(const ThreadPool& pool) {
  return pool.size() == 1 ? 1 : 2 * pool.size();
}

Status RunOrdered(ThreadPool& pool, std::stop_token stop, const OrderedSteps& steps) {
  return Runner(pool, steps).Run(stop);
}

}  // namespace datalake

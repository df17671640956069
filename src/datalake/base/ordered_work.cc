#include "datalake/base/ordered_work.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "datalake/base/mutex.h"

namespace datalake {

// Run by who claims it: a thread of the pool or the caller. Tasks of the pool that come too late
// find it claimed.
struct OrderedWork::Piece {
  enum class State : std::uint8_t { kReady, kRunning, kDone };

  explicit Piece(std::function<void()> w) : work(std::move(w)) {}

  // Runs it, unless it was claimed before.
  bool TryRun() {
    {
      MutexLock lock(mutex);
      if (state != State::kReady) {
        return false;
      }
      state = State::kRunning;
    }
    work();
    MutexLock lock(mutex);
    state = State::kDone;
    changed.NotifyAll();
    return true;
  }

  bool IsDone() {
    MutexLock lock(mutex);
    return state == State::kDone;
  }

  void Wait() {
    MutexLock lock(mutex);
    changed.Wait(mutex, {}, [this] { return state == State::kDone; });
  }

  // It will not begin any more.
  void Drop() {
    MutexLock lock(mutex);
    state = state == State::kReady ? State::kDone : state;
  }

  const std::function<void()> work;
  Mutex mutex;
  CondVar changed;
  State state DATALAKE_GUARDED_BY(mutex) = State::kReady;
};

OrderedWork::OrderedWork(ThreadPool* pool)
    : pool_(pool), helpers_(pool == nullptr || pool->size() == 1 ? 0 : pool->size()) {}

OrderedWork::~OrderedWork() {
  for (const auto& piece : pieces_) {
    piece->Drop();
  }
  for (const auto& piece : pieces_) {
    piece->Wait();
  }
}

void OrderedWork::Push(std::function<void()> work) {
  pieces_.push_back(std::make_shared<Piece>(std::move(work)));
  if (helpers_ != 0) {
    // When the queue is full the caller will do it.
    (void)pool_->TrySubmit([piece = pieces_.back()] { (void)piece->TryRun(); });
  }
}

bool OrderedWork::FrontIsDone() const {
  return pieces_.front()->IsDone();
}

void OrderedWork::TakeFront() {
  while (!pieces_.front()->IsDone()) {
    const bool did_one = std::any_of(pieces_.begin(), pieces_.end(),
                                     [](const auto& piece) { return piece->TryRun(); });
    if (!did_one) {
      pieces_.front()->Wait();
    }
  }
  pieces_.pop_front();
}

}  // namespace datalake

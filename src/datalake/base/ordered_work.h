#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>

#include "datalake/base/thread_pool.h"

namespace datalake {

/// Pieces of work that are handed in in order, done in any order, and taken back in order: what a
/// stream needs that works ahead or behind. Work is offered to threads of a pool and done by the
/// caller where none is free, so it never waits for a thread that may not come: it can be used from
/// tasks of the same pool. The caller bounds what it has in flight. Single-threaded.
class OrderedWork {
 public:
  /// Without a pool, or with one of a single thread, all work is done by TakeFront.
  explicit OrderedWork(ThreadPool* pool);

  /// Drops what has not begun and waits for what has.
  ~OrderedWork();
  OrderedWork(const OrderedWork&) = delete;
  OrderedWork& operator=(const OrderedWork&) = delete;

  /// Pieces that are useful to have in flight: one a thread and one more; one without helpers.
  std::size_t capacity() const { return helpers_ == 0 ? 1 : helpers_ + 1; }

  std::size_t size() const { return pieces_.size(); }

  /// Hands in `work`, which is run at most once, on any thread; it must not wait for other pieces.
  void Push(std::function<void()> work);

  /// True when the oldest piece is done. size() must not be 0.
  bool FrontIsDone() const;

  /// Waits until the oldest piece is done, doing it or others meanwhile, and takes it off. size()
  /// must not be 0.
  void TakeFront();

 private:
  struct Piece;

  ThreadPool* pool_;
  std::size_t helpers_;
  std::deque<std::shared_ptr<Piece>> pieces_;
};

}  // namespace datalake

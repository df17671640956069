#pragma once

#include <cstddef>
#include <functional>
#include <stop_token>

#include "datalake/base/result.h"
#include "datalake/base/thread_pool.h"

namespace datalake {

/// The three steps of work that is read in order, done in any order and written in order. Each is
/// called with the number of a slot, in which the caller keeps the block between the steps.
struct OrderedSteps {
  /// Fills the slot with the next block; false at the end. On the calling thread, in order.
  std::function<Result<bool>(std::size_t slot)> read;
  /// Works on one block. On any thread, several at once, each on its own slot. What goes wrong is
  /// left in the slot for `emit`.
  std::function<void(std::size_t slot)> work;
  /// Takes the block's result. On the calling thread, in order of reading.
  std::function<Status(std::size_t slot)> emit;
};

/// How many slots RunOrdered asks for at most: two blocks a thread, one for a pool of one.
std::size_t OrderedSlots(const ThreadPool& pool);

/// Runs the steps until `read` says that it is over. Work is offered to threads of `pool` and done
/// by the caller where none is free, so it never waits for a thread that may not come: it can be
/// called from tasks of the same pool. Uses the slots 0 … OrderedSlots(pool) - 1, the same few
/// again where that suffices. Returns when nothing runs any more, after an error too.
/// Errors: the first one of `read` or `emit` in order (blocks read before a failed read are still
/// emitted); kCancelled.
Status RunOrdered(ThreadPool& pool, std::stop_token stop, const OrderedSteps& steps);

}  // namespace datalake

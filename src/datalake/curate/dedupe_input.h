#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "datalake/base/mutex.h"
#include "datalake/base/result.h"
#include "datalake/base/thread_pool.h"
#include "datalake/curate/curate_context.h"
#include "datalake/curate/dedupe.h"
#include "datalake/curate/dedupe_block.h"
#include "datalake/json/path.h"

namespace datalake::curate {

/// Size, time and hash of a file as they are now. Errors: kNotFound, kIo.
Result<SeenInput> IdentifyInput(io::FileSystem& fs, const std::string& path,
                                const std::string& document_dir);

/// Blocks of many files in the order of files and lines, each read, parsed, split and hashed on
/// threads of its own: a worker a file, with helpers when threads are left. A window of files is
/// worked on at a time, so that blocks do not pile up behind a long one. To be used by one thread.
class DedupeInput {
 public:
  /// `options`, `path` (of the documents' key) and `context` must outlive it. `is_identified`:
  /// Identity is wanted too.
  DedupeInput(const DedupeOptions& options, const json::Path& path, std::vector<std::string> files,
              bool is_identified, const CurateContext& context);
  ~DedupeInput();

  /// The next block of file `index`, null at its end. Files must be asked for in order, each to
  /// its end. Errors: kInvalidArgument (a bad line, no key), those of the reader; kCancelled.
  Result<std::unique_ptr<DedupeBlock>> Next(std::size_t index);

  /// Gives a block back, whose memory is then used again.
  void Recycle(std::unique_ptr<DedupeBlock> block);

  /// The file as it was when it was read; behind its end only.
  const SeenInput& Identity(std::size_t index) const { return identities_[index]; }

  /// Threads that are free at times.
  ThreadPool& helpers() { return helpers_; }

  /// Blocks to be filled again. Thread-safe.
  class SpareBlocks {
   public:
    std::unique_ptr<DedupeBlock> Take();
    void Give(std::unique_ptr<DedupeBlock> block);

   private:
    Mutex mutex_;
    std::vector<std::unique_ptr<DedupeBlock>> blocks_ DATALAKE_GUARDED_BY(mutex_);
  };

 private:
  class BlockQueue;

  Status StartUpTo(std::size_t end);

  const DedupeOptions& options_;
  const json::Path& path_;
  const std::vector<std::string> files_;
  const bool is_identified_;
  const CurateContext& context_;
  std::stop_source stop_;  // the caller's wish to stop, or our own
  const std::stop_callback<std::function<void()>> forward_;
  std::vector<std::shared_ptr<BlockQueue>> queues_;
  std::vector<SeenInput> identities_;
  std::size_t started_ = 0;
  SpareBlocks spare_;
  ThreadPool helpers_;  // where there are fewer files than threads: for their blocks
  ThreadPool pool_;     // last: its threads end before what they use
};

}  // namespace datalake::curate

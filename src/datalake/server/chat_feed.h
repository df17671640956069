#pragma once

#include <memory>

#include "datalake/base/mutex.h"
#include "datalake/base/result.h"

namespace datalake::lake {
class Feed;
class Lake;
}  // namespace datalake::lake

namespace datalake::server {

/// The feed `chat` of one server. One process of a lake takes its records at a time: another server
/// of the same lake stands by, does all else, and takes over when that one has gone. Thread-safe.
class ChatFeed {
 public:
  /// Stands by. `lake` must outlive it.
  explicit ChatFeed(lake::Lake& lake) : lake_(lake) {}

  ~ChatFeed();
  ChatFeed(const ChatFeed&) = delete;
  ChatFeed& operator=(const ChatFeed&) = delete;

  /// Opens the feed; nothing to do when it is open. Errors: kUnavailable (another process has it:
  /// Get says so from now on), and those of Feed::Open. Called by one thread at a time.
  Status Take();

  /// The feed. Errors: kUnavailable naming who has it. Quick: touches no disk.
  Result<std::shared_ptr<lake::Feed>> Get() const;

  /// Lets go of it, for good; waits for appends under way.
  void Close();

 private:
  lake::Lake& lake_;
  mutable Mutex mutex_;
  std::shared_ptr<lake::Feed> feed_ DATALAKE_GUARDED_BY(mutex_);
  Error absent_ DATALAKE_GUARDED_BY(mutex_){ErrorCode::kUnavailable, "feed chat is not open"};
};

}  // namespace datalake::server

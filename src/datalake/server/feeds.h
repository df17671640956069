#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/mutex.h"
#include "datalake/base/result.h"
#include "datalake/lake/feed.h"

namespace datalake::lake {
class Lake;
}  // namespace datalake::lake

namespace datalake::server {

/// The feeds of one server, each opened on first use. One process of a lake takes a feed's records
/// at a time: another server of the same lake stands by for it, does all else, and takes over when
/// that one has gone. Thread-safe.
class Feeds {
 public:
  /// `options` are those of every feed. `lake` must outlive it.
  explicit Feeds(lake::Lake& lake, lake::FeedOptions options = {})
      : lake_(lake), options_(options) {}

  ~Feeds();
  Feeds(const Feeds&) = delete;
  Feeds& operator=(const Feeds&) = delete;

  /// The feed, opened when it is not open yet: reads its table and its log. Errors: kUnavailable
  /// (another process has it, or the server is stopping), and those of Feed::Open.
  Result<std::shared_ptr<lake::Feed>> Open(std::string_view name);

  /// The feed when it is open. Quick: touches no disk. Errors: kUnavailable saying why not.
  Result<std::shared_ptr<lake::Feed>> Get(std::string_view name) const;

  /// All that are open, by name.
  std::vector<std::pair<std::string, std::shared_ptr<lake::Feed>>> All() const;

  /// Tries again to open the feeds that were asked for and that others had; returns the names of
  /// those taken now.
  std::vector<std::string> TakeOver();

  /// Lets go of all, for good; waits for appends under way.
  void Close();

 private:
  struct Slot {
    std::shared_ptr<lake::Feed> feed;
    Error absent{ErrorCode::kUnavailable, "feed is not open"};
  };

  lake::Lake& lake_;
  const lake::FeedOptions options_;
  Mutex open_mutex_;  // one feed is opened at a time; taken before mutex_
  mutable Mutex mutex_;
  std::map<std::string, Slot, std::less<>> slots_ DATALAKE_GUARDED_BY(mutex_);
  bool is_closed_ DATALAKE_GUARDED_BY(mutex_) = false;
};

}  // namespace datalake::server

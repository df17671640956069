#include "datalake/server/chat_feed.h"

#include <utility>

#include "datalake/lake/feed.h"

namespace datalake::server {

ChatFeed::~ChatFeed() = default;

Status ChatFeed::Take() {
  {
    const MutexLock lock(mutex_);
    if (feed_ != nullptr) {
      return {};
    }
  }
  auto opened = lake::Feed::Open(lake_, "chat", {});
  const MutexLock lock(mutex_);
  if (!opened) {
    absent_ = {ErrorCode::kUnavailable,
               "records of this lake are taken by another server: " + opened.error().message};
    return std::move(opened).error();
  }
  feed_ = *std::move(opened);
  return {};
}

Result<std::shared_ptr<lake::Feed>> ChatFeed::Get() const {
  const MutexLock lock(mutex_);
  return feed_ == nullptr ? Result<std::shared_ptr<lake::Feed>>(absent_) : feed_;
}

void ChatFeed::Close() {
  std::shared_ptr<lake::Feed> feed;  // ends outside of the lock
  {
    const MutexLock lock(mutex_);
    feed.swap(feed_);
    absent_.message = "the server is stopping";
  }
}

}  // namespace datalake::server

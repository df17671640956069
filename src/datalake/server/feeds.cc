#include "datalake/server/feeds.h"

#include <optional>
#include <utility>

namespace datalake::server {
namespace {

Error Stopping() {
  return {ErrorCode::kUnavailable, "the server is stopping"};
}

}  // namespace

Feeds::~Feeds() = default;

Result<std::shared_ptr<lake::Feed>> Feeds::Open(std::string_view name) {
  using Opened = Result<std::shared_ptr<lake::Feed>>;
  const auto known = [&]() -> std::optional<Opened> {
    const MutexLock lock(mutex_);
    if (is_closed_) {
      return Opened(Stopping());
    }
    const auto slot = slots_.find(name);
    return slot == slots_.end() || slot->second.feed == nullptr
               ? std::nullopt
               : std::optional<Opened>(slot->second.feed);
  };
  if (auto answer = known()) {  // an open feed does not wait while another one is being opened
    return *std::move(answer);
  }
  const MutexLock open_lock(open_mutex_);
  if (auto answer = known()) {
    return *std::move(answer);
  }
  auto opened = lake::Feed::Open(lake_, name, options_);
  if (!opened && opened.error().code != ErrorCode::kUnavailable) {
    return opened.error();  // names that nobody knows leave no trace
  }
  const MutexLock lock(mutex_);
  Slot& slot = slots_[std::string(name)];
  if (!opened) {
    slot.absent = {ErrorCode::kUnavailable,
                   "records of this feed are taken by another server: " + opened.error().message};
    return slot.absent;
  }
  slot.feed = *std::move(opened);
  return slot.feed;
}

Result<std::shared_ptr<lake::Feed>> Feeds::Get(std::string_view name) const {
  const MutexLock lock(mutex_);
  if (is_closed_) {
    return Stopping();
  }
  const auto slot = slots_.find(name);
  if (slot == slots_.end()) {
    return Error{ErrorCode::kUnavailable, "feed is not open: " + std::string(name)};
  }
  return slot->second.feed == nullptr ? Result<std::shared_ptr<lake::Feed>>(slot->second.absent)
                                      : slot->second.feed;
}

std::vector<std::pair<std::string, std::shared_ptr<lake::Feed>>> Feeds::All() const {
  std::vector<std::pair<std::string, std::shared_ptr<lake::Feed>>> all;
  const MutexLock lock(mutex_);
  for (const auto& [name, slot] : slots_) {
    if (slot.feed != nullptr) {
      all.emplace_back(name, slot.feed);
    }
  }
  return all;
}

std::vector<std::string> Feeds::TakeOver() {
  std::vector<std::string> absent;
  {
    const MutexLock lock(mutex_);
    for (const auto& [name, slot] : slots_) {
      if (slot.feed == nullptr) {
        absent.push_back(name);
      }
    }
  }
  std::vector<std::string> taken;
  for (std::string& name : absent) {
    if (Open(name)) {
      taken.push_back(std::move(name));
    }
  }
  return taken;
}

void Feeds::Close() {
  std::map<std::string, Slot, std::less<>> slots;  // ends outside of the lock
  const MutexLock lock(mutex_);
  is_closed_ = true;
  slots.swap(slots_);
}

}  // namespace datalake::server

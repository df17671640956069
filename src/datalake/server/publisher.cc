#include "datalake/server/publisher.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/hash.h"
#include "datalake/base/log.h"
#include "datalake/io/path.h"
#include "datalake/job/job_runner.h"
#include "datalake/json/value.h"
#include "datalake/lake/feed_snapshot.h"
#include "datalake/lake/feed_upkeep.h"
#include "datalake/lake/feed_view.h"
#include "datalake/lake/feed_withdrawal.h"
#include "datalake/server/feeds.h"

namespace datalake::server {
namespace {

constexpr std::chrono::milliseconds kLookPeriod{1'000};      // for new records to copy
constexpr std::chrono::milliseconds kSchedulePeriod{5'000};  // for snapshots that are due
constexpr std::chrono::milliseconds kMostPause{60'000};      // after errors of a copy
constexpr std::int64_t kLookShare = 50;                      // looking takes at most 2 % of a core

void Pause(std::chrono::milliseconds time, const std::stop_token& stop) {
  Mutex mutex;
  CondVar never;
  const MutexLock lock(mutex);
  never.WaitFor(mutex, stop, time, [] { return false; });
}

}  // namespace

Result<std::unique_ptr<Publisher>> Publisher::Start(const Parts& parts,
                                                    const lake::PublishPlan& plan,
                                                    const std::string& bucket) {
  std::unique_ptr<Publisher> publisher(new Publisher(parts, plan));  // NOLINT: private constructor
  for (const lake::SnapshotPlan& snapshot : plan.snapshots) {
    // A plan with rules that are none is found at the start, not at night.
    DATALAKE_TRY(CheckCuration(snapshot.kind, snapshot.curation));
  }
  if (!bucket.empty()) {
    // The seed's setting is the bare name of a bucket.
    const bool is_name = bucket.find('/') == std::string::npos;
    DATALAKE_TRY(
        publisher->AddCopy({.feed = "chat", .to = is_name ? "s3://" + bucket : bucket}, ""));
  }
  for (const lake::CopyPlan& copy : plan.copies) {
    DATALAKE_TRY(publisher->AddCopy(copy, copy.to.starts_with("s3://") ? "" : "data/"));
  }
  for (const Copy& copy : publisher->copies_) {
    publisher->threads_.emplace_back([self = publisher.get(), &copy](const std::stop_token& stop) {
      self->RunCopy(*copy.copy, stop);
    });
  }
  publisher->threads_.emplace_back(
      [self = publisher.get()](const std::stop_token& stop) { self->RunSchedule(stop); });
  return publisher;
}

Publisher::~Publisher() = default;

Status Publisher::AddCopy(const lake::CopyPlan& plan, const std::string& prefix) {
  io::FileSystem& fs = parts_.lake.context().fs;
  Copy copy;
  DATALAKE_TRY_ASSIGN(copy.store,
                      io::OpenObjectStore(fs, plan.to, io::S3Options::FromEnvironment(fs)));
  const std::string state = fmt::format("copies/{}-{:016x}.json", plan.feed, Xxh3Hash64(plan.to));
  DATALAKE_TRY_ASSIGN(
      copy.copy,
      lake::FeedCopy::Open(parts_.lake, parts_.publishing.feeds(), *copy.store,
                           {.feed = plan.feed,
                            .prefix = prefix,
                            .state_path = io::JoinPath(parts_.lake.layout().index(), state)}));
  copies_.push_back(std::move(copy));
  return {};
}

void Publisher::RunCopy(lake::FeedCopy& copy, const std::stop_token& stop) const {
  std::chrono::milliseconds pause = kLookPeriod;
  std::uint64_t seen = 0;       // a sign of what the feed held when it was looked at last
  std::int64_t idle_until = 0;  // nothing new before: records settle for a while after they came
  while (!stop.stop_requested()) {
    const auto feed = parts_.feeds.Get(copy.facts().feed);
    const lake::FeedStats stats = feed ? (*feed)->stats() : lake::FeedStats();
    const std::uint64_t sign = stats.records ^ (stats.unsealed_bytes << 20) ^ 1;
    const std::int64_t now = parts_.clock.SteadyNanos();
    if (feed && sign == seen && now < idle_until && copy.facts().is_caught_up) {
      Pause(kLookPeriod, stop);
      continue;
    }
    const Result<bool> more = copy.Step(stop);
    if (!more && more.error().code == ErrorCode::kCancelled) {
      return;
    }
    if (!more) {
      LogWarning(fmt::format("cannot copy feed {} now, tries again in {} s: {}", copy.facts().feed,
                             pause.count() / 1000, more.error().message));
      Pause(pause, stop);
      pause = std::min(2 * pause, kMostPause);
      continue;
    }
    pause = kLookPeriod;
    if (!*more) {
      if (sign == seen) {
        idle_until = now + std::chrono::nanoseconds(kMostPause).count();
      }
      seen = sign;
      Pause(kLookPeriod, stop);
    }
  }
}

std::vector<CopyState> Publisher::copies() const {
  std::vector<CopyState> states;
  for (const Copy& copy : copies_) {
    const lake::FeedCopyFacts facts = copy.copy->facts();
    states.push_back({.feed = facts.feed,
                      .url = facts.url,
                      .copied = facts.copied,
                      .removed = facts.removed,
                      .failures = facts.failures,
                      .is_caught_up = facts.is_caught_up,
                      .last_error = facts.last_error});
  }
  return states;
}

Status Publisher::RemoveFromCopies(std::string_view feed,
                                   const std::vector<std::pair<std::string, std::string>>& records,
                                   std::stop_token stop) {
  Status first;
  for (const Copy& copy : copies_) {
    if (copy.copy->facts().feed == feed) {
      const Status removed = copy.copy->Remove(records, stop);
      first = first ? removed : first;
    }
  }
  return first;
}

Result<bool> Publisher::IsDue(const lake::SnapshotPlan& plan) const {
  DATALAKE_TRY_ASSIGN(const std::int64_t records, parts_.publishing.feeds().Count(plan.feed, {}));
  const auto newest = lake::FindFeedSnapshot(parts_.lake, plan.feed, plan.kind, "latest");
  if (!newest && newest.error().code != ErrorCode::kNotFound) {
    return newest.error();
  }
  std::int64_t made_from = 0;
  bool is_old = true;
  if (newest) {
    DATALAKE_TRY_ASSIGN(const std::string text, lake::ReadSnapshotManifest(parts_.lake, *newest));
    DATALAKE_TRY_ASSIGN(const json::Value manifest, json::ParseValue(text, "manifest.json"));
    const json::Value* source = json::Find(manifest, "source");
    made_from = source == nullptr ? 0 : source->value("records", std::int64_t{0});
    is_old =
        parts_.clock.Now() - newest->collection.created_at >= std::chrono::hours(plan.every_hours);
  }
  const std::int64_t fresh = std::abs(records - made_from);
  return (plan.every_hours > 0 && is_old && fresh > 0) ||
         (plan.every_records > 0 && fresh >= static_cast<std::int64_t>(plan.every_records));
}

Status Publisher::StartDueSnapshots() {
  const std::int64_t begin = parts_.clock.SteadyNanos();
  if (begin < next_look_nanos_) {
    return {};
  }
  for (const lake::SnapshotPlan& plan : plan_.snapshots) {
    DATALAKE_TRY_ASSIGN(const bool is_due, IsDue(plan));
    if (!is_due) {
      continue;
    }
    const std::string parameters = SnapshotJobParameters({.feed = plan.feed,
                                                          .kind = plan.kind,
                                                          .license = plan.license,
                                                          .description = plan.description,
                                                          .created_by = "datalake-server",
                                                          .curation = plan.curation});
    DATALAKE_TRY_ASSIGN(const job::StartedJob started, parts_.jobs.Start(kSnapshotJob, parameters));
    LogInfo(fmt::format("snapshot {} of feed {} is due: job {}", lake::ToString(plan.kind),
                        plan.feed, started.id));
    return {};  // one at a time; what else is due waits for the next look
  }
  // Looking counts records: of a large feed it is done less often.
  const std::int64_t end = parts_.clock.SteadyNanos();
  next_look_nanos_ = end + kLookShare * (end - begin);
  return {};
}

void Publisher::Upkeep(const std::stop_token& stop) {
  const std::string today = FormatDay(parts_.clock.Now());
  if (upkept_day_ == today) {
    return;
  }
  upkept_day_ = today;
  const auto feeds = lake::ListFeeds(parts_.lake);
  if (!feeds) {
    return LogWarning("cannot list feeds: " + feeds.error().message);
  }
  for (const std::string& feed : *feeds) {
    NullProgress progress;
    if (!plan_.compacts) {
      continue;
    }
    const auto compacted = lake::CompactFeed(parts_.lake, feed, today, progress, stop);
    if (!compacted && compacted.error().code != ErrorCode::kNotFound &&
        compacted.error().code != ErrorCode::kCancelled) {
      LogWarning(fmt::format("cannot compact feed {}: {}", feed, compacted.error().message));
    }
  }
}

// Those that an earlier run of the program, or a store that was down, left undone.
void Publisher::FinishWithdrawals() {
  const std::int64_t now = parts_.clock.SteadyNanos();
  if (now < next_withdrawals_nanos_) {
    return;
  }
  next_withdrawals_nanos_ = now + std::chrono::nanoseconds(kMostPause).count();
  const auto pending = lake::FeedWithdrawals(parts_.lake).List();
  if (!pending) {
    return LogWarning("cannot read withdrawals: " + pending.error().message);
  }
  if (!pending->empty()) {
    if (const auto started = parts_.jobs.Start(kWithdrawalJob, "{}"); !started) {
      LogWarning("cannot finish withdrawals: " + started.error().message);
    }
  }
}

void Publisher::RunSchedule(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    if (const Status started = StartDueSnapshots(); !started) {
      LogWarning("cannot start a snapshot: " + started.error().message);
    }
    Upkeep(stop);
    FinishWithdrawals();
    Pause(kSchedulePeriod, stop);
  }
}

}  // namespace datalake::server

#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "datalake/base/mutex.h"
#include "datalake/base/result.h"
#include "datalake/io/object_store.h"
#include "datalake/lake/feed_copy.h"
#include "datalake/lake/publish_plan.h"
#include "datalake/server/publishing.h"

namespace datalake::job {
class JobRunner;
}  // namespace datalake::job

namespace datalake::server {

class Feeds;

/// One copy of a feed, as the API and the metrics show it.
struct CopyState {
  std::string feed;
  std::string url;
  std::uint64_t copied = 0;
  std::uint64_t removed = 0;
  std::uint64_t failures = 0;  ///< in a row
  bool is_caught_up = false;
  std::string last_error = {};
};

/// What a server does for its feeds by itself, in threads of its own: starts the jobs of snapshots
/// that are due, compacts days that have ended, keeps copies up to date (with pauses of 1 s to 60 s
/// after errors). Nothing that is acknowledged waits for it. Thread-safe.
class Publisher {
 public:
  struct Parts {
    lake::Lake& lake;
    Feeds& feeds;
    Publishing& publishing;
    job::JobRunner& jobs;
    const Clock& clock;
  };

  /// `bucket`: its name or "s3://name", where the feed `chat` is copied to besides the plan's
  /// copies; empty: none. All parts must outlive it. Errors: kInvalidArgument (the plan; a copy's
  /// place), those of io::OpenObjectStore and FeedCopy::Open.
  static Result<std::unique_ptr<Publisher>> Start(const Parts& parts, const lake::PublishPlan& plan,
                                                  const std::string& bucket);
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  std::vector<CopyState> copies() const;

  /// Removes the objects of records, (ingest_id, day), from all copies of a feed. Errors: the first
  /// of the stores; the others were tried too.
  Status RemoveFromCopies(std::string_view feed,
                          const std::vector<std::pair<std::string, std::string>>& records,
                          std::stop_token stop);

 private:
  struct Copy {
    std::unique_ptr<io::ObjectStore> store;
    std::unique_ptr<lake::FeedCopy> copy;
  };

  Publisher(const Parts& parts, const lake::PublishPlan& plan) : parts_(parts), plan_(plan) {}

  Status AddCopy(const lake::CopyPlan& plan, const std::string& prefix);
  void RunCopy(lake::FeedCopy& copy, const std::stop_token& stop) const;
  void RunSchedule(const std::stop_token& stop);
  Status StartDueSnapshots();
  Result<bool> IsDue(const lake::SnapshotPlan& plan) const;
  void Upkeep(const std::stop_token& stop);
  void FinishWithdrawals();

  const Parts parts_;
  const lake::PublishPlan plan_;
  std::vector<Copy> copies_;
  std::string upkept_day_;  // of the schedule's thread, as the next
  std::int64_t next_look_nanos_ = 0;
  std::int64_t next_withdrawals_nanos_ = 0;
  std::vector<std::jthread> threads_;  // last: they use the others
};

}  // namespace datalake::server

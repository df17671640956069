#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "datalake/base/clock.h"
#include "datalake/base/result.h"
#include "datalake/lake/feed_query.h"
#include "datalake/lake/feed_snapshot.h"
#include "datalake/lake/lake.h"
#include "datalake/lake/queries.h"

namespace datalake::job {
class JobRunner;
class JobStore;
}  // namespace datalake::job

namespace datalake::server {

class Feeds;
class Publisher;

/// The kind of job that publishes a snapshot of a feed.
inline constexpr std::string_view kSnapshotJob = "snapshot";

/// The kind of job that takes withdrawn records out of snapshots and copies.
inline constexpr std::string_view kWithdrawalJob = "withdrawal";

/// What a snapshot job is told.
struct SnapshotJobRequest {
  std::string feed;
  lake::SnapshotKind kind = lake::SnapshotKind::kRaw;
  lake::FeedFilter filter = {};
  std::string license = {};
  std::string description = {};
  std::string created_by = {};
  std::string curation = "{}";  ///< JSON object of job::ReadFeedCurationOptions
};

/// Reads {"kind","license","description","filter","curation"} as POST …/snapshots takes it, of the
/// feed `feed`. Errors: kInvalidArgument naming the key, also in `curation` and `filter`.
Result<SnapshotJobRequest> ParseSnapshotRequest(std::string_view feed, std::string_view body);

/// Errors: kInvalidArgument, unless `curation` (a JSON object) holds rules of that kind.
Status CheckCuration(lake::SnapshotKind kind, std::string_view curation);

/// The read side of one server: what answers questions about feeds and the lake. Thread-safe.
class Publishing {
 public:
  /// `lake` and `store` must outlive it. Errors: those of FeedQueries and Queries.
  static Result<std::unique_ptr<Publishing>> Open(lake::Lake& lake, const job::JobStore& store);

  lake::FeedQueries& feeds() { return *feeds_; }

  lake::Queries& queries() { return *queries_; }

 private:
  Publishing(std::unique_ptr<lake::FeedQueries> feeds, std::unique_ptr<lake::Queries> queries)
      : feeds_(std::move(feeds)), queries_(std::move(queries)) {}

  std::unique_ptr<lake::FeedQueries> feeds_;
  std::unique_ptr<lake::Queries> queries_;
};

/// Makes the job `snapshot` known to `runner`. Both others must outlive it. Its result is
/// {"feed","kind","collection","version","rows","bytes"} and, where there is one, "report".
Status RegisterSnapshotJob(job::JobRunner& runner, lake::Lake& lake, Publishing& publishing);

/// Makes the job `withdrawal` known, which finishes all that are pending: seals the feeds, then
/// FeedWithdrawals::Finish. All others must outlive `runner`.
Status RegisterWithdrawalJob(job::JobRunner& runner, lake::Lake& lake, Feeds& feeds,
                             std::function<std::shared_ptr<Publisher>()> publisher);

/// The parameters of a snapshot job, which its body reads.
std::string SnapshotJobParameters(const SnapshotJobRequest& request);

}  // namespace datalake::server

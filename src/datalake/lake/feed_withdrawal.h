#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "datalake/base/progress.h"
#include "datalake/base/result.h"
#include "datalake/lake/feed_query.h"
#include "datalake/lake/feed_record.h"
#include "datalake/lake/lake.h"

namespace datalake::io {
class FileLock;
}  // namespace datalake::io

namespace datalake::lake {

class Feed;

/// A withdrawal whose records are gone from the feed, or are about to be, and not yet from what was
/// published: withdrawals/<id>.json, removed when all is done.
struct PendingWithdrawal {
  std::string id;
  std::string feed;
  std::string user;    ///< who asked: a token's name
  std::string reason;  ///< of an admin's; goes into the lake log, so it holds no content
  Timestamp requested;
  /// (ingest_id, day) of every version.
  std::vector<std::pair<std::string, std::string>> records;
};

/// A withdrawal that is to be begun.
struct WithdrawalOrder {
  std::string feed;
  Withdrawal what;
  std::string user = {};
  std::string reason = {};
};

/// One that was.
struct BegunWithdrawal {
  std::string id;
  std::uint64_t records = 0;  ///< that were known, and are found no more
};

/// What finishing withdrawals did.
struct WithdrawalReport {
  std::uint64_t withdrawals = 0;
  std::uint64_t records = 0;
  std::uint64_t snapshots_amended = 0;
  std::uint64_t rows_removed = 0;  ///< of them
  std::string message = {};        ///< what could not be looked at, and may hold such rows
};

/// Held while a snapshot of `feed` is made, from before its records are read until it is published,
/// and while its snapshots are amended, in whatever process: so a withdrawal meets every snapshot
/// that was begun before it. Waits for the others. Errors: kCancelled, kIo.
Result<std::unique_ptr<io::FileLock>> LockSnapshots(const LakeContext& context,
                                                    std::string_view feed,
                                                    const std::stop_token& stop);

/// The withdrawals of a lake on their way through what was published. The feed itself forgets
/// records by Feed::Withdraw; this is for all that was made of them before. Thread-safe.
class FeedWithdrawals {
 public:
  /// `lake` must outlive it.
  explicit FeedWithdrawals(Lake& lake) : lake_(lake) {}

  /// The records of a filter with the days of all their versions. Errors: those of FeedQueries.
  static Result<std::vector<std::pair<std::string, std::string>>> FindRecords(
      FeedQueries& queries, std::string_view feed, const FeedFilter& filter);

  /// Begins one: first what has to be done is on the disk (Add), then the feed is told. A crash
  /// between the two leaves a withdrawal from what was published, which was asked for anyway.
  /// `queries` answers about the lake of `feed`. Errors: those of FeedQueries, Add and
  /// Feed::Withdraw; kInvalidArgument (a reason over 200 bytes); nothing is withdrawn then.
  Result<BegunWithdrawal> Begin(Feed& feed, FeedQueries& queries,
                                const WithdrawalOrder& order) const;

  /// Makes a withdrawal known, before the feed is told; durable when it returns. Sets its id and
  /// time. Errors: kIo, kResourceExhausted.
  Status Add(PendingWithdrawal& withdrawal) const;

  /// Takes one back that the feed refused. Errors: kIo.
  Status Cancel(std::string_view id) const;

  /// Those that are not done, oldest first. Errors: kCorruption, kIo.
  Result<std::vector<PendingWithdrawal>> List() const;

  /// Removes the objects of records from the copies of a feed.
  using RemoveCopies = std::function<Status(
      std::string_view feed, const std::vector<std::pair<std::string, std::string>>& records)>;

  /// Takes the records of all pending withdrawals out of copies and snapshots (written anew, as
  /// `amended`), writes an entry without content into the lake log for each, and forgets it. What
  /// fails stays for the next call. Waits for snapshots that are being made. Errors: those of
  /// `remove_copies` and TakeDown, kCancelled.
  Result<WithdrawalReport> Finish(const RemoveCopies& remove_copies, ProgressSink& progress,
                                  std::stop_token stop) const;

 private:
  std::string Folder() const;

  Lake& lake_;
};

/// The report as one JSON object.
std::string WithdrawalReportJson(const WithdrawalReport& report);

}  // namespace datalake::lake

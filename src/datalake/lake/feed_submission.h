#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "datalake/base/mutex.h"
#include "datalake/base/random.h"
#include "datalake/lake/feed.h"
#include "datalake/lake/feed_ledger.h"
#include "datalake/lake/record_checker.h"

// Internal to lake/feed: a submission on its way from the look at it to its answer.
namespace datalake::lake {

/// Makes receipt tokens: 36 hexadecimal digits. The random bytes come in blocks: a system call for
/// each would cost as much as checking its record. Thread-safe.
class ReceiptTokens {
 public:
  explicit ReceiptTokens(Random& random) : random_(random) {}

  std::string Make();

 private:
  static constexpr std::size_t kBytes = 18;

  Random& random_;
  Mutex mutex_;
  std::array<std::byte, 57 * kBytes> block_ DATALAKE_GUARDED_BY(mutex_){};
  std::size_t used_ DATALAKE_GUARDED_BY(mutex_) = sizeof(block_);
};

/// One record of a submission.
struct Candidate {
  std::string_view body;
  CheckedRecord checked;
  std::string ingest_id;
  bool is_own_id = true;  ///< given by the client, so that its owner may replace the record
  Hash128 key;
  IdEntry entry;
  bool is_stored = false;                   ///< goes into the log
  std::optional<std::size_t> repeats = {};  ///< the number of an equal record of the submission
};

/// A submission under way.
struct PendingSubmission {
  Submission submission;
  std::vector<Candidate> candidates;
  std::unordered_map<Hash128, std::size_t, KeyHasher> newest;  ///< of ids that are stored
  SubmissionAnswer answer;
  std::string new_token;  ///< for new records, when the contributor brought none
  ReceiptHash receipt;
  Feed::SubmitDone done;
  std::atomic<std::size_t> waits{1};  ///< for appends and for records of others; one is ours
};

using PendingPtr = std::shared_ptr<PendingSubmission>;

/// One wait is over; the last one answers.
void Release(const PendingPtr& pending);

/// Fills candidates with what can be told without knowing other records. Records above `max_bytes`
/// get their error. `random` makes ids of records without one.
void LookAtRecords(const RecordChecker& checker, std::uint64_t max_bytes, Random& random,
                   PendingSubmission& pending);

/// Decides for each record, by the newest version known, on disk or on its way, what becomes of it:
/// an answer, or `is_stored`. The caller holds the feed's lock.
void DecideSubmission(const RecordChecker& checker, std::int64_t now_us, FeedLedger& ledger,
                      const PendingPtr& pending);

}  // namespace datalake::lake

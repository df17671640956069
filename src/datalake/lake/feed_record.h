#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>

#include "datalake/base/clock.h"
#include "datalake/base/hash.h"
#include "datalake/base/result.h"

namespace datalake::lake {

/// The first half of the SHA-256 of a receipt token: what the lake keeps of it. All zeros: none.
struct ReceiptHash {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  friend bool operator==(const ReceiptHash&, const ReceiptHash&) = default;
};

/// The hash of a token as a contributor shows it; none for an empty one.
ReceiptHash HashReceipt(std::string_view token);

/// 32 hexadecimal digits, or "" for none: the form of the column `receipt`.
std::string ToText(const ReceiptHash& hash);
ReceiptHash ReceiptFromText(std::string_view text);

/// Which submission a record came with: hashes of the Idempotency-Key and of the whole body. All
/// zeros: no key was given.
struct SubmissionHash {
  std::uint64_t key = 0;
  std::uint64_t body = 0;

  friend bool operator==(const SubmissionHash&, const SubmissionHash&) = default;
};

std::string ToText(const SubmissionHash& hash);
SubmissionHash SubmissionFromText(std::string_view text);

/// Where a record goes when its segment is sealed.
enum class RecordPlace : std::uint8_t {
  kFeed = 0,        ///< the feed's table
  kQuarantine = 1,  ///< the quarantine table
  kReleased = 2,    ///< the feed's table, and out of the quarantine table
};

/// One version of one contributed record, as the WAL carries it (docs/formats/feeds.md).
struct FeedRecord {
  std::string_view ingest_id;
  std::int64_t version = 1;
  Timestamp received;
  std::string_view body;  ///< JSON as it was sent
  RecordPlace place = RecordPlace::kFeed;
  std::uint32_t schema_version = 1;
  std::uint64_t content_hash = 0;
  ReceiptHash receipt = {};
  SubmissionHash submission = {};
  /// What rules found: the marks of a record of the feed, the reasons of a quarantined one; names
  /// separated by line feeds.
  std::string_view findings = {};
};

/// Whose records a withdrawal takes away.
enum class WithdrawalScope : std::uint8_t {
  kRecord = 1,     ///< all versions of one ingest_id
  kSubmitter = 2,  ///< everything of one submitter_id
  kReceipt = 3,    ///< everything with one receipt token: a whole submission
};

/// A contributor takes back what they gave. Removes what was accepted before it; a record that is
/// sent again later is a new one.
struct Withdrawal {
  WithdrawalScope scope = WithdrawalScope::kRecord;
  std::string ingest_id = {};     ///< of kRecord
  std::string submitter_id = {};  ///< of kSubmitter
  ReceiptHash receipt = {};       ///< of kReceipt
  Timestamp received = {};        ///< set by the feed
  std::string reference = {};     ///< the caller's own id of it, for the audit; no content
};

using FeedEntry = std::variant<FeedRecord, Withdrawal>;

/// Appends the WAL payload of one entry to `out`. Pure.
void EncodeFeedRecord(const FeedRecord& record, std::string& out);
std::string EncodeWithdrawal(const Withdrawal& withdrawal);

/// Collects records into one payload that is in the log whole or not at all. Single-threaded.
class FeedBatchEncoder {
 public:
  FeedBatchEncoder();

  void Add(const FeedRecord& record);

  std::size_t size() const { return count_; }

  std::size_t size_bytes() const { return payload_.size(); }

  /// The payload; the encoder is then empty.
  std::string Take();

 private:
  std::string payload_;
  std::size_t count_ = 0;
};

/// Visits the entries of a payload in order; views point into it. Errors: kCorruption, kUnsupported
/// (a payload of another version of the program, with its number), those of `visit`.
Status ForEachFeedEntry(std::string_view payload,
                        const std::function<Status(const FeedEntry&)>& visit);

/// True when a payload is a withdrawal, without reading it.
bool IsWithdrawal(std::string_view payload);

}  // namespace datalake::lake

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/clock.h"
#include "datalake/base/result.h"
#include "datalake/lake/lake.h"
#include "datalake/query/engine.h"

namespace datalake::lake {

/// Which records of a feed are meant; all given conditions must hold. Values are data.
struct FeedFilter {
  std::string from = {};                                ///< first day of receipt, YYYY-MM-DD
  std::string to = {};                                  ///< last day of receipt, inclusive
  std::optional<std::string> source = std::nullopt;     ///< equal to the field `source`
  std::optional<std::string> agent = std::nullopt;      ///< equal to the field `agent_id`
  std::optional<std::string> submitter = std::nullopt;  ///< equal to the field `submitter_id`
  std::optional<std::string> rating = std::nullopt;     ///< of any turn of the conversation
  std::optional<std::string> receipt = std::nullopt;    ///< equal to the column `receipt`, a hash
  std::string text = {};                                ///< in any turn's content or edit

  /// Errors: kInvalidArgument (no day, from after to, text that is no UTF-8).
  Status Validate() const;
};

/// The filter as one line of JSON, without what was not asked for: the lineage of a snapshot.
std::string FeedFilterJson(const FeedFilter& filter);

/// One current record of a feed.
struct FeedRow {
  std::string ingest_id;
  std::int64_t version = 0;
  Timestamp received;
  std::string body;  ///< JSON as it was sent
};

struct FeedPageRequest {
  FeedFilter filter = {};
  std::string cursor = {};  ///< FeedPage::next of the page before; empty: the first page
  std::int64_t limit = 100;

  static constexpr std::int64_t kMaxLimit = 1000;
};

/// Records in the order (received, ingest_id). The pages of a feed that grows meanwhile hold every
/// record that was there all the time once; one that is replaced meanwhile moves to the end.
struct FeedPage {
  std::vector<FeedRow> rows;
  std::string next;  ///< empty: this was the last page
};

/// What CountBy counts by.
enum class FeedGrouping : std::uint8_t { kDay, kSource, kAgent, kRating };

struct FeedGroup {
  std::optional<std::string> value;  ///< nothing: records without one
  std::int64_t records = 0;

  friend bool operator==(const FeedGroup&, const FeedGroup&) = default;
};

/// The current records of a feed at one moment, as rows, and what they were read from.
struct FeedRows {
  std::shared_ptr<arrow::RecordBatchReader> rows;
  std::int64_t table_version = -1;  ///< -1: nothing is in the table yet
};

struct FeedQueryOptions {
  std::uint64_t memory_limit_bytes = std::uint64_t{256} << 20;
  std::size_t threads = 0;  ///< 0: all cores
};

/// The read side of feeds: each question is answered from the newest version of every record that
/// was acknowledged before it, sealed or not; records that were replaced or withdrawn are gone.
/// Files are pruned by day and, for the search for newer versions, by the statistics of the table
/// (a newer version of a record is never of an earlier day). Needs no server and takes no lock.
/// Thread-safe.
class FeedQueries {
 public:
  /// `lake` must outlive it and be on the machine's own files. Cost: about 15 ms.
  /// Errors: kInvalidArgument (options), kIo.
  static Result<std::unique_ptr<FeedQueries>> Open(Lake& lake,
                                                   const FeedQueryOptions& options = {});
  ~FeedQueries();

  /// One page. Reads days from the cursor's on until the page is full. Errors: kNotFound (feed),
  /// kInvalidArgument (filter, a filter by a field that the feed has not, cursor, limit), those of
  /// query::QueryEngine.
  Result<FeedPage> Page(std::string_view feed, const FeedPageRequest& request,
                        const query::QueryLimits& limits = {}, std::stop_token stop = {});

  /// How many records pass the filter; exact. Errors: as Page.
  Result<std::int64_t> Count(std::string_view feed, const FeedFilter& filter,
                             const query::QueryLimits& limits = {}, std::stop_token stop = {});

  /// Records that pass the filter by one of their values, the most frequent first, at most
  /// `kMaxGroups`; days in their order. A record with turns of both ratings counts for both, one
  /// without any for none.
  /// Errors: as Page.
  Result<std::vector<FeedGroup>> CountBy(std::string_view feed, const FeedFilter& filter,
                                         FeedGrouping by, const query::QueryLimits& limits = {},
                                         std::stop_token stop = {});

  static constexpr int kMaxGroups = 1000;

  /// The days of receipt of all versions of some records that are in the table or the log, replaced
  /// ones too: (ingest_id, day), each pair once. Cost: reads the ids of all files. Errors: as Page.
  Result<std::vector<std::pair<std::string, std::string>>> DaysOf(
      std::string_view feed, const std::vector<std::string>& ids, std::stop_token stop = {});

  /// All records that pass the filter, `columns` of the feed's table (empty: all), in the order
  /// (received, ingest_id). The moment is that of the call, whatever happens while they are read;
  /// the reader must not outlive this object. Cost: the times of all rows first, then slices of at
  /// most 16,384 rows or about 8 MB of bodies, one after the other. Errors: as Page; kNotFound
  /// (column).
  Result<FeedRows> Rows(std::string_view feed, const FeedFilter& filter,
                        const std::vector<std::string>& columns, std::stop_token stop = {});

  class Impl;  ///< feed_query_internal.h

 private:
  explicit FeedQueries(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

/// `body`, a JSON object that is not empty, with `_lake` {ingest_id, day, received, version} as its
/// last member.
std::string WithLakeMember(const FeedRow& row);

}  // namespace datalake::lake

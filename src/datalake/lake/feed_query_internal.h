#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/mutex.h"
#include "datalake/lake/feed_query.h"
#include "datalake/lake/feed_view.h"
#include "datalake/lake/replaced_versions.h"
#include "datalake/query/engine.h"

namespace datalake::table {
struct TableFile;
}  // namespace datalake::table

namespace datalake::lake {

/// One moment of a feed; shared by the readers made from it.
struct Moment {
  TableName table;
  FeedView view;
  std::vector<std::string> days;                ///< sorted
  std::optional<CurrentVersions> current = {};  ///< nothing: withdrawals wait

  bool IsCurrent(std::string_view ingest_id, std::int64_t version) const {
    return !current || current->IsCurrent(ingest_id, version);
  }
};

/// Days of receipt, and whether the log may hold rows of them that matter.
struct DayRange {
  std::string from;  ///< empty: open
  std::string to;
  bool sealed_only = false;  ///< the log is not asked

  bool Holds(std::string_view day) const {
    return (from.empty() || day >= from) && (to.empty() || day <= to);
  }
};

/// The day of receipt of all rows of a file.
std::string DayOf(const table::TableFile& file);

/// A condition on `hits.day`: between both ends.
std::string InDays(const DayRange& days);

/// An SQL literal of microseconds since 1970 in UTC.
std::string TimeLiteral(std::int64_t received_us);

/// A SELECT over a relation `hits`, given as it stands behind FROM.
using SelectOf = std::function<std::string(const std::string& hits)>;

/// The rows of a feed, as relations for the query engine. Thread-safe.
class FeedQueries::Impl {
 public:
  Impl(Lake& lake, std::unique_ptr<query::QueryEngine> engine)
      : lake_(lake), engine_(std::move(engine)) {}

  Result<std::shared_ptr<const Moment>> Now(std::string_view feed);

  /// Rows `hits` of the days that pass `condition`, as `select` wants them; those that are not
  /// current too, unless moment.current is nothing.
  Result<std::shared_ptr<arrow::RecordBatchReader>> Select(
      const Moment& moment, const DayRange& days, const std::string& condition,
      const SelectOf& select, const query::RowFilter& filter, const query::QueryLimits& limits,
      std::stop_token stop);

  Result<std::vector<FeedRow>> FirstRows(const Moment& moment, const DayRange& days,
                                         const std::string& condition, std::size_t wanted,
                                         const query::QueryLimits& limits, std::stop_token stop);

  /// The bodies of some rows, which all are of `days`. Rows without one are left out.
  Status FillBodies(const Moment& moment, const DayRange& days, std::vector<FeedRow>& rows,
                    const query::QueryLimits& limits, std::stop_token stop);

  Result<std::vector<std::pair<std::string, std::string>>> DaysOf(
      const Moment& moment, const std::vector<std::string>& ids, std::stop_token stop);

 private:
  query::Relation RowsOf(const Moment& moment, const DayRange& days) const;
  query::Relation VersionsOf(const Moment& moment, const std::string& from);
  Status FindCurrent(Moment& moment);
  bool MayReplace(const table::TableSnapshot& snapshot, const table::TableFile& file);

  Lake& lake_;
  const std::unique_ptr<query::QueryEngine> engine_;
  ReplacedVersions replaced_;
  Mutex mutex_;
  // Whether a data file holds versions above 1; files never change.
  std::unordered_map<std::string, bool> may_replace_ DATALAKE_GUARDED_BY(mutex_);
};

}  // namespace datalake::lake

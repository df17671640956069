#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "datalake/base/mutex.h"
#include "datalake/base/result.h"
#include "datalake/lake/feed_definition.h"
#include "datalake/lake/feed_query.h"
#include "datalake/lake/lake.h"

namespace datalake::io {
class ObjectStore;
}  // namespace datalake::io

namespace datalake::lake {

/// How far a copy is.
struct FeedCopyFacts {
  std::string feed;
  std::string url;
  std::uint64_t copied = 0;     ///< objects put since the copy began
  std::uint64_t removed = 0;    ///< of replaced and withdrawn records
  std::uint64_t failures = 0;   ///< in a row; 0: all is well
  std::string last_error = {};  ///< empty: none since the last success
  bool is_caught_up = false;    ///< the last look found nothing new
  std::string position = {};    ///< where it would go on after a restart
};

struct FeedCopyOptions {
  std::string feed;
  std::string prefix = {};  ///< in front of every key, with its slash: "data/"
  std::string state_path;   ///< where the position is kept; without the file all is copied again
};

/// Keeps a copy of a feed's current records in an object store, one object a record: the seed's
/// file `YYYY_MM_DD/chats/<ingest_id>.parquet` for chats, with the same bytes as `feed export`;
/// `YYYY_MM_DD/records/<ingest_id>.json` for others. Records are put in the order of their receipt;
/// the object of a replaced version on another day is removed. Putting is repeated after a restart
/// where that is not certain, never left out. Nothing waits for it. Step is for one thread; facts()
/// and Remove are Thread-safe.
class FeedCopy {
 public:
  /// All must outlive it. Errors: kNotFound (feed), kCorruption (the state), kIo.
  static Result<std::unique_ptr<FeedCopy>> Open(Lake& lake, FeedQueries& queries,
                                                io::ObjectStore& store,
                                                const FeedCopyOptions& options);

  /// Copies up to some hundred records. Returns true when more wait. Errors: those of the store
  /// (the same records are tried again by the next call) and of FeedQueries.
  Result<bool> Step(std::stop_token stop);

  /// Removes the objects of records: (ingest_id, day). Errors: those of the store.
  Status Remove(const std::vector<std::pair<std::string, std::string>>& records,
                std::stop_token stop);

  FeedCopyFacts facts() const;

 private:
  FeedCopy(Lake& lake, FeedQueries& queries, io::ObjectStore& store, FeedCopyOptions options);

  Status Load();
  Status Save();
  Result<std::string> BytesOf(const FeedRow& row) const;
  std::string KeyOf(std::string_view ingest_id, std::string_view day) const;
  Status CopyRow(const FeedRow& row, std::stop_token stop);
  Status RemoveObjects(const std::vector<std::pair<std::string, std::string>>& records,
                       std::stop_token stop);
  Status RemoveOlder(const std::vector<FeedRow>& rows, std::stop_token stop);
  Result<bool> CopyPage(std::stop_token stop);

  Lake& lake_;
  FeedQueries& queries_;
  io::ObjectStore& store_;
  const FeedCopyOptions options_;
  FeedDefinition definition_;
  // Held while records are read and put, and while objects are removed: so none that is removed is
  // put by somebody who had read it before. Taken before mutex_.
  Mutex step_mutex_;
  std::string scan_;      // cursor of the pass at hand
  std::string position_;  // what the state says: nothing before it is missing
  // (ingest_id, version) → microseconds of receipt, of what was copied behind `position_`.
  std::map<std::pair<std::string, std::int64_t>, std::int64_t> recent_;
  mutable Mutex mutex_;
  FeedCopyFacts facts_ DATALAKE_GUARDED_BY(mutex_);
};

}  // namespace datalake::lake

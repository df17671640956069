#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/clock.h"

namespace datalake::table {

/// Partition column → value; nothing is null.
using PartitionValues = std::map<std::string, std::optional<std::string>>;

/// Who did what and why; kept with the version in the log for ever.
struct CommitInfo {
  std::string operation = {};  ///< "upload", "feed", "remove" …; empty is written as "WRITE"
  std::string user = {};
  std::string reason = {};
  std::map<std::string, std::string> extra =
      {};  ///< lineage and the like; keys of the caller's choice
};

/// An application's own counter, for exactly-once: a commit with a version that is not above the
/// recorded one of the same application changes nothing.
struct Transaction {
  std::string app_id = {};
  std::int64_t version = 0;
};

/// Data files up to this size have a hash in the log, which readers check.
inline constexpr std::uint64_t kMaxHashedFileBytes = std::uint64_t{8} << 20;

/// A data file that is durable in the table's folder and waits to be committed.
struct StagedFile {
  std::string path = {};     ///< as it will stand in the log: relative and URI-encoded
  std::string os_path = {};  ///< where it is
  PartitionValues partition_values = {};
  std::uint64_t size_bytes = 0;
  std::int64_t num_rows = 0;
  std::int64_t modified_ms = 0;
  std::optional<std::uint64_t> xxh3 = {};            ///< XXH3-64 of its bytes
  std::string stats_json = {};                       ///< Delta statistics
  std::shared_ptr<const arrow::Schema> schema = {};  ///< of the file, without partition columns
};

/// What one commit does; all of it becomes visible at once or not at all.
struct CommitRequest {
  std::vector<StagedFile> adds = {};
  std::vector<std::string> removes = {};  ///< TableFile::path of live files, byte for byte
  CommitInfo info = {};
  std::optional<Transaction> transaction = {};
  /// False for a rewrite of the same rows (compaction): readers of changes skip it.
  bool changes_data = true;
  /// The version that the request was made from, when it depends on every row of it (a replacement,
  /// a restoration): kConflict when others have changed data or schema since. Without it only the
  /// files to remove must still be live: appends of others do not matter.
  std::optional<std::int64_t> read_version = {};
  /// Not empty: the `schemaString` that the table gets instead of its own, before `adds` add to it.
  std::string schema_json = {};
};

/// What became of a commit.
struct CommitResult {
  std::int64_t version = 0;      ///< the version made; when already applied, the newest version
  bool already_applied = false;  ///< the transaction was in the table before; nothing was added
};

/// One version of the history.
struct CommitRecord {
  std::int64_t version = 0;
  Timestamp time;
  CommitInfo info = {};  ///< other writers' `operation` and `userName` appear here too
  std::int64_t files_added = 0;
  std::int64_t files_removed = 0;
  std::int64_t rows_added = -1;  ///< -1: a file without a row count was added
  bool changes_data = true;      ///< false: the same rows in other files (compaction)
};

}  // namespace datalake::table

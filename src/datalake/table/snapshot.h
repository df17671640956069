#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/clock.h"
#include "datalake/table/commit.h"

namespace datalake::table {

/// One live data file of a version.
struct TableFile {
  std::string path;                  ///< as in the log, URI-encoded; the file's identity
  std::string os_path;               ///< decoded, with the root in front: what to open
  PartitionValues partition_values;  ///< every partition column has its entry
  std::uint64_t size_bytes = 0;
  std::int64_t num_rows = -1;  ///< -1: the log does not say
  std::int64_t modified_ms = 0;
  std::optional<std::uint64_t> xxh3 = {};  ///< XXH3-64 of its bytes, of files that we have written
  std::string stats_json;                  ///< Delta statistics as in the log; may be empty
};

using TableFilePtr = std::shared_ptr<const TableFile>;

/// What a snapshot is made of; filled by Table.
struct SnapshotState {
  std::string root;
  std::int64_t version = -1;
  std::string id;  ///< the table's GUID
  std::string name;
  std::string description;
  std::shared_ptr<const arrow::Schema> schema;
  std::string schema_json;  ///< the log's schemaString
  std::vector<std::string> partition_columns;
  std::map<std::string, std::string> configuration;
  std::vector<TableFilePtr> files;
  std::map<std::string, std::int64_t> transactions;
  std::optional<Timestamp> created;
  Timestamp modified;
};

/// One version of a table, whole in memory and unchangeable: queries run on it while others commit.
/// Its files stay on disk until a vacuum. Immutable, Thread-safe.
class TableSnapshot {
 public:
  explicit TableSnapshot(SnapshotState state);

  std::int64_t version() const { return state_.version; }

  /// The folder of the table.
  const std::string& root() const { return state_.root; }

  /// The table's GUID; stays the same for ever.
  const std::string& id() const { return state_.id; }

  const std::string& description() const { return state_.description; }

  /// All columns, partition columns included, in the order of the log, with Delta's types: see
  /// schema_json.h.
  const std::shared_ptr<const arrow::Schema>& schema() const { return state_.schema; }

  /// The schema as the log holds it, other writers' metadata included.
  const std::string& schema_json() const { return state_.schema_json; }

  const std::vector<std::string>& partition_columns() const { return state_.partition_columns; }

  /// Table properties: our own and other writers'.
  const std::map<std::string, std::string>& configuration() const { return state_.configuration; }

  /// Live files in the order in which they were added.
  const std::vector<TableFilePtr>& files() const { return state_.files; }

  /// The last version that `app_id` has committed, if any.
  std::optional<std::int64_t> txn_version(std::string_view app_id) const;

  /// Rows of all files; -1 when a file of another writer does not say.
  std::int64_t num_rows() const { return num_rows_; }

  /// Bytes of all files.
  std::uint64_t size_bytes() const { return size_bytes_; }

  std::optional<Timestamp> created() const { return state_.created; }

  /// When this version was committed, by the committer's clock.
  Timestamp modified() const { return state_.modified; }

 private:
  SnapshotState state_;
  std::int64_t num_rows_ = 0;
  std::uint64_t size_bytes_ = 0;
};

}  // namespace datalake::table

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/clock.h"
#include "datalake/base/random.h"
#include "datalake/base/result.h"
#include "datalake/table/commit.h"
#include "datalake/table/snapshot.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::table {

/// What tables work with; all three must outlive every table opened with them.
struct TableEnvironment {
  io::FileSystem& fs;
  const Clock& clock;
  Random& random;
};

/// Which partition values a writer accepts. Every reader accepts all.
enum class PartitionValueRule : std::uint8_t {
  kNames,  ///< CheckName: readable everywhere without any escaping; the lake's own rule
  kAny,    ///< any text but "" and __HIVE_DEFAULT_PARTITION__; null is allowed too
};

/// How a table is written to.
struct TableOptions {
  PartitionValueRule partition_values = PartitionValueRule::kNames;
  std::int64_t checkpoint_interval = 50;           ///< commits between checkpoints; 0: never
  std::uint64_t target_file_bytes = 256ULL << 20;  ///< a data file is closed above this
  int zstd_level = 3;
};

/// A table to be made.
struct TableSpec {
  std::shared_ptr<arrow::Schema> schema = {};       ///< partition columns included
  std::vector<std::string> partition_columns = {};  ///< in directory order
  std::map<std::string, std::string> configuration = {};
  std::string name = {};
  std::string description = {};
};

/// A Delta table (protocol reader 1, writer 2; github.com/delta-io/delta PROTOCOL.md), as Spark,
/// DuckDB, Polars and delta-rs read and write it. A commit is create-if-absent of the next log
/// file, so any number of processes may write at once. Holds the newest known version in memory: a
/// refresh or commit reads only what is new, whatever the length of the history. Thread-safe.
///
/// Files lie in `<column>=<value>` folders for those partition columns that the root's own path
/// does not name already (`…/provider=P/dataset=D/task=T` declares three of them).
class Table {
 public:
  /// Opens the table in the folder `root`.
  /// Errors: kNotFound (no table there), kUnsupported (its protocol asks more than reader 1),
  /// kCorruption (gap in the log, broken action, with file and line), kIo.
  static Result<std::unique_ptr<Table>> Open(const TableEnvironment& environment,
                                             std::string_view root,
                                             const TableOptions& options = {});

  /// Makes version 0 in `root`, which may exist, and opens it. Durable. Column types are mapped as
  /// in schema_json.h. Errors: kAlreadyExists (a table is there, left alone), kInvalidArgument
  /// (names that differ in case only, or with one of " ,;{}()\n\t="; unknown partition column;
  /// no other column), kUnsupported (type, naming the column), kIo.
  static Result<std::unique_ptr<Table>> Create(const TableEnvironment& environment,
                                               std::string_view root, const TableSpec& spec,
                                               const CommitInfo& info,
                                               const TableOptions& options = {});

  /// True when `root` holds the log of a table. Errors: kIo.
  static Result<bool> Exists(io::FileSystem& fs, std::string_view root);

  virtual ~Table() = default;

  virtual const std::string& root() const = 0;

  /// What the table was opened with.
  virtual const TableEnvironment& environment() const = 0;
  virtual const TableOptions& options() const = 0;

  /// The newest version, or the one asked for. Cost of the newest: one probe for a new log file; of
  /// an older one: its nearest checkpoint and the log files after it.
  /// Errors: kNotFound (version never made, or no longer kept), kUnsupported, kCorruption, kIo.
  virtual Result<std::shared_ptr<const TableSnapshot>> Snapshot(
      std::optional<std::int64_t> version = std::nullopt) = 0;

  /// The version that was the newest at `time`, by the committers' clocks (where those went back,
  /// one of the versions around). Cost: the log files of a binary search.
  /// Errors: kNotFound (before the oldest version whose log file is kept, naming it), kCorruption,
  /// kIo.
  virtual Result<std::int64_t> VersionAt(Timestamp time) = 0;

  /// Writes rows as data files of one partition: durable, but not yet part of the table. `rows` has
  /// no partition column. Types are mapped as in schema_json.h and widened to those of the
  /// table (int to long, float to double, null to all); the commit adds columns that are new to the
  /// table, and widens its integers, float and decimals where those of the rows are wider, so that
  /// every reader takes old files and new ones. No rows, no file.
  /// Errors: kInvalidArgument (partition values; types that disagree, with both schemas),
  /// kUnsupported (type), kIo, kResourceExhausted (disk full), and those of `rows`; files are then
  /// removed.
  virtual Result<std::vector<StagedFile>> WriteFiles(arrow::RecordBatchReader& rows,
                                                     const PartitionValues& values) = 0;

  /// As WriteFiles, into the partition of `like`, a file of the table, whatever its values.
  virtual Result<std::vector<StagedFile>> RewriteFiles(arrow::RecordBatchReader& rows,
                                                       const TableFile& like) = 0;

  /// Removes staged files that will not be committed. Errors: kIo.
  virtual Status Discard(const std::vector<StagedFile>& files) = 0;

  /// Makes a version. New columns of `adds` become nullable columns of the table, wider types its
  /// types. When others commit first it tries again on top of them. Durable when it returns.
  /// Errors: kConflict (a file to remove is live no more; see CommitRequest::read_version),
  /// kInvalidArgument (schemas disagree, a schema change by others included), kUnsupported
  /// (protocol asks more than writer 2, append-only table), kIo: the commit may or may not be
  /// there, a retry with a transaction tells.
  virtual Result<CommitResult> Commit(const CommitRequest& request) = 0;

  /// WriteFiles, then Commit of what was written. No rows: a version without files, which
  /// still records the transaction. Errors: those of both; staged files are discarded unless the
  /// commit may be there.
  Result<CommitResult> Append(arrow::RecordBatchReader& rows, const PartitionValues& values,
                              const CommitInfo& info,
                              const std::optional<Transaction>& transaction = std::nullopt);

  /// Discards `files` when `commit`, the answer of Commit for them, says for certain that no
  /// version names them: done before by its transaction, kInvalidArgument, kUnsupported, kConflict.
  /// After other errors the commit may be there, so they stay. What cannot be removed is harmless.
  void DiscardIfAbsent(const Result<CommitResult>& commit, const std::vector<StagedFile>& files);

  /// Commits the removal of live files; the bytes stay for readers of older versions.
  /// Errors: those of Commit.
  Result<CommitResult> Remove(const std::vector<std::string>& paths, const CommitInfo& info);

  /// The newest `limit` versions, newest first, as far back as log files are kept.
  /// Errors: kCorruption, kIo.
  virtual Result<std::vector<CommitRecord>> History(std::size_t limit) = 0;

  /// Writes a checkpoint of the newest version; done by itself every `checkpoint_interval` commits.
  /// Errors: kIo.
  virtual Status Checkpoint() = 0;
};

}  // namespace datalake::table

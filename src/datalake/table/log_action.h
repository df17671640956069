#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/table/commit.h"
#include "datalake/table/snapshot.h"

namespace datalake::table {

// The actions of a Delta log (PROTOCOL.md "Actions") as far as reader 1 / writer 2 knows them.

struct ProtocolAction {
  int min_reader_version = 1;
  int min_writer_version = 2;
};

struct MetadataAction {
  std::string id;
  std::string name;
  std::string description;
  std::string format_provider = "parquet";
  std::map<std::string, std::string> format_options;
  std::string schema_json;  ///< schemaString
  std::vector<std::string> partition_columns;
  std::map<std::string, std::string> configuration;
  std::optional<std::int64_t> created_ms;
};

struct TransactionAction {
  std::string app_id;
  std::int64_t version = 0;
  std::optional<std::int64_t> last_updated_ms;
};

/// The tag of an add action that holds the XXH3-64 of the data file, as 16 hexadecimal digits.
inline constexpr std::string_view kFileHashTag = "datalake.xxh3";

/// The value of the tag, and back; nothing for other text.
std::string FormatFileHash(std::uint64_t xxh3);
std::optional<std::uint64_t> ParseFileHash(const std::map<std::string, std::string>& tags);

struct AddAction {
  TableFilePtr file;
  bool changes_data = true;
  std::map<std::string, std::string> tags;
};

struct RemoveAction {
  std::string path;
  std::optional<std::int64_t> deleted_ms;
  bool changes_data = true;
  std::optional<PartitionValues> partition_values;
  std::optional<std::int64_t> size_bytes;
};

/// The actions of one log file, or of a whole checkpoint.
struct CommitActions {
  std::optional<ProtocolAction> protocol;
  std::optional<MetadataAction> metadata;
  std::vector<TransactionAction> transactions;
  std::vector<RemoveAction> removes;
  std::vector<AddAction> adds;
  std::string commit_info;  ///< JSON text; empty: none
};

/// Reads a log file: one action a line, blank lines and unknown actions left out. `root` resolves
/// paths of files, `where` names the log file. Errors: kCorruption naming file and line;
/// kUnsupported (a data file in another storage).
Result<CommitActions> ParseCommit(std::string_view text, std::string_view root,
                                  std::string_view where);

/// The log file of a commit, commitInfo first (delta-interop rule 14) with a checksum of the file,
/// which ParseCommit verifies.
std::string FormatCommit(const CommitActions& actions);

/// A log file of ours whose lines were changed on purpose (an expunged file's statistics), with the
/// checksum that it has now; a file without a checksum stays as it is.
std::string RenewChecksum(std::string text);

/// What the log's commitInfo says, for the history. Unknown members of text become `extra`.
struct CommitFacts {
  CommitInfo info;
  std::optional<std::int64_t> timestamp_ms;
  std::string commit_id;  ///< unique to the attempt; tells our own commit from another's
};

CommitFacts ParseCommitInfo(std::string_view json);
std::string FormatCommitInfo(const CommitFacts& facts, bool is_blind_append);

}  // namespace datalake::table

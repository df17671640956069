#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "datalake/base/progress.h"
#include "datalake/base/result.h"
#include "datalake/lake/lake.h"

namespace datalake::lake {

/// What is to go: assets by SHA-256, or the rows of one table that have a value.
struct TakedownRequest {
  std::vector<std::string> assets = {};  ///< SHA-256
  std::optional<TableName> table = {};
  std::string column = {};
  std::string value = {};
  /// Several values in place of `value`.
  std::set<std::string> values = {};
  /// Only collections are looked at: the table's rows are gone already, and what may have come back
  /// under such a value stays.
  bool collections_only = false;
  std::string reason = {};  ///< kept for ever; must not quote what is taken down
  std::string user = {};
  bool dry_run = false;  ///< only counts

  /// Errors: kInvalidArgument (neither or both; not a SHA-256; names).
  Status Validate() const;
};

/// What a takedown did to one table or collection.
struct TakedownPlace {
  std::string where;               ///< "provider/dataset/task", "collections/name/version"
  std::uint64_t rows = 0;          ///< removed, of current rows and of old versions' files
  std::uint64_t current_rows = 0;  ///< of them, those of the newest version
  std::uint64_t files = 0;         ///< data files destroyed
  std::int64_t version = -1;       ///< made without the rows; -1: the newest held none of them
};

struct TakedownReport {
  std::string id;
  bool dry_run = false;
  std::vector<TakedownPlace> places;
  std::vector<std::string> blocked;         ///< assets that cannot come in again
  std::vector<std::string> removed_assets;  ///< the blocked, and what only rows of theirs linked
  std::uint64_t removed_bytes = 0;
  std::vector<std::string> shared_assets;  ///< of the rows, and kept: other rows link them
  std::vector<std::string> staged;         ///< uploads whose files still hold the bytes
  std::string message;                     ///< what is left to do

  bool is_complete() const { return staged.empty() && message.empty(); }
};

/// Takes rows or assets out of a lake for good: from the newest version of every table by a commit,
/// from old versions by destroying their data files (reading such a version then says so), from
/// collections by writing them anew (`amended` in their metadata), from the store and its trash. A
/// blocked asset cannot come in again. Rows that name a blocked asset go with it, whatever table
/// they are in. An asset of a row that goes by its value is blocked too, unless rows that stay link
/// it. The record in the lake log holds no content. Interrupted, it is finished by the same
/// request. Contributed records not yet in a table (the WAL) are not looked at. Single-threaded
/// beside others: safe with uploads, collections, gc and other takedowns at the same time. Errors:
/// kInvalidArgument, kNotFound (no such table or column), kCorruption (rows that cannot be read),
/// kCancelled, kIo.
Result<TakedownReport> TakeDown(Lake& lake, const TakedownRequest& request, ProgressSink& progress,
                                std::stop_token stop);

/// The report as one JSON object.

std::string TakedownReportJson(const TakedownReport& report);

}  // namespace datalake::lake

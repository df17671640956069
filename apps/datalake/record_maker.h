#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"

namespace datalake::apps {

/// How the columns of a file become the keys of a record.
struct RecordMapping {
  /// key ← column. Every other column is a key of its own name, unless that key is taken.
  std::vector<std::pair<std::string, std::string>> columns = {};
  /// Leaves out the columns that nothing names (with `columns`).
  bool only_mapped = false;
  /// Columns with JSON text that is put in as it is (never evaluated).
  std::vector<std::string> json_columns = {};
  /// A chat of two turns from two columns: what the user says, what is answered. Empty: none.
  std::string prompt_column = {};
  std::string answer_column = {};
  std::vector<std::pair<std::string, std::string>> constants = {};  ///< key, text

  /// "key=column" and the like into pairs. Errors: kInvalidArgument.
  static Result<std::vector<std::pair<std::string, std::string>>> ParsePairs(
      const std::vector<std::string>& texts, std::string_view option);
};

/// Makes records of rows: one JSON object each, with an ingest_id that depends on the record alone
/// (and on how many equal ones came before), so that sending the same file again stores nothing
/// twice, however it is cut into requests. Single-threaded.
class RecordMaker {
 public:
  explicit RecordMaker(RecordMapping mapping) : mapping_(std::move(mapping)) {}

  /// Appends row `row` as a line. Errors: kInvalidArgument (a column that is not there, JSON that
  /// is broken), kUnsupported (a type).
  Status Append(const arrow::RecordBatch& batch, std::int64_t row, std::string& lines);

  /// Appends a JSON object as it is, with an ingest_id where it has none.
  Status AppendJson(std::string_view object, std::string& lines);

 private:
  RecordMapping mapping_;
  std::unordered_map<std::uint64_t, std::uint32_t> seen_;  // hash of a record without id → times
};

}  // namespace datalake::apps

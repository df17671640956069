#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/lake/layout.h"

namespace datalake::lake {

/// One record of the lake log.
struct LakeLogRecord {
  std::int64_t number = 0;
  Timestamp time;
  std::string kind;  ///< "takedown"
  std::string user;
  std::string body;  ///< JSON object of the kind's own members
};

/// The audit log of a lake: log/<number>.json, one file a record, written once. Every record names
/// the SHA-256 of the one before and carries a checksum, so a change of any of them is seen
/// (docs/formats/lake.md). Holds no content of rows or assets. Thread-safe; any number of processes
/// may append.
class LakeLog {
 public:
  /// `context` must outlive it.
  explicit LakeLog(const LakeContext& context);

  /// Appends a record with the next number and the clock's time; durable when it returns. Returns
  /// the number. Errors: kInvalidArgument (`body` is no JSON object), kIo.
  Result<std::int64_t> Append(std::string_view kind, std::string_view user, std::string_view body);

  /// All records, oldest first. Errors: kCorruption naming the record that was changed or is
  /// missing, kIo.
  Result<std::vector<LakeLogRecord>> Read() const;

 private:
  std::string PathOf(std::int64_t number) const;

  const LakeContext& context_;
};

}  // namespace datalake::lake

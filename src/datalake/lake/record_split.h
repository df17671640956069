#pragma once

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "datalake/base/result.h"

namespace datalake::lake {

/// Offset and size of a record in a text.
using RecordRange = std::pair<std::size_t, std::size_t>;

/// How records lie in a text.
enum class RecordFraming : std::uint8_t {
  kLines = 1,  ///< one a line (NDJSON); blank lines are none
  kValue = 2,  ///< a JSON array of records, or one record alone
};

/// Where the records of `text` are. Their JSON is not checked, only what stands between them.
/// Cost: some GB/s. Errors: kInvalidArgument with the byte offset (no array where one began),
/// kResourceExhausted (more than `max_records`).
Result<std::vector<RecordRange>> SplitRecords(std::string_view text, RecordFraming framing,
                                              std::size_t max_records);

}  // namespace datalake::lake

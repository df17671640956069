#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "datalake/base/clock.h"
#include "datalake/base/result.h"

namespace datalake::lake {

/// One version of one contributed record, as the WAL carries it (docs/formats/lake.md, "Feeds").
struct FeedRecord {
  std::string_view ingest_id;
  std::int64_t version = 1;
  Timestamp received;
  std::string_view body;  ///< JSON as it was sent
};

/// The WAL payload of a record. Pure.
std::string EncodeFeedRecord(const FeedRecord& record);

/// The record of a payload; its views point into `payload`. Errors: kCorruption.
Result<FeedRecord> DecodeFeedRecord(std::string_view payload);

}  // namespace datalake::lake

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/lake/feed_definition.h"
#include "datalake/lake/feed_record.h"

namespace datalake::lake {

/// Columns of the table feeds/<feed>/raw with its partition column `day`, last
/// (docs/formats/feeds.md). Thread-safe.
std::shared_ptr<arrow::Schema> FeedSchema(const FeedDefinition& definition);

/// Columns of feeds/<feed>/quarantine: what is known of a record that was not let in.
std::shared_ptr<arrow::Schema> QuarantineSchema();

/// The hash that the column `body_hash` holds and that tells a repeated body. Thread-safe.
std::uint64_t BodyHash(std::string_view body);

/// Collects records into columns. Single-threaded.
class FeedBatchBuilder {
 public:
  /// Rows of FeedSchema. A body that does not fit the definition (stored under an older one) keeps
  /// its id, times and raw text. `definition` is copied. `columns`: the fields of FeedSchema that
  /// matter, all when null; others may be null, and bodies are parsed only where it is needed.
  static std::unique_ptr<FeedBatchBuilder> ForFeed(const FeedDefinition& definition,
                                                   const std::vector<int>* columns = nullptr);

  /// Rows of QuarantineSchema.
  static std::unique_ptr<FeedBatchBuilder> ForQuarantine();

  virtual ~FeedBatchBuilder() = default;

  /// Adds one version of one record. Errors: kResourceExhausted.
  virtual Status Append(const FeedRecord& record) = 0;

  /// Bytes of the bodies added since the last Finish.
  virtual std::uint64_t body_bytes() const = 0;

  /// The rows added since the last Finish. Errors: kResourceExhausted.
  virtual Result<std::shared_ptr<arrow::RecordBatch>> Finish() = 0;
};

}  // namespace datalake::lake

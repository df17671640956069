#pragma once

#include <memory>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/lake/chat_record.h"
#include "datalake/lake/feed_record.h"

namespace datalake::lake {

/// Columns of the table feeds/chat/raw with its partition column `day`, last
/// (docs/formats/lake.md, "Feeds"). Thread-safe.
std::shared_ptr<arrow::Schema> ChatSchema();

/// The hash that the column `body_hash` holds and that tells a repeated body. Thread-safe.
std::uint64_t BodyHash(std::string_view body);

/// Collects chats into columns of ChatSchema. Single-threaded.
class ChatBatchBuilder {
 public:
  ChatBatchBuilder();
  ~ChatBatchBuilder();
  ChatBatchBuilder(ChatBatchBuilder&&) noexcept;
  ChatBatchBuilder& operator=(ChatBatchBuilder&&) noexcept;

  /// Adds one version of one chat. A body that ParseChat refuses (stored by another version of the
  /// program) keeps its id, times and raw text. Errors: kResourceExhausted.
  Status Append(const FeedRecord& record);

  /// Bytes of the bodies added since the last Finish.
  std::uint64_t body_bytes() const;

  /// The rows added since the last Finish. Errors: kResourceExhausted.
  Result<std::shared_ptr<arrow::RecordBatch>> Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace datalake::lake

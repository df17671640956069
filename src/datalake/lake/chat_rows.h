#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/lake/chat_record.h"

namespace datalake::lake {

/// The chats of a batch with columns of FeedSchema (feed_columns.h), of which `ingest_id` and
/// `conversation` must be there and the text columns may: read row by row. Views the batch, which
/// it keeps. Thread-compatible.
class ChatRows {
 public:
  /// Errors: kInvalidArgument (no such columns, or of other types).
  static Result<ChatRows> Make(std::shared_ptr<arrow::RecordBatch> batch);

  std::int64_t size() const;

  /// A text column of a row; nothing where it is null or the batch has no such column.
  std::optional<std::string_view> Text(std::string_view column, std::int64_t row) const;

  std::string_view ingest_id(std::int64_t row) const;

  /// The turns of a row, in their order.
  std::vector<ChatTurn> Turns(std::int64_t row) const;

  /// The turns of a row as a batch of their own with the columns of the seed's files: turn,
  /// content, role, rating, stopped, edited_content. Errors: kInternal.
  Result<std::shared_ptr<arrow::RecordBatch>> TurnBatch(std::int64_t row) const;

 private:
  explicit ChatRows(std::shared_ptr<arrow::RecordBatch> batch) : batch_(std::move(batch)) {}

  std::shared_ptr<arrow::RecordBatch> batch_;
};

/// Who spoke a turn, in the words of training data.
enum class Speaker : std::uint8_t { kSystem, kUser, kAssistant };

/// By the role ("user", "human" and "prompter"; "assistant", "model", "bot" and "gpt"; "system", in
/// any case); without a known one the user speaks first and both take turns.
Speaker SpeakerOf(const ChatTurn& turn, std::size_t place);

}  // namespace datalake::lake

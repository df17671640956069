#include "datalake/lake/chat_rows.h"

#include <algorithm>
#include <utility>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/base/error.h"
#include "datalake/lake/feed_columns.h"

namespace datalake::lake {
namespace {

struct RoleWord {
  std::string_view word;
  Speaker speaker;
};

constexpr RoleWord kRoleWords[] = {
    {"user", Speaker::kUser},          {"human", Speaker::kUser},
    {"prompter", Speaker::kUser},      {"assistant", Speaker::kAssistant},
    {"model", Speaker::kAssistant},    {"bot", Speaker::kAssistant},
    {"gpt", Speaker::kAssistant},      {"chatbot", Speaker::kAssistant},
    {"response", Speaker::kAssistant}, {"prompt", Speaker::kUser},
    {"system", Speaker::kSystem},
};

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return (x >= 'A' && x <= 'Z' ? x - 'A' + 'a' : x) == y;
         });
}

std::optional<std::string> TextAt(const arrow::Array& array, std::int64_t row) {
  const auto& texts = static_cast<const arrow::StringArray&>(array);
  return texts.IsNull(row) ? std::nullopt : std::optional(texts.GetString(row));
}

}  // namespace

Result<ChatRows> ChatRows::Make(std::shared_ptr<arrow::RecordBatch> batch) {
  for (const char* name : {"ingest_id", "conversation"}) {
    const auto column = batch->GetColumnByName(name);
    const auto wanted = FeedSchema(ChatDefinition())->GetFieldByName(name)->type();
    if (column == nullptr || !column->type()->Equals(*wanted)) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("these rows are no chats: column {} is {} and should be {}", name,
                               column == nullptr ? "missing" : column->type()->ToString(),
                               wanted->ToString())};
    }
  }
  return ChatRows(std::move(batch));
}

std::int64_t ChatRows::size() const {
  return batch_->num_rows();
}

std::optional<std::string_view> ChatRows::Text(std::string_view column, std::int64_t row) const {
  const int index = batch_->schema()->GetFieldIndex(std::string(column));
  if (index < 0 || batch_->column(index)->type_id() != arrow::Type::STRING ||
      batch_->column(index)->IsNull(row)) {
    return std::nullopt;
  }
  return static_cast<const arrow::StringArray&>(*batch_->column(index)).GetView(row);
}

std::string_view ChatRows::ingest_id(std::int64_t row) const {
  return Text("ingest_id", row).value_or("");
}

std::vector<ChatTurn> ChatRows::Turns(std::int64_t row) const {
  const auto column = batch_->GetColumnByName("conversation");
  const auto& lists = static_cast<const arrow::ListArray&>(*column);
  std::vector<ChatTurn> turns;
  if (lists.IsNull(row)) {
    return turns;
  }
  const auto& items = static_cast<const arrow::StructArray&>(*lists.values());
  const auto& stopped = static_cast<const arrow::BooleanArray&>(*items.field(4));
  for (std::int64_t i = lists.value_offset(row); i < lists.value_offset(row + 1); ++i) {
    turns.push_back({.content = TextAt(*items.field(1), i).value_or(""),
                     .role = TextAt(*items.field(2), i),
                     .rating = TextAt(*items.field(3), i),
                     .stopped = stopped.IsValid(i) && stopped.Value(i),
                     .edited_content = TextAt(*items.field(5), i)});
  }
  return turns;
}

Result<std::shared_ptr<arrow::RecordBatch>> ChatRows::TurnBatch(std::int64_t row) const {
  const auto column = batch_->GetColumnByName("conversation");
  const auto& lists = static_cast<const arrow::ListArray&>(*column);
  const auto slice = lists.values()->Slice(lists.value_offset(row), lists.value_length(row));
  const auto& items = static_cast<const arrow::StructArray&>(*slice);
  arrow::ArrayVector columns;
  for (int i = 0; i < items.num_fields(); ++i) {
    columns.push_back(items.field(i));  // sliced as the struct is
  }
  return arrow::RecordBatch::Make(arrow::schema(items.type()->fields()), slice->length(),
                                  std::move(columns));
}

Speaker SpeakerOf(const ChatTurn& turn, std::size_t place) {
  if (turn.role) {
    for (const RoleWord& known : kRoleWords) {
      if (EqualsIgnoringCase(*turn.role, known.word)) {
        return known.speaker;
      }
    }
  }
  return place % 2 == 0 ? Speaker::kUser : Speaker::kAssistant;
}

}  // namespace datalake::lake

#include "datalake/lake/chat_table.h"

#include <bit>
#include <utility>
#include <vector>

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_nested.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "datalake/base/hash.h"
#include "datalake/format/arrow_status.h"

namespace datalake::lake {
namespace {

arrow::Status AppendText(arrow::StringBuilder& builder, const std::optional<std::string>& text) {
  return text ? builder.Append(*text) : builder.AppendNull();
}

std::shared_ptr<arrow::DataType> TurnType() {
  return arrow::struct_(
      {arrow::field("turn", arrow::int32()), arrow::field("content", arrow::utf8()),
       arrow::field("role", arrow::utf8()), arrow::field("rating", arrow::utf8()),
       arrow::field("stopped", arrow::boolean()), arrow::field("edited_content", arrow::utf8())});
}

}  // namespace

std::shared_ptr<arrow::Schema> ChatSchema() {
  return arrow::schema(
      {arrow::field("ingest_id", arrow::utf8()), arrow::field("version", arrow::int64()),
       arrow::field("received", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")),
       arrow::field("source", arrow::utf8()), arrow::field("submitter_id", arrow::utf8()),
       arrow::field("attribution", arrow::utf8()), arrow::field("agent_id", arrow::utf8()),
       arrow::field("prompt_template", arrow::utf8()), arrow::field("chat_template", arrow::utf8()),
       arrow::field("conversation", arrow::list(TurnType())), arrow::field("extra", arrow::utf8()),
       arrow::field("raw", arrow::utf8()), arrow::field("body_hash", arrow::int64()),
       arrow::field("day", arrow::utf8())});
}

std::uint64_t BodyHash(std::string_view body) {
  return Xxh3Hash64(body);
}

struct ChatBatchBuilder::State {
  State()
      : turn_struct(std::make_shared<arrow::StructBuilder>(
            TurnType(), arrow::default_memory_pool(),
            std::vector<std::shared_ptr<arrow::ArrayBuilder>>{turn, content, role, rating, stopped,
                                                              edited_content})),
        conversation(arrow::default_memory_pool(), turn_struct, arrow::list(TurnType())) {}

  arrow::Status Append(const FeedRecord& record, const ChatRecord* chat);
  arrow::Status AppendTurns(const std::vector<ChatTurn>& turns);
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Finish();

  arrow::StringBuilder ingest_id;
  arrow::Int64Builder version;
  arrow::TimestampBuilder received{arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"),
                                   arrow::default_memory_pool()};
  arrow::StringBuilder source;
  arrow::StringBuilder submitter_id;
  arrow::StringBuilder attribution;
  arrow::StringBuilder agent_id;
  arrow::StringBuilder prompt_template;
  arrow::StringBuilder chat_template;
  std::shared_ptr<arrow::Int32Builder> turn = std::make_shared<arrow::Int32Builder>();
  std::shared_ptr<arrow::StringBuilder> content = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::StringBuilder> role = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::StringBuilder> rating = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::BooleanBuilder> stopped = std::make_shared<arrow::BooleanBuilder>();
  std::shared_ptr<arrow::StringBuilder> edited_content = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::StructBuilder> turn_struct;
  arrow::ListBuilder conversation;
  arrow::StringBuilder extra;
  arrow::StringBuilder raw;
  arrow::Int64Builder body_hash;
  arrow::StringBuilder day;
  std::uint64_t body_bytes = 0;
};

arrow::Status ChatBatchBuilder::State::Append(const FeedRecord& record, const ChatRecord* chat) {
  const ChatRecord none;
  const ChatRecord& fields = chat != nullptr ? *chat : none;
  ARROW_RETURN_NOT_OK(ingest_id.Append(record.ingest_id));
  ARROW_RETURN_NOT_OK(version.Append(record.version));
  ARROW_RETURN_NOT_OK(received.Append(record.received.time_since_epoch().count()));
  ARROW_RETURN_NOT_OK(AppendText(source, fields.source));
  ARROW_RETURN_NOT_OK(AppendText(submitter_id, fields.submitter_id));
  ARROW_RETURN_NOT_OK(AppendText(attribution, fields.attribution));
  ARROW_RETURN_NOT_OK(chat != nullptr ? agent_id.Append(fields.agent_id) : agent_id.AppendNull());
  ARROW_RETURN_NOT_OK(AppendText(prompt_template, fields.prompt_template));
  ARROW_RETURN_NOT_OK(AppendText(chat_template, fields.chat_template));
  if (chat != nullptr) {
    ARROW_RETURN_NOT_OK(conversation.Append());
    ARROW_RETURN_NOT_OK(AppendTurns(fields.conversation));
  } else {
    ARROW_RETURN_NOT_OK(conversation.AppendNull());
  }
  ARROW_RETURN_NOT_OK(fields.extra.empty() ? extra.AppendNull() : extra.Append(fields.extra));
  ARROW_RETURN_NOT_OK(raw.Append(record.body));
  ARROW_RETURN_NOT_OK(body_hash.Append(std::bit_cast<std::int64_t>(BodyHash(record.body))));
  return day.Append(FormatDay(record.received));
}

arrow::Status ChatBatchBuilder::State::AppendTurns(const std::vector<ChatTurn>& turns) {
  std::int32_t number = 0;
  for (const ChatTurn& item : turns) {
    ARROW_RETURN_NOT_OK(turn_struct->Append());
    ARROW_RETURN_NOT_OK(turn->Append(number++));
    ARROW_RETURN_NOT_OK(content->Append(item.content));
    ARROW_RETURN_NOT_OK(AppendText(*role, item.role));
    ARROW_RETURN_NOT_OK(AppendText(*rating, item.rating));
    ARROW_RETURN_NOT_OK(stopped->Append(item.stopped));
    ARROW_RETURN_NOT_OK(AppendText(*edited_content, item.edited_content));
  }
  return arrow::Status::OK();
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> ChatBatchBuilder::State::Finish() {
  std::vector<std::shared_ptr<arrow::Array>> columns;
  const std::vector<arrow::ArrayBuilder*> builders = {
      &ingest_id,     &version,      &received, &source,
      &submitter_id,  &attribution,  &agent_id, &prompt_template,
      &chat_template, &conversation, &extra,    &raw,
      &body_hash,     &day};
  for (arrow::ArrayBuilder* builder : builders) {
    ARROW_ASSIGN_OR_RAISE(auto column, builder->Finish());
    columns.push_back(std::move(column));
  }
  body_bytes = 0;
  const std::int64_t rows = columns.front()->length();
  return arrow::RecordBatch::Make(ChatSchema(), rows, std::move(columns));
}

ChatBatchBuilder::ChatBatchBuilder() : state_(std::make_unique<State>()) {}

ChatBatchBuilder::~ChatBatchBuilder() = default;
ChatBatchBuilder::ChatBatchBuilder(ChatBatchBuilder&&) noexcept = default;
ChatBatchBuilder& ChatBatchBuilder::operator=(ChatBatchBuilder&&) noexcept = default;

Status ChatBatchBuilder::Append(const FeedRecord& record) {
  const ChatParseResult parsed = ParseChat(record.body);
  state_->body_bytes += record.body.size();
  return format::FromArrow(
      state_->Append(record, parsed.problems.empty() ? &parsed.record : nullptr),
      "cannot build columns of chats");
}

std::uint64_t ChatBatchBuilder::body_bytes() const {
  return state_->body_bytes;
}

Result<std::shared_ptr<arrow::RecordBatch>> ChatBatchBuilder::Finish() {
  return format::FromArrow(state_->Finish(), "cannot build columns of chats");
}

}  // namespace datalake::lake

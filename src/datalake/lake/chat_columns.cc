// Columns of contributed chats.
#include <utility>
#include <vector>

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_nested.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/type.h>

#include "datalake/lake/chat_record.h"
#include "datalake/lake/payload_columns.h"

namespace datalake::lake {
namespace {

arrow::Status AppendText(arrow::StringBuilder& builder,
                         const std::optional<std::string_view>& text) {
  return text ? builder.Append(*text) : builder.AppendNull();
}

std::shared_ptr<arrow::DataType> TurnType() {
  return arrow::struct_(
      {arrow::field("turn", arrow::int32()), arrow::field("content", arrow::utf8()),
       arrow::field("role", arrow::utf8()), arrow::field("rating", arrow::utf8()),
       arrow::field("stopped", arrow::boolean()), arrow::field("edited_content", arrow::utf8())});
}

class ChatColumns final : public PayloadColumns {
 public:
  ChatColumns()
      : turn_struct_(std::make_shared<arrow::StructBuilder>(
            TurnType(), arrow::default_memory_pool(),
            std::vector<std::shared_ptr<arrow::ArrayBuilder>>{turn_, content_, role_, rating_,
                                                              stopped_, edited_content_})),
        conversation_(arrow::default_memory_pool(), turn_struct_, arrow::list(TurnType())) {}

  arrow::Status Append(std::string_view body, RecordOrigin& origin) override {
    if (!parser_.Parse(body)) {
      for (arrow::ArrayBuilder* builder : Builders()) {
        ARROW_RETURN_NOT_OK(builder->AppendNull());
      }
      return arrow::Status::OK();
    }
    const ChatView& chat = parser_.record();
    ARROW_RETURN_NOT_OK(agent_id_.Append(chat.agent_id));
    ARROW_RETURN_NOT_OK(AppendText(prompt_template_, chat.prompt_template));
    ARROW_RETURN_NOT_OK(AppendText(chat_template_, chat.chat_template));
    ARROW_RETURN_NOT_OK(conversation_.Append());
    ARROW_RETURN_NOT_OK(AppendTurns(chat.conversation));
    origin.source = chat.source;
    origin.submitter_id = chat.submitter_id;
    origin.attribution = chat.attribution;
    origin.extra = chat.extra;
    return arrow::Status::OK();
  }

  arrow::Status Finish(arrow::ArrayVector& columns) override {
    for (arrow::ArrayBuilder* builder : Builders()) {
      ARROW_ASSIGN_OR_RAISE(auto column, builder->Finish());
      columns.push_back(std::move(column));
    }
    return arrow::Status::OK();
  }

 private:
  std::array<arrow::ArrayBuilder*, 4> Builders() {
    return {&agent_id_, &prompt_template_, &chat_template_, &conversation_};
  }

  arrow::Status AppendTurns(const std::vector<ChatTurnView>& turns) {
    std::int32_t number = 0;
    for (const ChatTurnView& item : turns) {
      ARROW_RETURN_NOT_OK(turn_struct_->Append());
      ARROW_RETURN_NOT_OK(turn_->Append(number++));
      ARROW_RETURN_NOT_OK(content_->Append(item.content));
      ARROW_RETURN_NOT_OK(AppendText(*role_, item.role));
      ARROW_RETURN_NOT_OK(AppendText(*rating_, item.rating));
      ARROW_RETURN_NOT_OK(stopped_->Append(item.stopped));
      ARROW_RETURN_NOT_OK(AppendText(*edited_content_, item.edited_content));
    }
    return arrow::Status::OK();
  }

  ChatParser parser_;
  arrow::StringBuilder agent_id_;
  arrow::StringBuilder prompt_template_;
  arrow::StringBuilder chat_template_;
  std::shared_ptr<arrow::Int32Builder> turn_ = std::make_shared<arrow::Int32Builder>();
  std::shared_ptr<arrow::StringBuilder> content_ = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::StringBuilder> role_ = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::StringBuilder> rating_ = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::BooleanBuilder> stopped_ = std::make_shared<arrow::BooleanBuilder>();
  std::shared_ptr<arrow::StringBuilder> edited_content_ = std::make_shared<arrow::StringBuilder>();
  std::shared_ptr<arrow::StructBuilder> turn_struct_;
  arrow::ListBuilder conversation_;
};

}  // namespace

arrow::FieldVector ChatPayloadFields() {
  return {arrow::field("agent_id", arrow::utf8()), arrow::field("prompt_template", arrow::utf8()),
          arrow::field("chat_template", arrow::utf8()),
          arrow::field("conversation", arrow::list(TurnType()))};
}

std::unique_ptr<PayloadColumns> MakeChatColumns() {
  return std::make_unique<ChatColumns>();
}

}  // namespace datalake::lake

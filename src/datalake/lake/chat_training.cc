#include "datalake/lake/chat_training.h"

#include <optional>

#include <fmt/format.h>

#include "datalake/base/name.h"
#include "datalake/json/writer.h"

namespace datalake::lake {
namespace {

struct FormatWord {
  std::string_view word;
  TrainingFormat format;
};

constexpr FormatWord kFormatWords[] = {{"sft", TrainingFormat::kSft},
                                       {"pairs", TrainingFormat::kPreference},
                                       {"sharegpt", TrainingFormat::kShareGpt},
                                       {"text", TrainingFormat::kText}};

std::string_view RoleWordOf(Speaker speaker) {
  switch (speaker) {
    case Speaker::kSystem:
      return "system";
    case Speaker::kUser:
      return "user";
    case Speaker::kAssistant:
      break;
  }
  return "assistant";
}

std::string_view ShareGptWordOf(Speaker speaker) {
  switch (speaker) {
    case Speaker::kSystem:
      return "system";
    case Speaker::kUser:
      return "human";
    case Speaker::kAssistant:
      break;
  }
  return "gpt";
}

struct Message {
  Speaker speaker = Speaker::kUser;
  std::string_view content;
};

bool IsEdited(const ChatTurn& turn) {
  return turn.edited_content && !turn.edited_content->empty() &&
         *turn.edited_content != turn.content;
}

// What is worth learning of a chat; empty without an answer.
std::vector<Message> GoodMessages(const std::vector<ChatTurn>& turns) {
  std::vector<Message> messages;
  std::size_t end = 0;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    const ChatTurn& turn = turns[i];
    const Speaker speaker = SpeakerOf(turn, i);
    const bool is_answer = speaker == Speaker::kAssistant;
    if (is_answer && !IsEdited(turn) && (turn.stopped || turn.rating == "negative")) {
      break;
    }
    messages.push_back({.speaker = speaker,
                        .content = is_answer && IsEdited(turn) ? *turn.edited_content
                                                               : std::string_view(turn.content)});
    end = is_answer ? messages.size() : end;
  }
  messages.resize(end);
  return messages;
}

void WriteMessage(json::Writer& writer, const Message& message) {
  writer.BeginObject();
  writer.Key("role");
  writer.String(RoleWordOf(message.speaker));
  writer.Key("content");
  writer.String(message.content);
  writer.EndObject();
}

void WriteText(json::Writer& writer, std::string_view key, std::optional<std::string_view> value) {
  if (value) {
    writer.Key(key);
    writer.String(*value);
  }
}

std::size_t AppendSft(const ChatRows& rows, std::int64_t row, const std::vector<ChatTurn>& turns,
                      std::string& out) {
  const std::vector<Message> messages = GoodMessages(turns);
  if (messages.empty()) {
    return 0;
  }
  json::Writer writer(out);
  writer.BeginObject();
  writer.Key("messages");
  writer.BeginArray();
  for (const Message& message : messages) {
    WriteMessage(writer, message);
  }
  writer.EndArray();
  WriteText(writer, "id", rows.ingest_id(row));
  WriteText(writer, "agent_id", rows.Text("agent_id", row));
  writer.EndObject();
  writer.EndLine();
  return 1;
}

std::size_t AppendShareGpt(const ChatRows& rows, std::int64_t row,
                           const std::vector<ChatTurn>& turns, std::string& out) {
  const std::vector<Message> messages = GoodMessages(turns);
  if (messages.empty()) {
    return 0;
  }
  json::Writer writer(out);
  writer.BeginObject();
  WriteText(writer, "id", rows.ingest_id(row));
  writer.Key("conversations");
  writer.BeginArray();
  for (const Message& message : messages) {
    writer.BeginObject();
    writer.Key("from");
    writer.String(ShareGptWordOf(message.speaker));
    writer.Key("value");
    writer.String(message.content);
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
  writer.EndLine();
  return 1;
}

// One pair for each edited answer; what came before it stands as the model saw it.
std::size_t AppendPairs(const ChatRows& rows, std::int64_t row, const std::vector<ChatTurn>& turns,
                        std::string& out) {
  std::size_t pairs = 0;
  json::Writer writer(out);
  for (std::size_t i = 0; i < turns.size(); ++i) {
    const ChatTurn& turn = turns[i];
    if (SpeakerOf(turn, i) != Speaker::kAssistant || !IsEdited(turn)) {
      continue;
    }
    writer.BeginObject();
    writer.Key("prompt");
    writer.BeginArray();
    for (std::size_t before = 0; before < i; ++before) {
      WriteMessage(writer,
                   {.speaker = SpeakerOf(turns[before], before), .content = turns[before].content});
    }
    writer.EndArray();
    for (const auto& [key, text] :
         {std::pair<std::string_view, std::string_view>("chosen", *turn.edited_content),
          std::pair<std::string_view, std::string_view>("rejected", turn.content)}) {
      writer.Key(key);
      writer.BeginArray();
      WriteMessage(writer, {.speaker = Speaker::kAssistant, .content = text});
      writer.EndArray();
    }
    WriteText(writer, "id", rows.ingest_id(row));
    writer.Key("turn");
    writer.Uint(i);
    WriteText(writer, "rating", turn.rating);
    WriteText(writer, "agent_id", rows.Text("agent_id", row));
    writer.EndObject();
    writer.EndLine();
    ++pairs;
  }
  return pairs;
}

std::size_t AppendDocument(const ChatRows& rows, std::int64_t row,
                           const std::vector<ChatTurn>& turns, std::string& out) {
  std::string text;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    fmt::format_to(std::back_inserter(text), "{}Turn {}:\n{}", i == 0 ? "" : "\n", i,
                   turns[i].content);
  }
  json::Writer writer(out);
  writer.BeginObject();
  writer.Key("id");
  writer.String(rows.ingest_id(row));
  writer.Key("text");
  writer.String(text);
  writer.Key("source");
  writer.String(rows.Text("source", row).value_or("chat"));
  writer.Key("metadata");
  writer.BeginObject();
  writer.Key("roles");
  writer.BeginArray();
  for (std::size_t i = 0; i < turns.size(); ++i) {
    writer.String(turns[i].role ? *turns[i].role : RoleWordOf(SpeakerOf(turns[i], i)));
  }
  writer.EndArray();
  WriteText(writer, "agent_id", rows.Text("agent_id", row));
  writer.EndObject();
  writer.EndObject();
  writer.EndLine();
  return 1;
}

}  // namespace

Result<TrainingFormat> ParseTrainingFormat(std::string_view text) {
  std::vector<std::string> words;
  for (const FormatWord& known : kFormatWords) {
    if (known.word == text) {
      return known.format;
    }
    words.emplace_back(known.word);
  }
  return Error{ErrorCode::kInvalidArgument, UnknownNameError("format", text, words).message};
}

std::size_t AppendTrainingLines(const ChatRows& rows, std::int64_t row, TrainingFormat format,
                                std::string& out) {
  const std::vector<ChatTurn> turns = rows.Turns(row);
  switch (format) {
    case TrainingFormat::kSft:
      return AppendSft(rows, row, turns, out);
    case TrainingFormat::kPreference:
      return AppendPairs(rows, row, turns, out);
    case TrainingFormat::kShareGpt:
      return AppendShareGpt(rows, row, turns, out);
    case TrainingFormat::kText:
      break;
  }
  return AppendDocument(rows, row, turns, out);
}

}  // namespace datalake::lake

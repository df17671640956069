#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/json/tree.h"

namespace datalake::lake {

/// One step of the way to a wrong value: a key, or an index when `key` is empty.
struct LocationStep {
  std::string key;
  std::size_t index = 0;
};

/// One thing wrong with a record, in the words of the seed (pydantic 1): shown as an entry of
/// `detail` in a 422 answer, with "body" in front of `location`.
struct ValidationProblem {
  std::vector<LocationStep> location;
  std::string message;                   ///< "field required"
  std::string type;                      ///< "value_error.missing"
  std::vector<std::string> enum_values;  ///< ctx.enum_values of type_error.enum
};

/// {"detail":[{"loc":["body",…],"msg":…,"type":…}]}: the body of the seed's 422 answer.
std::string ValidationProblemsJson(const std::vector<ValidationProblem>& problems);

struct ChatTurn {
  std::string content;
  std::optional<std::string> role;
  std::optional<std::string> rating;  ///< "positive" or "negative"
  bool stopped = false;
  std::optional<std::string> edited_content;
};

/// A contributed chat with the rules of the seed applied: numbers and booleans in text fields are
/// text, words for `stopped` are its value.
struct ChatRecord {
  std::optional<std::string> ingest_id;
  std::optional<std::string> source;
  std::optional<std::string> submitter_id;
  std::optional<std::string> attribution;  ///< of the key "network/attribution"
  std::string agent_id;
  std::optional<std::string> prompt_template;
  std::optional<std::string> chat_template;
  std::vector<ChatTurn> conversation;
  /// JSON object of the keys that are none of these, turns' unknown keys under "conversation" as
  /// {"<turn>": {…}}; empty when there are none.
  std::string extra;
};

/// Either a record, or what is wrong with it (never both empty).
struct ChatParseResult {
  ChatRecord record;
  std::vector<ValidationProblem> problems;
};

/// Checks and reads one chat as POST /v1/ingest/chat takes it. `prompt_template` may be missing
/// when `chat_template` is there. An ingest_id must be a name (base/name.h). Bad input is a
/// problem, never an error. Pure, Thread-safe; for many chats see ChatParser.
ChatParseResult ParseChat(std::string_view body);

/// A turn and a chat that look at the parser's memory.
struct ChatTurnView {
  std::string_view content;
  std::optional<std::string_view> role;
  std::optional<std::string_view> rating;
  bool stopped = false;
  std::optional<std::string_view> edited_content;
};

struct ChatView {
  std::optional<std::string_view> ingest_id;
  std::optional<std::string_view> source;
  std::optional<std::string_view> submitter_id;
  std::optional<std::string_view> attribution;
  std::string_view agent_id;
  std::optional<std::string_view> prompt_template;
  std::optional<std::string_view> chat_template;
  std::vector<ChatTurnView> conversation;
  std::string extra;  ///< as in ChatRecord
};

/// ParseChat for many chats, without copies: some 500 MB/s. Single-threaded.
class ChatParser {
 public:
  /// True when `body` is a chat; see record() or problems(). Everything is valid until the next
  /// call.
  bool Parse(std::string_view body);

  const ChatView& record() const { return record_; }

  std::vector<ValidationProblem>& problems() { return problems_; }

 private:
  std::optional<json::Tree> tree_;
  ChatView record_;
  std::vector<ValidationProblem> problems_;
  std::deque<std::string> texts_;  // of values that were no texts
};

}  // namespace datalake::lake

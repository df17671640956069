#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"

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
/// problem, never an error. Pure, Thread-safe; some 500 MB/s.
ChatParseResult ParseChat(std::string_view body);

}  // namespace datalake::lake

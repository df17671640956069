// Rules of the seed's request models (pydantic 1): specs of gpt4all-datalake, checked by running
// it.
#include "datalake/lake/chat_record.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "datalake/json/tree.h"
#include "datalake/json/writer.h"
#include "datalake/lake/field_record.h"

namespace datalake::lake {
namespace {

using json::Node;
using json::NodeType;
using Location = std::vector<LocationStep>;

// Where a value stands; made into a Location only when something is wrong with it.
struct Place {
  std::string_view key = {};  // of the chat
  std::optional<std::size_t> turn = {};
  std::string_view turn_key = {};

  Location ToLocation() const {
    Location location;
    if (!key.empty()) {
      location.push_back({std::string(key)});
    }
    if (turn) {
      location.push_back({"", *turn});
    }
    if (!turn_key.empty()) {
      location.push_back({std::string(turn_key)});
    }
    return location;
  }
};

constexpr std::string_view kReservedKey = "_lake";

// repr() of a Python float, as str(5e16) == "5e+16": shortest digits, an exponent below 1e-4 and
// from 1e16 on.
std::string PythonFloat(double value) {
  std::array<char, 32> buffer{};
  const double size = std::fabs(value);
  if (value != 0 && (size < 1e-4 || size >= 1e16)) {
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                   std::chars_format::scientific);
    return {buffer.data(), end.ptr};
  }
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  std::string text(buffer.data(), end.ptr);
  if (text.find('.') == std::string::npos) {
    text += ".0";
  }
  return text;
}

// The words that pydantic 1 takes for a boolean, in any case.
std::optional<bool> BooleanOfWord(std::string_view word) {
  std::string lower(word);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  });
  constexpr std::array<std::string_view, 6> kTrue = {"1", "on", "t", "true", "y", "yes"};
  constexpr std::array<std::string_view, 6> kFalse = {"0", "off", "f", "false", "n", "no"};
  if (std::find(kTrue.begin(), kTrue.end(), lower) != kTrue.end()) {
    return true;
  }
  if (std::find(kFalse.begin(), kFalse.end(), lower) != kFalse.end()) {
    return false;
  }
  return std::nullopt;
}

std::optional<bool> BooleanOf(const Node& node) {
  switch (node.type()) {
    case NodeType::kBool:
      return node.GetBool();
    case NodeType::kString:
      return BooleanOfWord(node.GetString());
    case NodeType::kInt:
    case NodeType::kDouble: {
      const double number =
          node.type() == NodeType::kInt ? static_cast<double>(node.GetInt()) : node.GetDouble();
      if (number == 0 || number == 1) {
        return number == 1;
      }
      return std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

// The text of a value that is none itself, as Python's str() has it; nothing for null and nested
// values.
std::optional<std::string> TextOfOther(const Node& node) {
  switch (node.type()) {
    case NodeType::kInt:
      return std::to_string(node.GetInt());
    case NodeType::kUint:
      return std::to_string(node.GetUint());
    case NodeType::kDouble:
      return PythonFloat(node.GetDouble());
    case NodeType::kBool:
      return node.GetBool() ? "True" : "False";
    default:
      return std::nullopt;
  }
}

// Reads one chat; problems in the order of the seed's fields.
class ChatReader {
 public:
  ChatReader(ChatView& record, std::vector<ValidationProblem>& problems,
             std::deque<std::string>& texts)
      : record_(record), problems_(problems), texts_(texts) {}

  void Read(const Node& body);

 private:
  using Slot = std::optional<Node>;
  using Text = std::optional<std::string_view>;

  void Problem(const Place& place, std::string message, std::string type) {
    problems_.push_back({place.ToLocation(), std::move(message), std::move(type), {}});
  }

  void Missing(const Place& place) { Problem(place, "field required", "value_error.missing"); }

  void NullRefused(const Place& place) {
    Problem(place, "none is not an allowed value", "type_error.none.not_allowed");
  }

  // A text field that may be absent or null.
  Text OptionalText(const Slot& slot, const Place& place) {
    if (!slot || slot->type() == NodeType::kNull) {
      return std::nullopt;
    }
    if (slot->type() == NodeType::kString) {
      return slot->GetString();
    }
    std::optional<std::string> text = TextOfOther(*slot);
    if (!text) {
      Problem(place, "str type expected", "type_error.str");
      return std::nullopt;
    }
    return texts_.emplace_back(*std::move(text));
  }

  std::string_view RequiredText(const Slot& slot, const Place& place) {
    if (!slot) {
      Missing(place);
      return {};
    }
    if (slot->type() == NodeType::kNull) {
      NullRefused(place);
      return {};
    }
    return OptionalText(slot, place).value_or(std::string_view());
  }

  void ReadIngestId(const Slot& slot);
  void ReadTemplates(const Slot& prompt, const Slot& chat);
  void ReadConversation(const Slot& slot);
  void ReadTurn(const Node& node, std::size_t index);
  ChatTurnView TurnOfSlots(const std::array<Slot, 5>& slots, std::size_t index);
  void WriteExtra(const std::vector<std::pair<std::string_view, Node>>& unknown);

  ChatView& record_;
  std::vector<ValidationProblem>& problems_;
  std::deque<std::string>& texts_;
  std::vector<std::pair<std::size_t, std::string>> turn_extras_;  // turn → members as JSON object
};

void ChatReader::Read(const Node& body) {
  if (body.type() != NodeType::kObject) {
    Problem({}, "value is not a valid dict", "type_error.dict");
    return;
  }
  constexpr std::array<std::string_view, 8> kKeys = {
      "source",          "submitter_id", "agent_id",      "ingest_id",
      "prompt_template", "conversation", "chat_template", "network/attribution"};
  std::array<Slot, kKeys.size()> slots;
  std::vector<std::pair<std::string_view, Node>> unknown;
  body.ForEachMember([&](std::string_view key, Node value) {
    const auto found = std::find(kKeys.begin(), kKeys.end(), key);
    if (found != kKeys.end()) {
      slots[static_cast<std::size_t>(found - kKeys.begin())] = value;  // the last one of a key wins
    } else if (key == kReservedKey) {
      Problem({.key = key}, "key is reserved for the lake", "value_error.reserved");
    } else {
      unknown.emplace_back(key, value);
    }
  });
  ChatView& record = record_;
  record.source = OptionalText(slots[0], {.key = "source"});
  record.submitter_id = OptionalText(slots[1], {.key = "submitter_id"});
  record.agent_id = RequiredText(slots[2], {.key = "agent_id"});
  ReadIngestId(slots[3]);
  ReadTemplates(slots[4], slots[6]);
  ReadConversation(slots[5]);
  record.attribution = OptionalText(slots[7], {.key = "network/attribution"});
  WriteExtra(unknown);
}

void ChatReader::ReadIngestId(const Slot& slot) {
  record_.ingest_id = OptionalText(slot, {.key = "ingest_id"});
  CheckIngestId(record_.ingest_id, problems_);
}

// The newest desktop client sends chat_template in place of prompt_template.
void ChatReader::ReadTemplates(const Slot& prompt, const Slot& chat) {
  record_.chat_template = OptionalText(chat, {.key = "chat_template"});
  if (record_.chat_template) {
    record_.prompt_template = OptionalText(prompt, {.key = "prompt_template"});
  } else {
    record_.prompt_template = RequiredText(prompt, {.key = "prompt_template"});
  }
}

void ChatReader::ReadConversation(const Slot& slot) {
  if (!slot) {
    return Missing({.key = "conversation"});
  }
  if (slot->type() == NodeType::kNull) {
    return NullRefused({.key = "conversation"});
  }
  if (slot->type() != NodeType::kArray) {
    return Problem({.key = "conversation"}, "value is not a valid list", "type_error.list");
  }
  std::size_t index = 0;
  slot->ForEachItem([&](const Node& item) { ReadTurn(item, index++); });
}

void ChatReader::ReadTurn(const Node& node, std::size_t index) {
  if (node.type() != NodeType::kObject) {
    return Problem({.key = "conversation", .turn = index}, "value is not a valid dict",
                   "type_error.dict");
  }
  constexpr std::array<std::string_view, 5> kKeys = {"content", "role", "rating", "stopped",
                                                     "edited_content"};
  std::array<Slot, kKeys.size()> slots;
  std::string extra;
  json::Writer writer(extra);
  node.ForEachMember([&](std::string_view key, Node value) {
    const auto found = std::find(kKeys.begin(), kKeys.end(), key);
    if (found != kKeys.end()) {
      slots[static_cast<std::size_t>(found - kKeys.begin())] = value;
      return;
    }
    if (extra.empty()) {
      writer.BeginObject();
    }
    writer.Key(key);
    std::string text;
    value.AppendJson(text);
    writer.Raw(text);
  });
  if (!extra.empty()) {
    writer.EndObject();
    turn_extras_.emplace_back(index, std::move(extra));
  }
  record_.conversation.push_back(TurnOfSlots(slots, index));
}

ChatTurnView ChatReader::TurnOfSlots(const std::array<Slot, 5>& slots, std::size_t index) {
  const auto at = [index](std::string_view key) {
    return Place{.key = "conversation", .turn = index, .turn_key = key};
  };
  ChatTurnView turn;
  turn.content = RequiredText(slots[0], at("content"));
  turn.role = OptionalText(slots[1], at("role"));
  if (slots[2] && slots[2]->type() != NodeType::kNull) {
    turn.rating = slots[2]->GetString();
    if (*turn.rating != "positive" && *turn.rating != "negative") {
      problems_.push_back(
          {at("rating").ToLocation(),
           "value is not a valid enumeration member; permitted: 'positive', 'negative'",
           "type_error.enum",
           {"positive", "negative"}});
    }
  }
  if (slots[3]) {
    const std::optional<bool> stopped = BooleanOf(*slots[3]);
    if (slots[3]->type() == NodeType::kNull) {
      NullRefused(at("stopped"));
    } else if (!stopped) {
      Problem(at("stopped"), "value could not be parsed to a boolean", "type_error.bool");
    }
    turn.stopped = stopped.value_or(false);
  }
  turn.edited_content = OptionalText(slots[4], at("edited_content"));
  return turn;
}

void ChatReader::WriteExtra(const std::vector<std::pair<std::string_view, Node>>& unknown) {
  if (unknown.empty() && turn_extras_.empty()) {
    return;
  }
  json::Writer writer(record_.extra);
  writer.BeginObject();
  std::string text;
  for (const auto& [key, value] : unknown) {
    text.clear();
    value.AppendJson(text);
    writer.Key(key);
    writer.Raw(text);
  }
  if (!turn_extras_.empty()) {
    writer.Key("conversation");
    writer.BeginObject();
    for (const auto& [turn, members] : turn_extras_) {
      writer.Key(std::to_string(turn));
      writer.Raw(members);
    }
    writer.EndObject();
  }
  writer.EndObject();
}

}  // namespace

bool ChatParser::Parse(std::string_view body) {
  problems_.clear();
  texts_.clear();
  std::vector<ChatTurnView> turns = std::move(record_.conversation);
  turns.clear();
  record_ = {};
  record_.conversation = std::move(turns);  // keeps its memory
  auto tree = json::Tree::Parse(body);
  if (!tree) {
    problems_.push_back(UnreadableProblem(body, tree.error()));
    return false;
  }
  tree_ = *std::move(tree);
  ChatReader(record_, problems_, texts_).Read(tree_->root());
  return problems_.empty();
}

ChatParseResult ParseChat(std::string_view body) {
  const auto text = [](const std::optional<std::string_view>& view) {
    return view ? std::optional<std::string>(*view) : std::nullopt;
  };
  ChatParser parser;
  parser.Parse(body);
  const ChatView& view = parser.record();
  ChatParseResult result;
  result.problems = std::move(parser.problems());
  result.record = {.ingest_id = text(view.ingest_id),
                   .source = text(view.source),
                   .submitter_id = text(view.submitter_id),
                   .attribution = text(view.attribution),
                   .agent_id = std::string(view.agent_id),
                   .prompt_template = text(view.prompt_template),
                   .chat_template = text(view.chat_template),
                   .conversation = {},
                   .extra = view.extra};
  for (const ChatTurnView& turn : view.conversation) {
    result.record.conversation.push_back({.content = std::string(turn.content),
                                          .role = text(turn.role),
                                          .rating = text(turn.rating),
                                          .stopped = turn.stopped,
                                          .edited_content = text(turn.edited_content)});
  }
  return result;
}

std::string ValidationProblemsJson(const std::vector<ValidationProblem>& problems) {
  std::string out;
  json::Writer writer(out);
  writer.BeginObject();
  writer.Key("detail");
  writer.BeginArray();
  for (const ValidationProblem& problem : problems) {
    writer.BeginObject();
    writer.Key("loc");
    writer.BeginArray();
    writer.String("body");
    for (const LocationStep& step : problem.location) {
      if (step.key.empty()) {
        writer.Uint(step.index);
      } else {
        writer.String(step.key);
      }
    }
    writer.EndArray();
    writer.Key("msg");
    writer.String(problem.message);
    writer.Key("type");
    writer.String(problem.type);
    if (!problem.enum_values.empty()) {
      writer.Key("ctx");
      writer.BeginObject();
      writer.Key("enum_values");
      writer.BeginArray();
      for (const std::string& value : problem.enum_values) {
        writer.String(value);
      }
      writer.EndArray();
      writer.EndObject();
    }
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
  return out;
}

}  // namespace datalake::lake

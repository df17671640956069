#include "datalake/lake/record_checker.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/hash.h"
#include "datalake/base/mutex.h"
#include "datalake/json/tree.h"
#include "datalake/lake/field_record.h"
#include "datalake/text/utf8.h"

namespace datalake::lake {
namespace {

using json::Node;
using json::NodeType;

// A text that no honest client sends: control characters but tab, line feed and carriage return,
// DEL, or the mark of bytes that could not be decoded.
bool HasBadCharacters(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) {
      return true;
    }
    if (c == 0xef && text.substr(i, 3) == "\xef\xbf\xbd") {
      return true;
    }
  }
  return false;
}

// Mixes the hash of one more part into `hash`; the parts' borders count.
std::uint64_t HashPart(std::uint64_t hash, std::string_view part) {
  return (hash ^ Xxh3Hash64(part)) * 0x9E3779B97F4A7C15ULL + part.size();
}

void ForEachText(const Node& node, const std::function<void(std::string_view)>& visit) {
  if (node.type() == NodeType::kString) {
    visit(node.GetString());
  } else if (node.type() == NodeType::kArray) {
    node.ForEachItem([&](const Node& item) { ForEachText(item, visit); });
  } else if (node.type() == NodeType::kObject) {
    node.ForEachMember([&](std::string_view, const Node& value) { ForEachText(value, visit); });
  }
}

bool IsAnswer(const ChatTurnView& turn) {
  return !turn.role || *turn.role == "assistant" || turn.role->empty();
}

}  // namespace

// Parsers that wait for their next chat: their memory is worth keeping.
class RecordChecker::ChatParsers {
 public:
  std::unique_ptr<ChatParser> Take() {
    const MutexLock lock(mutex_);
    if (idle_.empty()) {
      return std::make_unique<ChatParser>();
    }
    std::unique_ptr<ChatParser> parser = std::move(idle_.back());
    idle_.pop_back();
    return parser;
  }

  void GiveBack(std::unique_ptr<ChatParser> parser) {
    const MutexLock lock(mutex_);
    if (idle_.size() < kMostIdle) {
      idle_.push_back(std::move(parser));
    }
  }

 private:
  static constexpr std::size_t kMostIdle = 16;

  Mutex mutex_;
  std::vector<std::unique_ptr<ChatParser>> idle_ DATALAKE_GUARDED_BY(mutex_);
};

RecordChecker::RecordChecker(const FeedDefinition& definition, const ContentChecker* content)
    : definition_(definition), parsers_(std::make_shared<ChatParsers>()), content_(content) {
  for (const FeedRule rule : {FeedRule::kEncoding, FeedRule::kSecrets, FeedRule::kPersonalData}) {
    looks_at_texts_ = looks_at_texts_ || definition_.ActionOf(rule) != RuleAction::kKeep;
  }
  looks_at_texts_ = looks_at_texts_ || definition_.limits.max_text_chars > 0;
}

Result<RecordChecker> RecordChecker::Make(const FeedDefinition& definition,
                                          const ContentChecker* content) {
  for (const FeedRule rule : {FeedRule::kSecrets, FeedRule::kPersonalData}) {
    if (content == nullptr && definition.ActionOf(rule) != RuleAction::kKeep) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("this program has no taggers for the rule {} of feed {}",
                               ToString(rule), definition.name)};
    }
  }
  return RecordChecker(definition, content);
}

void RecordChecker::Apply(FeedRule rule, std::string where, CheckedRecord& record) const {
  const std::string name(ToString(rule));
  switch (definition_.ActionOf(rule)) {
    case RuleAction::kKeep:
      return;
    case RuleAction::kMark:
      if (std::find(record.marks.begin(), record.marks.end(), name) == record.marks.end()) {
        record.marks.push_back(name);
      }
      return;
    case RuleAction::kQuarantine:
      record.reasons.push_back(where.empty() ? name : fmt::format("{}: {}", name, where));
      return;
    case RuleAction::kRefuse:
      record.problems.push_back({where.empty() ? std::vector<LocationStep>{}
                                               : std::vector<LocationStep>{{std::move(where)}},
                                 "refused by the feed's rule " + name,
                                 "value_error." + name,
                                 {}});
      return;
  }
}

CheckedRecord RecordChecker::Check(std::string_view body) const {
  return definition_.shape == FeedShape::kChat ? CheckChat(body) : CheckFields(body);
}

void RecordChecker::CheckText(std::string_view text, const std::string& where,
                              CheckedRecord& record) const {
  if (definition_.ActionOf(FeedRule::kEncoding) != RuleAction::kKeep && HasBadCharacters(text)) {
    Apply(FeedRule::kEncoding, where, record);
  }
  if (content_ != nullptr) {
    const ContentFindings found = content_->Check(text);
    if (found.secrets) {
      Apply(FeedRule::kSecrets, where, record);
    }
    if (found.personal_data) {
      Apply(FeedRule::kPersonalData, where, record);
    }
  }
}

CheckedRecord RecordChecker::CheckChat(std::string_view body) const {
  std::unique_ptr<ChatParser> parser = parsers_->Take();
  CheckedRecord record;
  if (parser->Parse(body)) {
    const ChatView& chat = parser->record();
    for (const ChatTurnView& turn : chat.conversation) {
      record.content_hash = HashPart(record.content_hash, turn.content);
    }
    if (!chat.extra.empty()) {
      Apply(FeedRule::kUnknownFields, "", record);
    }
    CheckTurns(chat, record);
    record.ingest_id = chat.ingest_id;
    record.submitter_id = chat.submitter_id;
  } else {
    record.problems = std::move(parser->problems());
  }
  parsers_->GiveBack(std::move(parser));
  return record;
}

void RecordChecker::CheckTurns(const ChatView& chat, CheckedRecord& record) const {
  if (chat.conversation.empty()) {
    Apply(FeedRule::kEmptyConversation, "", record);
  }
  if (chat.conversation.size() > definition_.limits.max_items) {
    record.problems.push_back(
        {{{"conversation"}},
         fmt::format("ensure this value has at most {} items", definition_.limits.max_items),
         "value_error.list.max_items",
         {}});
  }
  const std::uint64_t most = definition_.limits.max_text_chars;
  for (std::size_t i = 0; i < chat.conversation.size(); ++i) {
    const ChatTurnView& turn = chat.conversation[i];
    const auto where = [i] { return fmt::format("turn {}", i); };
    if (turn.role && std::find(definition_.roles.begin(), definition_.roles.end(), *turn.role) ==
                         definition_.roles.end()) {
      Apply(FeedRule::kRoles, where(), record);
    }
    if (i > 0 && turn.role && chat.conversation[i - 1].role == turn.role) {
      Apply(FeedRule::kAlternation, where(), record);
    }
    if ((turn.rating || turn.edited_content) && !IsAnswer(turn)) {
      Apply(FeedRule::kRatings, where(), record);
    }
    if (!looks_at_texts_) {
      continue;
    }
    const std::string_view edited = turn.edited_content.value_or(std::string_view());
    if (most > 0 &&
        (text::CountCodePoints(turn.content) > most || text::CountCodePoints(edited) > most)) {
      record.problems.push_back({{{"conversation"}, {"", i}, {"content"}},
                                 fmt::format("ensure this value has at most {} characters", most),
                                 "value_error.any_str.max_length",
                                 {}});
    }
    CheckText(turn.content, where(), record);
    if (!edited.empty()) {
      CheckText(edited, where(), record);
    }
  }
}

CheckedRecord RecordChecker::CheckFields(std::string_view body) const {
  FieldParseResult parsed = ParseFields(definition_, body);
  CheckedRecord record;
  record.problems = std::move(parsed.problems);
  if (!record.problems.empty()) {
    return record;
  }
  std::string text;
  for (std::size_t i = 0; i < definition_.fields.size(); ++i) {
    const auto& value = parsed.record.values[i];
    if (!value) {
      record.content_hash = HashPart(record.content_hash, "");
      continue;
    }
    text.clear();
    value->AppendJson(text);
    record.content_hash = HashPart(record.content_hash, text);
    if (looks_at_texts_) {
      ForEachText(*value, [&](std::string_view part) {
        CheckText(part, definition_.fields[i].name, record);
      });
    }
  }
  if (!parsed.record.extra.empty()) {
    Apply(FeedRule::kUnknownFields, "", record);
  }
  record.ingest_id = std::move(parsed.record.ingest_id);
  record.submitter_id = std::move(parsed.record.submitter_id);
  return record;
}

}  // namespace datalake::lake

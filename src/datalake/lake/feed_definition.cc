#include "datalake/lake/feed_definition.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/name.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/lake/wait_for_lock.h"

namespace datalake::lake {
namespace {

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 20;
constexpr std::string_view kChat = "chat";
constexpr std::string_view kSuffix = ".yaml";
constexpr std::size_t kMostFields = 1000;

// Columns that every feed has, and keys with a meaning of their own.
constexpr std::array<std::string_view, 21> kReserved = {
    "ingest_id",  "version",   "received",       "source", "submitter_id", "extra",   "attribution",
    "raw",        "body_hash", "schema_version", "flags",  "content_hash", "receipt", "day",
    "submission", "provider",  "dataset",        "task",   "reasons",      "_lake",   "variant"};

constexpr std::array<std::pair<FeedRule, std::string_view>, 9> kRuleWords = {
    {{FeedRule::kUnknownFields, "unknown_fields"},
     {FeedRule::kEmptyConversation, "empty_conversation"},
     {FeedRule::kRoles, "roles"},
     {FeedRule::kAlternation, "alternation"},
     {FeedRule::kRatings, "ratings"},
     {FeedRule::kEncoding, "encoding"},
     {FeedRule::kDuplicateContent, "duplicate_content"},
     {FeedRule::kSecrets, "secrets"},
     {FeedRule::kPersonalData, "personal_data"}}};

Status CheckField(const FeedField& field) {
  const auto wrong = [&](std::string_view what) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("{}: field {}", what, field.name)};
  };
  DATALAKE_TRY(CheckName("field", field.name));
  if (std::find(kReserved.begin(), kReserved.end(), field.name) != kReserved.end()) {
    return wrong("name is reserved for the lake");
  }
  const bool is_text = field.type == FeedFieldType::kText || field.type == FeedFieldType::kTexts;
  if (!field.allowed.empty() && !is_text) {
    return wrong("only a text can have allowed values");
  }
  if (field.max_chars > 0 && !is_text) {
    return wrong("only a text can have max_chars");
  }
  return {};
}

const FeedField* FindField(const FeedDefinition& definition, std::string_view name) {
  for (const FeedField& field : definition.fields) {
    if (field.name == name) {
      return &field;
    }
  }
  return nullptr;
}

// True when every value of `before` is one of `after` (none: any).
bool AllowsAsMuch(const std::vector<std::string>& before, const std::vector<std::string>& after) {
  return after.empty() || (!before.empty() &&
                           std::all_of(before.begin(), before.end(), [&](const std::string& value) {
                             return std::find(after.begin(), after.end(), value) != after.end();
                           }));
}

Status CheckFieldUpdate(const FeedField& before, const FeedField& after) {
  const auto breaks = [&](std::string_view what) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{}, so older records would break: field {}; make a new field instead",
                             what, before.name)};
  };
  if (before.type != after.type) {
    return breaks("type changes");
  }
  if (!before.required && after.required) {
    return breaks("becomes required");
  }
  if (!AllowsAsMuch(before.allowed, after.allowed)) {
    return breaks("fewer values are allowed");
  }
  if (after.max_chars > 0 && (before.max_chars == 0 || after.max_chars < before.max_chars)) {
    return breaks("max_chars gets smaller");
  }
  return {};
}

}  // namespace

std::string_view ToString(FeedRule rule) {
  for (const auto& [known, word] : kRuleWords) {
    if (known == rule) {
      return word;
    }
  }
  return "";
}

std::string_view ToString(RuleAction action) {
  switch (action) {
    case RuleAction::kKeep:
      return "keep";
    case RuleAction::kMark:
      return "mark";
    case RuleAction::kQuarantine:
      return "quarantine";
    case RuleAction::kRefuse:
      return "refuse";
  }
  return "keep";
}

std::string_view ToString(FeedFieldType type) {
  switch (type) {
    case FeedFieldType::kText:
      return "text";
    case FeedFieldType::kInteger:
      return "integer";
    case FeedFieldType::kNumber:
      return "number";
    case FeedFieldType::kBoolean:
      return "boolean";
    case FeedFieldType::kDate:
      return "date";
    case FeedFieldType::kTexts:
      return "texts";
    case FeedFieldType::kJson:
      return "json";
  }
  return "text";
}

std::string_view ToString(FeedShape shape) {
  return shape == FeedShape::kChat ? "chat" : "fields";
}

const std::vector<FeedRule>& AllFeedRules() {
  static const std::vector<FeedRule> rules = [] {
    std::vector<FeedRule> all;
    for (const auto& [rule, word] : kRuleWords) {
      all.push_back(rule);
    }
    return all;
  }();
  return rules;
}

RuleAction FeedDefinition::ActionOf(FeedRule rule) const {
  const auto found = rules.find(rule);
  return found == rules.end() ? RuleAction::kKeep : found->second;
}

FeedDefinition ChatDefinition() {
  FeedDefinition chat;
  chat.name = kChat;
  chat.description = "chats of assistants, as POST /v1/ingest/chat takes them";
  chat.shape = FeedShape::kChat;
  chat.roles = {"system", "user", "assistant", "tool"};
  return chat;
}

Status CheckFeedDefinition(const FeedDefinition& definition) {
  DATALAKE_TRY(CheckName("feed", definition.name));
  const auto wrong = [&](std::string_view what) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("{}: feed {}", what, definition.name)};
  };
  if (definition.shape == FeedShape::kChat && !definition.fields.empty()) {
    return wrong("a feed of chats has no fields of its own");
  }
  if (definition.name == kChat && definition.shape != FeedShape::kChat) {
    return wrong("the built-in feed keeps its shape");
  }
  if (definition.shape == FeedShape::kFields && definition.fields.empty()) {
    return wrong("a feed needs at least one field");
  }
  if (definition.fields.size() > kMostFields) {
    return wrong(fmt::format("more than {} fields", kMostFields));
  }
  // Column names that differ in case only are refused by the table.
  std::set<std::string> folded;
  for (const FeedField& field : definition.fields) {
    DATALAKE_TRY(CheckField(field));
    std::string lower = field.name;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) {
      return static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    });
    if (!folded.insert(lower).second) {
      return wrong("field is there twice (case does not count): " + field.name);
    }
  }
  if (definition.limits.max_record_bytes == 0 ||
      definition.limits.max_record_bytes > std::uint64_t{15} << 20) {
    return wrong("limits.max_record_bytes must be within 1 and 15 MiB");
  }
  return {};
}

Status CheckFeedUpdate(const FeedDefinition& before, const FeedDefinition& after) {
  DATALAKE_TRY(CheckFeedDefinition(after));
  if (before.shape != after.shape) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("shape cannot change: feed {}", before.name)};
  }
  for (const FeedField& field : before.fields) {
    const FeedField* now = FindField(after, field.name);
    if (now == nullptr) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("field cannot be removed, older records have it: {}", field.name)};
    }
    DATALAKE_TRY(CheckFieldUpdate(field, *now));
  }
  for (const FeedField& field : after.fields) {
    if (field.required && FindField(before, field.name) == nullptr) {
      return Error{
          ErrorCode::kInvalidArgument,
          fmt::format("new field cannot be required, older records lack it: {}", field.name)};
    }
  }
  return {};
}

std::string FeedDefinitions::Folder() const {
  return context_.layout.root() + "/config/feeds";
}

std::string FeedDefinitions::PathOf(std::string_view name) const {
  return fmt::format("{}/{}{}", Folder(), name, kSuffix);
}

Result<FeedDefinition> FeedDefinitions::Find(std::string_view name) const {
  DATALAKE_TRY(CheckName("feed", name));
  const std::string path = PathOf(name);
  const auto text = io::ReadFile(context_.fs, path, kMaxFileBytes);
  if (text) {
    return ParseFeedDefinition(name, *text, path);
  }
  if (text.error().code != ErrorCode::kNotFound) {
    return text.error();
  }
  if (name == kChat) {
    return ChatDefinition();
  }
  DATALAKE_TRY_ASSIGN(const std::vector<std::string> names, Names());
  return UnknownNameError("feed", name, names);
}

Result<std::vector<std::string>> FeedDefinitions::Names() const {
  std::vector<std::string> names = {std::string(kChat)};
  const auto entries = context_.fs.List(Folder());
  if (!entries && entries.error().code != ErrorCode::kNotFound) {
    return entries.error();
  }
  if (entries) {
    for (const io::DirectoryEntry& entry : *entries) {
      const std::string_view file = entry.name;
      if (file.ends_with(kSuffix) && !file.starts_with('.') && !entry.is_directory) {
        names.emplace_back(file.substr(0, file.size() - kSuffix.size()));
      }
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Status FeedDefinitions::Create(const FeedDefinition& definition) const {
  DATALAKE_TRY(CheckFeedDefinition(definition));
  if (definition.name == kChat) {
    return Error{ErrorCode::kAlreadyExists, "feed chat is built in; update it instead"};
  }
  DATALAKE_TRY(context_.fs.MakeDirectories(Folder()));
  const Status made =
      io::PutIfAbsent(context_.fs, PathOf(definition.name), FeedDefinitionYaml(definition));
  if (!made && made.error().code == ErrorCode::kAlreadyExists) {
    return Error{ErrorCode::kAlreadyExists,
                 fmt::format("feed is there already: {}", definition.name)};
  }
  return made;
}

Result<FeedDefinition> FeedDefinitions::Update(FeedDefinition definition) const {
  DATALAKE_TRY(CheckName("feed", definition.name));
  DATALAKE_TRY(context_.fs.MakeDirectories(Folder()));
  DATALAKE_TRY_ASSIGN(const auto lock, WaitForLock(context_.fs, Folder() + "/.update.lock"));
  DATALAKE_TRY_ASSIGN(const FeedDefinition before, Find(definition.name));
  DATALAKE_TRY(CheckFeedUpdate(before, definition));
  definition.schema_version = before.schema_version;
  if (definition.fields != before.fields) {
    const std::string history = fmt::format("{}/history/{}", Folder(), definition.name);
    DATALAKE_TRY(context_.fs.MakeDirectories(history));
    DATALAKE_TRY(io::ReplaceFile(context_.fs,
                                 fmt::format("{}/{}{}", history, before.schema_version, kSuffix),
                                 FeedDefinitionYaml(before)));
    ++definition.schema_version;
  }
  DATALAKE_TRY(
      io::ReplaceFile(context_.fs, PathOf(definition.name), FeedDefinitionYaml(definition)));
  return definition;
}

}  // namespace datalake::lake

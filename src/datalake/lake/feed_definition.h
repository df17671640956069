#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/lake/layout.h"

namespace datalake::lake {

/// What the records of a feed look like.
enum class FeedShape : std::uint8_t {
  kChat = 1,    ///< the chats of POST /v1/ingest/chat (chat_record.h); has no `fields` of its own
  kFields = 2,  ///< flat JSON objects with the definition's `fields`
};

/// What the values of a field are, and the column that they become.
enum class FeedFieldType : std::uint8_t {
  kText = 1,     ///< string
  kInteger = 2,  ///< int64: long
  kNumber = 3,   ///< double
  kBoolean = 4,  ///< boolean
  kDate = 5,     ///< "YYYY-MM-DD", kept as string
  kTexts = 6,    ///< list of strings
  kJson = 7,     ///< any value, kept as JSON text
};

struct FeedField {
  std::string name;
  FeedFieldType type = FeedFieldType::kText;
  bool required = false;
  std::vector<std::string> allowed = {};  ///< of texts; empty: any
  std::uint64_t max_chars = 0;            ///< of each text, in code points; 0: no limit of its own
  std::string description = {};

  friend bool operator==(const FeedField&, const FeedField&) = default;
};

/// What happens to a record that a rule finds something in.
enum class RuleAction : std::uint8_t {
  kKeep = 1,        ///< the rule does not look
  kMark = 2,        ///< kept, with the rule's name in the column `flags`
  kQuarantine = 3,  ///< durable, but in the quarantine table until it is replayed
  kRefuse = 4,      ///< refused with 422
};

/// The rules that a definition may set. `secrets` and `personal_data` need a ContentChecker.
enum class FeedRule : std::uint8_t {
  kUnknownFields = 1,      ///< keys that the shape does not know (they are kept in `extra`)
  kEmptyConversation = 2,  ///< chat: no turns
  kRoles = 3,              ///< chat: a role that is none of the definition's `roles`
  kAlternation = 4,        ///< chat: two turns of one role in a row
  kRatings = 5,            ///< chat: rating or edited_content on a turn that is no answer
  kEncoding = 6,           ///< NUL, other control characters or U+FFFD in a text
  kDuplicateContent = 7,   ///< the same content under another ingest_id
  kSecrets = 8,            ///< keys, passwords, tokens
  kPersonalData = 9,       ///< e-mail addresses, telephone and card numbers, IP addresses
};

/// "unknown_fields", "alternation", …
std::string_view ToString(FeedRule rule);
std::string_view ToString(RuleAction action);
std::string_view ToString(FeedFieldType type);
std::string_view ToString(FeedShape shape);

/// The inverse of ToString. Errors: kInvalidArgument naming the words.
Result<FeedFieldType> ParseFeedFieldType(std::string_view word);
Result<FeedRule> ParseFeedRule(std::string_view word);
Result<RuleAction> ParseRuleAction(std::string_view word);

/// All rules, in the order of their numbers.
const std::vector<FeedRule>& AllFeedRules();

struct FeedLimits {
  std::uint64_t max_record_bytes = std::uint64_t{4} << 20;
  std::uint64_t max_text_chars = 0;   ///< of any text; 0: as far as the record's bytes go
  std::uint64_t max_items = 100'000;  ///< turns of a chat, members of a list

  friend bool operator==(const FeedLimits&, const FeedLimits&) = default;
};

/// What a feed takes and under which terms: config/feeds/<name>.yaml (docs/formats/feeds.md).
struct FeedDefinition {
  std::string name;
  std::string description = {};
  FeedShape shape = FeedShape::kFields;
  std::int64_t schema_version = 1;  ///< one more with each change of `fields`
  std::vector<FeedField> fields = {};
  std::vector<std::string> roles = {};  ///< of chats, for the rule `roles`
  std::map<FeedRule, RuleAction> rules = {};
  FeedLimits limits = {};
  std::string licence = {};          ///< SPDX id under which the records are given
  std::string consent = {};          ///< what a contributor agrees to
  std::uint64_t retention_days = 0;  ///< records older than this leave the feed; 0: never

  RuleAction ActionOf(FeedRule rule) const;

  friend bool operator==(const FeedDefinition&, const FeedDefinition&) = default;
};

/// The definition of the built-in feed `chat`, which needs no file.
FeedDefinition ChatDefinition();

/// Names, types and limits make sense. Errors: kInvalidArgument naming what does not.
Status CheckFeedDefinition(const FeedDefinition& definition);

/// A newer definition may add optional fields, make required ones optional, allow more values,
/// change texts, limits and rules; all that was a valid record stays one.
/// Errors: kInvalidArgument naming the field that would break old records.
Status CheckFeedUpdate(const FeedDefinition& before, const FeedDefinition& after);

/// Reads the text of a definition (YAML or JSON); `where` names it in messages.
/// Errors: kInvalidArgument with the key.
Result<FeedDefinition> ParseFeedDefinition(std::string_view name, std::string_view text,
                                           std::string_view where);

/// The text that ParseFeedDefinition reads back.
std::string FeedDefinitionYaml(const FeedDefinition& definition);

/// The definition as one JSON object, with the keys of the YAML form.
std::string FeedDefinitionJson(const FeedDefinition& definition);

/// A JSON Schema (2020-12) of one record of the feed, JSON text.
std::string FeedJsonSchema(const FeedDefinition& definition);

/// The definitions of a lake: the files of config/feeds/ and the built-in `chat`, which a file may
/// replace. Every call reads the files. Thread-safe, any number of processes.
class FeedDefinitions {
 public:
  /// `context` must outlive it.
  explicit FeedDefinitions(const LakeContext& context) : context_(context) {}

  /// Errors: kNotFound naming the nearest, kInvalidArgument (name; a broken file, with its path),
  /// kIo.
  Result<FeedDefinition> Find(std::string_view name) const;

  /// Names of all feeds, sorted.
  Result<std::vector<std::string>> Names() const;

  /// Durable when it returns. Errors: kAlreadyExists, those of CheckFeedDefinition, kIo.
  Status Create(const FeedDefinition& definition) const;

  /// Puts `definition` in place of the one of its name; `schema_version` is set by the call. The
  /// older one is kept as config/feeds/history/<name>/<schema_version>.yaml when the fields
  /// changed. Errors: kNotFound, those of CheckFeedUpdate, kIo.
  Result<FeedDefinition> Update(FeedDefinition definition) const;

 private:
  std::string Folder() const;
  std::string PathOf(std::string_view name) const;

  const LakeContext& context_;
};

}  // namespace datalake::lake

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/lake/chat_record.h"
#include "datalake/lake/feed_definition.h"

namespace datalake::lake {

struct ContentFindings {
  bool secrets = false;
  bool personal_data = false;
};

/// Looks into texts for what the rules `secrets` and `personal_data` are about; made by whoever
/// wires the program, as the lake knows no taggers. Thread-safe.
class ContentChecker {
 public:
  virtual ~ContentChecker() = default;

  virtual ContentFindings Check(std::string_view text) const = 0;
};

/// What one look at a record gave.
struct CheckedRecord {
  std::optional<std::string> ingest_id = {};
  std::optional<std::string> submitter_id = {};
  std::uint64_t content_hash = 0;  ///< of what is said, without ids; 0: nothing is said
  std::vector<ValidationProblem> problems = {};  ///< not empty: refused
  std::vector<std::string> marks = {};           ///< names of rules
  std::vector<std::string> reasons = {};         ///< "<rule>: <where>"; not empty: into quarantine
};

/// Checks records of one feed against its definition. Immutable, Thread-safe.
class RecordChecker {
 public:
  /// `content` may be null when no rule needs it, else it must outlive the checker.
  /// Errors: kUnsupported (a rule needs a ContentChecker and there is none), naming the rule.
  static Result<RecordChecker> Make(const FeedDefinition& definition,
                                    const ContentChecker* content);

  /// Never fails: what is wrong with `body` is in the answer. The rule `duplicate_content` is not
  /// looked at: that is for who knows all records, through Apply.
  CheckedRecord Check(std::string_view body) const;

  /// Does to `record` what the definition says about a finding of `rule` at `where`.
  void Apply(FeedRule rule, std::string where, CheckedRecord& record) const;

  const FeedDefinition& definition() const { return definition_; }

 private:
  RecordChecker(const FeedDefinition& definition, const ContentChecker* content);

  CheckedRecord CheckChat(std::string_view body) const;
  CheckedRecord CheckFields(std::string_view body) const;
  void CheckTurns(const ChatView& chat, CheckedRecord& record) const;
  void CheckText(std::string_view text, const std::string& where, CheckedRecord& record) const;

  class ChatParsers;

  FeedDefinition definition_;
  std::shared_ptr<ChatParsers> parsers_;  // shared by copies; Thread-safe
  const ContentChecker* content_;
  bool looks_at_texts_ = false;
};

}  // namespace datalake::lake

// datalake feed …: definitions of feeds, and the quarantine's way out.
#include "datalake/lake/feed.h"

#include <algorithm>

#include <fmt/format.h>

#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/job/content_checker.h"
#include "datalake/json/writer.h"
#include "datalake/lake/feed_definition.h"
#include "datalake/lake/lake.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/open_lake.h"

namespace datalake::apps {
namespace {

constexpr std::uint64_t kMaxDefinitionBytes = std::uint64_t{1} << 20;

Status PrintField(const Context& context, const lake::FeedField& field) {
  std::string what(lake::ToString(field.type));
  for (std::size_t i = 0; i < field.allowed.size(); ++i) {
    what += (i == 0 ? ": " : ", ") + field.allowed[i];
  }
  if (field.max_chars > 0) {
    what += fmt::format(", at most {} characters", field.max_chars);
  }
  return context.Print(
      fmt::format("  {:<22} {}{}", field.name, what, field.required ? "" : ", optional"));
}

Status PrintDefinition(const Context& context, const lake::FeedDefinition& feed) {
  if (context.options.json) {
    return context.Print(lake::FeedDefinitionJson(feed));
  }
  DATALAKE_TRY(context.Print(fmt::format("{:<24} {}", feed.name, feed.description)));
  DATALAKE_TRY(context.Print(fmt::format("  {:<22} {}", "shape", lake::ToString(feed.shape))));
  DATALAKE_TRY(context.Print(fmt::format("  {:<22} {}", "schema version", feed.schema_version)));
  if (!feed.licence.empty()) {
    DATALAKE_TRY(context.Print(fmt::format("  {:<22} {}", "licence", feed.licence)));
  }
  if (feed.retention_days > 0) {
    DATALAKE_TRY(context.Print(fmt::format("  {:<22} {} days", "retention", feed.retention_days)));
  }
  for (const auto& [rule, action] : feed.rules) {
    DATALAKE_TRY(context.Print(
        fmt::format("  rule {:<17} {}", lake::ToString(rule), lake::ToString(action))));
  }
  for (const lake::FeedField& field : feed.fields) {
    DATALAKE_TRY(PrintField(context, field));
  }
  return {};
}

class ListCommand final : public Command {
 public:
  std::string_view Name() const override { return "feed list"; }

  std::string_view Summary() const override { return "Lists the feeds of the lake"; }

  std::string_view Example() const override { return "datalake feed list"; }

  void Declare(OptionSet&) override {}

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    const lake::FeedDefinitions definitions(lake->context());
    DATALAKE_TRY_ASSIGN(const std::vector<std::string> names, definitions.Names());
    for (const std::string& name : names) {
      DATALAKE_TRY_ASSIGN(const lake::FeedDefinition feed, definitions.Find(name));
      DATALAKE_TRY(context.Print(context.options.json
                                     ? lake::FeedDefinitionJson(feed)
                                     : fmt::format("{:<24} {}", name, feed.description)));
    }
    return 0;
  }
};

class ShowCommand final : public Command {
 public:
  std::string_view Name() const override { return "feed show"; }

  std::string_view Summary() const override {
    return "Shows a feed's fields, rules and terms, or the JSON Schema of its records";
  }

  std::string_view Example() const override {
    return "datalake feed show chat\ndatalake feed show chat --schema\n"
           "datalake feed show survey --yaml > survey.yaml";
  }

  void Declare(OptionSet& options) override {
    options.Argument("name", name_, "the feed");
    options.Flag("--schema", schema_, "the JSON Schema of its records");
    options.Flag("--yaml", yaml_, "the definition's file, to be changed and given to feed update");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY_ASSIGN(const lake::FeedDefinition feed,
                        lake::FeedDefinitions(lake->context()).Find(name_));
    if (schema_) {
      DATALAKE_TRY(context.Print(lake::FeedJsonSchema(feed)));
    } else if (yaml_) {
      std::string text = lake::FeedDefinitionYaml(feed);
      text.pop_back();  // the newline, which Print adds
      DATALAKE_TRY(context.Print(text));
    } else {
      DATALAKE_TRY(PrintDefinition(context, feed));
    }
    return 0;
  }

 private:
  std::string name_;
  bool schema_ = false;
  bool yaml_ = false;
};

enum class Change : std::uint8_t { kCreate, kUpdate };

// feed create, feed update: from a file, or with a field an option.
class DefineCommand final : public Command {
 public:
  explicit DefineCommand(Change change) : change_(change) {}

  std::string_view Name() const override {
    return change_ == Change::kCreate ? "feed create" : "feed update";
  }

  std::string_view Summary() const override {
    return change_ == Change::kCreate
               ? "Makes a feed: what its records look like and under which terms they are given"
               : "Changes a feed's definition; what would break older records is refused";
  }

  std::string_view Example() const override {
    return change_ == Change::kCreate
               ? "datalake feed create survey --file survey.yaml\n"
                 "datalake feed create votes --field question --field vote=yes,no "
                 "--optional-field weight --type weight=number --licence CC0-1.0 "
                 "--rule unknown_fields=refuse"
               : "datalake feed update survey --file survey.yaml\n"
                 "datalake feed update survey --optional-field comment --rule secrets=refuse";
  }

  void Declare(OptionSet& options) override {
    options.Argument("name", name_, "the feed");
    options.String("--file", file_, "the definition as YAML or JSON (docs/formats/feeds.md)");
    options.String("--description", description_, "one line for people");
    options.Strings("--field", fields_, "required field, or field=value,value… for these only");
    options.Strings("--optional-field", optional_fields_, "the same of one that may be left out");
    options.Strings("--type", types_,
                    "field=text, integer, number, boolean, date, texts or json (default: text)");
    options.Strings("--rule", rules_, "rule=keep, mark, quarantine or refuse");
    options.String("--licence", licence_, "SPDX id under which records are given");
    options.String("--consent", consent_, "what a contributor agrees to");
    options.Integer("--retention-days", retention_days_,
                    "records leave after so many days; 0: never");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    const lake::FeedDefinitions definitions(lake->context());
    DATALAKE_TRY_ASSIGN(lake::FeedDefinition feed, Definition(context, definitions));
    if (change_ == Change::kCreate) {
      DATALAKE_TRY(definitions.Create(feed));
    } else {
      DATALAKE_TRY_ASSIGN(feed, definitions.Update(feed));
    }
    DATALAKE_TRY(PrintDefinition(context, feed));
    return 0;
  }

 private:
  // The options as the YAML that --file would hold, on top of what is there.
  Result<lake::FeedDefinition> Definition(const Context& context,
                                          const lake::FeedDefinitions& definitions) const {
    if (!file_.empty()) {
      DATALAKE_TRY_ASSIGN(const std::string text,
                          io::ReadFile(context.fs, file_, kMaxDefinitionBytes));
      return lake::ParseFeedDefinition(name_, text, file_);
    }
    lake::FeedDefinition feed;
    if (change_ == Change::kUpdate) {
      DATALAKE_TRY_ASSIGN(feed, definitions.Find(name_));
    }
    feed.name = name_;
    AddFields(fields_, /*required=*/true, feed);
    AddFields(optional_fields_, /*required=*/false, feed);
    if (!description_.empty()) {
      feed.description = description_;
    }
    if (!licence_.empty()) {
      feed.licence = licence_;
    }
    if (!consent_.empty()) {
      feed.consent = consent_;
    }
    if (retention_days_ >= 0) {
      feed.retention_days = static_cast<std::uint64_t>(retention_days_);
    }
    std::string yaml = lake::FeedDefinitionYaml(feed);
    DATALAKE_TRY(ReplaceWords(types_, "type", feed, yaml));
    return lake::ParseFeedDefinition(name_, yaml, "options");
  }

  static void AddFields(const std::vector<std::string>& texts, bool required,
                        lake::FeedDefinition& feed) {
    for (const std::string& text : texts) {
      lake::FeedField field;
      const std::size_t equals = text.find('=');
      field.name = text.substr(0, equals);
      field.required = required;
      std::string_view values = equals == std::string::npos
                                    ? std::string_view()
                                    : std::string_view(text).substr(equals + 1);
      while (!values.empty()) {
        const std::size_t comma = std::min(values.find(','), values.size());
        field.allowed.emplace_back(values.substr(0, comma));
        values.remove_prefix(std::min(comma + 1, values.size()));
      }
      feed.fields.push_back(std::move(field));
    }
  }

  // Types and rules by their words.
  Status ReplaceWords(const std::vector<std::string>& texts, std::string_view what,
                      lake::FeedDefinition& feed, std::string& yaml) const {
    for (const std::string& text : texts) {
      const std::size_t equals = text.find('=');
      const std::string name = text.substr(0, equals);
      const auto field = std::find_if(feed.fields.begin(), feed.fields.end(),
                                      [&](const lake::FeedField& one) { return one.name == name; });
      if (equals == std::string::npos || field == feed.fields.end()) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("not field=type of one of the fields: --{} {}", what, text)};
      }
      DATALAKE_TRY_ASSIGN(field->type, lake::ParseFeedFieldType(text.substr(equals + 1)));
    }
    for (const std::string& text : rules_) {
      const std::size_t equals = text.find('=');
      if (equals == std::string::npos) {
        return Error{ErrorCode::kInvalidArgument, "not rule=action: --rule " + text};
      }
      DATALAKE_TRY_ASSIGN(const lake::FeedRule rule, lake::ParseFeedRule(text.substr(0, equals)));
      DATALAKE_TRY_ASSIGN(feed.rules[rule], lake::ParseRuleAction(text.substr(equals + 1)));
    }
    yaml = lake::FeedDefinitionYaml(feed);
    return {};
  }

  const Change change_;
  std::string name_;
  std::string file_;
  std::string description_;
  std::string licence_;
  std::string consent_;
  std::vector<std::string> fields_;
  std::vector<std::string> optional_fields_;
  std::vector<std::string> types_;
  std::vector<std::string> rules_;
  std::int64_t retention_days_ = -1;
};

class ReplayCommand final : public Command {
 public:
  std::string_view Name() const override { return "feed replay"; }

  std::string_view Summary() const override {
    return "Looks at quarantined records again and lets in what the rules of today allow";
  }

  std::string_view Example() const override {
    return "datalake sql 'select ingest_id, reasons from data.\"feeds/chat/quarantine\"'\n"
           "datalake feed replay chat\ndatalake feed replay chat --accept";
  }

  void Declare(OptionSet& options) override {
    options.Argument("name", name_, "the feed");
    options.Flag("--accept", accept_, "lets in all of them, whatever the rules say");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY_ASSIGN(const auto content, job::MakeContentChecker());
    DATALAKE_TRY_ASSIGN(const auto feed,
                        lake::Feed::Open(*lake, name_, {.content = content.get()}));
    DATALAKE_TRY_ASSIGN(
        const lake::ReplayReport report,
        feed->ReplayQuarantine(accept_ ? lake::ReplayMode::kAccept : lake::ReplayMode::kCheck));
    DATALAKE_TRY(feed->Seal());
    DATALAKE_TRY(context.Print(
        context.options.json
            ? fmt::format(R"({{"looked_at":{},"released":{}}})", report.looked_at, report.released)
            : fmt::format("looked at {} quarantined records, let in {}", report.looked_at,
                          report.released)));
    return 0;
  }

 private:
  std::string name_;
  bool accept_ = false;
};

}  // namespace

void AddFeedCommands(std::vector<std::unique_ptr<Command>>& commands) {
  commands.push_back(std::make_unique<DefineCommand>(Change::kCreate));
  commands.push_back(std::make_unique<ListCommand>());
  commands.push_back(std::make_unique<ShowCommand>());
  commands.push_back(std::make_unique<DefineCommand>(Change::kUpdate));
  commands.push_back(std::make_unique<ReplayCommand>());
}

}  // namespace datalake::apps

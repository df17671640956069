// datalake config …: providers and tasks of config/schema.yaml.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "datalake/base/name.h"
#include "datalake/json/writer.h"
#include "datalake/lake/lake.h"
#include "datalake/lake/upload.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/open_lake.h"
#include "apps/datalake/prompt.h"

namespace datalake::apps {
namespace {

enum class Thing : std::uint8_t { kProvider, kTask };

std::string_view WordOf(Thing thing) {
  return thing == Thing::kProvider ? "provider" : "task";
}

void WriteTexts(json::Writer& writer, const std::vector<std::string>& texts) {
  writer.BeginArray();
  for (const std::string& text : texts) {
    writer.String(text);
  }
  writer.EndArray();
}

Status PrintProvider(const Context& context, const lake::ProviderInfo& provider) {
  if (!context.options.json) {
    return context.Print(fmt::format("{:<24} {}", provider.name, provider.description));
  }
  std::string line;
  json::Writer writer(line);
  writer.BeginObject();
  writer.Key("provider");
  writer.String(provider.name);
  writer.Key("description");
  writer.String(provider.description);
  writer.EndObject();
  return context.Print(line);
}

// "one of ko, en", "any text", "any integer".
std::string WhatFits(const lake::TaskInfo& task, const std::string& field) {
  const auto allowed = task.allowed_values.find(field);
  const auto type = task.types.find(field);
  return allowed != task.allowed_values.end()
             ? fmt::format("one of {}", fmt::join(allowed->second, ", "))
             : fmt::format("any {}",
                           lake::ToString(type == task.types.end() ? lake::FieldType::kText
                                                                   : type->second));
}

// "a,b" → a, b.
std::vector<std::string> SplitValues(std::string_view values) {
  std::vector<std::string> split;
  while (!values.empty()) {
    const std::size_t comma = values.find(',');
    split.emplace_back(values.substr(0, comma));
    values.remove_prefix(comma == std::string_view::npos ? values.size() : comma + 1);
  }
  return split;
}

Status PrintTask(const Context& context, const lake::TaskInfo& task) {
  if (!context.options.json) {
    DATALAKE_TRY(context.Print(fmt::format("{:<24} {}", task.name, task.description)));
    for (const std::string& field : task.required_fields) {
      DATALAKE_TRY(context.Print(fmt::format("  {:<22} {}", field, WhatFits(task, field))));
    }
    for (const std::string& field : task.optional_fields) {
      DATALAKE_TRY(
          context.Print(fmt::format("  {:<22} {}, optional", field, WhatFits(task, field))));
    }
    return {};
  }
  std::string line;
  json::Writer writer(line);
  writer.BeginObject();
  writer.Key("task");
  writer.String(task.name);
  writer.Key("description");
  writer.String(task.description);
  writer.Key("required_fields");
  WriteTexts(writer, task.required_fields);
  writer.Key("allowed_values");
  writer.BeginObject();
  for (const auto& [field, values] : task.allowed_values) {
    writer.Key(field);
    WriteTexts(writer, values);
  }
  writer.EndObject();
  writer.Key("optional_fields");
  WriteTexts(writer, task.optional_fields);
  writer.Key("types");
  writer.BeginObject();
  for (const auto& [field, type] : task.types) {
    writer.Key(field);
    writer.String(lake::ToString(type));
  }
  writer.EndObject();
  writer.EndObject();
  return context.Print(line);
}

// config list, config provider list, config task list.
class ListCommand final : public Command {
 public:
  ListCommand(std::string name, std::optional<Thing> only) : name_(std::move(name)), only_(only) {}

  std::string_view Name() const override { return name_; }

  std::string_view Summary() const override { return "Shows the providers and tasks of the lake"; }

  std::string_view Example() const override { return "datalake config list"; }

  void Declare(OptionSet&) override {}

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY_ASSIGN(const lake::SchemaConfig config, lake->schema().Load());
    const bool titles = !only_ && !context.options.json;
    if (only_ != Thing::kTask) {
      DATALAKE_TRY(titles ? context.Print("providers") : Status());
      for (const lake::ProviderInfo& provider : config.providers) {
        DATALAKE_TRY(PrintProvider(context, provider));
      }
    }
    if (only_ != Thing::kProvider) {
      DATALAKE_TRY(titles ? context.Print("\ntasks") : Status());
      for (const lake::TaskInfo& task : config.tasks) {
        DATALAKE_TRY(PrintTask(context, task));
      }
    }
    return 0;
  }

 private:
  const std::string name_;
  const std::optional<Thing> only_;
};

class CreateCommand final : public Command {
 public:
  explicit CreateCommand(Thing thing)
      : thing_(thing), name_(fmt::format("config {} create", WordOf(thing))) {}

  std::string_view Name() const override { return name_; }

  std::string_view Summary() const override {
    return thing_ == Thing::kProvider ? "Adds a provider" : "Adds a task and what its uploads say";
  }

  std::string_view Example() const override {
    return thing_ == Thing::kProvider
               ? "datalake config provider create acme --description 'scans of Acme'"
               : "datalake config task create\n"
                 "datalake config task create ocr2 --field lang=ko,en --field page "
                 "--optional-field dpi --type page=integer --type dpi=integer";
  }

  void Declare(OptionSet& options) override {
    options.Argument("name", new_name_, "its name; asked for when left out", /*required=*/false);
    options.String("--description", description_, "one line for people");
    if (thing_ == Thing::kTask) {
      options.Strings("--field", fields_,
                      "required field, or field=value,value… to allow only these");
      options.Strings("--optional-field", optional_fields_,
                      "the same of a field that may be left out");
      options.Strings("--type", types_,
                      "field=text, integer, number, boolean or date (default: text)");
    }
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY(AskForMissing(context));
    if (thing_ == Thing::kProvider) {
      DATALAKE_TRY(lake->schema().AddProvider({new_name_, description_}));
    } else {
      DATALAKE_TRY_ASSIGN(const lake::TaskInfo task, Task());
      DATALAKE_TRY(lake->schema().AddTask(task));
    }
    DATALAKE_TRY(context.options.json
                     ? Status()
                     : context.Print(fmt::format("added {}: {}", WordOf(thing_), new_name_)));
    return 0;
  }

 private:
  // On a terminal, when no name was given: name, description, and the fields of a task.
  Status AskForMissing(const Context& context) {
    if (!new_name_.empty()) {
      return {};
    }
    Prompt prompt(context);
    const std::string word(WordOf(thing_));
    DATALAKE_TRY(
        prompt.Require(new_name_, "name of the " + word, "NAME",
                       [&word](std::string_view answer) { return CheckName(word, answer); }));
    if (description_.empty()) {
      DATALAKE_TRY_ASSIGN(description_, prompt.Text("description (may be empty)"));
    }
    while (thing_ == Thing::kTask) {
      DATALAKE_TRY_ASSIGN(
          const std::string field,
          prompt.Text(fmt::format("required field {} (nothing: no more)", fields_.size() + 1)));
      if (field.empty()) {
        break;
      }
      DATALAKE_TRY_ASSIGN(const std::string values,
                          prompt.Text("its allowed values, with commas (nothing: any)"));
      fields_.push_back(values.empty() ? field : field + "=" + values);
    }
    DATALAKE_TRY_ASSIGN(const bool go,
                        prompt.YesOrNo(fmt::format("add {} {}?", word, new_name_), true));
    return go ? Status() : Error{ErrorCode::kCancelled, "nothing was added"};
  }

  static void AddFields(const std::vector<std::string>& texts, std::vector<std::string>& fields,
                        lake::TaskInfo& task) {
    for (const std::string& text : texts) {
      const std::size_t equals = text.find('=');
      fields.push_back(text.substr(0, equals));
      if (equals != std::string::npos) {
        task.allowed_values[fields.back()] = SplitValues(std::string_view(text).substr(equals + 1));
      }
    }
  }

  Result<lake::TaskInfo> Task() const {
    lake::TaskInfo task;
    task.name = new_name_;
    task.description = description_;
    AddFields(fields_, task.required_fields, task);
    AddFields(optional_fields_, task.optional_fields, task);
    for (const std::string& text : types_) {
      const std::size_t equals = text.find('=');
      if (equals == std::string::npos) {
        return Error{ErrorCode::kInvalidArgument, "a type is field=type: --type " + text};
      }
      DATALAKE_TRY_ASSIGN(task.types[text.substr(0, equals)],
                          lake::ParseFieldType(text.substr(equals + 1)));
    }
    return task;
  }

  const Thing thing_;
  const std::string name_;
  std::string new_name_;
  std::string description_;
  std::vector<std::string> fields_;
  std::vector<std::string> optional_fields_;
  std::vector<std::string> types_;
};

class RemoveCommand final : public Command {
 public:
  explicit RemoveCommand(Thing thing)
      : thing_(thing), name_(fmt::format("config {} remove", WordOf(thing))) {}

  std::string_view Name() const override { return name_; }

  std::string_view Summary() const override {
    return thing_ == Thing::kProvider ? "Removes a provider that has no data"
                                      : "Removes a task that has no data";
  }

  std::string_view Example() const override {
    return thing_ == Thing::kProvider ? "datalake config provider remove acme"
                                      : "datalake config task remove ocr2";
  }

  void Declare(OptionSet& options) override {
    options.Argument("name", old_name_, "its name; asked for when left out", /*required=*/false);
    options.Flag("--force", force_, "also when tables use it; their data stays");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY(AskForName(context, *lake));
    DATALAKE_TRY(force_ ? Status() : CheckUnused(*lake));
    DATALAKE_TRY_ASSIGN(const bool go,
                        context.Confirm(fmt::format("remove {} {}?", WordOf(thing_), old_name_)));
    if (!go) {
      return Error{ErrorCode::kCancelled, "nothing was removed"};
    }
    DATALAKE_TRY(thing_ == Thing::kProvider ? lake->schema().RemoveProvider(old_name_)
                                            : lake->schema().RemoveTask(old_name_));
    return 0;
  }

 private:
  Status AskForName(const Context& context, lake::Lake& lake) {
    Prompt prompt(context);
    if (old_name_.empty() && prompt.can_ask()) {
      DATALAKE_TRY_ASSIGN(const lake::SchemaConfig schema, lake.schema().Load());
      std::vector<std::string> names;
      for (const lake::ProviderInfo& provider : schema.providers) {
        names.push_back(provider.name);
      }
      if (thing_ == Thing::kTask) {
        names.clear();
        for (const lake::TaskInfo& task : schema.tasks) {
          names.push_back(task.name);
        }
      }
      DATALAKE_TRY_ASSIGN(old_name_, prompt.One(WordOf(thing_), names));
    }
    return prompt.Require(old_name_, WordOf(thing_), "NAME");
  }

  Status CheckUnused(lake::Lake& lake) const {
    DATALAKE_TRY_ASSIGN(const std::vector<lake::TableName> tables, lake.ListTables());
    for (const lake::TableName& table : tables) {
      if ((thing_ == Thing::kProvider ? table.provider : table.task) == old_name_) {
        return Error{ErrorCode::kConflict,
                     fmt::format("{} has data, --force removes it from the list alone: {}: {}",
                                 WordOf(thing_), old_name_, lake::ToString(table))};
      }
    }
    for (const lake::UploadState state :
         {lake::UploadState::kPending, lake::UploadState::kProcessing,
          lake::UploadState::kFailed}) {
      DATALAKE_TRY_ASSIGN(const auto uploads, lake::Uploads(lake).List(state));
      for (const lake::UploadInfo& upload : uploads) {
        if ((thing_ == Thing::kProvider ? upload.table.provider : upload.table.task) == old_name_) {
          return Error{ErrorCode::kConflict,
                       fmt::format("{} has a {} upload, process or discard it first: {}: {}",
                                   WordOf(thing_), lake::ToString(state), old_name_, upload.id)};
        }
      }
    }
    return {};
  }

  const Thing thing_;
  const std::string name_;
  std::string old_name_;
  bool force_ = false;
};

}  // namespace

std::vector<std::unique_ptr<Command>> MakeConfigCommands() {
  std::vector<std::unique_ptr<Command>> commands;
  commands.push_back(std::make_unique<ListCommand>("config list", std::nullopt));
  for (const Thing thing : {Thing::kProvider, Thing::kTask}) {
    commands.push_back(
        std::make_unique<ListCommand>(fmt::format("config {} list", WordOf(thing)), thing));
    commands.push_back(std::make_unique<CreateCommand>(thing));
    commands.push_back(std::make_unique<RemoveCommand>(thing));
  }
  return commands;
}

}  // namespace datalake::apps

// datalake config …: providers and tasks of config/schema.yaml.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "datalake/json/writer.h"
#include "datalake/lake/lake.h"
#include "datalake/lake/upload.h"

#include "apps/datalake/commands/commands.h"

namespace datalake::apps {
namespace {

enum class Thing : std::uint8_t { kProvider, kTask };

std::string_view WordOf(Thing thing) {
  return thing == Thing::kProvider ? "provider" : "task";
}

Result<std::unique_ptr<lake::Lake>> OpenLake(const Context& context) {
  DATALAKE_TRY_ASSIGN(const std::string path, context.LakePath());
  return lake::Lake::Open(context.fs, context.clock, context.random, path);
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

Status PrintTask(const Context& context, const lake::TaskInfo& task) {
  if (!context.options.json) {
    DATALAKE_TRY(context.Print(fmt::format("{:<24} {}", task.name, task.description)));
    for (const std::string& field : task.required_fields) {
      const auto allowed = task.allowed_values.find(field);
      DATALAKE_TRY(context.Print(
          fmt::format("  {:<22} {}", field,
                      allowed == task.allowed_values.end()
                          ? "any text"
                          : fmt::format("one of {}", fmt::join(allowed->second, ", ")))));
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
               : "datalake config task create ocr2 --field lang=ko,en --field page";
  }

  void Declare(OptionSet& options) override {
    options.Argument("name", new_name_, "its name");
    options.String("--description", description_, "one line for people");
    if (thing_ == Thing::kTask) {
      options.Strings("--field", fields_,
                      "required field, or field=value,value… to allow only these");
    }
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    if (thing_ == Thing::kProvider) {
      DATALAKE_TRY(lake->schema().AddProvider({new_name_, description_}));
    } else {
      DATALAKE_TRY(lake->schema().AddTask(Task()));
    }
    DATALAKE_TRY(context.options.json
                     ? Status()
                     : context.Print(fmt::format("added {}: {}", WordOf(thing_), new_name_)));
    return 0;
  }

 private:
  lake::TaskInfo Task() const {
    lake::TaskInfo task;
    task.name = new_name_;
    task.description = description_;
    for (const std::string& text : fields_) {
      const std::size_t equals = text.find('=');
      const std::string field = text.substr(0, equals);
      task.required_fields.push_back(field);
      if (equals == std::string::npos) {
        continue;
      }
      std::string_view values = std::string_view(text).substr(equals + 1);
      while (!values.empty()) {
        const std::size_t comma = values.find(',');
        task.allowed_values[field].emplace_back(values.substr(0, comma));
        values.remove_prefix(comma == std::string_view::npos ? values.size() : comma + 1);
      }
    }
    return task;
  }

  const Thing thing_;
  const std::string name_;
  std::string new_name_;
  std::string description_;
  std::vector<std::string> fields_;
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
    options.Argument("name", old_name_, "its name");
    options.Flag("--force", force_, "also when tables use it; their data stays");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
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

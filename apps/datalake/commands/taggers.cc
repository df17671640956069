// datalake taggers (the toolkit: list): what `tag` can compute.
#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "datalake/curate/tagger.h"
#include "datalake/json/value.h"

#include "apps/datalake/commands/commands.h"

namespace datalake::apps {
namespace {

// One tagger as it is shown.
struct Row {
  std::string name;
  std::string summary;
  std::vector<std::string> types;  // none: it must be given a list first
  std::string needs;               // why it could not be made
};

class TaggersCommand final : public Command {
 public:
  explicit TaggersCommand(std::string_view name) : name_(name) {}

  std::string_view Name() const override { return name_; }

  std::string_view Summary() const override {
    return name_ == "list" ? "Lists the taggers (as the Dolma toolkit calls it; see: taggers)"
                           : "Lists the taggers with what they emit";
  }

  std::string_view Example() const override {
    return "datalake taggers\n  datalake taggers gopher_v2";
  }

  void Declare(OptionSet& options) override {
    options.Arguments("names", names_, "only these taggers");
    options.Strings("--tagger_modules", modules_, "the toolkit's Python taggers: not supported");
  }

  Result<int> Run(Context& context) override {
    if (!modules_.empty()) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("Python taggers are not supported: tagger_modules: {}",
                               fmt::join(modules_, ", "))};
    }
    curate::TaggerRegistry registry;
    DATALAKE_TRY(curate::AddBuiltinTaggers(registry));
    std::vector<Row> rows;
    for (const std::string& name : names_.empty() ? registry.Names() : names_) {
      DATALAKE_TRY_ASSIGN(Row row, Describe(registry, name, context));
      rows.push_back(std::move(row));
    }
    DATALAKE_TRY(context.options.json ? PrintJson(context, rows) : PrintTable(context, rows));
    return 0;
  }

 private:
  static Result<Row> Describe(const curate::TaggerRegistry& registry, const std::string& name,
                              const Context& context) {
    Row row;
    row.name = name;
    DATALAKE_TRY_ASSIGN(row.summary, registry.Summary(name));
    const auto tagger = registry.Make(name, {.fs = &context.fs});
    if (tagger) {
      row.types.assign((*tagger)->types().begin(), (*tagger)->types().end());
      if ((*tagger)->has_learned_types()) {
        row.types.emplace_back("(types that the documents tell)");
      }
    } else if (tagger.error().code == ErrorCode::kInvalidArgument) {
      row.needs = tagger.error().message;
    } else {
      return tagger.error();
    }
    return row;
  }

  static Status PrintJson(const Context& context, const std::vector<Row>& rows) {
    for (const Row& row : rows) {
      json::Value line;
      line["name"] = row.name;
      line["summary"] = row.summary;
      line["types"] = row.types;
      if (!row.needs.empty()) {
        line["needs"] = row.needs;
      }
      DATALAKE_TRY(context.Print(json::DumpValue(line)));
    }
    return {};
  }

  static Status PrintTable(const Context& context, const std::vector<Row>& rows) {
    constexpr std::size_t kShownTypes = 4;
    std::size_t width = 6;
    for (const Row& row : rows) {
      width = std::max(width, row.name.size());
    }
    if (rows.size() == 1) {  // asked for by name: all of it
      DATALAKE_TRY(context.Print(fmt::format("{}: {}", rows[0].name, rows[0].summary)));
      for (const std::string& type : rows[0].types) {
        DATALAKE_TRY(context.Print(fmt::format("  {}", type)));
      }
      return rows[0].needs.empty() ? Status() : context.Print("  " + rows[0].needs);
    }
    for (const Row& row : rows) {
      DATALAKE_TRY(context.Print(fmt::format("{:<{}}  {}", row.name, width, row.summary)));
      const std::size_t shown = std::min(row.types.size(), kShownTypes);
      std::string detail = row.types.empty() ? "emits types of its own" : "emits ";
      if (!row.needs.empty()) {
        detail = row.needs;
      }
      detail += fmt::format("{}", fmt::join(std::span(row.types).first(shown), ", "));
      if (shown < row.types.size()) {
        detail += fmt::format(" and {} more", row.types.size() - shown);
      }
      DATALAKE_TRY(context.Print(fmt::format("{:<{}}  {}", "", width, detail)));
    }
    return {};
  }

  std::string name_;
  std::vector<std::string> names_;
  std::vector<std::string> modules_;
};

}  // namespace

void AddTaggersCommands(std::vector<std::unique_ptr<Command>>& commands) {
  commands.push_back(std::make_unique<TaggersCommand>("taggers"));
  commands.push_back(std::make_unique<TaggersCommand>("list"));
}

}  // namespace datalake::apps

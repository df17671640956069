#include "apps/datalake/command_line.h"

#include <algorithm>
#include <map>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "datalake/base/name.h"

namespace datalake::apps {
namespace {

constexpr std::string_view kGlobalGroup = "Global options";

// Turns "--ignore_existing" into "--ignore-existing"; dotted config keys and values stay as they
// are.
std::string CanonicalOption(const std::string& word) {
  if (!word.starts_with("--") || word.size() < 3) {
    return word;
  }
  std::string name = word.substr(0, word.find('='));
  std::string rest = word.substr(name.size());
  std::replace(name.begin(), name.end(), '_', '-');
  return name + rest;
}

class Cli11OptionSet final : public OptionSet {
 public:
  explicit Cli11OptionSet(CLI::App& app) : app_(app) {}

  void Flag(std::string_view names, bool& target, std::string_view help) override {
    app_.add_flag(WithNoForm(names), target, std::string(help));
  }

  void Switch(std::string_view names, std::optional<bool>& target, std::string_view help) override {
    app_.add_flag_function(
        WithNoForm(names), [&target](std::int64_t count) { target = count > 0; },
        std::string(help));
  }

  void String(std::string_view names, std::string& target, std::string_view help) override {
    app_.add_option(Canonical(names), target, std::string(help))->capture_default_str();
  }

  void Integer(std::string_view names, std::int64_t& target, std::string_view help) override {
    app_.add_option(Canonical(names), target, std::string(help))->capture_default_str();
  }

  void Number(std::string_view names, double& target, std::string_view help) override {
    app_.add_option(Canonical(names), target, std::string(help))->capture_default_str();
  }

  void Strings(std::string_view names, std::vector<std::string>& target,
               std::string_view help) override {
    app_.add_option(Canonical(names), target, std::string(help))
        ->expected(1, CLI::detail::expected_max_vector_size);
  }

  void Choice(std::string_view names, std::string& target, std::vector<std::string> allowed,
              std::string_view help) override {
    const std::string label = Canonical(names);
    app_.add_option(label, target, std::string(help))
        ->capture_default_str()
        ->type_name(fmt::format("{{{}}}", fmt::join(allowed, ",")))
        ->check([label, allowed](const std::string& value) -> std::string {
          if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) {
            return {};
          }
          return UnknownNameError("value of " + label, value, allowed).message;
        });
  }

  void Argument(std::string_view name, std::string& target, std::string_view help,
                bool required) override {
    app_.add_option(std::string(name), target, std::string(help))->required(required);
  }

  void Arguments(std::string_view name, std::vector<std::string>& target,
                 std::string_view help) override {
    app_.add_option(std::string(name), target, std::string(help));
  }

 private:
  // Every long flag has its --no- form, as in the toolkit.
  static std::string WithNoForm(std::string_view names) {
    std::string spec = Canonical(names);
    const std::size_t dashes = spec.rfind("--");
    if (dashes != std::string::npos) {
      spec += ",!--no-" + spec.substr(dashes + 2);
    }
    return spec;
  }

  static std::string Canonical(std::string_view names) {
    std::string canonical(names);
    std::replace(canonical.begin(), canonical.end(), '_', '-');
    return canonical;
  }

  CLI::App& app_;
};

std::vector<std::string> OptionNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* level = &app; level != nullptr; level = level->get_parent()) {
    for (const CLI::Option* option : level->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        names.push_back("--" + name);
      }
    }
  }
  return names;
}

std::vector<std::string> CommandNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* child : app.get_subcommands({})) {
    names.push_back(child->get_name());
  }
  return names;
}

// The deepest command that the words reached.
const CLI::App& Reached(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app : Reached(*chosen.front());
}

// "datalake collections list", from the chain of parsers.
std::string WordsOf(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name()
                                     : WordsOf(*app.get_parent()) + " " + app.get_name();
}

Error UsageError(const CLI::App& reached, std::string what) {
  return {ErrorCode::kInvalidArgument,
          fmt::format("{}; try: {} --help", std::move(what), WordsOf(reached))};
}

Error UnknownWord(const CLI::App& reached, const std::string& word) {
  if (word.starts_with("-")) {
    const std::string name = word.substr(0, word.find('='));
    return UsageError(reached, UnknownNameError("option", name, OptionNames(reached)).message);
  }
  const auto commands = CommandNames(reached);
  if (!commands.empty()) {
    return UsageError(reached, UnknownNameError("command", word, commands).message);
  }
  return UsageError(reached, "unexpected argument: " + word);
}

void DeclareGlobals(CLI::App& app, GlobalOptions& options) {
  Cli11OptionSet set(app);
  set.String("--lake", options.lake,
             "the lake's folder (else $DATALAKE, else the nearest folder upwards with lake.json)");
  set.String("--server", options.server,
             "address of a server to work through (else $DATALAKE_SERVER)");
  set.String("--token", options.token, "token for that server (else $DATALAKE_TOKEN)");
  set.String("--token-file", options.token_file,
             "file that holds that token: other users of this machine do not see it");
  set.String("-c,--config", options.config, "YAML or JSON file with the command's own keys");
  set.Choice("--compat", options.compat, {"", "dolma"},
             "answer as the Dolma toolkit does, its defects included");
  set.Integer("--threads", options.threads, "threads (0: one a core)");
  set.Flag("--json", options.json, "one JSON object a line");
  set.Flag("--quiet", options.quiet, "no progress");
  set.Flag("--yes", options.yes, "answer yes to every question");
}

CLI::App& SubcommandOf(CLI::App& app, const std::string& name) {
  for (CLI::App* child : app.get_subcommands({})) {
    if (child->get_name() == name) {
      return *child;
    }
  }
  CLI::App& made = *app.add_subcommand(name);
  made.fallthrough();
  made.allow_extras();
  return made;
}

std::string GroupSummary(std::string_view name) {
  return fmt::format("{} commands; see datalake {} --help", name, name);
}

}  // namespace

Result<ParsedCommandLine> ParseCommandLine(std::span<const std::string> arguments,
                                           std::span<const std::unique_ptr<Command>> commands,
                                           GlobalOptions& options, std::string_view version) {
  CLI::App app("One lake for AI training data: collect, keep, curate, version and serve it.",
               "datalake");
  app.set_help_flag("-h,--help", "print this help and end");
  app.allow_extras();
  bool show_version = false;
  app.add_flag("--version", show_version, "print the version and end");
  DeclareGlobals(app, options);
  std::map<const CLI::App*, Command*> by_app;
  for (const auto& command : commands) {
    CLI::App* target = &app;
    std::string name(command->Name());
    for (std::size_t space = name.find(' '); space != std::string::npos; space = name.find(' ')) {
      target = &SubcommandOf(*target, name.substr(0, space));
      target->description(GroupSummary(target->get_name()));
      name.erase(0, space + 1);
    }
    CLI::App& leaf = SubcommandOf(*target, name);
    leaf.description(std::string(command->Summary()));
    leaf.footer(
        fmt::format("Example:\n  {}\n\nGlobal options (--lake, --json, --quiet ...): "
                    "datalake --help",
                    command->Example()));
    Cli11OptionSet set(leaf);
    command->Declare(set);
    by_app[&leaf] = command.get();
  }
  try {
    std::vector<std::string> reversed;
    for (auto word = arguments.rbegin(); word != arguments.rend(); ++word) {
      reversed.push_back(CanonicalOption(*word));
    }
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    return ParsedCommandLine{.text = Reached(app).help()};
  } catch (const CLI::ParseError& error) {
    return UsageError(Reached(app), error.what());
  }
  if (show_version) {
    return ParsedCommandLine{.text = fmt::format("datalake {}\n", version)};
  }
  const CLI::App& reached = Reached(app);
  if (const auto extras = app.remaining(true); !extras.empty()) {
    return UnknownWord(reached, extras.front());
  }
  const auto found = by_app.find(&reached);
  if (found == by_app.end()) {
    return ParsedCommandLine{.text = reached.help(), .exit_code = 2};
  }
  return ParsedCommandLine{.command = found->second};
}

}  // namespace datalake::apps

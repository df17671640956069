// datalake completion: scripts by which shells complete its words. The scripts ask the program
// itself, so they never grow old and know the names in the lake at hand.
#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <fmt/format.h>

#include "datalake/lake/lake.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/open_lake.h"

namespace datalake::apps {
namespace {

// A word each after `completion words`, with '=' before it, so that none is taken for an option;
// the last one is being typed.
constexpr std::string_view kBash = R"(# Put this in ~/.bashrc:  source <(datalake completion bash)
_datalake() {
  local IFS=$'\n' words=("${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=($(datalake completion words "${words[@]/#/=}" 2>/dev/null))
  [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o filenames -F _datalake datalake
)";
constexpr std::string_view kZsh = R"(#compdef datalake
# Put this in ~/.zshrc, after compinit:  source <(datalake completion zsh)
_datalake() {
  local -a found
  found=("${(@f)$(datalake completion words "${(@)words[2,CURRENT]/#/=}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then compadd -a found; else _files; fi
}
compdef _datalake datalake
)";
constexpr std::string_view kFish =
    R"(# datalake completion fish > ~/.config/fish/completions/datalake.fish
function __datalake_words
  set -l typed (commandline -opc) (commandline -ct)
  datalake completion words "="$typed[2..-1] 2>/dev/null
end
complete -c datalake -a '(__datalake_words)'
)";

// The options of one command: their long names, and the values of those with a closed list.
class OptionNames final : public OptionSet {
 public:
  void Flag(std::string_view names, bool&, std::string_view) override { Add(names, {}); }

  void Switch(std::string_view names, std::optional<bool>&, std::string_view) override {
    Add(names, {});
  }

  void String(std::string_view names, std::string&, std::string_view) override { Add(names, {}); }

  void Integer(std::string_view names, std::int64_t&, std::string_view) override { Add(names, {}); }

  void Number(std::string_view names, double&, std::string_view) override { Add(names, {}); }

  void Strings(std::string_view names, std::vector<std::string>&, std::string_view) override {
    Add(names, {});
  }

  void Choice(std::string_view names, std::string&, std::vector<std::string> allowed,
              std::string_view) override {
    Add(names, std::move(allowed));
  }

  void Argument(std::string_view, std::string&, std::string_view, bool) override {}

  void Arguments(std::string_view, std::vector<std::string>&, std::string_view) override {}

  const std::map<std::string, std::vector<std::string>>& values() const { return values_; }

 private:
  void Add(std::string_view names, std::vector<std::string> allowed) {
    const std::size_t dashes = names.find("--");
    if (dashes != std::string_view::npos) {
      std::string name(names.substr(dashes, names.find(',', dashes) - dashes));
      std::replace(name.begin(), name.end(), '_', '-');
      values_[name] = std::move(allowed);
    }
  }

  std::map<std::string, std::vector<std::string>> values_;
};

constexpr std::array<std::string_view, 8> kGlobals = {"--help",   "--json",    "--lake",  "--quiet",
                                                      "--server", "--threads", "--token", "--yes"};

std::vector<std::string> SplitWords(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    words.emplace_back(text.substr(0, space));
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
  }
  return words;
}

bool StartsWith(const std::vector<std::string>& words, const std::vector<std::string>& start) {
  return words.size() >= start.size() && std::equal(start.begin(), start.end(), words.begin());
}

// What may stand for the last of `typed`.
class Completion {
 public:
  Completion(const std::vector<std::unique_ptr<Command>>& commands, std::vector<std::string> typed)
      : commands_(commands), last_(std::move(typed.back())) {
    typed.pop_back();
    for (const std::string& word : typed) {
      std::vector<std::string> longer = path_;
      longer.push_back(word);
      const bool is_command = std::any_of(commands.begin(), commands.end(), [&](const auto& one) {
        return StartsWith(SplitWords(one->Name()), longer);
      });
      path_ = is_command ? longer : path_;
    }
    before_ = typed.empty() ? "" : typed.back();
  }

  std::set<std::string> Words(const Context& context) const {
    OptionNames options;
    for (const auto& command : commands_) {
      if (SplitWords(command->Name()) == path_) {
        command->Declare(options);
      }
    }
    std::set<std::string> found;
    const auto choice = options.values().find(before_);
    if (choice != options.values().end() && !choice->second.empty()) {
      Take(choice->second, found);
    } else if (const auto names = NamesInLake(context); !names.empty()) {
      Take(names, found);
    } else if (last_.starts_with('-')) {
      for (const auto& [name, unused] : options.values()) {
        Take({name}, found);
      }
      for (const std::string_view name : kGlobals) {
        Take({std::string(name)}, found);
      }
    } else {
      for (const auto& command : commands_) {
        const std::vector<std::string> words = SplitWords(command->Name());
        if (StartsWith(words, path_) && words.size() > path_.size()) {
          Take({words[path_.size()]}, found);
        }
      }
    }
    return found;
  }

 private:
  void Take(const std::vector<std::string>& words, std::set<std::string>& found) const {
    for (const std::string& word : words) {
      if (word.starts_with(last_)) {
        found.insert(word);
      }
    }
  }

  // Values of an option that names something of the lake; none when there is no lake.
  std::vector<std::string> NamesInLake(const Context& context) const {
    std::vector<std::string> names;
    const bool is_level = before_ == "--provider" || before_ == "--task" || before_ == "--dataset";
    const auto lake = is_level ? OpenLake(context)
                               : Result<std::unique_ptr<lake::Lake>>(
                                     Error{ErrorCode::kNotFound, "nothing to look up"});
    if (!lake) {
      return names;
    }
    if (const auto schema = (*lake)->schema().Load(); schema && before_ == "--provider") {
      for (const lake::ProviderInfo& provider : schema->providers) {
        names.push_back(provider.name);
      }
    } else if (schema && before_ == "--task") {
      names.emplace_back("raw");
      for (const lake::TaskInfo& task : schema->tasks) {
        names.push_back(task.name);
      }
    } else if (const auto tables = (*lake)->ListTables()) {
      for (const lake::TableName& table : *tables) {
        names.push_back(table.dataset);
      }
    }
    return names;
  }

  const std::vector<std::unique_ptr<Command>>& commands_;
  std::string last_;
  std::string before_;
  std::vector<std::string> path_;  // the command, as far as it is typed
};

class CompletionCommand final : public Command {
 public:
  std::string_view Name() const override { return "completion"; }

  std::string_view Summary() const override {
    return "Prints a script for bash, zsh or fish that completes datalake's words";
  }

  std::string_view Example() const override { return "source <(datalake completion bash)"; }

  void Declare(OptionSet& options) override {
    options.Argument("shell", shell_, "bash, zsh or fish (words: what the scripts call)");
    options.Arguments("words", words_, "of `words`: what is typed, each with = before it");
  }

  Result<int> Run(Context& context) override {
    if (shell_ == "words") {
      return PrintWords(context);
    }
    for (const auto& [shell, script] :
         {std::pair("bash", kBash), std::pair("zsh", kZsh), std::pair("fish", kFish)}) {
      if (shell_ == shell) {
        DATALAKE_TRY(context.Print(script.substr(0, script.size() - 1)));
        return 0;
      }
    }
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("shell must be bash, zsh or fish, not: {}", shell_)};
  }

 private:
  Result<int> PrintWords(const Context& context) {
    std::vector<std::string> typed;
    for (const std::string& word : words_) {
      typed.push_back(word.starts_with('=') ? word.substr(1) : word);
    }
    if (typed.empty()) {
      typed.emplace_back();
    }
    const auto commands = AllCommands();
    for (const std::string& word : Completion(commands, std::move(typed)).Words(context)) {
      DATALAKE_TRY(context.Print(word));
    }
    return 0;
  }

  std::string shell_;
  std::vector<std::string> words_;
};

}  // namespace

std::unique_ptr<Command> MakeCompletionCommand() {
  return std::make_unique<CompletionCommand>();
}

}  // namespace datalake::apps

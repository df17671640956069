#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/clock.h"
#include "datalake/base/progress.h"
#include "datalake/base/random.h"
#include "datalake/base/result.h"

namespace datalake::io {
class FileSystem;
}

namespace datalake::apps {

/// The options that stand before or after every command (interfaces: "Grammar of the CLI").
struct GlobalOptions {
  std::string lake;    ///< --lake, else $DATALAKE, else the nearest folder upwards with lake.json
  std::string server;  ///< --server, else $DATALAKE_SERVER
  std::string token;   ///< --token, else $DATALAKE_TOKEN
  std::string token_file;  ///< --token-file: a file that holds the token, where `token` is empty
  std::string config;      ///< -c/--config: a YAML or JSON file of the command's own keys
  std::string compat;  ///< --compat dolma: the toolkit's own answer where ours differs on purpose
  std::int64_t threads = 0;  ///< 0: one a core
  bool json = false;         ///< one JSON object a line on standard output
  bool quiet = false;        ///< no progress
  bool yes = false;          ///< answers yes to every question
};

/// What a running command may use: options, the machine, where to write. Lives as long as main.
struct Context {
  const GlobalOptions& options;
  io::FileSystem& fs;
  const Clock& clock;
  Random& random;
  ProgressSink& progress;
  std::stop_token stop;  ///< requested by SIGINT and SIGTERM

  /// The root of the lake that the command works on; looks upwards from the working folder.
  /// Errors: kNotFound when there is none, kUnsupported when --server was given (for now).
  Result<std::string> LakePath() const;

  /// options.threads, or one a core.
  std::size_t Threads() const;

  /// Writes `line` and a newline to standard output: results only. Errors: kIo.
  Status Print(std::string_view line) const;

  /// Asks a yes/no question on the terminal; true with --yes. Errors: kInvalidArgument when there
  /// is no terminal to ask on.
  Result<bool> Confirm(std::string_view question) const;
};

/// Takes a command's options. The targets hold the defaults and must outlive the parse. Names are
/// "--long" or "-s,--long"; a dash and an underscore in a long name mean the same.
class OptionSet {
 public:
  virtual ~OptionSet() = default;

  virtual void Flag(std::string_view names, bool& target, std::string_view help) = 0;
  /// A flag that may be left out, given, or given as its --no- form.
  virtual void Switch(std::string_view names, std::optional<bool>& target,
                      std::string_view help) = 0;
  virtual void String(std::string_view names, std::string& target, std::string_view help) = 0;
  virtual void Integer(std::string_view names, std::int64_t& target, std::string_view help) = 0;
  virtual void Number(std::string_view names, double& target, std::string_view help) = 0;

  /// Takes any number of values, and may be given several times.
  virtual void Strings(std::string_view names, std::vector<std::string>& target,
                       std::string_view help) = 0;

  /// One of a closed list; another value is an error that names the nearest.
  virtual void Choice(std::string_view names, std::string& target, std::vector<std::string> allowed,
                      std::string_view help) = 0;

  /// A positional argument.
  virtual void Argument(std::string_view name, std::string& target, std::string_view help,
                        bool required = true) = 0;

  /// The remaining positional arguments.
  virtual void Arguments(std::string_view name, std::vector<std::string>& target,
                         std::string_view help) = 0;
};

/// One command of the program. Single-threaded: declared, parsed and run once.
class Command {
 public:
  virtual ~Command() = default;

  /// The words that call it: "init", "collections list".
  virtual std::string_view Name() const = 0;

  /// One line of what it does.
  virtual std::string_view Summary() const = 0;

  /// One or more lines that a user can type; shown by --help.
  virtual std::string_view Example() const = 0;

  virtual void Declare(OptionSet& options) = 0;

  /// Does the work; the exit code is 0 (done) or 1 (done, but findings).
  virtual Result<int> Run(Context& context) = 0;
};

}  // namespace datalake::apps

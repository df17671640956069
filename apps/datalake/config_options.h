#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/json/value.h"

#include "apps/datalake/command.h"
#include "apps/datalake/config_file.h"

namespace datalake::apps {

/// Config keys of a command as options of the same dotted names, put over its config file.
class ConfigOptions {
 public:
  enum class Form : std::uint8_t { kValue, kList, kFlag };

  /// Declares `--<key>`; a flag also has `--no-<key>`, which sets it to false.
  void Declare(OptionSet& options, std::string_view key, Form form, std::string_view help);

  /// The config of `-c` with the given options over it; shows it on standard error as YAML, unless
  /// --quiet was given or `dryrun` is set. Errors: those of ReadConfig.
  Result<json::Value> Read(Context& context) const;

 private:
  struct Entry {
    std::string key;
    Form form = Form::kValue;
    std::string value;
    std::vector<std::string> values;
    std::optional<bool> flag;
  };

  std::deque<Entry> entries_;  // addresses stay
};

/// What all curation commands read from their config beside their own keys.
struct CurationRun {
  std::size_t threads = 1;  ///< --threads, else `processes`, else one a core
  bool is_compat = false;   ///< --compat dolma, or `compat: dolma`
  bool is_dry = false;      ///< `dryrun: true`: the config is printed and nothing is done
};

/// Prints the config of a dry run: YAML, or one line of JSON with --json. Errors: kIo.
Status PrintConfig(const Context& context, const json::Value& config);

/// Errors: kInvalidArgument.
Result<CurationRun> ReadCurationRun(const json::Value& config, const Context& context);

}  // namespace datalake::apps

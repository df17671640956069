#include "apps/datalake/config_options.h"

#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace datalake::apps {

void ConfigOptions::Declare(OptionSet& options, std::string_view key, Form form,
                            std::string_view help) {
  Entry& entry = entries_.emplace_back();
  entry.key = key;
  entry.form = form;
  const std::string name = fmt::format("--{}", key);
  switch (form) {
    case Form::kValue:
      options.String(name, entry.value, help);
      return;
    case Form::kList:
      options.Strings(name, entry.values, help);
      return;
    case Form::kFlag:
      options.Switch(name, entry.flag, help);
      return;
  }
}

Result<json::Value> ConfigOptions::Read(Context& context) const {
  std::vector<ConfigOverride> overrides;
  for (const Entry& entry : entries_) {
    if (entry.form == Form::kFlag && entry.flag.has_value()) {
      overrides.push_back({entry.key, {*entry.flag ? "true" : "false"}, false});
    } else if (entry.form == Form::kList && !entry.values.empty()) {
      overrides.push_back({entry.key, entry.values, true});
    } else if (entry.form == Form::kValue && !entry.value.empty()) {
      overrides.push_back({entry.key, {entry.value}, false});
    }
  }
  DATALAKE_TRY_ASSIGN(json::Value config,
                      ReadConfig(context.fs, context.options.config, overrides));
  const json::Value* const dryrun = json::Find(config, "dryrun");
  const bool is_dry = dryrun != nullptr && dryrun->is_boolean() && dryrun->get<bool>();
  if (!context.options.quiet && !is_dry) {
    std::fputs(ConfigAsYaml(config).c_str(), stderr);
  }
  return config;
}

Status PrintConfig(const Context& context, const json::Value& config) {
  if (context.options.json) {
    return context.Print(json::DumpValue(config));
  }
  std::string text = ConfigAsYaml(config);
  text.pop_back();  // Print adds the newline
  return context.Print(text);
}

Result<CurationRun> ReadCurationRun(const json::Value& config, const Context& context) {
  CurationRun run;
  const std::string where = context.options.config.empty() ? "options" : context.options.config;
  DATALAKE_TRY_ASSIGN(const auto processes, json::FindUint(config, "processes", where));
  DATALAKE_TRY_ASSIGN(const auto dryrun, json::FindBool(config, "dryrun", where));
  DATALAKE_TRY_ASSIGN(const auto compat, json::FindString(config, "compat", where));
  run.threads = context.Threads();
  if (context.options.threads == 0 && processes.has_value()) {
    if (*processes == 0 || *processes > 4096) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("{}: processes must be from 1 to 4096: {}", where, *processes)};
    }
    run.threads = static_cast<std::size_t>(*processes);
  }
  const std::string& wanted =
      context.options.compat.empty() ? compat.value_or("") : context.options.compat;
  if (!wanted.empty() && wanted != "dolma") {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("unknown compat: {}; known: dolma", wanted)};
  }
  run.is_compat = wanted == "dolma";
  run.is_dry = dryrun.value_or(false);
  return run;
}

}  // namespace datalake::apps

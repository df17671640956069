// datalake tag: the toolkit's `dolma tag` (its keys and what differs: docs/dolma-compat.md), over
// curate/tag.h.
#include "datalake/curate/tag.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/thread_pool.h"
#include "datalake/io/file_system.h"
#include "datalake/json/config_reader.h"
#include "datalake/json/writer.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/config_file.h"

namespace datalake::apps {
namespace {

// What the config says beyond TagOptions.
struct TagConfig {
  curate::TagOptions options;
  std::uint64_t processes = 0;  // 0: the global --threads
  bool is_debug = false;
  bool is_dry_run = false;
};

// Keys of the toolkit that have no meaning here, or none yet.
void ReadForeignKeys(json::ConfigReader& config) {
  std::vector<std::string> modules;
  config.Read("tagger_modules", modules);
  if (!modules.empty()) {
    config.Fail("tagger_modules: taggers written in Python cannot be loaded");
  }
  if (auto profile = config.Object("profile")) {
    bool is_enabled = false;
    std::string text;
    std::uint64_t number = 0;
    profile->Read("enable", is_enabled);
    profile->Read("output", text);
    profile->Read("steps", number);
    profile->Read("sort_key", text);
    profile->Read("lines", number);
    if (is_enabled) {
      profile->Fail("enable: there is no Python to profile; use perf");
    }
    config.Merge(*profile);
  }
  if (auto work_dir = config.Object("work_dir")) {  // outputs appear whole, no marks are needed
    std::string text;
    work_dir->Read("input", text);
    work_dir->Read("output", text);
    config.Merge(*work_dir);
  }
}

Result<TagConfig> ReadTagConfig(const json::Value& value, const std::string& where) {
  TagConfig tag;
  bool ignores_existing = false;
  json::ConfigReader config(value, where);
  config.Require("documents", tag.options.documents);
  config.Require("taggers", tag.options.taggers);
  config.Read("destination", tag.options.destination);
  config.Read("experiment", tag.options.experiment);
  config.Read("processes", tag.processes);
  config.Read("ignore_existing", ignores_existing);
  config.Read("debug", tag.is_debug);
  config.Read("dryrun", tag.is_dry_run);
  config.Read("max_rejects", tag.options.max_rejects);
  config.Read("compression", tag.options.compression);
  ReadForeignKeys(config);
  DATALAKE_TRY(config.Finish());
  if (ignores_existing) {
    tag.options.existing = curate::ExistingOutputs::kReplace;
  }
  return tag;
}

class TagCommand final : public Command {
 public:
  std::string_view Name() const override { return "tag"; }

  std::string_view Summary() const override {
    return "Computes attributes of documents with one or more taggers";
  }

  std::string_view Example() const override {
    return "datalake tag --documents 'x/documents/*.gz' --experiment e --taggers gopher_v2\n"
           "datalake -c tag.yaml tag";
  }

  void Declare(OptionSet& options) override {
    options.Strings("--documents", documents_, "files, folders or globs of documents");
    options.Strings("--destination", destination_,
                    "a folder for each of the documents (default: attributes/ beside documents/)");
    options.Strings("--taggers", taggers_, "names of taggers");
    options.String("--experiment", experiment_,
                   "folder below attributes/ and first part of the keys");
    options.Integer("--processes", processes_, "threads (0: as --threads)");
    options.Flag("--ignore-existing", ignores_existing_, "make attributes anew that are there");
    options.Integer("--max-rejects", max_rejects_, "bad lines that are borne (-1: as configured)");
    options.String("--compression", compression_,
                   "none, gz or zst for the attributes (default: as the documents)");
    options.Flag("--debug", is_debug_, "one thread");
    options.Flag("--dryrun", is_dry_run_, "show what would be done");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const json::Value value,
                        ReadConfig(context.fs, context.options.config, Overrides()));
    const std::string where = context.options.config.empty() ? "tag" : context.options.config;
    DATALAKE_TRY_ASSIGN(const TagConfig config, ReadTagConfig(value, where));
    curate::TaggerRegistry registry;
    DATALAKE_TRY(curate::AddBuiltinTaggers(registry));
    if (config.is_dry_run) {
      DATALAKE_TRY(ShowPlan(context, config, registry));
      return 0;
    }
    ThreadPool pool(ThreadsOf(context, config));
    DATALAKE_TRY_ASSIGN(
        const curate::TagReport report,
        curate::RunTag(config.options, registry,
                       {context.fs, context.clock, pool, context.progress, context.stop}));
    for (const std::string& warning : report.warnings) {
      fmt::print(stderr, "datalake: warning: {}\n", warning);
    }
    DATALAKE_TRY(ShowReport(context, report));
    return 0;
  }

 private:
  std::vector<ConfigOverride> Overrides() const {
    std::vector<ConfigOverride> overrides;
    const auto add_list = [&](const char* key, const std::vector<std::string>& values) {
      if (!values.empty()) {
        overrides.push_back({key, values, true});
      }
    };
    const auto add = [&](const char* key, bool is_given, std::string text) {
      if (is_given) {
        overrides.push_back({key, {std::move(text)}, false});
      }
    };
    add_list("documents", documents_);
    add_list("destination", destination_);
    add_list("taggers", taggers_);
    add("experiment", !experiment_.empty(), experiment_);
    add("processes", processes_ > 0, std::to_string(processes_));
    add("ignore_existing", ignores_existing_, "true");
    add("max_rejects", max_rejects_ >= 0, std::to_string(max_rejects_));
    add("compression", !compression_.empty(), compression_);
    add("debug", is_debug_, "true");
    add("dryrun", is_dry_run_, "true");
    return overrides;
  }

  static std::size_t ThreadsOf(const Context& context, const TagConfig& config) {
    if (config.is_debug) {
      return 1;
    }
    return config.processes > 0 ? static_cast<std::size_t>(config.processes) : context.Threads();
  }

  static Status ShowPlan(const Context& context, const TagConfig& config,
                         const curate::TaggerRegistry& registry) {
    DATALAKE_TRY_ASSIGN(const curate::TagPlan plan,
                        curate::PlanTag(context.fs, config.options, registry));
    for (const curate::TagUnit& unit : plan.units) {
      for (const curate::TagOutput& output : unit.outputs) {
        std::string line;
        json::Writer writer(line);
        writer.BeginObject();
        writer.Key("documents");
        writer.String(unit.input);
        writer.Key("attributes");
        writer.String(output.path);
        writer.EndObject();
        DATALAKE_TRY(context.Print(
            context.options.json ? line : fmt::format("{} -> {}", unit.input, output.path)));
      }
    }
    return {};
  }

  static Status ShowReport(const Context& context, const curate::TagReport& report) {
    if (!context.options.json) {
      return context.Print(fmt::format(
          "{} documents in {} files tagged, {} files had their attributes, {} lines rejected",
          report.documents, report.files_tagged, report.files_skipped, report.rejects));
    }
    std::string line;
    json::Writer writer(line);
    const auto add = [&](const char* key, std::uint64_t number) {
      writer.Key(key);
      writer.Uint(number);
    };
    writer.BeginObject();
    add("documents", report.documents);
    add("files_tagged", report.files_tagged);
    add("files_skipped", report.files_skipped);
    add("rejects", report.rejects);
    add("bytes", report.bytes);
    writer.EndObject();
    return context.Print(line);
  }

  std::vector<std::string> documents_;
  std::vector<std::string> destination_;
  std::vector<std::string> taggers_;
  std::string experiment_;
  std::int64_t processes_ = 0;
  bool ignores_existing_ = false;
  std::int64_t max_rejects_ = -1;
  std::string compression_;
  bool is_debug_ = false;
  bool is_dry_run_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeTagCommand() {
  return std::make_unique<TagCommand>();
}

}  // namespace datalake::apps

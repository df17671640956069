// datalake tag: computes attributes of documents.
#include "datalake/curate/tag.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/log.h"
#include "datalake/base/thread_pool.h"
#include "datalake/json/config_reader.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/config_options.h"
#include "apps/datalake/lake_documents.h"
#include "apps/datalake/metered_run.h"

namespace datalake::apps {
namespace {

using Form = ConfigOptions::Form;

class TagCommand final : public Command {
 public:
  std::string_view Name() const override { return "tag"; }

  std::string_view Summary() const override {
    return "Computes attributes of documents with one or more taggers";
  }

  std::string_view Example() const override {
    return "datalake tag --documents 'corpus/documents/*.gz' --experiment e --taggers gopher_v2\n"
           "datalake -c tag.yaml tag";
  }

  void Declare(OptionSet& options) override {
    config_.Declare(options, "documents", Form::kList, "files, folders or globs of documents");
    config_.Declare(options, "destination", Form::kList,
                    "a folder for each of the documents (default: attributes/ beside documents/)");
    config_.Declare(options, "taggers", Form::kList, "names of taggers");
    config_.Declare(options, "experiment", Form::kValue,
                    "folder below attributes/ and first part of the keys");
    config_.Declare(options, "ignore_existing", Form::kFlag, "make attributes anew that are there");
    config_.Declare(options, "max_rejects", Form::kValue, "bad lines that are borne (0)");
    config_.Declare(options, "attributes_format", Form::kValue,
                    "jsonl (default) or parquet: one typed column a key");
    config_.Declare(options, "compression.input", Form::kValue, "accepted: the content tells");
    config_.Declare(options, "compression.output", Form::kValue, "gz, zst or none");
    config_.Declare(options, "lake_documents", Form::kValue,
                    "folder for what is made of documents of a lake (lake-documents)");
    config_.Declare(options, "processes", Form::kValue, "threads");
    config_.Declare(options, "debug", Form::kFlag, "one thread");
    config_.Declare(options, "tagger_modules", Form::kList, "Python taggers: not supported");
    config_.Declare(options, "profile.enable", Form::kFlag, "not supported");
    config_.Declare(options, "profile.output", Form::kValue, "accepted, not needed");
    config_.Declare(options, "profile.steps", Form::kValue, "accepted, not needed");
    config_.Declare(options, "profile.sort_key", Form::kValue, "accepted, not needed");
    config_.Declare(options, "profile.lines", Form::kValue, "accepted, not needed");
    config_.Declare(options, "work_dir.input", Form::kValue, "accepted, not needed");
    config_.Declare(options, "work_dir.output", Form::kValue, "accepted, not needed");
    config_.Declare(options, "dryrun", Form::kFlag, "print the config and the outputs, and stop");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(json::Value config, config_.Read(context));
    DATALAKE_TRY(ResolveLakeDocuments(context, config));
    DATALAKE_TRY_ASSIGN(const CurationRun run, ReadCurationRun(config, context));
    json::ConfigReader reader(config,
                              context.options.config.empty() ? "options" : context.options.config);
    DATALAKE_TRY_ASSIGN(curate::TagOptions options, curate::ReadTagOptions(reader));
    options.paths = run.is_compat ? curate::TagPaths::kToolkit : curate::TagPaths::kMirrored;
    options.compatibility =
        run.is_compat ? curate::Compatibility::kDolma : curate::Compatibility::kNone;
    curate::TaggerRegistry registry;
    DATALAKE_TRY(curate::AddBuiltinTaggers(registry));
    if (run.is_dry) {
      return PrintPlan(context, config, options, registry);
    }
    context.progress.Report({.phase = "tag", .unit = "documents"});
    DATALAKE_TRY_ASSIGN(const curate::TagPlan plan, curate::PlanTag(context.fs, options, registry));
    DATALAKE_TRY_ASSIGN(const auto is_debug, json::FindBool(config, "debug", "debug"));
    ThreadPool pool(is_debug.value_or(false) ? 1 : run.threads);
    std::vector<std::string> inputs;
    for (const curate::TagUnit& unit : plan.units) {
      inputs.push_back(unit.input);
    }
    MeteredRun metered(context, "tag", inputs);
    DATALAKE_TRY_ASSIGN(
        const curate::TagReport report,
        curate::RunTag(options, registry,
                       {metered.fs(), context.clock, pool, metered.progress(), context.stop}));
    for (const std::string& warning : report.warnings) {
      LogWarning(warning);
    }
    DATALAKE_TRY(Show(metered, options, plan, report, pool.size()));
    return 0;
  }

 private:
  static Result<int> PrintPlan(const Context& context, const json::Value& config,
                               const curate::TagOptions& options,
                               const curate::TaggerRegistry& registry) {
    DATALAKE_TRY_ASSIGN(const curate::TagPlan plan, curate::PlanTag(context.fs, options, registry));
    DATALAKE_TRY(PrintConfig(context, config));
    for (const curate::TagUnit& unit : plan.units) {
      for (const curate::TagOutput& output : unit.outputs) {
        json::Value line;
        line["documents"] = unit.input;
        line["attributes"] = output.path;
        DATALAKE_TRY(context.Print(context.options.json
                                       ? json::DumpValue(line)
                                       : fmt::format("{} -> {}", unit.input, output.path)));
      }
    }
    return 0;
  }

  static Status Show(const MeteredRun& metered, const curate::TagOptions& options,
                     const curate::TagPlan& plan, const curate::TagReport& tagged,
                     std::size_t threads) {
    curate::RunReport report = metered.Finish(threads);
    report.files = tagged.files_tagged;
    report.documents = tagged.documents + tagged.rejects;
    report.kept = tagged.documents;
    report.rejected = tagged.rejects;
    report.bytes = tagged.bytes;
    report.counts = {{"files_skipped", tagged.files_skipped}};
    report.spans = tagged.spans;
    report.costs = tagged.costs;
    report.warnings = tagged.warnings;
    json::Value details;
    details["rejects"] = tagged.rejects;  // the name it had first
    return metered.Show(report, ReportFolders(options, plan), details, "");
  }

  // The folders attributes/<name>/ of the outputs, or those of `destination`.
  static std::vector<std::string> ReportFolders(const curate::TagOptions& options,
                                                const curate::TagPlan& plan) {
    if (!options.destination.empty()) {
      return options.destination;
    }
    constexpr std::string_view kAttributes = "attributes/";
    std::vector<std::string> folders;
    for (const curate::TagUnit& unit : plan.units) {
      for (const curate::TagOutput& output : unit.outputs) {
        const std::size_t at = output.path.rfind(kAttributes);
        const std::size_t end =
            at == std::string::npos ? at : output.path.find('/', at + kAttributes.size());
        if (end != std::string::npos) {
          folders.push_back(output.path.substr(0, end));
        }
      }
    }
    return folders;
  }

  ConfigOptions config_;
};

}  // namespace

std::unique_ptr<Command> MakeTagCommand() {
  return std::make_unique<TagCommand>();
}

}  // namespace datalake::apps

// datalake mix: merges attributes into documents, filters them, replaces spans, writes new files.
#include "datalake/curate/mix.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/log.h"
#include "datalake/json/config_reader.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/config_options.h"
#include "apps/datalake/lake_documents.h"

namespace datalake::apps {
namespace {

using Form = ConfigOptions::Form;

class MixCommand final : public Command {
 public:
  std::string_view Name() const override { return "mix"; }

  std::string_view Summary() const override {
    return "Filters documents by their attributes, replaces spans, and writes new files";
  }

  std::string_view Example() const override { return "datalake -c mix.yaml mix"; }

  void Declare(OptionSet& options) override {
    config_.Declare(options, "lake_documents", Form::kValue,
                    "folder for what is made of documents of a lake (lake-documents)");
    config_.Declare(options, "processes", Form::kValue, "threads");
    config_.Declare(options, "shuffle", Form::kFlag,
                    "outputs of about equal size (default); --no-shuffle: one output an input, "
                    "under the same path");
    config_.Declare(options, "on_missing", Form::kValue,
                    "documents without their attributes: error (default), skip or ignore");
    config_.Declare(options, "max_rejects", Form::kValue, "bad rows that are borne (default 0)");
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
    DATALAKE_TRY_ASSIGN(
        const curate::MixOptions options,
        curate::ReadMixOptions(
            reader, run.is_compat ? curate::Compatibility::kDolma : curate::Compatibility::kNone));
    if (run.is_dry) {
      return PrintPlan(context, config, options);
    }
    DATALAKE_TRY_ASSIGN(const curate::MixReport report,
                        curate::RunMix(options, {context.fs, context.clock, context.progress,
                                                 run.threads, context.stop}));
    for (const std::string& warning : report.warnings) {
      LogWarning(warning);
    }
    DATALAKE_TRY(context.options.json ? PrintJson(context, options, report)
                                      : PrintTable(context, options, report));
    return 0;
  }

 private:
  static Result<int> PrintPlan(const Context& context, const json::Value& config,
                               const curate::MixOptions& options) {
    DATALAKE_TRY_ASSIGN(const curate::MixPlan plan, curate::PlanMix(context.fs, options));
    for (const std::string& warning : plan.warnings) {
      LogWarning(warning);
    }
    DATALAKE_TRY(PrintConfig(context, config));
    for (const curate::MixShard& shard : plan.shards) {
      DATALAKE_TRY(context.Print(fmt::format("{}: {} files", shard.output, shard.inputs.size())));
    }
    return 0;
  }

  static Status PrintJson(const Context& context, const curate::MixOptions& options,
                          const curate::MixReport& report) {
    json::Value streams = json::Value::array();
    for (std::size_t i = 0; i < report.streams.size(); ++i) {
      const curate::MixCounts& counts = report.streams[i];
      streams.push_back({{"name", options.streams[i].name},
                         {"documents", counts.documents},
                         {"written", counts.written},
                         {"filtered", counts.filtered},
                         {"too_short", counts.too_short},
                         {"missing", counts.missing},
                         {"rejected", counts.rejected},
                         {"replaced", counts.replaced},
                         {"bytes_read", counts.bytes_read},
                         {"bytes_written", counts.bytes_written}});
    }
    json::Value out;
    out["streams"] = std::move(streams);
    out["outputs"] = report.outputs;
    return context.Print(json::DumpValue(out));
  }

  static Status PrintTable(const Context& context, const curate::MixOptions& options,
                           const curate::MixReport& report) {
    DATALAKE_TRY(context.Print(fmt::format(
        "{:<24} {:>12} {:>12} {:>12} {:>10} {:>10} {:>10} {:>10}", "stream", "documents", "written",
        "filtered", "too short", "missing", "rejected", "replaced")));
    for (std::size_t i = 0; i < report.streams.size(); ++i) {
      const curate::MixCounts& counts = report.streams[i];
      DATALAKE_TRY(context.Print(
          fmt::format("{:<24} {:>12} {:>12} {:>12} {:>10} {:>10} {:>10} {:>10}",
                      options.streams[i].name, counts.documents, counts.written, counts.filtered,
                      counts.too_short, counts.missing, counts.rejected, counts.replaced)));
    }
    for (const std::string& output : report.outputs) {
      DATALAKE_TRY(context.Print(output));
    }
    return {};
  }

  ConfigOptions config_;
};

}  // namespace

std::unique_ptr<Command> MakeMixCommand() {
  return std::make_unique<MixCommand>();
}

}  // namespace datalake::apps

// datalake mix: merges attributes into documents, filters them, replaces spans, writes new files.
#include "datalake/curate/mix.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/log.h"
#include "datalake/curate/document_paths.h"
#include "datalake/io/path.h"
#include "datalake/json/config_reader.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/config_options.h"
#include "apps/datalake/lake_documents.h"
#include "apps/datalake/metered_run.h"

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
    config_.Declare(options, "ignore_existing", Form::kFlag, "make outputs anew that are there");
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
    context.progress.Report({.phase = "mix", .unit = "documents"});
    std::vector<std::string> patterns;
    for (const curate::MixStream& stream : options.streams) {
      patterns.insert(patterns.end(), stream.documents.begin(), stream.documents.end());
    }
    std::vector<std::string> warnings;  // the run tells them itself
    DATALAKE_TRY_ASSIGN(const std::vector<std::string> inputs,
                        curate::ExpandDocuments(context.fs, patterns, warnings));
    MeteredRun metered(context, "mix", inputs);
    DATALAKE_TRY_ASSIGN(const curate::MixReport report,
                        curate::RunMix(options, {metered.fs(), context.clock, metered.progress(),
                                                 run.threads, context.stop}));
    for (const std::string& warning : report.warnings) {
      LogWarning(warning);
    }
    DATALAKE_TRY(Show(metered, options, inputs.size(), report, run.threads));
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

  static Status Show(const MeteredRun& metered, const curate::MixOptions& options,
                     std::size_t files, const curate::MixReport& mixed, std::size_t threads) {
    curate::RunReport report = metered.Finish(threads);
    report.files = files;
    curate::MixCounts all;
    for (const curate::MixCounts& counts : mixed.streams) {
      all.Add(counts);
    }
    report.documents = all.documents;
    report.kept = all.written;
    report.rejected = all.rejected;
    report.bytes = all.bytes_read;
    report.spans = all.spans;
    report.costs = mixed.costs;
    report.counts = {{"filtered", all.filtered},
                     {"too_short", all.too_short},
                     {"missing", all.missing},
                     {"replaced", all.replaced},
                     {"outputs_bytes", all.bytes_written}};
    report.warnings = mixed.warnings;
    std::vector<std::string> folders;
    for (const curate::MixStream& stream : options.streams) {
      folders.push_back(ReportFolder(stream.output_path));
    }
    return metered.Show(report, folders, Details(options, mixed), Table(options, mixed));
  }

  // Beside a folder documents/, where the report would be taken for documents; else in the folder.
  static std::string ReportFolder(std::string_view output) {
    while (output.size() > 1 && output.ends_with('/')) {
      output.remove_suffix(1);
    }
    return std::string(io::BaseName(output) == "documents" ? io::ParentPath(output) : output);
  }

  static json::Value Details(const curate::MixOptions& options, const curate::MixReport& report) {
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
                         {"spans", counts.spans},
                         {"bytes_read", counts.bytes_read},
                         {"bytes_written", counts.bytes_written}});
    }
    json::Value out;
    out["streams"] = std::move(streams);
    out["outputs"] = report.outputs;
    return out;
  }

  static std::string Table(const curate::MixOptions& options, const curate::MixReport& report) {
    std::string out = fmt::format("\n{:<24} {:>12} {:>12} {:>12} {:>10} {:>10} {:>10} {:>10}",
                                  "stream", "documents", "written", "filtered", "too short",
                                  "missing", "rejected", "replaced");
    for (std::size_t i = 0; i < report.streams.size(); ++i) {
      const curate::MixCounts& counts = report.streams[i];
      out += fmt::format("\n{:<24} {:>12} {:>12} {:>12} {:>10} {:>10} {:>10} {:>10}",
                         options.streams[i].name, counts.documents, counts.written, counts.filtered,
                         counts.too_short, counts.missing, counts.rejected, counts.replaced);
    }
    for (const std::string& output : report.outputs) {
      out += "\n" + output;
    }
    return out;
  }

  ConfigOptions config_;
};

}  // namespace

std::unique_ptr<Command> MakeMixCommand() {
  return std::make_unique<MixCommand>();
}

}  // namespace datalake::apps

// datalake stat: how the values of attributes are distributed.
#include "datalake/curate/stat.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/log.h"
#include "datalake/json/config_reader.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/config_options.h"

namespace datalake::apps {
namespace {

using Form = ConfigOptions::Form;

class StatCommand final : public Command {
 public:
  std::string_view Name() const override { return "stat"; }

  std::string_view Summary() const override {
    return "Shows how the scores and lengths of attributes are distributed";
  }

  std::string_view Example() const override {
    return "datalake stat --attributes 'corpus/attributes/*/*.gz' --report report";
  }

  void Declare(OptionSet& options) override {
    config_.Declare(options, "attributes", Form::kList, "attribute files or globs");
    config_.Declare(options, "report", Form::kValue, "folder for summaries.jsonl.gz");
    config_.Declare(options, "bins", Form::kValue, "most bins of a histogram (1000)");
    config_.Declare(options, "regex", Form::kValue, "only keys in which this is found (RE2)");
    config_.Declare(options, "total", Form::kFlag, "also show sums and totals");
    config_.Declare(options, "processes", Form::kValue, "threads");
    config_.Declare(options, "seed", Form::kValue, "accepted, not needed");
    config_.Declare(options, "debug", Form::kFlag, "one thread");
    config_.Declare(options, "work_dir.input", Form::kValue, "accepted, not needed");
    config_.Declare(options, "work_dir.output", Form::kValue, "accepted, not needed");
    config_.Declare(options, "dryrun", Form::kFlag, "print the config and stop");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const json::Value config, config_.Read(context));
    DATALAKE_TRY_ASSIGN(const CurationRun run, ReadCurationRun(config, context));
    json::ConfigReader reader(config,
                              context.options.config.empty() ? "options" : context.options.config);
    DATALAKE_TRY_ASSIGN(const curate::StatOptions options, curate::ReadStatOptions(reader));
    if (run.is_dry) {
      DATALAKE_TRY(options.Validate());
      DATALAKE_TRY(PrintConfig(context, config));
      return 0;
    }
    DATALAKE_TRY_ASSIGN(const curate::StatReport report,
                        curate::RunStat(options, {context.fs, context.clock, context.progress,
                                                  run.threads, context.stop}));
    for (const std::string& warning : report.warnings) {
      LogWarning(warning);
    }
    std::string text = context.options.json ? curate::SummaryLines(report)
                                            : curate::SummaryTables(report, options);
    if (!context.options.json) {
      text += fmt::format("{} rows of {} files", report.rows, report.files);
      if (!report.summaries_path.empty()) {
        text += fmt::format("; written: {}", report.summaries_path);
      }
    } else if (!text.empty()) {
      text.pop_back();  // Print adds the newline
    }
    DATALAKE_TRY(context.Print(text));
    return 0;
  }

 private:
  ConfigOptions config_;
};

}  // namespace

std::unique_ptr<Command> MakeStatCommand() {
  return std::make_unique<StatCommand>();
}

}  // namespace datalake::apps

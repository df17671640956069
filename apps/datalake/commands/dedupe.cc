// datalake dedupe: marks exact duplicates among documents.
#include "datalake/curate/dedupe.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/log.h"
#include "datalake/json/config_reader.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/config_options.h"

namespace datalake::apps {
namespace {

using Form = ConfigOptions::Form;

class DedupeCommand final : public Command {
 public:
  std::string_view Name() const override { return "dedupe"; }

  std::string_view Summary() const override {
    return "Marks exact duplicates of documents in attribute files beside them";
  }

  std::string_view Example() const override {
    return "datalake -c dedupe.yaml dedupe\n"
           "datalake dedupe --documents 'corpus/documents/*.gz' "
           "--dedupe.documents.attribute_name duplicate --dedupe.documents.key '$.text'";
  }

  void Declare(OptionSet& options) override {
    config_.Declare(options, "documents", Form::kList, "document files or globs");
    config_.Declare(options, "dedupe.name", Form::kValue, "folder below attributes/");
    config_.Declare(options, "dedupe.documents.attribute_name", Form::kValue,
                    "name of the attribute");
    config_.Declare(options, "dedupe.documents.key", Form::kValue,
                    "JSONPath of what is compared, such as $.text or $.metadata.url");
    config_.Declare(options, "dedupe.skip_empty", Form::kFlag, "leave blank keys alone");
    config_.Declare(options, "dedupe.min_length", Form::kValue, "leave shorter keys alone (bytes)");
    config_.Declare(options, "dedupe.min_words", Form::kValue, "not supported yet");
    config_.Declare(options, "dedupe.document_dir", Form::kValue,
                    "the folder that attributes/ replaces");
    config_.Declare(options, "compression.output", Form::kValue, "gz, zst or none");
    config_.Declare(options, "bloom_filter.file", Form::kValue, "accepted, not needed: exact");
    config_.Declare(options, "bloom_filter.read_only", Form::kFlag, "must be false");
    config_.Declare(options, "bloom_filter.size_in_bytes", Form::kValue, "accepted, not needed");
    config_.Declare(options, "bloom_filter.estimated_doc_count", Form::kValue,
                    "accepted, not needed");
    config_.Declare(options, "bloom_filter.desired_false_positive_rate", Form::kValue,
                    "accepted, not needed");
    config_.Declare(options, "processes", Form::kValue, "threads");
    config_.Declare(options, "dryrun", Form::kFlag, "print the config and stop");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const json::Value config, config_.Read(context));
    DATALAKE_TRY_ASSIGN(const CurationRun run, ReadCurationRun(config, context));
    json::ConfigReader reader(config,
                              context.options.config.empty() ? "options" : context.options.config);
    DATALAKE_TRY_ASSIGN(const curate::DedupeOptions options,
                        curate::ReadDedupeOptions(reader, context.fs));
    if (run.is_dry) {
      DATALAKE_TRY(context.Print(json::DumpValueIndented(config)));
      return 0;
    }
    DATALAKE_TRY_ASSIGN(const curate::DedupeReport report,
                        curate::RunDedupe(options, {context.fs, context.clock, context.progress,
                                                    run.threads, context.stop}));
    for (const std::string& warning : report.warnings) {
      LogWarning(warning);
    }
    DATALAKE_TRY(context.options.json ? PrintJson(context, report) : PrintTable(context, report));
    return 0;
  }

 private:
  static Status PrintJson(const Context& context, const curate::DedupeReport& report) {
    json::Value out;
    out["files"] = report.files;
    out["documents"] = report.documents;
    out["duplicates"] = report.duplicates;
    out["left_alone"] = report.filtered;
    out["bytes"] = report.bytes;
    out["table_bytes"] = report.table_bytes;
    json::Value sources = json::Value::object();
    for (const auto& [name, counts] : report.sources) {
      sources[name] = {{"documents", counts.documents}, {"duplicates", counts.duplicates}};
    }
    out["sources"] = std::move(sources);
    return context.Print(json::DumpValue(out));
  }

  static Status PrintTable(const Context& context, const curate::DedupeReport& report) {
    DATALAKE_TRY(context.Print(
        fmt::format("{:<32} {:>12} {:>12} {:>8}", "source", "documents", "duplicates", "share")));
    for (const auto& [name, counts] : report.sources) {
      DATALAKE_TRY(
          PrintRow(context, name.empty() ? "(none)" : name, counts.documents, counts.duplicates));
    }
    DATALAKE_TRY(PrintRow(context, "all", report.documents, report.duplicates));
    return context.Print(
        fmt::format("{} files, {:.1f} MB of documents, {} left alone, {:.1f} MB of keys in memory",
                    report.files, static_cast<double>(report.bytes) * 1e-6, report.filtered,
                    static_cast<double>(report.table_bytes) * 1e-6));
  }

  static Status PrintRow(const Context& context, std::string_view name, std::uint64_t documents,
                         std::uint64_t duplicates) {
    const double share =
        documents == 0 ? 0.0
                       : 100.0 * static_cast<double>(duplicates) / static_cast<double>(documents);
    return context.Print(
        fmt::format("{:<32} {:>12} {:>12} {:>7.2f}%", name, documents, duplicates, share));
  }

  ConfigOptions config_;
};

}  // namespace

std::unique_ptr<Command> MakeDedupeCommand() {
  return std::make_unique<DedupeCommand>();
}

}  // namespace datalake::apps

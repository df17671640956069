// datalake dedupe: marks duplicate documents and paragraphs.
#include "datalake/curate/dedupe.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/log.h"
#include "datalake/curate/document_paths.h"
#include "datalake/json/config_reader.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/config_options.h"
#include "apps/datalake/lake_documents.h"
#include "apps/datalake/metered_run.h"

namespace datalake::apps {
namespace {

using Form = ConfigOptions::Form;

class DedupeCommand final : public Command {
 public:
  std::string_view Name() const override { return "dedupe"; }

  std::string_view Summary() const override {
    return "Marks duplicate documents, paragraphs or n-grams in attribute files beside them";
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
    config_.Declare(options, "dedupe.paragraphs.attribute_name", Form::kValue,
                    "name of the attribute, for paragraphs");
    config_.Declare(options, "dedupe.paragraphs.paragraph_separator", Form::kValue,
                    "what ends a paragraph; default: a newline");
    config_.Declare(options, "dedupe.paragraphs.by_ngram.ngram_length", Form::kValue,
                    "compare n-grams of so many words; 0: whole paragraphs");
    config_.Declare(options, "dedupe.paragraphs.by_ngram.stride", Form::kValue,
                    "words between n-grams");
    config_.Declare(options, "dedupe.paragraphs.by_ngram.overlap_threshold", Form::kValue,
                    "share of known n-grams from which a paragraph is marked; default 1");
    config_.Declare(options, "dedupe.paragraphs.by_ngram.skip_short_paragraphs", Form::kFlag,
                    "do not compare paragraphs of fewer than two n-grams");
    config_.Declare(options, "dedupe.skip_empty", Form::kFlag, "leave blank ones alone");
    config_.Declare(options, "dedupe.min_length", Form::kValue,
                    "leave shorter ones alone (bytes of a key, characters of a paragraph)");
    config_.Declare(options, "dedupe.min_words", Form::kValue,
                    "leave those of fewer words alone (UAX #29)");
    config_.Declare(options, "dedupe.num_partitions", Form::kValue,
                    "share the keys among so many runs");
    config_.Declare(options, "dedupe.partition_index", Form::kValue, "which share this run takes");
    config_.Declare(options, "dedupe.file_partition", Form::kFlag, "share files instead of keys");
    config_.Declare(options, "dedupe.document_dir", Form::kValue,
                    "the folder that attributes/ replaces");
    config_.Declare(options, "compression.input", Form::kValue, "accepted: the content tells");
    config_.Declare(options, "compression.output", Form::kValue, "gz, zst or none");
    config_.Declare(options, "bloom_filter.file", Form::kValue,
                    "keys of earlier runs, and of this one afterwards");
    config_.Declare(options, "bloom_filter.kind", Form::kValue,
                    "exact (default) or bloom: less memory, some new keys taken for known");
    config_.Declare(options, "bloom_filter.read_only", Form::kFlag,
                    "look up only: marks what is in the file (decontamination)");
    config_.Declare(options, "bloom_filter.size_in_bytes", Form::kValue, "size of a new filter");
    config_.Declare(options, "bloom_filter.estimated_doc_count", Form::kValue,
                    "keys to be expected in it");
    config_.Declare(options, "bloom_filter.desired_false_positive_rate", Form::kValue,
                    "its error, where no size is given");
    config_.Declare(options, "memory_limit", Form::kValue,
                    "of the keys, such as 8 GiB; beyond it they go to disk");
    config_.Declare(options, "is_s3_volume", Form::kFlag, "accepted, not needed");
    config_.Declare(options, "work_dir.input", Form::kValue, "accepted, not needed");
    config_.Declare(options, "work_dir.output", Form::kValue, "folder for keys on disk");
    config_.Declare(options, "lake_documents", Form::kValue,
                    "folder for what is made of documents of a lake (lake-documents)");
    config_.Declare(options, "processes", Form::kValue, "threads");
    config_.Declare(options, "dryrun", Form::kFlag, "print the config and stop");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(json::Value config, config_.Read(context));
    DATALAKE_TRY(ResolveLakeDocuments(context, config));
    DATALAKE_TRY_ASSIGN(const CurationRun run, ReadCurationRun(config, context));
    json::ConfigReader reader(config,
                              context.options.config.empty() ? "options" : context.options.config);
    DATALAKE_TRY_ASSIGN(
        const curate::DedupeOptions options,
        curate::ReadDedupeOptions(
            reader, run.is_compat ? curate::Compatibility::kDolma : curate::Compatibility::kNone));
    if (run.is_dry) {
      DATALAKE_TRY(PrintConfig(context, config));
      return 0;
    }
    context.progress.Report({.phase = "dedupe", .unit = "documents"});
    std::vector<std::string> warnings;  // the run tells them itself
    DATALAKE_TRY_ASSIGN(const std::vector<std::string> inputs,
                        curate::ExpandDocuments(context.fs, options.documents, warnings));
    MeteredRun metered(context, "dedupe", inputs);
    DATALAKE_TRY_ASSIGN(const curate::DedupeReport report,
                        curate::RunDedupe(options, {metered.fs(), context.clock, metered.progress(),
                                                    run.threads, context.stop}));
    for (const std::string& warning : report.warnings) {
      LogWarning(warning);
    }
    DATALAKE_TRY(Show(metered, options, inputs, report, run.threads));
    return 0;
  }

 private:
  static json::Value CountsOf(const curate::DuplicateCounts& counts) {
    json::Value out;
    out["documents"] = counts.documents;
    out["duplicate_documents"] = counts.duplicate_documents;
    out["left_alone"] = counts.left_alone;
    out["units"] = counts.units;
    out["duplicates"] = counts.duplicates;
    out["duplicate_chars"] = counts.duplicate_chars;
    out["spans"] = counts.spans;
    return out;
  }

  static Status Show(const MeteredRun& metered, const curate::DedupeOptions& options,
                     const std::vector<std::string>& inputs, const curate::DedupeReport& deduped,
                     std::size_t threads) {
    curate::RunReport report = metered.Finish(threads);
    report.files = deduped.files;
    report.documents = deduped.all.documents;
    report.kept = deduped.all.documents;
    report.bytes = deduped.bytes;
    report.spans = deduped.all.spans;
    report.costs = deduped.costs;
    report.warnings = deduped.warnings;
    report.counts = {{"duplicates", deduped.all.duplicates},
                     {"duplicate_documents", deduped.all.duplicate_documents},
                     {"left_alone", deduped.all.left_alone}};
    return metered.Show(report, ReportFolders(options, inputs), Details(deduped), Table(deduped));
  }

  // The folder attributes/<name>/ of each dataset.
  static std::vector<std::string> ReportFolders(const curate::DedupeOptions& options,
                                                const std::vector<std::string>& inputs) {
    const std::string& name = options.name.empty() ? options.attribute_name : options.name;
    std::vector<std::string> folders;
    for (const std::string& input : inputs) {
      const auto output = curate::AttributePath(input, options.document_dir, name);
      const auto below = curate::MirroredPath(input, options.document_dir);
      if (output && below) {
        folders.push_back(output->substr(0, output->size() - below->size() - 1));
      }
    }
    return folders;
  }

  static json::Value Details(const curate::DedupeReport& report) {
    json::Value out = CountsOf(report.all);
    out["done_files"] = report.done_files;
    out["kind"] = report.kind == curate::SeenKind::kBloom ? "bloom" : "exact";
    out["keys"] = report.keys;
    out["key_bytes"] = report.key_bytes;
    out["spilled_keys"] = report.spilled_keys;
    out["error_rate"] = report.error_rate;
    json::Value sources = json::Value::object();
    for (const auto& [name, counts] : report.sources) {
      sources[name] = CountsOf(counts);
    }
    out["sources"] = std::move(sources);
    return out;
  }

  static std::string Table(const curate::DedupeReport& report) {
    std::string out = fmt::format("\n{:<32} {:>12} {:>12} {:>12} {:>8}\n", "source", "documents",
                                  "compared", "duplicates", "share");
    for (const auto& [name, counts] : report.sources) {
      out += Row(name.empty() ? "(none)" : name, counts);
    }
    out += Row("all", report.all);
    if (report.kind == curate::SeenKind::kBloom) {
      return out + fmt::format(
                       "{} keys in a Bloom filter of {:.1f} MB; {:.3g} of new ones would "
                       "be taken for known",
                       report.keys, static_cast<double>(report.key_bytes) * 1e-6,
                       report.error_rate);
    }
    return out + fmt::format(
                     "{} keys compared exactly, {:.1f} MB of them in memory, {} sent to "
                     "disk",
                     report.keys, static_cast<double>(report.key_bytes) * 1e-6,
                     report.spilled_keys);
  }

  static std::string Row(std::string_view name, const curate::DuplicateCounts& counts) {
    const double share = counts.units == 0 ? 0.0
                                           : 100.0 * static_cast<double>(counts.duplicates) /
                                                 static_cast<double>(counts.units);
    return fmt::format("{:<32} {:>12} {:>12} {:>12} {:>7.2f}%\n", name, counts.documents,
                       counts.units, counts.duplicates, share);
  }

  ConfigOptions config_;
};

}  // namespace

std::unique_ptr<Command> MakeDedupeCommand() {
  return std::make_unique<DedupeCommand>();
}

}  // namespace datalake::apps

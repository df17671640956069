// datalake import-kdl: copies a lake of the KDL program into this one, checking every link.
#include <fmt/format.h>

#include "datalake/io/atomic_file.h"
#include "datalake/lake/kdl_import.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/open_lake.h"
#include "apps/datalake/show_collection.h"

namespace datalake::apps {
namespace {

constexpr std::size_t kShown = 20;

class ImportKdlCommand final : public Command {
 public:
  std::string_view Name() const override { return "import-kdl"; }

  std::string_view Summary() const override {
    return "Copies a lake of the KDL program into this one, and reports every dangling link";
  }

  std::string_view Example() const override {
    return "datalake --lake LAKE import-kdl /mnt/AI_NAS/datalake --report import.json\n"
           "datalake --lake /mnt/AI_NAS/datalake search --limit 5   # needs no import: it opens as "
           "it is";
  }

  void Declare(OptionSet& options) override {
    options.Argument("source", source_, "the base path of the other program; never written to");
    options.Strings("--provider", options_.scope.providers, "only these; names or globs");
    options.Strings("--dataset", options_.scope.datasets, "only these");
    options.Strings("--task", options_.scope.tasks, "only these");
    options.Strings("--variant", options_.scope.variants, "only these");
    options.Switch("--collections", collections_, "copy collections, too (default: yes)");
    options.Flag("--overwrite", options_.overwrite, "replace variants that have other rows here");
    options.String("--report", report_, "write all that was found to this JSON file");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto target, OpenLake(context));
    DATALAKE_TRY_ASSIGN(const auto source,
                        lake::Lake::Open(context.fs, context.clock, context.random, source_));
    options_.with_collections = collections_.value_or(true);
    options_.threads = context.Threads();
    options_.user = CurrentUser();
    DATALAKE_TRY_ASSIGN(
        const lake::KdlImportReport report,
        lake::ImportKdl(*source, *target, options_, context.progress, context.stop));
    const std::string json = lake::KdlImportReportJson(report);
    if (!report_.empty()) {
      DATALAKE_TRY(io::ReplaceFile(context.fs, report_, json + "\n"));
    }
    DATALAKE_TRY(context.options.json ? context.Print(json) : Show(context, report));
    return report.has_findings() ? 1 : 0;
  }

 private:
  static Status Show(const Context& context, const lake::KdlImportReport& report) {
    for (const auto* list : {&report.partitions, &report.collections}) {
      for (const lake::KdlImported& one : *list) {
        DATALAKE_TRY(context.Print(
            one.was_there
                ? fmt::format("there   {}", one.where)
                : fmt::format("copied  {}: {} rows, {} links ({} new assets), {} missing, {} found "
                              "elsewhere, {} mismatched",
                              one.where, one.rows, one.assets, one.new_assets, one.missing,
                              one.repaired, one.mismatched)));
      }
    }
    for (std::size_t i = 0; i < std::min(kShown, report.links.size()); ++i) {
      const lake::KdlDanglingLink& link = report.links[i];
      DATALAKE_TRY(context.Print(
          fmt::format("link    {} row {}: {}: {}", link.where, link.row, link.problem, link.path)));
    }
    if (report.links.size() > kShown) {
      DATALAKE_TRY(context.Print(
          fmt::format("… and {} more; --report FILE names them", report.links.size() - kShown)));
    }
    for (const std::string& problem : report.problems) {
      DATALAKE_TRY(context.Print("problem " + problem));
    }
    return {};
  }

  std::string source_;
  std::string report_;
  std::optional<bool> collections_;
  lake::KdlImportOptions options_;
};

}  // namespace

std::unique_ptr<Command> MakeImportKdlCommand() {
  return std::make_unique<ImportKdlCommand>();
}

}  // namespace datalake::apps

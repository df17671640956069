// datalake gc: collects assets that nothing links, in two phases.
#include "datalake/lake/gc.h"

#include <chrono>

#include <fmt/format.h>

#include "datalake/lake/lake.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/open_lake.h"
#include "apps/datalake/time_span.h"

namespace datalake::apps {
namespace {

class GcCommand final : public Command {
 public:
  std::string_view Name() const override { return "gc"; }

  std::string_view Summary() const override {
    return "Collects assets that no version, collection or upload links (says only what, without "
           "--apply)";
  }

  std::string_view Example() const override {
    return "datalake gc\n"
           "datalake gc --apply               # condemns; a run a day later moves to the trash\n"
           "datalake gc --apply --grace 2h --trash 30d";
  }

  void Declare(OptionSet& options) override {
    options.Flag("--apply", apply_, "do it; without this nothing changes");
    options.String("--grace", grace_, "time between condemning and removing (default: 23h)");
    options.String("--trash", trash_,
                   "how long removed assets stay in assets/.trash (default: 7d)");
  }

  Result<int> Run(Context& context) override {
    lake::GcOptions options{.apply = apply_, .threads = context.Threads()};
    DATALAKE_TRY_ASSIGN(const auto grace, ParseTimeSpan("--grace", grace_));
    DATALAKE_TRY_ASSIGN(const auto trash, ParseTimeSpan("--trash", trash_));
    options.grace = std::chrono::duration_cast<std::chrono::seconds>(grace);
    options.trash = std::chrono::duration_cast<std::chrono::seconds>(trash);
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY_ASSIGN(const lake::GcReport report,
                        lake::CollectGarbage(*lake, options, context.progress, context.stop));
    DATALAKE_TRY(context.options.json ? context.Print(lake::GcReportJson(report))
                                      : Show(context, report));
    return 0;
  }

 private:
  static Status Show(const Context& context, const lake::GcReport& report) {
    const auto line = [&context](std::string_view what, std::uint64_t assets, std::uint64_t bytes) {
      return assets == 0
                 ? Status()
                 : context.Print(fmt::format("{:<24} {} assets, {} bytes", what, assets, bytes));
    };
    DATALAKE_TRY(context.Print(fmt::format("{:<24} {} assets", "stored", report.stored)));
    if (report.orphans == 0) {
      DATALAKE_TRY(report.applied ? Status() : context.Print("nothing to collect"));
    }
    DATALAKE_TRY(line("not linked", report.orphans, report.orphan_bytes));
    DATALAKE_TRY(line("condemned now", report.condemned, report.condemned_bytes));
    DATALAKE_TRY(line("moved to the trash", report.swept, report.swept_bytes));
    DATALAKE_TRY(line("deleted from the trash", report.deleted, report.deleted_bytes));
    DATALAKE_TRY(line("condemned, waiting", report.waiting, report.waiting_bytes));
    DATALAKE_TRY(line("in the trash", report.trash, report.trash_bytes));
    if (report.spared > 0) {
      DATALAKE_TRY(context.Print(fmt::format("{:<24} {} assets", "linked again", report.spared)));
    }
    if (!report.message.empty()) {
      DATALAKE_TRY(context.Print(report.message));
    }
    if (!report.applied && report.orphans > 0) {
      DATALAKE_TRY(context.Print("nothing was changed; `datalake gc --apply` does it"));
    }
    return {};
  }

  bool apply_ = false;
  std::string grace_ = "23h";
  std::string trash_ = "7d";
};

}  // namespace

std::unique_ptr<Command> MakeGcCommand() {
  return std::make_unique<GcCommand>();
}

}  // namespace datalake::apps

// datalake verify: is every asset that rows link there, and whole.
#include "datalake/lake/verify.h"

#include <charconv>

#include <fmt/format.h>

#include "datalake/io/atomic_file.h"
#include "datalake/lake/lake.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/open_lake.h"

namespace datalake::apps {
namespace {

constexpr std::size_t kShown = 20;

// "10%" or "0.1" as a part of 1.
Result<double> ParseSample(std::string_view text) {
  const bool is_percent = text.ends_with('%');
  const std::string_view digits = is_percent ? text.substr(0, text.size() - 1) : text;
  double value = 0;
  const char* end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("--sample takes a part of the rows, such as 10% or 0.1: {}", text)};
  }
  return is_percent ? value / 100 : value;
}

class VerifyCommand final : public Command {
 public:
  std::string_view Name() const override { return "verify"; }

  std::string_view Summary() const override {
    return "Checks that every asset that rows link is there, and with --deep its bytes";
  }

  std::string_view Example() const override {
    return "datalake verify\n"
           "datalake verify --deep --report findings.json\n"
           "datalake verify --dataset coco_2017 --task raw --sample 10%";
  }

  void Declare(OptionSet& options) override {
    options.Strings("--provider", scope_.providers, "only these; names or globs");
    options.Strings("--dataset", scope_.datasets, "only these");
    options.Strings("--task", scope_.tasks, "only these");
    options.Strings("--variant", scope_.variants, "only these");
    options.Flag("--deep", deep_, "read every asset and compare its SHA-256");
    options.String("--sample", sample_, "a part of the rows: 10% or 0.1 (default: all)");
    options.Integer("--seed", seed_, "chooses the sample");
    options.Switch("--orphans", orphans_,
                   "also count assets that nothing links (default: when "
                   "everything is checked)");
    options.String("--report", report_, "write all findings to this JSON file");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const double sample, ParseSample(sample_));
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY_ASSIGN(const lake::VerifyReport report,
                        lake::VerifyLake(*lake,
                                         {.scope = scope_,
                                          .with_orphans = orphans_.value_or(true),
                                          .deep = deep_,
                                          .sample = sample,
                                          .seed = static_cast<std::uint64_t>(seed_),
                                          .threads = context.Threads()},
                                         context.progress, context.stop));
    const std::string json = lake::VerifyReportJson(report, context.clock.Now());
    if (!report_.empty()) {
      DATALAKE_TRY(io::ReplaceFile(context.fs, report_, json + "\n"));
    }
    DATALAKE_TRY(context.options.json ? context.Print(json) : Show(context, report));
    return report.has_findings() ? 1 : 0;
  }

 private:
  static Status Show(const Context& context, const lake::VerifyReport& report) {
    DATALAKE_TRY(context.Print(fmt::format(
        "{} of {} rows, {} links checked{}: {} missing, {} mismatched, integrity {:.2f} %",
        report.checked_rows, report.rows, report.checked_items,
        report.deep ? fmt::format(" ({} assets read, {} bytes)", report.checked_assets,
                                  report.checked_bytes)
                    : std::string(),
        report.missing_count, report.mismatched_count, report.integrity_rate())));
    if (report.orphan_count > 0) {
      DATALAKE_TRY(
          context.Print(fmt::format("{} assets that nothing links, {} bytes; see `datalake gc`",
                                    report.orphan_count, report.orphan_bytes)));
    }
    std::size_t shown = 0;
    for (const lake::DanglingLink& link : report.missing_files) {
      if (++shown > kShown) {
        DATALAKE_TRY(context.Print(fmt::format("… and {} more; --report FILE names them",
                                               report.missing_files.size() - kShown)));
        break;
      }
      DATALAKE_TRY(context.Print(fmt::format("{:<10} {} row {} column {}: {}", link.problem,
                                             link.where, link.row, link.column, link.sha256)));
    }
    for (const std::string& problem : report.problems) {
      DATALAKE_TRY(context.Print("unreadable " + problem));
    }
    return {};
  }

  lake::SearchRequest scope_;
  bool deep_ = false;
  std::string sample_ = "100%";
  std::int64_t seed_ = 1;
  std::optional<bool> orphans_;
  std::string report_;
};

}  // namespace

std::unique_ptr<Command> MakeVerifyCommand() {
  return std::make_unique<VerifyCommand>();
}

}  // namespace datalake::apps

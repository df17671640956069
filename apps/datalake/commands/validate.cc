// datalake validate: checks data in the format of the Dolma toolkit.
#include "datalake/curate/validate.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "datalake/json/value.h"

#include "apps/datalake/commands/commands.h"

namespace datalake::apps {
namespace {

constexpr std::uint64_t kMb = 1'000'000;
constexpr std::size_t kMaxShownSources = 8;

std::string Counted(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

class ValidateCommand final : public Command {
 public:
  std::string_view Name() const override { return "validate"; }

  std::string_view Summary() const override {
    return "Checks a dataset: folders, files, rows of documents and of attributes";
  }

  std::string_view Example() const override {
    return "datalake validate corpus\n  datalake validate 'corpus/documents/cc/*.gz' --sample 100";
  }

  void Declare(OptionSet& options) override {
    options.Arguments("paths", paths_, "dataset folders, files or globs");
    options.Strings("--documents", documents_, "the same, as the other commands have it");
    options.Integer("--sample", sample_, "look at so many rows of each file only (0: all)");
    options.Integer("--max-shown", max_shown_, "findings of one kind shown of each file");
    options.Integer("--processes", processes_, "threads");
    options.Integer("--memory-mb", memory_mb_, "memory for ids, before they go to the disk");
    options.String("--temp", temp_, "folder for what does not fit (default: $TMPDIR or /tmp)");
  }

  Result<int> Run(Context& context) override {
    if (sample_ < 0 || max_shown_ < 0 || memory_mb_ < 1 || processes_ < 0 || processes_ > 4096) {
      return Error{ErrorCode::kInvalidArgument,
                   "--sample, --max-shown, --memory-mb and --processes must not be negative"};
    }
    curate::ValidateOptions options;
    options.paths = paths_;
    options.paths.insert(options.paths.end(), documents_.begin(), documents_.end());
    options.sample_rows = static_cast<std::uint64_t>(sample_);
    options.max_shown = static_cast<std::uint64_t>(max_shown_);
    options.memory_bytes = static_cast<std::uint64_t>(memory_mb_) * kMb;
    std::error_code error;
    options.spill_folder =
        temp_.empty() ? std::filesystem::temp_directory_path(error).string() : temp_;
    const std::size_t threads = context.options.threads == 0 && processes_ > 0
                                    ? static_cast<std::size_t>(processes_)
                                    : context.Threads();
    DATALAKE_TRY_ASSIGN(const curate::ValidateReport report,
                        curate::RunValidate(options, {context.fs, context.clock, context.progress,
                                                      threads, context.stop}));
    DATALAKE_TRY(context.options.json ? PrintJson(context, report) : PrintText(context, report));
    return report.is_clean() ? 0 : 1;
  }

 private:
  Status PrintText(const Context& context, const curate::ValidateReport& report) const {
    for (const curate::FindingGroup& group : report.findings) {
      DATALAKE_TRY(PrintGroup(context, group));
    }
    DATALAKE_TRY(PrintLookedAt(context, report));
    if (report.is_clean()) {
      return context.Print(sample_ > 0 ? "good: nothing wrong in the rows looked at"
                                       : "good: nothing wrong");
    }
    std::map<std::string_view, std::uint64_t> counts;
    std::map<std::string_view, std::uint64_t> files;
    for (const curate::FindingGroup& group : report.findings) {
      counts[curate::FactsOf(group.kind).name] += group.count;
      ++files[curate::FactsOf(group.kind).name];
    }
    DATALAKE_TRY(context.Print(fmt::format("bad: {}", Counted(report.num_findings, "finding"))));
    for (const auto& [name, count] : counts) {
      DATALAKE_TRY(context.Print(
          fmt::format("  {:<20} {:>10} in {}", name, count, Counted(files[name], "file"))));
    }
    return {};
  }

  static Status PrintGroup(const Context& context, const curate::FindingGroup& group) {
    const curate::FindingFacts& facts = curate::FactsOf(group.kind);
    for (const curate::Finding& finding : group.shown) {
      DATALAKE_TRY(context.Print(fmt::format(
          "{}{}: {}; {}", group.path, finding.line == 0 ? "" : fmt::format(":{}", finding.line),
          finding.what, facts.advice)));
    }
    if (group.count > group.shown.size()) {
      DATALAKE_TRY(context.Print(fmt::format("{}: {} more: {}", group.path,
                                             group.count - group.shown.size(), facts.name)));
    }
    return {};
  }

  static Status PrintLookedAt(const Context& context, const curate::ValidateReport& report) {
    DATALAKE_TRY(context.Print(
        fmt::format("documents: {}, {}, {:.1f} MB", Counted(report.files, "file"),
                    Counted(report.documents, "row"), static_cast<double>(report.bytes) / kMb)));
    std::vector<std::string> sources;
    for (const auto& [source, documents] : report.sources) {
      if (sources.size() == kMaxShownSources) {
        sources.push_back(fmt::format("{} more", report.sources.size() - kMaxShownSources));
        break;
      }
      sources.push_back(fmt::format("{} ({})", source.empty() ? "none" : source, documents));
    }
    if (!sources.empty()) {
      DATALAKE_TRY(context.Print(fmt::format("sources: {}", fmt::join(sources, ", "))));
    }
    for (const auto& [name, attributes] : report.attributes) {
      DATALAKE_TRY(context.Print(fmt::format("attributes {}: {}, {}", name,
                                             Counted(attributes.files, "file"),
                                             Counted(attributes.rows, "row"))));
    }
    return {};
  }

  static Status PrintJson(const Context& context, const curate::ValidateReport& report) {
    json::Value out;
    out["clean"] = report.is_clean();
    out["files"] = report.files;
    out["documents"] = report.documents;
    out["bytes"] = report.bytes;
    out["sources"] = json::Value::object();
    for (const auto& [source, documents] : report.sources) {
      out["sources"][source] = documents;
    }
    out["attributes"] = json::Value::object();
    for (const auto& [name, attributes] : report.attributes) {
      out["attributes"][name] = {{"files", attributes.files}, {"rows", attributes.rows}};
    }
    out["num_findings"] = report.num_findings;
    out["findings"] = json::Value::array();
    for (const curate::FindingGroup& group : report.findings) {
      json::Value one;
      one["path"] = group.path;
      one["kind"] = curate::FactsOf(group.kind).name;
      one["count"] = group.count;
      one["advice"] = curate::FactsOf(group.kind).advice;
      one["shown"] = json::Value::array();
      for (const curate::Finding& finding : group.shown) {
        json::Value row;
        if (finding.line != 0) {
          row["line"] = finding.line;
        }
        row["what"] = finding.what;
        one["shown"].push_back(std::move(row));
      }
      out["findings"].push_back(std::move(one));
    }
    return context.Print(json::DumpValue(out));
  }

  std::vector<std::string> paths_;
  std::vector<std::string> documents_;
  std::int64_t sample_ = 0;
  std::int64_t max_shown_ = 5;
  std::int64_t processes_ = 0;
  std::int64_t memory_mb_ = 256;
  std::string temp_;
};

}  // namespace

std::unique_ptr<Command> MakeValidateCommand() {
  return std::make_unique<ValidateCommand>();
}

}  // namespace datalake::apps

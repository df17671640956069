// datalake db …: what the lake holds, in numbers; and the seed's `db update`, which has nothing to
// rebuild here, since every search and query reads the newest version of each table.
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "datalake/json/writer.h"
#include "datalake/lake/catalog_summary.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/open_lake.h"

namespace datalake::apps {
namespace {

using Counts = std::map<std::string, lake::LevelCounts>;

void WriteCounts(json::Writer& writer, const lake::LevelCounts& counts) {
  writer.Key("partitions");
  writer.Int(counts.partitions);
  writer.Key("files");
  writer.Int(counts.files);
  writer.Key("rows");
  writer.Int(counts.rows);
  writer.Key("bytes");
  writer.Uint(counts.bytes);
}

std::string SummaryJson(const lake::Lake& lake, const lake::CatalogSummary& summary) {
  std::string text;
  json::Writer writer(text);
  writer.BeginObject();
  writer.Key("path");
  writer.String(lake.layout().root());
  writer.Key("is_outdated");
  writer.Bool(false);
  writer.Key("tables");
  writer.Int(summary.tables);
  WriteCounts(writer, summary.all);
  writer.Key("updated");
  summary.tables == 0 ? writer.Null() : writer.String(FormatTimestamp(summary.updated));
  const std::pair<std::string_view, const Counts*> levels[] = {{"providers", &summary.providers},
                                                               {"datasets", &summary.datasets},
                                                               {"tasks", &summary.tasks},
                                                               {"variants", &summary.variants}};
  for (const auto& [level, names] : levels) {
    writer.Key(level);
    writer.BeginObject();
    for (const auto& [name, counts] : *names) {
      writer.Key(name);
      writer.BeginObject();
      WriteCounts(writer, counts);
      writer.EndObject();
    }
    writer.EndObject();
  }
  writer.Key("problems");
  writer.BeginArray();
  for (const lake::CatalogProblem& problem : summary.problems) {
    writer.BeginObject();
    writer.Key("table");
    writer.String(lake::ToString(problem.table));
    writer.Key("file");
    writer.String(problem.file);
    writer.Key("error");
    writer.String(ToString(problem.error));
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
  return text;
}

std::string Megabytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) * 1e-6);
}

Status PrintLevel(const Context& context, std::string_view level, const Counts& names) {
  for (const auto& [name, counts] : names) {
    DATALAKE_TRY(context.Print(fmt::format("{:<9} {:<32} {:>8} partitions {:>12} rows {:>12}",
                                           level, name.empty() ? "-" : name, counts.partitions,
                                           counts.rows, Megabytes(counts.bytes))));
  }
  return {};
}

Status PrintProblems(const Context& context, const lake::CatalogSummary& summary) {
  for (const lake::CatalogProblem& problem : summary.problems) {
    DATALAKE_TRY(context.Print(fmt::format("problem   {}: {}{}", lake::ToString(problem.table),
                                           ToString(problem.error),
                                           problem.file.empty() ? "" : ": " + problem.file)));
  }
  return {};
}

std::string TotalLine(const lake::CatalogSummary& summary) {
  return fmt::format("{} tables, {} partitions, {} rows, {} in {} files", summary.tables,
                     summary.all.partitions, summary.all.rows, Megabytes(summary.all.bytes),
                     summary.all.files);
}

class DbInfo final : public Command {
 public:
  std::string_view Name() const override { return "db info"; }

  std::string_view Summary() const override {
    return "Shows what the lake holds: tables, partitions, rows and bytes of every level";
  }

  std::string_view Example() const override { return "datalake db info"; }

  void Declare(OptionSet&) override {}

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY_ASSIGN(
        const lake::CatalogSummary summary,
        lake::SummarizeCatalog(*lake, lake::CatalogCheck::kLogs, context.progress, context.stop));
    const int code = summary.problems.empty() ? 0 : 1;
    if (context.options.json) {
      DATALAKE_TRY(context.Print(SummaryJson(*lake, summary)));
      return code;
    }
    DATALAKE_TRY(context.Print(fmt::format("lake      {}", lake->layout().root())));
    DATALAKE_TRY(context.Print("total     " + TotalLine(summary)));
    if (summary.tables > 0) {
      DATALAKE_TRY(context.Print("updated   " + FormatTimestamp(summary.updated)));
    }
    DATALAKE_TRY(PrintLevel(context, "provider", summary.providers));
    DATALAKE_TRY(PrintLevel(context, "dataset", summary.datasets));
    DATALAKE_TRY(PrintLevel(context, "task", summary.tasks));
    DATALAKE_TRY(PrintLevel(context, "variant", summary.variants));
    DATALAKE_TRY(PrintProblems(context, summary));
    return code;
  }
};

class DbUpdate final : public Command {
 public:
  std::string_view Name() const override { return "db update"; }

  std::string_view Summary() const override {
    return "Looks at every table and data file; searches are current without it";
  }

  std::string_view Example() const override { return "datalake db update"; }

  void Declare(OptionSet&) override {}

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY_ASSIGN(
        const lake::CatalogSummary summary,
        lake::SummarizeCatalog(*lake, lake::CatalogCheck::kFiles, context.progress, context.stop));
    const int code = summary.problems.empty() ? 0 : 1;
    if (context.options.json) {
      DATALAKE_TRY(context.Print(SummaryJson(*lake, summary)));
      return code;
    }
    DATALAKE_TRY(context.Print(TotalLine(summary)));
    DATALAKE_TRY(PrintProblems(context, summary));
    DATALAKE_TRY(context.Print(
        code == 0 ? "current: search and sql read the newest versions, nothing is rebuilt"
                  : "the other tables stay searchable; see also datalake verify"));
    return code;
  }
};

}  // namespace

void AddDbCommands(std::vector<std::unique_ptr<Command>>& commands) {
  commands.push_back(std::make_unique<DbInfo>());
  commands.push_back(std::make_unique<DbUpdate>());
}

}  // namespace datalake::apps

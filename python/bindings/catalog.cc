#include <cstdint>
#include <map>
#include <string>

#include <nanobind/stl/string.h>

#include "datalake/lake/catalog_summary.h"
#include "datalake/lake/verify.h"

#include "bindings/errors.h"
#include "bindings/python_lake.h"

namespace nb = nanobind;

namespace datalake::python {
namespace {

// The partitions of each name of a level.
nb::dict Partitions(const std::map<std::string, lake::LevelCounts>& level) {
  nb::dict result;
  for (const auto& [name, counts] : level) {
    result[name.c_str()] = counts.partitions;
  }
  return result;
}

}  // namespace

void BindCatalog(nb::class_<PythonLake>& lake_class) {
  lake_class.def("catalog_summary", [](PythonLake& self, bool checks_files) {
    const auto check = checks_files ? lake::CatalogCheck::kFiles : lake::CatalogCheck::kLogs;
    const lake::CatalogSummary summary = Released([&] {
      return Unwrap(lake::SummarizeCatalog(self.lake(), check, self.state().progress, {}));
    });
    nb::list problems;
    for (const lake::CatalogProblem& problem : summary.problems) {
      nb::dict entry;
      entry["table"] = lake::ToString(problem.table);
      entry["path"] = problem.file;
      entry["reason"] = problem.error.message;
      problems.append(entry);
    }
    nb::dict result;
    result["tables"] = summary.tables;
    result["partitions"] = summary.all.partitions;
    result["files"] = summary.all.files;
    result["rows"] = summary.all.rows;
    result["size_bytes"] = summary.all.bytes;
    result["updated"] = summary.tables == 0 ? "" : FormatTimestamp(summary.updated);
    result["provider_stats"] = Partitions(summary.providers);
    result["dataset_stats"] = Partitions(summary.datasets);
    result["task_stats"] = Partitions(summary.tasks);
    result["variant_stats"] = Partitions(summary.variants);
    result["problems"] = problems;
    return result;
  });
  lake_class.def("verify", [](PythonLake& self, bool deep, double sample, std::uint64_t seed) {
    return Released([&] {
      LakeState& state = self.state();
      const lake::VerifyReport report = Unwrap(lake::VerifyLake(
          self.lake(), {.deep = deep, .sample = sample, .seed = seed}, state.progress, {}));
      return lake::VerifyReportJson(report, state.clock.Now());
    });
  });
}

}  // namespace datalake::python

// Files are worked on in parallel (validate_unit.h); what was found is put together here.
#include "datalake/curate/validate.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/thread_pool.h"
#include "datalake/curate/file_progress.h"
#include "datalake/curate/validate_ids.h"
#include "datalake/curate/validate_layout.h"
#include "datalake/curate/validate_unit.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"

namespace datalake::curate {
namespace {

constexpr std::size_t kMaxFiles = std::size_t{1} << 24;  // RowPlace

// The first few rows of each file that repeat an id, and how many there are.
class RepeatedRows {
 public:
  RepeatedRows(const std::vector<ValidateUnit>& units, std::uint64_t max_shown)
      : units_(units), max_shown_(max_shown) {}

  void Add(RowPlace first, RowPlace again) {
    File& file = files_[again.file];
    ++file.count;
    file.rows.push_back({again.line, first});
    if (file.rows.size() > 4 * max_shown_ + 64) {
      Trim(file);
    }
  }

  void MoveTo(std::vector<FindingGroup>& out) {
    for (auto& [number, file] : files_) {
      Trim(file);
      FindingGroup& group = out.emplace_back();
      group.path = units_[number].documents;
      group.kind = FindingKind::kRepeatedId;
      group.count = file.count;
      for (const auto& [line, first] : file.rows) {
        group.shown.push_back({line, fmt::format("same source and id as {}:{}",
                                                 units_[first.file].documents, first.line)});
      }
    }
  }

 private:
  struct Row {
    std::uint64_t line = 0;
    RowPlace first;
  };

  struct File {
    std::uint64_t count = 0;
    std::vector<Row> rows;
  };

  void Trim(File& file) const {
    std::sort(file.rows.begin(), file.rows.end(),
              [](const Row& a, const Row& b) { return a.line < b.line; });
    file.rows.resize(std::min<std::size_t>(file.rows.size(), max_shown_));
  }

  const std::vector<ValidateUnit>& units_;
  const std::uint64_t max_shown_;
  std::map<std::uint64_t, File> files_;
};

void Add(const ValidateUnit& unit, ValidatedUnit& result, ValidateReport& report) {
  report.documents += result.documents;
  report.bytes += result.bytes;
  for (const auto& [source, documents] : result.sources) {
    report.sources[source] += documents;
  }
  for (std::size_t i = 0; i < result.attribute_rows.size(); ++i) {
    ValidatedAttributes& attributes = report.attributes[unit.attributes[i].name];
    ++attributes.files;
    attributes.rows += result.attribute_rows[i];
  }
  std::move(result.findings.begin(), result.findings.end(), std::back_inserter(report.findings));
}

}  // namespace

Status ValidateOptions::Validate() const {
  if (paths.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "nothing to validate: name a dataset folder, files or globs"};
  }
  if (spill_folder.empty()) {
    return Error{ErrorCode::kInvalidArgument, "no folder for temporary files"};
  }
  return {};
}

Result<ValidateReport> RunValidate(const ValidateOptions& options, const CurateContext& context) {
  DATALAKE_TRY(options.Validate());
  DATALAKE_TRY_ASSIGN(ValidateInputs inputs,
                      FindValidateInputs(context.fs, options.paths, options.max_shown));
  if (inputs.units.size() > kMaxFiles) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("more than {} files: validate them in parts", kMaxFiles)};
  }
  io::RemoveDeadTemporaries(context.fs, options.spill_folder);
  RepeatedIds ids(context.fs, options.spill_folder, options.memory_bytes);
  FileProgress progress(context, "validate", inputs.units.size(), "documents");
  std::vector<ValidatedUnit> results(inputs.units.size());
  {
    ThreadPool pool(context.threads);
    DATALAKE_TRY(ParallelFor(pool, inputs.units.size(), context.stop, [&](std::size_t i) -> Status {
      DATALAKE_TRY_ASSIGN(
          results[i], RunValidateUnit(inputs.units[i], i, {options, context, pool, ids, progress}));
      return {};
    }));
  }
  progress.Report();
  ValidateReport report;
  report.files = inputs.units.size();
  report.findings = std::move(inputs.findings);
  for (std::size_t i = 0; i < results.size(); ++i) {
    Add(inputs.units[i], results[i], report);
  }
  RepeatedRows repeated(inputs.units, options.max_shown);
  DATALAKE_TRY(ids.Finish([&](RowPlace first, RowPlace again) { repeated.Add(first, again); }));
  repeated.MoveTo(report.findings);
  std::stable_sort(report.findings.begin(), report.findings.end(),
                   [](const FindingGroup& a, const FindingGroup& b) {
                     return std::pair(std::string_view(a.path), a.kind) <
                            std::pair(std::string_view(b.path), b.kind);
                   });
  for (const FindingGroup& group : report.findings) {
    report.num_findings += group.count;
  }
  return report;
}

}  // namespace datalake::curate

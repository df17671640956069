#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/curate/curate_context.h"
#include "datalake/curate/file_progress.h"
#include "datalake/curate/validate.h"
#include "datalake/curate/validate_findings.h"
#include "datalake/curate/validate_ids.h"
#include "datalake/curate/validate_layout.h"

namespace datalake {
class ThreadPool;
}  // namespace datalake

namespace datalake::curate {

/// What was found in a file of documents and those beside it.
struct ValidatedUnit {
  using Sources = std::map<std::string, std::uint64_t, std::less<>>;

  std::uint64_t documents = 0;
  std::uint64_t bytes = 0;
  Sources sources;
  std::vector<std::uint64_t> attribute_rows;  ///< 0 for a file that could not be read
  std::vector<FindingGroup> findings;
};

/// What the units of a run share. Members outlive it.
struct ValidateShared {
  const ValidateOptions& options;
  const CurateContext& context;
  ThreadPool& pool;
  RepeatedIds& ids;
  FileProgress& progress;
};

/// Checks one file of documents together with the attributes beside it; `number` is its place among
/// all. May be a task of the pool. Errors: those of RunValidate that are no findings.
Result<ValidatedUnit> RunValidateUnit(const ValidateUnit& unit, std::uint64_t number,
                                      const ValidateShared& shared);

}  // namespace datalake::curate

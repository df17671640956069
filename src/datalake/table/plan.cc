#include "datalake/table/plan.h"

#include "datalake/table/log_store.h"
#include "datalake/table/rewrite_internal.h"

namespace datalake::table {

Result<std::shared_ptr<const TableSnapshot>> PlanPartitions(const TableEnvironment& environment,
                                                            std::string_view root,
                                                            const PartitionValues& scope,
                                                            std::optional<std::int64_t> version) {
  DATALAKE_TRY_ASSIGN(const LogState state, LoadLog(environment.fs, root, version, &scope));
  auto snapshot = state.MakeSnapshot(0);
  DATALAKE_TRY(CheckScopeColumns(*snapshot, scope));
  return snapshot;
}

}  // namespace datalake::table

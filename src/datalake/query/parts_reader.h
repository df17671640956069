#pragma once

#include <memory>
#include <stop_token>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/query/engine.h"
#include "datalake/query/relation.h"
#include "datalake/query/row_filter.h"
#include "datalake/query/session_internal.h"

namespace datalake::query {

/// True when the rows of `relation` under `filter` are those of its files one after the other:
/// nothing sorts or joins them. Then a query can begin with few files, and `SelectInParts` pays
/// from `kFirstPartFiles` files on.
bool CanSelectInParts(const Relation& relation, const RowFilter& filter);

/// Files of the first part; every further one is kPartGrowth times as large, up to kMaxPartFiles:
/// planning a file costs 0.02 ms, opening it more, so the first rows come at once however many
/// files there are, and a small limit never plans the rest.
inline constexpr std::size_t kFirstPartFiles = 32;
inline constexpr std::size_t kPartGrowth = 4;
inline constexpr std::size_t kMaxPartFiles = 1024;

/// The rows of `relation` that pass `filter`, one query for each part of its files, in their order.
/// Column names and types are those of the whole relation in every part; limits and the timeout
/// count over all of them. Errors: as QueryEngine::Select; those of later parts come through the
/// reader, which is Single-threaded.
Result<std::shared_ptr<arrow::RecordBatchReader>> SelectInParts(
    std::shared_ptr<EngineDatabase> database, Relation relation, const RowFilter& filter,
    const QueryLimits& limits, std::stop_token stop);

/// One query. Errors: as QueryEngine::Select.
Result<std::shared_ptr<arrow::RecordBatchReader>> SelectAtOnce(
    const std::shared_ptr<EngineDatabase>& database, const View& view, const RowFilter& filter,
    const QueryLimits& limits, std::stop_token stop);

}  // namespace datalake::query

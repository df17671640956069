#include "datalake/table/snapshot.h"

#include <utility>

namespace datalake::table {

TableSnapshot::TableSnapshot(SnapshotState state) : state_(std::move(state)) {
  for (const TableFilePtr& file : state_.files) {
    size_bytes_ += file->size_bytes;
    const bool is_known = num_rows_ >= 0 && file->num_rows >= 0;
    num_rows_ = is_known ? num_rows_ + file->num_rows : -1;
  }
}

std::optional<std::int64_t> TableSnapshot::txn_version(std::string_view app_id) const {
  const auto found = state_.transactions.find(std::string(app_id));
  if (found == state_.transactions.end()) {
    return std::nullopt;
  }
  return found->second;
}

}  // namespace datalake::table

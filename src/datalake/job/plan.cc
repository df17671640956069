#include "datalake/job/plan.h"

#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

namespace datalake::job {

Status Plan::Validate() const {
  std::unordered_set<std::string> ids;
  std::unordered_map<std::string, std::string> owner_of_output;
  for (std::size_t index = 0; index < units.size(); ++index) {
    const TaskUnit& unit = units[index];
    if (!unit.run) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("task unit without work: {}", unit.id)};
    }
    if (!ids.insert(unit.id).second) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("two task units have the same id: {}", unit.id)};
    }
    for (const std::string& output : unit.outputs) {
      const auto [owner, is_new] = owner_of_output.emplace(output, unit.id);
      if (!is_new) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("two task units write the same file: {}: {} and {}", output,
                                 owner->second, unit.id)};
      }
    }
    for (const std::size_t before : unit.after) {
      if (before >= index) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("task unit depends on a later one: {}", unit.id)};
      }
    }
  }
  return {};
}

}  // namespace datalake::job

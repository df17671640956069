#include "datalake/curate/tagger.h"

#include <utility>

#include "datalake/base/name.h"

namespace datalake::curate {

Status TaggerRegistry::Add(std::string_view name, Factory factory) {
  if (!factories_.try_emplace(std::string(name), std::move(factory)).second) {
    return Error{ErrorCode::kAlreadyExists, "tagger registered twice: " + std::string(name)};
  }
  return {};
}

Result<std::unique_ptr<const Tagger>> TaggerRegistry::Make(std::string_view name) const {
  const auto found = factories_.find(name);
  if (found == factories_.end()) {
    return UnknownNameError("tagger", name, Names());
  }
  return found->second();
}

std::vector<std::string> TaggerRegistry::Names() const {
  std::vector<std::string> names;
  names.reserve(factories_.size());
  for (const auto& [name, factory] : factories_) {
    names.push_back(name);
  }
  return names;
}

}  // namespace datalake::curate

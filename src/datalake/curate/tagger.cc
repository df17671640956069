#include "datalake/curate/tagger.h"

#include <utility>

#include "datalake/base/name.h"

namespace datalake::curate {

Status TaggerRegistry::Add(std::string_view name, std::string_view summary, Factory factory) {
  Entry entry{std::string(summary), std::move(factory)};
  if (!entries_.try_emplace(std::string(name), std::move(entry)).second) {
    return Error{ErrorCode::kAlreadyExists, "tagger registered twice: " + std::string(name)};
  }
  return {};
}

Result<const TaggerRegistry::Entry*> TaggerRegistry::Find(std::string_view name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) {
    return UnknownNameError("tagger", name, Names());
  }
  return &found->second;
}

Result<std::unique_ptr<const Tagger>> TaggerRegistry::Make(std::string_view name,
                                                           const TaggerSettings& settings) const {
  DATALAKE_TRY_ASSIGN(const Entry* entry, Find(name));
  return entry->factory(settings);
}

Result<std::string_view> TaggerRegistry::Summary(std::string_view name) const {
  DATALAKE_TRY_ASSIGN(const Entry* entry, Find(name));
  return std::string_view(entry->summary);
}

std::vector<std::string> TaggerRegistry::Names() const {
  std::vector<std::string> names;
  names.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) {
    names.push_back(name);
  }
  return names;
}

}  // namespace datalake::curate

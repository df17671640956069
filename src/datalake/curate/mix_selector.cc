#include "datalake/curate/mix_selector.h"

#include <utility>

namespace datalake::curate {

Result<Selector> Selector::Compile(std::string_view text, SelectorSyntax syntax,
                                   Compatibility compatibility) {
  const bool is_compat = compatibility == Compatibility::kDolma;
  if (syntax == SelectorSyntax::kJq) {
    DATALAKE_TRY_ASSIGN(json::Jq jq, json::Jq::Compile(text, is_compat ? json::JqDialect::kJaq
                                                                       : json::JqDialect::kJq));
    return Selector(std::move(jq));
  }
  DATALAKE_TRY_ASSIGN(json::Path path,
                      json::Path::Compile(text, is_compat ? json::NumberEquality::kByType
                                                          : json::NumberEquality::kByValue));
  return Selector(std::move(path));
}

const std::string& Selector::text() const {
  return std::visit([](const auto& one) -> const std::string& { return one.text(); }, selector_);
}

Result<bool> Selector::Includes(const json::FlatNode& root, SelectorScratch& scratch) const {
  if (const auto* path = std::get_if<json::Path>(&selector_); path != nullptr) {
    return path->Matches(root, scratch.path);
  }
  return std::get<json::Jq>(selector_).AllTrue(root, scratch.jq);
}

Result<bool> Selector::Excludes(const json::FlatNode& root, SelectorScratch& scratch) const {
  if (const auto* path = std::get_if<json::Path>(&selector_); path != nullptr) {
    return path->Matches(root, scratch.path);
  }
  return std::get<json::Jq>(selector_).AnyTrue(root, scratch.jq);
}

Status Selector::Select(const json::FlatNode& root, SelectorScratch& scratch,
                        std::vector<const json::FlatNode*>& out) const {
  if (const auto* path = std::get_if<json::Path>(&selector_); path != nullptr) {
    path->Select(root, scratch.path, out);
    return {};
  }
  return std::get<json::Jq>(selector_).Select(root, scratch.jq, out);
}

const std::optional<std::vector<std::string>>& Selector::root_keys() const {
  return std::visit(
      [](const auto& one) -> const std::optional<std::vector<std::string>>& {
        return one.root_keys();
      },
      selector_);
}

std::vector<std::string> Selector::MemberKeys(std::string_view root_key) const {
  return std::visit([&](const auto& one) { return one.MemberKeys(root_key); }, selector_);
}

}  // namespace datalake::curate

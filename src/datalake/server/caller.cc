#include "datalake/server/caller.h"

#include <algorithm>

namespace datalake::server {

std::string_view ToString(Role role) {
  switch (role) {
    case Role::kContribute:
      return "contribute";
    case Role::kRead:
      return "read";
    case Role::kWrite:
      return "write";
    case Role::kAdmin:
      return "admin";
  }
  return "unknown";
}

std::optional<Role> ParseRole(std::string_view name) {
  for (const Role role : kAllRoles) {
    if (ToString(role) == name) {
      return role;
    }
  }
  return std::nullopt;
}

bool Caller::MayUseFeed(std::string_view feed) const {
  return !scoped() || std::find(feeds.begin(), feeds.end(), feed) != feeds.end();
}

bool Caller::MayUseProvider(std::string_view provider) const {
  return !scoped() || std::find(providers.begin(), providers.end(), provider) != providers.end();
}

}  // namespace datalake::server

#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/clock.h"

namespace datalake::server {

/// What a caller may do. Admin may do everything; of the others none contains another.
enum class Role : std::uint8_t {
  kContribute = 1,  ///< add records to feeds, withdraw its own
  kRead = 2,        ///< see records, datasets, snapshots, jobs; search
  kWrite = 4,       ///< upload, process, run jobs, make snapshots and collections
  kAdmin = 8,       ///< tokens, feed definitions, takedown, SQL over all
};

std::string_view ToString(Role role);
std::optional<Role> ParseRole(std::string_view name);

/// All roles, in order, for messages and forms.
inline constexpr std::initializer_list<Role> kAllRoles = {Role::kContribute, Role::kRead,
                                                          Role::kWrite, Role::kAdmin};

/// A set of roles.
class Roles {
 public:
  constexpr Roles() = default;

  constexpr Roles(std::initializer_list<Role> roles) {
    for (const Role role : roles) {
      Add(role);
    }
  }

  constexpr void Add(Role role) { bits_ |= static_cast<std::uint8_t>(role); }

  constexpr bool Has(Role role) const { return (bits_ & static_cast<std::uint8_t>(role)) != 0; }

  constexpr bool empty() const { return bits_ == 0; }

  friend constexpr bool operator==(Roles, Roles) = default;

 private:
  std::uint8_t bits_ = 0;
};

/// Who sends a request: the bearer of a token, or nobody known. Immutable while requests use it.
struct Caller {
  std::string token_id{};  ///< empty: anonymous
  std::string name{};      ///< the token's name for people
  Roles roles{};
  std::vector<std::string> feeds{};      ///< with `providers` both empty: the whole lake
  std::vector<std::string> providers{};  ///< else only what these lists name
  std::optional<Timestamp> expires{};
  std::uint64_t requests_per_minute = 0;  ///< 0: the server's limit
  std::uint64_t bytes_per_day = 0;        ///< 0: the server's limit

  bool anonymous() const { return token_id.empty(); }

  bool May(Role role) const { return roles.Has(role) || roles.Has(Role::kAdmin); }

  bool scoped() const { return !feeds.empty() || !providers.empty(); }

  bool MayUseFeed(std::string_view feed) const;
  bool MayUseProvider(std::string_view provider) const;
};

/// Whom a route lets in: a role, and on which part of the lake. A token with scopes is refused
/// wherever the route does not say which part it touches.
struct Access {
  enum class Scope : std::uint8_t {
    kLake,       ///< touches all of it: no scoped tokens
    kFeed,       ///< the feed `name`
    kProvider,   ///< the provider `name`
    kByHandler,  ///< the handler asks the caller itself
  };

  bool open = false;         ///< everybody, without a token
  Role role = Role::kAdmin;  ///< closed by default
  Scope scope = Scope::kLake;
  std::string_view name{};  ///< "{feed}": the path parameter or query value `feed`; else a name

  static constexpr Access Open() { return {.open = true}; }

  static constexpr Access To(Role role) { return {.role = role}; }

  static constexpr Access ToFeed(Role role, std::string_view feed) {
    return {.role = role, .scope = Scope::kFeed, .name = feed};
  }

  static constexpr Access ToProvider(Role role, std::string_view provider) {
    return {.role = role, .scope = Scope::kProvider, .name = provider};
  }

  static constexpr Access ByHandler(Role role) {
    return {.role = role, .scope = Scope::kByHandler};
  }
};

}  // namespace datalake::server

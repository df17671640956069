#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/json/flat_tree.h"
#include "datalake/json/value.h"

namespace datalake::json {

/// A JSON pointer (RFC 6901): "" is the whole value, "/a/0" the first item of member `a`; `~1`
/// stands for a slash and `~0` for a tilde in a name. Immutable, thread-safe.
class Pointer {
 public:
  /// Errors: kInvalidArgument (does not begin with a slash, a tilde without 0 or 1).
  static Result<Pointer> Parse(std::string_view text);

  /// The value it points at; nullptr when there is none. Array indexes are decimal without leading
  /// zeros; "-", the item behind the last, is never there.
  const Value* Find(const Value& root) const;
  const FlatNode* Find(const FlatNode& root) const;

  /// Names from the root down, unescaped.
  const std::vector<std::string>& names() const { return names_; }

  /// The pointer as text, escaped as RFC 6901 §3 demands.
  std::string ToString() const;

 private:
  std::vector<std::string> names_;
};

}  // namespace datalake::json

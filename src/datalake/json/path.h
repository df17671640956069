#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/json/flat_tree.h"

namespace datalake::json {

struct PathProgram;
struct PathScratchState;

/// Buffers of evaluations: one a thread, reused. Single-threaded.
class PathScratch {
 public:
  PathScratch();
  ~PathScratch();
  PathScratch(PathScratch&&) noexcept;
  PathScratch& operator=(PathScratch&&) noexcept;

  PathScratchState& state() const { return *state_; }

 private:
  std::unique_ptr<PathScratchState> state_;
};

/// A compiled JSONPath with the meaning that the Dolma toolkit gives to it (jsonpath-rust 0.3.5,
/// written anew from its grammar and behaviour), which is not RFC 9535:
///  - `[?(…)]` tests each element of an array, but an object as itself;
///  - `$@.x` and `@.x` at the top are `$.x`; unquoted keys are letters, digits and `_ - / \ #`;
///  - operators: == != < <= > >= ~= (regular expression, RE2) in nin size noneOf anyOf subsetOf,
///    and && || !; in `&&`, `||`, `!` each side is applied as a filter again, so an element that is
///    an array is gone into once more;
///  - < and > need exactly one number on each side; a missing path makes every comparison false but
///    `!=`; equality of two missing paths holds;
///  - `.length()` counts matches; inside a filter it never compares;
///  - `*` and `..` go through members in the order of their names.
/// Immutable and thread-safe.
class Path {
 public:
  /// Reads a path. `numbers` says whether 1 equals 1.0 in ==, !=, <=, >=, in and the like.
  /// Errors: kInvalidArgument with the column (syntax; a bad regular expression; an index that is
  /// no small integer; nested too deep).
  static Result<Path> Compile(std::string_view text,
                              NumberEquality numbers = NumberEquality::kByValue);

  ~Path();
  Path(Path&&) noexcept;
  Path& operator=(Path&&) noexcept;

  /// The path as it was written.
  const std::string& text() const;

  /// True when it selects at least one value. A path of fields and indexes alone costs one
  /// look-up a step, without allocation.
  bool Matches(const FlatNode& root, PathScratch& scratch) const;

  /// Appends what it selects, in order. Pointers live as long as the tree and, for the number that
  /// `.length()` makes, until the next use of `scratch`.
  void Select(const FlatNode& root, PathScratch& scratch, std::vector<const FlatNode*>& out) const;

  /// The members of the root that it can look at; nothing when it may look at any of them.
  const std::optional<std::vector<std::string>>& root_keys() const;

  /// Names of members of the root's member `root_key` that it looks at, for checks that they occur
  /// in the data: `dup` and `q` of $.attributes.dup and of $.attributes[?(@.q)].
  std::vector<std::string> MemberKeys(std::string_view root_key) const;

 private:
  explicit Path(std::unique_ptr<const PathProgram> program);

  std::unique_ptr<const PathProgram> program_;
};

}  // namespace datalake::json

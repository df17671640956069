#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/json/flat_tree.h"

namespace re2 {
class RE2;
}  // namespace re2

namespace datalake::json {

struct PathChain;
struct PathFilter;

/// One step of a chain: takes a list of values, gives a list of values.
struct PathStep {
  enum class Kind : std::uint8_t {
    kRoot,        ///< $
    kCurrent,     ///< @ with the chain behind it
    kField,       ///< .key and ['key']
    kDescend,     ///< ..key
    kDescendAll,  ///< ..*
    kWildcard,    ///< .* and [*]
    kIndex,       ///< [3]
    kIndexes,     ///< [1,2]
    kKeys,        ///< ['a','b']
    kSlice,       ///< [1:5:2]
    kFilter,      ///< [?(…)]
    kLength,      ///< .length()
  };

  Kind kind = Kind::kRoot;
  std::vector<std::string> keys;       // one for kField and kDescend
  std::vector<std::uint64_t> indexes;  // one for kIndex
  std::int32_t slice_begin = 0;
  std::int32_t slice_end = 0;  // 0: to the end
  std::uint32_t slice_step = 1;
  std::unique_ptr<PathChain> chain;
  std::unique_ptr<PathFilter> filter;
};

struct PathChain {
  std::vector<PathStep> steps;
  bool counts_matches =
      false;                 ///< what .length() at its end counts: matches, or items of the first
  bool is_singular = false;  ///< only $, @, fields and single indexes: at most one value
};

/// One side of a comparison: a constant or a chain from the tested element.
struct PathOperand {
  std::vector<FlatNode> constant;  // a subtree; its strings are in PathProgram::strings
  std::unique_ptr<PathChain> chain;
};

enum class PathSign : std::uint8_t {
  kExists,
  kEqual,
  kUnequal,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kRegex,
  kIn,
  kNotIn,
  kSize,
  kNoneOf,
  kAnyOf,
  kSubsetOf,
};

struct PathFilter {
  enum class Kind : std::uint8_t { kCompare, kAnd, kOr, kNot };

  Kind kind = Kind::kCompare;
  PathSign sign = PathSign::kExists;
  PathOperand left;
  PathOperand right;
  std::shared_ptr<const re2::RE2> regex;  // of a constant pattern
  std::unique_ptr<PathFilter> first;
  std::unique_ptr<PathFilter> second;
};

struct PathProgram {
  std::string text;
  NumberEquality numbers = NumberEquality::kByValue;
  PathChain chain;
  std::vector<std::unique_ptr<std::string>> strings;  // what constants view
  std::optional<std::vector<std::string>> root_keys;
  std::vector<std::pair<std::string, std::string>> member_keys;  // of a root key
};

/// The values that a comparison looks at: what a chain selected, or one constant.
struct PathOperands {
  const FlatNode* const* data = nullptr;
  std::size_t size = 0;

  const FlatNode& operator[](std::size_t i) const { return *data[i]; }
};

inline bool IsContainer(const FlatNode& node) {
  return node.type == NodeType::kArray || node.type == NodeType::kObject;
}

/// Whether the filter's sign holds between its two sides.
bool ComparePathOperands(const PathFilter& filter, PathOperands a, PathOperands b,
                         NumberEquality numbers);

/// Fills in what is derived from the steps of a parsed program.
void PreparePath(PathProgram& program);

/// Parses `text`; PreparePath fills in what is derived from it. Errors: kInvalidArgument.
Result<std::unique_ptr<PathProgram>> ParsePath(std::string_view text, NumberEquality numbers);

}  // namespace datalake::json

#pragma once

// The part of jq that runs on flat trees: its syntax trees, and how they are run.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "datalake/json/flat_tree.h"
#include "datalake/json/jq.h"

namespace datalake::json {

/// A bit for each type of value, in jq's order of them.
namespace jq_type {
inline constexpr std::uint8_t kNull = 1;
inline constexpr std::uint8_t kBool = 2;
inline constexpr std::uint8_t kNumber = 4;
inline constexpr std::uint8_t kString = 8;
inline constexpr std::uint8_t kArray = 16;
inline constexpr std::uint8_t kObject = 32;
}  // namespace jq_type

enum class JqOperator : std::uint8_t {
  kEqual,
  kUnequal,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
};

struct JqExpression {
  enum class Kind : std::uint8_t {
    kIdentity,
    kLiteral,
    kField,        ///< first.key
    kIndex,        ///< first[index]
    kEach,         ///< first[]
    kTry,          ///< first?
    kPipe,         ///< first | second
    kComma,        ///< first, second
    kAlternative,  ///< first // second
    kAnd,
    kOr,
    kCompare,
    kArithmetic,
    kIf,       ///< if first then second else third end
    kCollect,  ///< [first]
    kSelect,   ///< select(first)
    kMap,      ///< map(first)
    kAny,      ///< any(first; second)
    kAll,      ///< all(first; second)
    kFirst,    ///< first(first)
    kNot,
    kLength,
    kAddUp,     ///< add
    kTypeName,  ///< type
    kToNumber,
    kToString,    ///< tostring and, of numbers, tojson
    kOfTypes,     ///< arrays, values, … : the types are `types`
    kHas,         ///< has(key) or has(index)
    kStartsWith,  ///< startswith(key)
    kEndsWith,    ///< endswith(key)
    kEmpty,
  };

  Kind kind = Kind::kIdentity;
  JqOperator sign = JqOperator::kEqual;
  bool is_optional = false;  ///< `?` behind a field, an index or []
  std::uint8_t types = 0;
  std::string key;  // also what a literal string views
  std::int64_t index = 0;
  FlatNode literal;
  std::unique_ptr<JqExpression> first;
  std::unique_ptr<JqExpression> second;
  std::unique_ptr<JqExpression> third;
};

/// Reads a program, or gives nullptr: it is for libjq to run or to refuse.
std::unique_ptr<JqExpression> ParseFastJq(std::string_view text, JqDialect dialect);

/// What a program looks at, as Jq::root_keys and Jq::MemberKeys give it.
struct JqKeys {
  std::optional<std::vector<std::string>> root_keys;
  std::vector<std::pair<std::string, std::string>> member_keys;  // of a root key
};

JqKeys FindJqKeys(const JqExpression& program);

/// jq's order of all values, by which they are equal too: -1, 0 or 1. Numbers are compared exactly.
int CompareJq(const FlatNode& a, const FlatNode& b);

/// Values that a run makes; they live until Clear.
struct JqArena {
  std::deque<FlatNode> scalars;
  std::deque<std::vector<FlatNode>> lists;
  std::size_t lists_used = 0;

  void Clear();
};

/// How a run ended.
enum class JqOutcome : std::uint8_t {
  kDone,
  kError,  ///< `error` says which
  kBail,   ///< a case that only libjq knows: run the program there
};

/// Runs a program over `root` and appends its outputs to `out`.
JqOutcome RunFastJq(const JqExpression& program, JqDialect dialect, const FlatNode& root,
                    JqArena& arena, std::vector<const FlatNode*>& out, std::string& error);

}  // namespace datalake::json

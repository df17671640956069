#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace datalake::query {

/// An expression as far as statistics of columns can decide it, so that files without a matching
/// row need not be opened.
struct Condition {
  enum class Kind : std::uint8_t {
    kUnknown,  ///< anything else: may be true of any row
    kAnd,
    kOr,
    kCompare,    ///< `column` `comparison` `value`
    kIsNull,     ///< `column` is null
    kIsNotNull,  ///< `column` is not null
  };
  enum class Comparison : std::uint8_t { kEqual, kLess, kLessOrEqual, kGreater, kGreaterOrEqual };

  Kind kind = Kind::kUnknown;
  std::vector<Condition> children = {};  ///< of kAnd and kOr
  std::vector<std::string> column = {};  ///< as written: a column, or a column and fields of it
  Comparison comparison = Comparison::kEqual;
  std::string value = {};  ///< as JSON: an integer, a number with a point or exponent, or a string
};

struct ConditionFacts {
  Condition condition;
  /// Names in lower case that may be columns; nothing: any column may be meant (`columns(*)`).
  std::optional<std::set<std::string>> names = std::nullopt;
};

}  // namespace datalake::query

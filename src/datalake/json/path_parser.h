#pragma once

#include <charconv>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "datalake/json/path_internal.h"

namespace datalake::json {

/// How deep brackets and filters may lie in each other.
inline constexpr std::size_t kMaxPathNesting = 64;

/// How many chains of steps are tried: a broken path of a few hundred bytes has billions of ways in
/// which it is none, and a good one needs about one try an operand.
inline constexpr std::size_t kMaxPathTries = 2'000;

/// Tokens of a path, and the farthest point that was reached, for the message.
class PathScanner {
 public:
  explicit PathScanner(std::string_view text) : text_(text) {}

  Error Failure() const;

  /// Notes what would have gone on here; false.
  bool Expect(std::string_view what);

  /// An error that no other reading can mend; false.
  bool Refuse(std::string message, std::size_t at);

  bool is_refused() const { return !error_.empty(); }

  void SkipBlanks();
  bool Take(std::string_view token);

  /// `token` after blanks; the place stays where it was when it is not there.
  bool TakeSpaced(std::string_view token);

  /// '…' with escapes checked but kept as they are written, as the toolkit does.
  bool Quoted(std::string& out);

  /// An integer with an optional sign; empty when there is none.
  std::string_view Signed();
  std::string_view Digits();

  /// -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?; empty when there is none.
  std::string_view Number();

  template <typename Integer>
  bool Convert(std::string_view digits, Integer& out) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return (error == std::errc() && end == digits.data() + digits.size()) ||
           Refuse("a number too large", at_);
  }

 protected:
  std::string_view text_;
  std::size_t at_ = 0;

 private:
  bool Escape();
  bool AnyDigits();

  std::size_t farthest_ = 0;
  std::string_view expected_ = "a path";
  std::string error_;
  std::size_t error_at_ = 0;
};

/// A parsing expression grammar by recursive descent with ordered choice, as the grammar of
/// jsonpath-rust 0.3.5 is one: where two readings are possible, the first listed wins.
class PathParser : private PathScanner {
 public:
  PathParser(std::string_view text, PathProgram& program) : PathScanner(text), program_(program) {}

  Status Parse();

 private:
  // Steps: path_parser.cc.
  bool Chain(PathChain& chain);
  bool Step(PathStep& step);
  bool Root(PathStep& step);
  bool TwoDots();
  bool Descent(PathStep& step);
  bool DescentAll(PathStep& step);
  bool Wildcard(PathStep& step);
  bool Current(PathStep& step);
  bool Field(PathStep& step);
  bool BareKey(PathStep& step);
  bool QuotedKey(PathStep& step);
  bool Length(PathStep& step);
  bool Index(PathStep& step);
  bool KeyUnion(PathStep& step);
  bool IndexUnion(PathStep& step);
  // Beside an operator a list of numbers is an array: it may hold any.
  bool UnionOfNumbers(const std::vector<std::string_view>& numbers, PathStep& step);
  bool AddIndex(std::string_view digits, PathStep& step);
  bool Slice(PathStep& step);
  bool SingleIndex(PathStep& step);

  // Filters: path_filter_parser.cc.
  bool Filter(PathStep& step);
  std::unique_ptr<PathFilter> Or();
  std::unique_ptr<PathFilter> And();
  // a ~ (token ~ a)*, joined from the left.
  std::unique_ptr<PathFilter> Joined(PathFilter::Kind kind, std::string_view token,
                                     std::unique_ptr<PathFilter> (PathParser::*part)());
  std::unique_ptr<PathFilter> Not();
  std::unique_ptr<PathFilter> LogicAtom();
  std::unique_ptr<PathFilter> Comparison();
  bool CompileRegex(PathFilter& comparison);
  bool Operand(PathOperand& operand);
  // A chain that is only ['a'], ['a','b'] or [1,2] is an array beside an operator.
  bool ConstantOf(PathChain& chain, PathOperand& operand);

  FlatNode StringNode(std::string string);

  PathProgram& program_;
  std::size_t nesting_ = 0;
  std::size_t tries_ = 0;  // of Chain
  std::size_t in_operand_ = 0;
};

}  // namespace datalake::json

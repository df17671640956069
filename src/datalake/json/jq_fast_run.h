#pragma once

// How syntax trees of jq_fast.h are run: the parts of one run, which lie in jq_fast.cc (what calls
// what), jq_fast_steps.cc (into values) and jq_fast_functions.cc (arithmetic, functions).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/json/jq_fast.h"

namespace datalake::json {

/// What becomes of a run behind an output.
enum class JqFlow : std::uint8_t {
  kGo,
  kStop,   ///< what takes outputs wants no more
  kError,  ///< the run's error says which
  kBail,   ///< a case that only libjq knows
};

/// What takes outputs: a reference to a callable that lives longer than the call it is passed to.
class JqSink {
 public:
  template <typename Callable>
  JqSink(const Callable& callable)
      : callable_(&callable), call_([](const void* of, const FlatNode& node) {
          return (*static_cast<const Callable*>(of))(node);
        }) {}

  JqFlow operator()(const FlatNode& node) const { return call_(callable_, node); }

 private:
  const void* callable_;
  JqFlow (*call_)(const void*, const FlatNode&);
};

/// A bit of jq_type.
std::uint8_t JqTypeBit(const FlatNode& node);

/// As messages and `type` name it.
std::string_view JqTypeName(const FlatNode& node);

/// One run over one document. Single-threaded.
class JqRun {
 public:
  /// `arena` and `error` outlive it.
  JqRun(JqDialect dialect, JqArena& arena, std::string& error)
      : is_jaq_(dialect == JqDialect::kJaq), arena_(arena), error_(error) {}

  /// Hands each output of `e` over `in` to `out`. An output may end with the call that takes it.
  JqFlow Do(const JqExpression& e, const FlatNode& in, JqSink out);

 private:
  // Beyond these libjq goes on, which is watched: a short program can ask for 2^40 steps.
  static constexpr std::uint64_t kMaxSteps = 20'000'000;
  static constexpr std::size_t kMaxListNodes = 4'000'000;

  JqFlow Step(const JqExpression& e, const FlatNode& in, JqSink out);
  JqFlow Fail(std::string message);
  JqFlow FailStep(bool is_optional, std::string message);

  JqFlow Try(const JqExpression& e, const FlatNode& in, JqSink out);
  JqFlow Alternative(const JqExpression& e, const FlatNode& in, JqSink out);
  JqFlow Logic(const JqExpression& e, const FlatNode& in, JqSink out);
  template <typename Use>
  JqFlow Operands(const JqExpression& e, const FlatNode& in, const Use& use);
  template <typename Use>
  JqFlow OperandsOfJaq(const JqExpression& e, const FlatNode& in, const Use& use);
  template <typename Fill>
  JqFlow Collect(JqSink out, const Fill& fill);
  JqFlow Quantify(const JqExpression& e, const FlatNode& in, JqSink out);
  JqFlow First(const JqExpression& e, const FlatNode& in, JqSink out);

  JqFlow Field(const JqExpression& e, const FlatNode& of, JqSink out);
  JqFlow Index(const JqExpression& e, const FlatNode& of, JqSink out);
  JqFlow Each(bool is_optional, const FlatNode& of, JqSink out);
  JqFlow EachMember(const FlatNode& object, JqSink out);
  JqFlow Has(const JqExpression& e, const FlatNode& in, JqSink out);

  JqFlow Calculate(JqOperator sign, const FlatNode& a, const FlatNode& b, JqSink out);
  JqFlow EmitNumber(double value, bool is_float, JqSink out);
  JqFlow Function(const JqExpression& e, const FlatNode& in, JqSink out);
  JqFlow Length(const FlatNode& in, JqSink out);
  JqFlow AddUp(const FlatNode& in, JqSink out);

  const FlatNode null_ = {};
  std::uint64_t steps_ = 0;
  std::size_t list_nodes_ = 0;
  bool is_jaq_;
  JqArena& arena_;
  std::string& error_;
};

/// The members of an object in the order of the text; of a repeated name the last value.
std::vector<const FlatNode*> JqMembers(const FlatNode& object);

/// `sign` is one of arithmetic.
double CalculateJq(JqOperator sign, double a, double b);

/// Whether a result is one that all agree on: NaN, the infinities and what integers cannot hold
/// exactly are libjq's.
bool IsJqNumber(double value);

/// A result as jq has it, which has one type of numbers: 2.0 is 2.
FlatNode JqNumber(double value);

/// What `==`, `not` and their like give, and how `if` sees a value.
FlatNode JqBool(bool value);
bool IsJqTrue(const FlatNode& node);

}  // namespace datalake::json

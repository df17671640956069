#include "datalake/json/jq_fast_parser.h"

#include <utility>

#include "datalake/json/jq_fast_run.h"

namespace datalake::json {
namespace {

using Kind = JqExpression::Kind;
using Expression = FastJqParser::Expression;

constexpr std::pair<std::string_view, JqOperator> kComparisons[] = {
    {"==", JqOperator::kEqual},          {"!=", JqOperator::kUnequal},
    {"<=", JqOperator::kLessOrEqual},    {"<", JqOperator::kLess},
    {">=", JqOperator::kGreaterOrEqual}, {">", JqOperator::kGreater},
};

const std::pair<std::string_view, JqOperator>* TakeComparison(JqCursor& cursor) {
  cursor.SkipBlanks();
  for (const auto& comparison : kComparisons) {
    if (cursor.Take(comparison.first)) {
      return &comparison;
    }
  }
  return nullptr;
}

// Nothing when a part is missing.
Expression Join(Kind kind, Expression first, Expression second) {
  return first == nullptr || second == nullptr ? nullptr
                                               : MakeJq(kind, std::move(first), std::move(second));
}

// libjq calculates with numbers of the program when it compiles it. There a division by zero is no
// error of the run but a program that does not compile, or, for 0 / 0, a NaN: nullptr here.
Expression Folded(Expression arithmetic) {
  const FlatNode& a = arithmetic->first->literal;
  const FlatNode& b = arithmetic->second->literal;
  if (arithmetic->first->kind != Kind::kLiteral || arithmetic->second->kind != Kind::kLiteral ||
      !IsNumber(a) || !IsNumber(b)) {
    return arithmetic;
  }
  const double result = CalculateJq(arithmetic->sign, AsDouble(a), AsDouble(b));
  if (!IsJqNumber(result)) {
    return nullptr;
  }
  Expression made = MakeJq(Kind::kLiteral);
  made->literal = JqNumber(result);
  return made;
}

}  // namespace

std::unique_ptr<JqExpression> MakeJq(Kind kind, Expression first, Expression second) {
  auto made = std::make_unique<JqExpression>();
  made->kind = kind;
  made->first = std::move(first);
  made->second = std::move(second);
  return made;
}

Expression FastJqParser::Parse() {
  Expression program = Pipe();
  cursor_.SkipBlanks();
  return cursor_.at_end() ? std::move(program) : nullptr;
}

Expression FastJqParser::Pipe() {
  if (nesting_ == kMaxNesting) {
    return nullptr;
  }
  ++nesting_;
  Expression left = Comma();
  if (left != nullptr && cursor_.TakeOperator("|", {"|="})) {
    left = Join(Kind::kPipe, std::move(left), Pipe());
  }
  --nesting_;
  return left;
}

Expression FastJqParser::Comma() {
  Expression left = Alternative();
  while (left != nullptr && cursor_.TakeSpaced(",")) {
    left = Join(Kind::kComma, std::move(left), Alternative());
  }
  return left;
}

Expression FastJqParser::Alternative() {
  Expression left = Or();
  if (left == nullptr || !cursor_.TakeOperator("//", {"//="})) {
    return left;
  }
  if (nesting_ == kMaxNesting) {
    return nullptr;
  }
  ++nesting_;
  left = Join(Kind::kAlternative, std::move(left), Alternative());
  --nesting_;
  return left;
}

Expression FastJqParser::Or() {
  Expression left = And();
  while (left != nullptr && cursor_.TakeWord("or")) {
    left = Join(Kind::kOr, std::move(left), And());
  }
  return left;
}

Expression FastJqParser::And() {
  Expression left = Comparison();
  while (left != nullptr && cursor_.TakeWord("and")) {
    left = Join(Kind::kAnd, std::move(left), Comparison());
  }
  return left;
}

// jaq goes on from the left, jq refuses a second one.
Expression FastJqParser::Comparison() {
  Expression left = Sum();
  bool is_second = false;
  while (left != nullptr) {
    const auto* comparison = TakeComparison(cursor_);
    if (comparison == nullptr) {
      break;
    }
    if (is_second && dialect_ == JqDialect::kJq) {
      return nullptr;
    }
    is_second = true;
    left = Join(Kind::kCompare, std::move(left), Sum());
    if (left != nullptr) {
      left->sign = comparison->second;
    }
  }
  return left;
}

Expression FastJqParser::Arithmetic(JqOperator sign, Expression left, Expression right) const {
  Expression made = Join(Kind::kArithmetic, std::move(left), std::move(right));
  if (made != nullptr) {
    made->sign = sign;
  }
  return made == nullptr || dialect_ == JqDialect::kJaq ? std::move(made) : Folded(std::move(made));
}

Expression FastJqParser::Sum() {
  Expression left = Product();
  while (left != nullptr) {
    if (cursor_.TakeOperator("+", {"+="})) {
      left = Arithmetic(JqOperator::kAdd, std::move(left), Product());
    } else if (cursor_.TakeOperator("-", {"-="})) {
      left = Arithmetic(JqOperator::kSubtract, std::move(left), Product());
    } else {
      break;
    }
  }
  return left;
}

Expression FastJqParser::Product() {
  Expression left = Postfix();
  while (left != nullptr) {
    if (cursor_.TakeOperator("*", {"*="})) {
      left = Arithmetic(JqOperator::kMultiply, std::move(left), Postfix());
    } else if (cursor_.TakeOperator("/", {"/=", "//"})) {
      left = Arithmetic(JqOperator::kDivide, std::move(left), Postfix());
    } else {
      break;
    }
  }
  return left;
}

std::unique_ptr<JqExpression> ParseFastJq(std::string_view text, JqDialect dialect) {
  return FastJqParser(text, dialect).Parse();
}

}  // namespace datalake::json

#pragma once

// Recursive descent with jq's precedences. Whatever is not surely understood gives nullptr, so no
// messages are made here: libjq runs the program or says what is wrong with it. Operators are in
// jq_fast_parser.cc, what stands between them in jq_fast_terms.cc.

#include <memory>
#include <string_view>

#include "datalake/json/jq_fast.h"
#include "datalake/json/jq_fast_cursor.h"

namespace datalake::json {

class FastJqParser {
 public:
  using Expression = std::unique_ptr<JqExpression>;

  /// `text` outlives the parser.
  FastJqParser(std::string_view text, JqDialect dialect) : cursor_(text), dialect_(dialect) {}

  /// The whole text.
  Expression Parse();

 private:
  static constexpr int kMaxNesting = 48;

  Expression Pipe();
  Expression Comma();
  Expression Alternative();
  Expression Or();
  Expression And();
  Expression Comparison();
  Expression Sum();
  Expression Product();
  Expression Arithmetic(JqOperator sign, Expression left, Expression right) const;

  Expression Postfix();
  Expression Optional(Expression term);
  Expression Dot(Expression of);
  Expression Bracket(Expression of);
  Expression Term();
  Expression Path();
  Expression Enclosed(std::string_view end);
  Expression Text();
  Expression Number();
  Expression Word();
  Expression Named(std::string_view name) const;
  Expression Call(std::string_view name);
  Expression If();

  JqCursor cursor_;
  JqDialect dialect_;
  int nesting_ = 0;
  bool is_grouped_ = false;  // the term before is no bare step: `?` is of all of it
};

/// A node; parts that it lacks are null.
std::unique_ptr<JqExpression> MakeJq(JqExpression::Kind kind,
                                     std::unique_ptr<JqExpression> first = nullptr,
                                     std::unique_ptr<JqExpression> second = nullptr);

}  // namespace datalake::json

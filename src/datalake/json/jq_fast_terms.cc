#include <utility>

#include "datalake/json/jq_fast_parser.h"

namespace datalake::json {
namespace {

using Kind = JqExpression::Kind;
using Expression = FastJqParser::Expression;

struct Function {
  std::string_view name;
  Kind kind;
  std::uint8_t types = 0;
};

constexpr Function kPlainFunctions[] = {
    {"not", Kind::kNot},
    {"length", Kind::kLength},
    {"add", Kind::kAddUp},
    {"type", Kind::kTypeName},
    {"tonumber", Kind::kToNumber},
    {"empty", Kind::kEmpty},
    {"nulls", Kind::kOfTypes, jq_type::kNull},
    {"booleans", Kind::kOfTypes, jq_type::kBool},
    {"numbers", Kind::kOfTypes, jq_type::kNumber},
    {"strings", Kind::kOfTypes, jq_type::kString},
    {"arrays", Kind::kOfTypes, jq_type::kArray},
    {"objects", Kind::kOfTypes, jq_type::kObject},
    {"iterables", Kind::kOfTypes, jq_type::kArray | jq_type::kObject},
    {"scalars", Kind::kOfTypes,
     jq_type::kNull | jq_type::kBool | jq_type::kNumber | jq_type::kString},
    {"values", Kind::kOfTypes,
     jq_type::kBool | jq_type::kNumber | jq_type::kString | jq_type::kArray | jq_type::kObject},
};

Expression Each(Expression of) {
  return MakeJq(Kind::kEach, std::move(of));
}

bool IsStep(const JqExpression& term) {
  return term.kind == Kind::kField || term.kind == Kind::kIndex || term.kind == Kind::kEach;
}

Expression Constant(NodeType type, bool boolean) {
  Expression made = MakeJq(Kind::kLiteral);
  made->literal.type = type;
  made->literal.boolean = boolean;
  return made;
}

Expression CallWithLiteral(std::string_view name, const JqExpression& argument) {
  if (argument.kind != Kind::kLiteral) {
    return nullptr;
  }
  Expression made = MakeJq(Kind::kHas);
  made->literal = argument.literal;
  if (argument.literal.type == NodeType::kString) {
    made->key = argument.key;
    made->literal.text = made->key;
    made->kind = name == "startswith" ? Kind::kStartsWith
                 : name == "endswith" ? Kind::kEndsWith
                                      : Kind::kHas;
    return made->kind != Kind::kHas || name == "has" ? std::move(made) : nullptr;
  }
  return name == "has" && argument.literal.type == NodeType::kInt ? std::move(made) : nullptr;
}

}  // namespace

Expression FastJqParser::Postfix() {
  cursor_.SkipBlanks();
  Expression term = Term();
  while (term != nullptr && !cursor_.at_end()) {
    if (cursor_.Rest().starts_with("?//") && dialect_ == JqDialect::kJq) {
      return nullptr;  // a token of its own
    }
    if (cursor_.Take("?")) {
      term = Optional(std::move(term));
    } else if (cursor_.peek() == '[') {
      term = Bracket(std::move(term));
    } else if (cursor_.peek() == '.') {
      term = Dot(std::move(term));
    } else {
      break;
    }
  }
  return term;
}

// Behind a step it is of the step alone.
Expression FastJqParser::Optional(Expression term) {
  if (IsStep(*term) && !is_grouped_) {
    term->is_optional = true;
    return term;
  }
  return MakeJq(Kind::kTry, std::move(term));
}

// .key, ."key", .[…]
Expression FastJqParser::Dot(Expression of) {
  is_grouped_ = false;
  cursor_.Skip();
  if (cursor_.at_end()) {
    return nullptr;
  }
  if (cursor_.peek() == '[') {
    return Bracket(std::move(of));
  }
  Expression field = MakeJq(Kind::kField, std::move(of));
  if (cursor_.peek() == '"') {
    return cursor_.String(field->key) ? std::move(field) : nullptr;
  }
  if (!cursor_.IsAtName()) {
    return nullptr;
  }
  field->key = cursor_.Name();
  return field;
}

// [], [3], ["key"]
Expression FastJqParser::Bracket(Expression of) {
  is_grouped_ = false;
  cursor_.Skip();
  cursor_.SkipBlanks();
  Expression step = MakeJq(Kind::kEach, std::move(of));
  if (cursor_.Take("]")) {
    return step;
  }
  if (!cursor_.at_end() && cursor_.peek() == '"') {
    step->kind = Kind::kField;
    if (!cursor_.String(step->key)) {
      return nullptr;
    }
  } else {
    step->kind = Kind::kIndex;
    if (!cursor_.Index(step->index)) {
      return nullptr;
    }
  }
  return cursor_.TakeSpaced("]") ? std::move(step) : nullptr;
}

Expression FastJqParser::Term() {
  is_grouped_ = true;  // unless the term turns out to be a step
  if (cursor_.at_end()) {
    return nullptr;
  }
  switch (cursor_.peek()) {
    case '.':
      return Path();
    case '(':
      return Enclosed(")");
    case '[': {
      Expression inner = Enclosed("]");
      return inner != nullptr ? MakeJq(Kind::kCollect, std::move(inner)) : nullptr;
    }
    case '"':
      return Text();
    default:
      return cursor_.IsAtDigit() || cursor_.peek() == '-' ? Number() : Word();
  }
}

// `.` alone, or a step of it.
Expression FastJqParser::Path() {
  JqCursor next = cursor_;
  next.Skip();
  if (next.IsAtName() || (!next.at_end() && (next.peek() == '"' || next.peek() == '['))) {
    return Dot(MakeJq(Kind::kIdentity));
  }
  cursor_ = next;
  const bool is_other = next.IsAtDigit() || next.Rest().starts_with('.');
  return is_other ? nullptr : MakeJq(Kind::kIdentity);
}

// What stands between a bracket and its `end`.
Expression FastJqParser::Enclosed(std::string_view end) {
  cursor_.Skip();
  Expression inner = Pipe();
  is_grouped_ = true;
  return inner != nullptr && cursor_.TakeSpaced(end) ? std::move(inner) : nullptr;
}

Expression FastJqParser::Text() {
  Expression made = MakeJq(Kind::kLiteral);
  if (!cursor_.String(made->key)) {
    return nullptr;
  }
  made->literal.type = NodeType::kString;
  made->literal.text = made->key;
  return made;
}

Expression FastJqParser::Number() {
  Expression made = MakeJq(Kind::kLiteral);
  return cursor_.Number(made->literal) ? std::move(made) : nullptr;
}

Expression FastJqParser::Word() {
  if (!cursor_.IsAtName()) {
    return nullptr;
  }
  const std::string_view name = cursor_.Name();
  if (cursor_.Rest().starts_with("::")) {
    return nullptr;
  }
  if (name == "if") {
    return If();
  }
  return cursor_.TakeSpaced("(") ? Call(name) : Named(name);
}

// A constant or a function without arguments.
Expression FastJqParser::Named(std::string_view name) const {
  if (name == "null") {
    return Constant(NodeType::kNull, false);
  }
  if (name == "true" || name == "false") {
    return Constant(NodeType::kBool, name == "true");
  }
  if (name == "any" || name == "all") {
    return MakeJq(name == "any" ? Kind::kAny : Kind::kAll, Each(MakeJq(Kind::kIdentity)),
                  MakeJq(Kind::kIdentity));
  }
  if (name == "first" || name == "last") {
    Expression step = MakeJq(Kind::kIndex, MakeJq(Kind::kIdentity));
    step->index = name == "first" ? 0 : -1;
    return step;
  }
  if (dialect_ == JqDialect::kJaq && (name == "tostring" || name == "tojson")) {
    Expression made = MakeJq(Kind::kToString);
    made->types = name == "tostring" ? jq_type::kString : 0;
    return made;
  }
  for (const Function& function : kPlainFunctions) {
    if (function.name == name) {
      Expression made = MakeJq(function.kind);
      made->types = function.types;
      return made;
    }
  }
  return nullptr;
}

// Behind `name(`.
Expression FastJqParser::Call(std::string_view name) {
  Expression first = Pipe();
  Expression second;
  if (first != nullptr && cursor_.TakeSpaced(";")) {
    second = Pipe();
    if (second == nullptr) {
      return nullptr;
    }
  }
  is_grouped_ = true;
  if (first == nullptr || !cursor_.TakeSpaced(")")) {
    return nullptr;
  }
  if (name == "any" || name == "all") {
    if (second == nullptr) {
      second = std::exchange(first, Each(MakeJq(Kind::kIdentity)));
    }
    return MakeJq(name == "any" ? Kind::kAny : Kind::kAll, std::move(first), std::move(second));
  }
  if (second != nullptr) {
    return nullptr;
  }
  for (const auto& [known, kind] : {std::pair{std::string_view("select"), Kind::kSelect},
                                    {"map", Kind::kMap},
                                    {"first", Kind::kFirst}}) {
    if (known == name) {
      return MakeJq(kind, std::move(first));
    }
  }
  return CallWithLiteral(name, *first);
}

// Behind `if` and `elif`.
Expression FastJqParser::If() {
  if (nesting_ == kMaxNesting) {
    return nullptr;
  }
  ++nesting_;
  Expression made = MakeJq(Kind::kIf, Pipe());
  if (made->first == nullptr || !cursor_.TakeWord("then")) {
    return nullptr;
  }
  made->second = Pipe();
  if (made->second == nullptr) {
    return nullptr;
  }
  if (cursor_.TakeWord("elif")) {
    made->third = If();
  } else if (cursor_.TakeWord("else")) {
    made->third = Pipe();
    made = cursor_.TakeWord("end") ? std::move(made) : nullptr;
  } else {
    made->third = MakeJq(Kind::kIdentity);
    made = cursor_.TakeWord("end") ? std::move(made) : nullptr;
  }
  is_grouped_ = true;
  --nesting_;
  return made != nullptr && made->third != nullptr ? std::move(made) : nullptr;
}

}  // namespace datalake::json

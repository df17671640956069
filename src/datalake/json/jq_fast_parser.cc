// Recursive descent with jq's precedences. Whatever is not surely understood gives nullptr, so no
// messages are made here: libjq runs the program or says what is wrong with it.
#include <charconv>
#include <limits>

#include "datalake/json/jq_fast.h"

namespace datalake::json {
namespace {

using Kind = JqExpression::Kind;
using Expression = std::unique_ptr<JqExpression>;

constexpr int kMaxNesting = 48;

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool IsNameChar(char c) {
  return IsNameStart(c) || IsDigit(c);
}

constexpr std::pair<std::string_view, JqOperator> kComparisons[] = {
    {"==", JqOperator::kEqual},          {"!=", JqOperator::kUnequal},
    {"<=", JqOperator::kLessOrEqual},    {"<", JqOperator::kLess},
    {">=", JqOperator::kGreaterOrEqual}, {">", JqOperator::kGreater},
};

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

Expression Make(Kind kind, Expression first = nullptr, Expression second = nullptr) {
  auto made = std::make_unique<JqExpression>();
  made->kind = kind;
  made->first = std::move(first);
  made->second = std::move(second);
  return made;
}

// Nothing when a part is missing.
Expression Join(Kind kind, Expression first, Expression second) {
  return first == nullptr || second == nullptr ? nullptr
                                               : Make(kind, std::move(first), std::move(second));
}

Expression Each(Expression of) {
  return Make(Kind::kEach, std::move(of));
}

class Parser {
 public:
  Parser(std::string_view text, JqDialect dialect) : text_(text), dialect_(dialect) {}

  Expression Parse() {
    Expression program = Pipe();
    SkipBlanks();
    return at_ == text_.size() ? std::move(program) : nullptr;
  }

 private:
  void SkipBlanks() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  std::string_view Rest() const { return text_.substr(at_); }

  bool Take(std::string_view token) {
    if (!Rest().starts_with(token)) {
      return false;
    }
    at_ += token.size();
    return true;
  }

  bool TakeSpaced(std::string_view token) {
    SkipBlanks();
    return Take(token);
  }

  // `token` unless one of `longer` stands there.
  bool TakeOperator(std::string_view token, std::initializer_list<std::string_view> longer) {
    SkipBlanks();
    for (const std::string_view other : longer) {
      if (Rest().starts_with(other)) {
        return false;
      }
    }
    return Take(token);
  }

  bool TakeWord(std::string_view word) {
    SkipBlanks();
    if (!Rest().starts_with(word) ||
        (at_ + word.size() < text_.size() && IsNameChar(text_[at_ + word.size()]))) {
      return false;
    }
    at_ += word.size();
    return true;
  }

  Expression Pipe() {
    if (nesting_ == kMaxNesting) {
      return nullptr;
    }
    ++nesting_;
    Expression left = Comma();
    if (left != nullptr && TakeOperator("|", {"|="})) {
      left = Join(Kind::kPipe, std::move(left), Pipe());
    }
    --nesting_;
    return left;
  }

  Expression Comma() {
    Expression left = Alternative();
    while (left != nullptr && TakeSpaced(",")) {
      left = Join(Kind::kComma, std::move(left), Alternative());
    }
    return left;
  }

  Expression Alternative() {
    Expression left = Or();
    if (left == nullptr || !TakeOperator("//", {"//="})) {
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

  Expression Or() {
    Expression left = And();
    while (left != nullptr && TakeWord("or")) {
      left = Join(Kind::kOr, std::move(left), And());
    }
    return left;
  }

  Expression And() {
    Expression left = Comparison();
    while (left != nullptr && TakeWord("and")) {
      left = Join(Kind::kAnd, std::move(left), Comparison());
    }
    return left;
  }

  const std::pair<std::string_view, JqOperator>* TakeComparison() {
    SkipBlanks();
    for (const auto& comparison : kComparisons) {
      if (Take(comparison.first)) {
        return &comparison;
      }
    }
    return nullptr;
  }

  // jaq goes on from the left, jq refuses a second one.
  Expression Comparison() {
    Expression left = Sum();
    bool is_second = false;
    while (left != nullptr) {
      const auto* comparison = TakeComparison();
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

  Expression Arithmetic(JqOperator sign, Expression left, Expression right) {
    Expression made = Join(Kind::kArithmetic, std::move(left), std::move(right));
    if (made != nullptr) {
      made->sign = sign;
    }
    return made;
  }

  Expression Sum() {
    Expression left = Product();
    while (left != nullptr) {
      if (TakeOperator("+", {"+="})) {
        left = Arithmetic(JqOperator::kAdd, std::move(left), Product());
      } else if (TakeOperator("-", {"-="})) {
        left = Arithmetic(JqOperator::kSubtract, std::move(left), Product());
      } else {
        break;
      }
    }
    return left;
  }

  Expression Product() {
    Expression left = Postfix();
    while (left != nullptr) {
      if (TakeOperator("*", {"*="})) {
        left = Arithmetic(JqOperator::kMultiply, std::move(left), Postfix());
      } else if (TakeOperator("/", {"/=", "//"})) {
        left = Arithmetic(JqOperator::kDivide, std::move(left), Postfix());
      } else {
        break;
      }
    }
    return left;
  }

  Expression Postfix() {
    SkipBlanks();
    Expression term = Term();
    while (term != nullptr && at_ < text_.size()) {
      if (Rest().starts_with("?//") && dialect_ == JqDialect::kJq) {
        return nullptr;  // a token of its own
      }
      if (Take("?")) {
        term = Optional(std::move(term));
      } else if (text_[at_] == '[') {
        term = Bracket(std::move(term));
      } else if (text_[at_] == '.') {
        term = Dot(std::move(term));
      } else {
        break;
      }
    }
    return term;
  }

  static bool IsStep(const JqExpression& term) {
    return term.kind == Kind::kField || term.kind == Kind::kIndex || term.kind == Kind::kEach;
  }

  // Behind a step it is of the step alone.
  Expression Optional(Expression term) {
    if (IsStep(*term) && !is_grouped_) {
      term->is_optional = true;
      return term;
    }
    return Make(Kind::kTry, std::move(term));
  }

  // .key, ."key", .[…]
  Expression Dot(Expression of) {
    is_grouped_ = false;
    ++at_;
    if (at_ == text_.size()) {
      return nullptr;
    }
    if (text_[at_] == '[') {
      return Bracket(std::move(of));
    }
    Expression field = Make(Kind::kField, std::move(of));
    if (text_[at_] == '"') {
      return String(field->key) ? std::move(field) : nullptr;
    }
    if (!IsNameStart(text_[at_])) {
      return nullptr;
    }
    field->key = Name();
    return field;
  }

  // [], [3], ["key"]
  Expression Bracket(Expression of) {
    is_grouped_ = false;
    ++at_;
    SkipBlanks();
    Expression step = Make(Kind::kEach, std::move(of));
    if (Take("]")) {
      return step;
    }
    if (at_ < text_.size() && text_[at_] == '"') {
      step->kind = Kind::kField;
      if (!String(step->key)) {
        return nullptr;
      }
    } else {
      step->kind = Kind::kIndex;
      const char* const begin = text_.data() + at_;
      const char* const end = text_.data() + text_.size();
      const auto read = std::from_chars(begin, end, step->index);
      if (read.ec != std::errc() || step->index > std::numeric_limits<std::int32_t>::max() ||
          step->index < std::numeric_limits<std::int32_t>::min()) {
        return nullptr;
      }
      at_ += static_cast<std::size_t>(read.ptr - begin);
    }
    return TakeSpaced("]") ? std::move(step) : nullptr;
  }

  std::string_view Name() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && IsNameChar(text_[at_])) {
      ++at_;
    }
    return text_.substr(begin, at_ - begin);
  }

  Expression Term() {
    is_grouped_ = true;  // unless the term turns out to be a step
    if (at_ == text_.size()) {
      return nullptr;
    }
    const char c = text_[at_];
    if (c == '.') {
      if (at_ + 1 < text_.size() &&
          (IsNameStart(text_[at_ + 1]) || text_[at_ + 1] == '"' || text_[at_ + 1] == '[')) {
        return Dot(Make(Kind::kIdentity));
      }
      ++at_;
      const bool is_other = at_ < text_.size() && (text_[at_] == '.' || IsDigit(text_[at_]));
      return is_other ? nullptr : Make(Kind::kIdentity);
    }
    if (c == '(') {
      ++at_;
      Expression inner = Pipe();
      is_grouped_ = true;
      return inner != nullptr && TakeSpaced(")") ? std::move(inner) : nullptr;
    }
    if (c == '[') {
      ++at_;
      Expression inner = Pipe();
      is_grouped_ = true;
      return inner != nullptr && TakeSpaced("]") ? Make(Kind::kCollect, std::move(inner)) : nullptr;
    }
    if (c == '"') {
      Expression literal = Make(Kind::kLiteral);
      if (!String(literal->key)) {
        return nullptr;
      }
      literal->literal.type = NodeType::kString;
      literal->literal.text = literal->key;
      return literal;
    }
    return IsDigit(c) || c == '-' ? Number() : Word();
  }

  // Escapes other than these are libjq's.
  bool String(std::string& out) {
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return true;
      }
      if (static_cast<unsigned char>(c) < 0x20) {
        return false;
      }
      if (c != '\\') {
        out.push_back(c);
        continue;
      }
      constexpr std::string_view kNames = "\"\\/nrtbf";
      constexpr std::string_view kMeanings = "\"\\/\n\r\t\b\f";
      const std::size_t which = ++at_ < text_.size() ? kNames.find(text_[at_]) : kNames.npos;
      if (which == kNames.npos) {
        return false;
      }
      out.push_back(kMeanings[which]);
    }
    return false;
  }

  Expression Number() {
    const std::size_t begin = at_;
    Take("-");
    if (at_ == text_.size() || !IsDigit(text_[at_])) {
      return nullptr;
    }
    Expression made = Make(Kind::kLiteral);
    FlatNode& node = made->literal;
    const char* const first = text_.data() + begin;
    const char* const last = text_.data() + text_.size();
    const auto integer = std::from_chars(first, last, node.integer);
    const bool is_plain = integer.ec == std::errc() &&
                          (integer.ptr == last ||
                           (*integer.ptr != '.' && *integer.ptr != 'e' && *integer.ptr != 'E'));
    const char* end = integer.ptr;
    node.type = NodeType::kInt;
    if (!is_plain) {
      const auto real = std::from_chars(first, last, node.number);
      if (real.ec != std::errc()) {
        return nullptr;
      }
      node.type = NodeType::kDouble;
      end = real.ptr;
    }
    at_ = begin + static_cast<std::size_t>(end - first);
    if (at_ < text_.size() && (IsNameChar(text_[at_]) || text_[at_] == '.')) {
      return nullptr;
    }
    return made;
  }

  Expression Constant(NodeType type, bool boolean) {
    Expression made = Make(Kind::kLiteral);
    made->literal.type = type;
    made->literal.boolean = boolean;
    return made;
  }

  Expression Word() {
    if (!IsNameStart(text_[at_])) {
      return nullptr;
    }
    const std::string_view name = Name();
    if (Rest().starts_with("::")) {
      return nullptr;
    }
    if (name == "if") {
      return If();
    }
    if (TakeSpaced("(")) {
      return Call(name);
    }
    if (name == "null") {
      return Constant(NodeType::kNull, false);
    }
    if (name == "true" || name == "false") {
      return Constant(NodeType::kBool, name == "true");
    }
    if (name == "any" || name == "all") {
      return Make(name == "any" ? Kind::kAny : Kind::kAll, Each(Make(Kind::kIdentity)),
                  Make(Kind::kIdentity));
    }
    if (name == "first" || name == "last") {
      Expression step = Make(Kind::kIndex, Make(Kind::kIdentity));
      step->index = name == "first" ? 0 : -1;
      return step;
    }
    if (dialect_ == JqDialect::kJaq && (name == "tostring" || name == "tojson")) {
      Expression made = Make(Kind::kToString);
      made->types = name == "tostring" ? jq_type::kString : 0;
      return made;
    }
    for (const Function& function : kPlainFunctions) {
      if (function.name == name) {
        Expression made = Make(function.kind);
        made->types = function.types;
        return made;
      }
    }
    return nullptr;
  }

  // Behind `name(`.
  Expression Call(std::string_view name) {
    Expression first = Pipe();
    Expression second;
    if (first != nullptr && TakeSpaced(";")) {
      second = Pipe();
      if (second == nullptr) {
        return nullptr;
      }
    }
    is_grouped_ = true;
    if (first == nullptr || !TakeSpaced(")")) {
      return nullptr;
    }
    if (name == "any" || name == "all") {
      if (second == nullptr) {
        second = std::exchange(first, Each(Make(Kind::kIdentity)));
      }
      return Make(name == "any" ? Kind::kAny : Kind::kAll, std::move(first), std::move(second));
    }
    if (second != nullptr) {
      return nullptr;
    }
    for (const auto& [known, kind] : {std::pair{std::string_view("select"), Kind::kSelect},
                                      {"map", Kind::kMap},
                                      {"first", Kind::kFirst}}) {
      if (known == name) {
        return Make(kind, std::move(first));
      }
    }
    return CallWithLiteral(name, *first);
  }

  static Expression CallWithLiteral(std::string_view name, const JqExpression& argument) {
    if (argument.kind != Kind::kLiteral) {
      return nullptr;
    }
    Expression made = Make(Kind::kHas);
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

  // Behind `if` and `elif`.
  Expression If() {
    if (nesting_ == kMaxNesting) {
      return nullptr;
    }
    ++nesting_;
    Expression made = Make(Kind::kIf, Pipe());
    if (made->first == nullptr || !TakeWord("then")) {
      return nullptr;
    }
    made->second = Pipe();
    if (made->second == nullptr) {
      return nullptr;
    }
    if (TakeWord("elif")) {
      made->third = If();
    } else if (TakeWord("else")) {
      made->third = Pipe();
      made = TakeWord("end") ? std::move(made) : nullptr;
    } else {
      made->third = Make(Kind::kIdentity);
      made = TakeWord("end") ? std::move(made) : nullptr;
    }
    is_grouped_ = true;
    --nesting_;
    return made != nullptr && made->third != nullptr ? std::move(made) : nullptr;
  }

  std::string_view text_;
  JqDialect dialect_;
  std::size_t at_ = 0;
  int nesting_ = 0;
  bool is_grouped_ = false;  // the term before is no bare step: `?` is of all of it
};

}  // namespace

std::unique_ptr<JqExpression> ParseFastJq(std::string_view text, JqDialect dialect) {
  return Parser(text, dialect).Parse();
}

}  // namespace datalake::json

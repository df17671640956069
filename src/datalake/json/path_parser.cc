// A parsing expression grammar by recursive descent with ordered choice, as the grammar of
// jsonpath-rust 0.3.5 is one: where two readings are possible, the first listed wins.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <re2/re2.h>

#include "datalake/json/path_internal.h"

namespace datalake::json {
namespace {

using Kind = PathStep::Kind;

constexpr std::size_t kMaxNesting = 64;

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool IsKeyChar(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' ||
         c == '/' || c == '\\' || c == '#';
}

constexpr std::pair<std::string_view, PathSign> kSigns[] = {
    {"==", PathSign::kEqual},
    {"!=", PathSign::kUnequal},
    {"~=", PathSign::kRegex},
    {">=", PathSign::kGreaterOrEqual},
    {">", PathSign::kGreater},
    {"<=", PathSign::kLessOrEqual},
    {"<", PathSign::kLess},
    {"in", PathSign::kIn},
    {"nin", PathSign::kNotIn},
    {"size", PathSign::kSize},
    {"noneOf", PathSign::kNoneOf},
    {"anyOf", PathSign::kAnyOf},
    {"subsetOf", PathSign::kSubsetOf},
};

class Parser {
 public:
  Parser(std::string_view text, PathProgram& program) : text_(text), program_(program) {}

  Status Parse() {
    SkipBlanks();
    const bool parsed = Chain(program_.chain);
    SkipBlanks();
    if (!error_.empty()) {
      return Failure(error_, error_at_);
    }
    if (!parsed || at_ != text_.size()) {
      return Failure(fmt::format("expected {}", expected_), farthest_);
    }
    return {};
  }

 private:
  // Keeps the farthest point that was reached and what would have gone on there, for the message.
  bool Expect(std::string_view what) {
    if (at_ >= farthest_) {
      farthest_ = at_;
      expected_ = what;
    }
    return false;
  }

  // An error that no other reading can mend.
  bool Refuse(std::string message, std::size_t at) {
    if (error_.empty()) {
      error_ = std::move(message);
      error_at_ = at;
    }
    return false;
  }

  Error Failure(std::string_view message, std::size_t at) const {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("bad JSONPath: {} at column {}: {}", message, at + 1, text_)};
  }

  void SkipBlanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' ||
                                  text_.substr(at_, 2) == "\r\n")) {
      ++at_;
    }
  }

  bool Take(std::string_view token) {
    if (text_.substr(at_, token.size()) == token) {
      at_ += token.size();
      return true;
    }
    return false;
  }

  // `token` after blanks; at_ stays where it was when it is not there.
  bool TakeSpaced(std::string_view token) {
    const std::size_t before = at_;
    SkipBlanks();
    if (Take(token)) {
      return true;
    }
    at_ = before;
    return false;
  }

  bool Chain(PathChain& chain) {
    if (nesting_ >= kMaxNesting) {
      return Refuse("nested too deep", at_);
    }
    ++nesting_;
    while (error_.empty()) {
      const std::size_t before = at_;
      if (!chain.steps.empty()) {
        SkipBlanks();
      }
      PathStep step;
      if (!Step(step)) {
        at_ = before;
        break;
      }
      chain.steps.push_back(std::move(step));
    }
    --nesting_;
    return !chain.steps.empty() && error_.empty();
  }

  bool Step(PathStep& step) {
    const std::size_t begin = at_;
    for (const auto option :
         {&Parser::Root, &Parser::Descent, &Parser::DescentAll, &Parser::Wildcard, &Parser::Current,
          &Parser::Field, &Parser::Index, &Parser::Length}) {
      at_ = begin;
      step = PathStep();
      if ((this->*option)(step)) {
        return true;
      }
      if (!error_.empty()) {
        return false;
      }
    }
    at_ = begin;
    return Expect("a step such as .key, ['key'], [0], [*] or [?(...)]");
  }

  bool Root(PathStep& step) {
    step.kind = Kind::kRoot;
    return Take("$");
  }

  bool TwoDots() { return Take(".") && TakeSpaced("."); }

  bool Descent(PathStep& step) {
    step.kind = Kind::kDescend;
    if (!TwoDots()) {
      return false;
    }
    SkipBlanks();
    return BareKey(step) || QuotedKey(step);
  }

  bool DescentAll(PathStep& step) {
    step.kind = Kind::kDescendAll;
    return TwoDots() && TakeSpaced("*");
  }

  bool Wildcard(PathStep& step) {
    step.kind = Kind::kWildcard;
    const std::size_t begin = at_;
    if (Take(".")) {
      SkipBlanks();
    }
    if (Take("[") && TakeSpaced("*") && TakeSpaced("]")) {
      return true;
    }
    at_ = begin;
    return Take(".") && TakeSpaced("*");
  }

  bool Current(PathStep& step) {
    step.kind = Kind::kCurrent;
    if (!Take("@")) {
      return false;
    }
    auto chain = std::make_unique<PathChain>();
    const std::size_t before = at_;
    SkipBlanks();
    if (Chain(*chain)) {
      step.chain = std::move(chain);
    } else {
      at_ = before;
    }
    return error_.empty();
  }

  bool Field(PathStep& step) {
    step.kind = Kind::kField;
    const std::size_t begin = at_;
    Take(".");
    if (QuotedKey(step)) {
      return true;
    }
    at_ = begin;
    return Take(".") && BareKey(step);
  }

  bool BareKey(PathStep& step) {
    if (text_.substr(at_, 8) == "length()") {
      return false;
    }
    const std::size_t begin = at_;
    while (at_ < text_.size() && IsKeyChar(text_[at_])) {
      ++at_;
    }
    if (at_ == begin) {
      return Expect("a key");
    }
    step.keys.emplace_back(text_.substr(begin, at_ - begin));
    return true;
  }

  bool QuotedKey(PathStep& step) {
    const std::size_t begin = at_;
    std::string key;
    if (Take("[") && Quoted(key) && Take("]")) {
      step.keys.push_back(std::move(key));
      return true;
    }
    at_ = begin;
    return false;
  }

  // '…' with escapes checked but kept as they are written, as the toolkit does.
  bool Quoted(std::string& out) {
    if (!Take("'")) {
      return Expect("a string in single quotes");
    }
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != '\'') {
      if (text_[at_] == '"') {
        return Expect("an escaped quote");
      }
      if (text_[at_] != '\\') {
        ++at_;
        continue;
      }
      if (!Escape()) {
        return Expect("an escape");
      }
    }
    out.assign(text_.substr(begin, at_ - begin));
    return Take("'") || Expect("a closing quote");
  }

  bool Escape() {
    if (at_ + 1 >= text_.size()) {
      return false;
    }
    if (std::string_view("\"'\\/bfnrt()").find(text_[at_ + 1]) != std::string_view::npos) {
      at_ += 2;
      return true;
    }
    const std::string_view digits = text_.substr(at_ + 2, 4);
    if (text_[at_ + 1] != 'u' || digits.size() < 4 ||
        digits.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos) {
      return false;
    }
    at_ += 6;
    return true;
  }

  bool Length(PathStep& step) {
    step.kind = Kind::kLength;
    return Take(".") && TakeSpaced("length") && TakeSpaced("(") && TakeSpaced(")");
  }

  bool Index(PathStep& step) {
    if (Take(".")) {
      SkipBlanks();
    }
    if (!Take("[")) {
      return Expect("[");
    }
    SkipBlanks();
    const std::size_t begin = at_;
    for (const auto option : {&Parser::KeyUnion, &Parser::IndexUnion, &Parser::Slice,
                              &Parser::SingleIndex, &Parser::Filter}) {
      at_ = begin;
      step = PathStep();
      // The choice is made by its own text; a missing bracket behind it is an error.
      if ((this->*option)(step)) {
        return TakeSpaced("]") || Expect("]");
      }
      if (!error_.empty()) {
        return false;
      }
    }
    at_ = begin;
    return Expect("an index, a slice, a quoted key or ?(...)");
  }

  bool KeyUnion(PathStep& step) {
    step.kind = Kind::kKeys;
    do {
      SkipBlanks();
      if (!Quoted(step.keys.emplace_back())) {
        return false;
      }
    } while (TakeSpaced(","));
    return step.keys.size() > 1;
  }

  bool IndexUnion(PathStep& step) {
    step.kind = Kind::kIndexes;
    const std::size_t begin = at_;
    std::vector<std::string_view> numbers;
    do {
      SkipBlanks();
      const std::string_view number = Number();
      if (number.empty()) {
        return false;
      }
      numbers.push_back(number);
    } while (TakeSpaced(","));
    if (numbers.size() < 2) {
      return false;
    }
    for (const std::string_view number : numbers) {
      if (!AddIndex(number, step)) {
        return in_operand_ > 0 ? UnionOfNumbers(numbers, step)
                               : Refuse("an index must be a small integer, not negative", begin);
      }
    }
    return true;
  }

  // Beside an operator a list of numbers is an array: it may hold any.
  bool UnionOfNumbers(const std::vector<std::string_view>& numbers, PathStep& step) {
    step.indexes.clear();
    for (const std::string_view number : numbers) {
      step.keys.emplace_back(number);
    }
    return true;
  }

  bool AddIndex(std::string_view digits, PathStep& step) {
    std::uint64_t index = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    if (error != std::errc() || end != digits.data() + digits.size() ||
        index > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return false;
    }
    step.indexes.push_back(index);
    return true;
  }

  // An integer with an optional sign; empty when there is none.
  std::string_view Signed() {
    const std::size_t begin = at_;
    Take("-");
    if (Digits().empty()) {
      at_ = begin;
    }
    return text_.substr(begin, at_ - begin);
  }

  std::string_view Digits() {
    const std::size_t begin = at_;
    if (!Take("0")) {
      while (at_ < text_.size() && IsDigit(text_[at_])) {
        ++at_;
      }
    }
    return text_.substr(begin, at_ - begin);
  }

  template <typename Integer>
  bool Convert(std::string_view digits, Integer& out) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return (error == std::errc() && end == digits.data() + digits.size()) ||
           Refuse("a number too large", at_);
  }

  bool Slice(PathStep& step) {
    step.kind = Kind::kSlice;
    const std::string_view begin = Signed();
    if (!TakeSpaced(":")) {
      return false;
    }
    SkipBlanks();
    const std::string_view end = Signed();
    std::string_view stride;
    if (TakeSpaced(":")) {
      SkipBlanks();
      stride = Digits();
      if (stride.empty()) {
        return Expect("a step");
      }
    }
    if ((!begin.empty() && !Convert(begin, step.slice_begin)) ||
        (!end.empty() && !Convert(end, step.slice_end)) ||
        (!stride.empty() && !Convert(stride, step.slice_step))) {
      return false;
    }
    return step.slice_step > 0 || Refuse("a step of 0", at_);
  }

  bool SingleIndex(PathStep& step) {
    step.kind = Kind::kIndex;
    const std::string_view digits = Digits();
    return !digits.empty() && (AddIndex(digits, step) || Refuse("an index too large", at_));
  }

  bool Filter(PathStep& step) {
    step.kind = Kind::kFilter;
    if (!Take("?") || !TakeSpaced("(")) {
      return Expect("?(");
    }
    step.filter = Or();
    return step.filter != nullptr && (TakeSpaced(")") || Expect(")"));
  }

  std::unique_ptr<PathFilter> Or() { return Joined(PathFilter::Kind::kOr, "||", &Parser::And); }

  std::unique_ptr<PathFilter> And() { return Joined(PathFilter::Kind::kAnd, "&&", &Parser::Not); }

  // a ~ (token ~ a)*, joined from the left.
  std::unique_ptr<PathFilter> Joined(PathFilter::Kind kind, std::string_view token,
                                     std::unique_ptr<PathFilter> (Parser::*part)()) {
    std::unique_ptr<PathFilter> left = (this->*part)();
    while (left != nullptr && TakeSpaced(token)) {
      auto joined = std::make_unique<PathFilter>();
      joined->kind = kind;
      joined->first = std::move(left);
      joined->second = (this->*part)();
      if (joined->second == nullptr) {
        return nullptr;
      }
      left = std::move(joined);
    }
    return left;
  }

  std::unique_ptr<PathFilter> Not() {
    SkipBlanks();
    if (!Take("!")) {
      return LogicAtom();
    }
    auto negation = std::make_unique<PathFilter>();
    negation->kind = PathFilter::Kind::kNot;
    negation->first = LogicAtom();
    return negation->first == nullptr ? nullptr : std::move(negation);
  }

  std::unique_ptr<PathFilter> LogicAtom() {
    SkipBlanks();
    const std::size_t begin = at_;
    if (auto comparison = Comparison(); comparison != nullptr) {
      return comparison;
    }
    at_ = begin;
    if (!error_.empty() || !Take("(")) {
      return nullptr;
    }
    if (nesting_ >= kMaxNesting) {
      Refuse("nested too deep", at_);
      return nullptr;
    }
    ++nesting_;
    auto inner = Or();
    --nesting_;
    if (inner == nullptr || !TakeSpaced(")")) {
      Expect(")");
      return nullptr;
    }
    return inner;
  }

  std::unique_ptr<PathFilter> Comparison() {
    auto comparison = std::make_unique<PathFilter>();
    if (!Operand(comparison->left)) {
      return nullptr;
    }
    const std::size_t behind_left = at_;
    SkipBlanks();
    for (const auto& [token, sign] : kSigns) {
      if (!Take(token)) {
        continue;
      }
      SkipBlanks();
      // As in any ordered choice: "in" is tried, and when no operand follows, the atom stands
      // alone.
      if (Operand(comparison->right)) {
        comparison->sign = sign;
        return CompileRegex(*comparison) ? std::move(comparison) : nullptr;
      }
      break;
    }
    Expect("an operator such as ==, <, in, && or )");
    at_ = behind_left;
    comparison->right = PathOperand();
    return comparison;
  }

  bool CompileRegex(PathFilter& comparison) {
    const std::vector<FlatNode>& constant = comparison.right.constant;
    if (comparison.sign != PathSign::kRegex || constant.size() != 1 ||
        constant.front().type != NodeType::kString) {
      return true;
    }
    re2::RE2::Options options;
    options.set_log_errors(false);
    auto regex = std::make_shared<re2::RE2>(
        re2::StringPiece(constant.front().text.data(), constant.front().text.size()), options);
    if (!regex->ok()) {
      return Refuse(fmt::format("bad regular expression ({})", regex->error()), at_);
    }
    comparison.regex = std::move(regex);
    return true;
  }

  bool Operand(PathOperand& operand) {
    const std::size_t begin = at_;
    auto chain = std::make_unique<PathChain>();
    ++in_operand_;
    const bool is_chain = Chain(*chain);
    --in_operand_;
    if (is_chain) {
      return ConstantOf(*chain, operand) || (operand.chain = std::move(chain), true);
    }
    at_ = begin;
    if (!error_.empty()) {
      return false;
    }
    if (std::string string; Quoted(string)) {
      operand.constant.push_back(StringNode(std::move(string)));
      return true;
    }
    at_ = begin;
    if (const std::string_view number = Number(); !number.empty()) {
      operand.constant.push_back(NumberNode(number));
      return true;
    }
    for (const std::string_view word : {"true", "false", "null"}) {
      if (Take(word)) {
        FlatNode& node = operand.constant.emplace_back();
        node.type = word == "null" ? NodeType::kNull : NodeType::kBool;
        node.boolean = word == "true";
        return true;
      }
    }
    return Expect("a path, a string, a number, true, false or null");
  }

  // A chain that is only ['a'], ['a','b'] or [1,2] is an array beside an operator.
  bool ConstantOf(PathChain& chain, PathOperand& operand) {
    if (chain.steps.size() != 1) {
      return false;
    }
    PathStep& step = chain.steps.front();
    std::vector<FlatNode> items;
    if (step.kind == Kind::kField || step.kind == Kind::kKeys) {
      for (std::string& key : step.keys) {
        items.push_back(StringNode(std::move(key)));
      }
    } else if (step.kind == Kind::kIndexes) {
      for (const std::uint64_t index : step.indexes) {
        items.push_back(NumberNode(std::to_string(index)));
      }
      for (const std::string& number : step.keys) {
        items.push_back(NumberNode(number));
      }
    } else {
      return false;
    }
    FlatNode array;
    array.type = NodeType::kArray;
    array.size = static_cast<std::uint32_t>(items.size());
    array.span = array.size + 1;
    operand.constant.push_back(array);
    operand.constant.insert(operand.constant.end(), items.begin(), items.end());
    return true;
  }

  FlatNode StringNode(std::string string) {
    program_.strings.push_back(std::make_unique<std::string>(std::move(string)));
    FlatNode node;
    node.type = NodeType::kString;
    node.text = *program_.strings.back();
    return node;
  }

  static FlatNode NumberNode(std::string_view text) {
    FlatNode node;
    const char* const end = text.data() + text.size();
    if (const auto read = std::from_chars(text.data(), end, node.integer);
        read.ec == std::errc() && read.ptr == end) {
      node.type = NodeType::kInt;
      return node;
    }
    node.type = NodeType::kDouble;
    if (std::from_chars(text.data(), end, node.number).ec != std::errc()) {
      node.number = text.front() == '-' ? -std::numeric_limits<double>::infinity()
                                        : std::numeric_limits<double>::infinity();
    }
    return node;
  }

  // -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?; empty when there is none.
  std::string_view Number() {
    const std::size_t begin = at_;
    Take("-");
    if (Digits().empty()) {
      at_ = begin;
      return {};
    }
    const std::size_t integer_end = at_;
    if (Take(".") && !AnyDigits()) {
      at_ = integer_end;
    }
    const std::size_t fraction_end = at_;
    if (Take("e") || Take("E")) {
      if (!Take("+")) {
        Take("-");
      }
      if (!AnyDigits()) {
        at_ = fraction_end;
      }
    }
    return text_.substr(begin, at_ - begin);
  }

  bool AnyDigits() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && IsDigit(text_[at_])) {
      ++at_;
    }
    return at_ > begin;
  }

  std::string_view text_;
  PathProgram& program_;
  std::size_t at_ = 0;
  std::size_t farthest_ = 0;
  std::string_view expected_ = "a path";
  std::string error_;
  std::size_t error_at_ = 0;
  std::size_t nesting_ = 0;
  std::size_t in_operand_ = 0;
};

}  // namespace

Result<std::unique_ptr<PathProgram>> ParsePath(std::string_view text, NumberEquality numbers) {
  auto program = std::make_unique<PathProgram>();
  program->text = text;
  program->numbers = numbers;
  DATALAKE_TRY(Parser(program->text, *program).Parse());
  return program;
}

}  // namespace datalake::json

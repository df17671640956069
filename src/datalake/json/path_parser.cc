#include "datalake/json/path_parser.h"

#include <charconv>
#include <limits>
#include <utility>

namespace datalake::json {
namespace {

using Kind = PathStep::Kind;

bool IsKeyChar(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         c == '-' || c == '/' || c == '\\' || c == '#';
}

}  // namespace

Status PathParser::Parse() {
  SkipBlanks();
  const bool parsed = Chain(program_.chain);
  SkipBlanks();
  if (is_refused() || !parsed || at_ != text_.size()) {
    return Failure();
  }
  return {};
}

bool PathParser::Chain(PathChain& chain) {
  if (nesting_ >= kMaxPathNesting) {
    return Refuse("nested too deep", at_);
  }
  if (++tries_ > kMaxPathTries) {
    return Refuse("too many ways to read it", at_);
  }
  ++nesting_;
  while (!is_refused()) {
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
  return !chain.steps.empty() && !is_refused();
}

bool PathParser::Step(PathStep& step) {
  const std::size_t begin = at_;
  for (const auto option :
       {&PathParser::Root, &PathParser::Descent, &PathParser::DescentAll, &PathParser::Wildcard,
        &PathParser::Current, &PathParser::Field, &PathParser::Index, &PathParser::Length}) {
    at_ = begin;
    step = PathStep();
    if ((this->*option)(step)) {
      return true;
    }
    if (is_refused()) {
      return false;
    }
  }
  at_ = begin;
  return Expect("a step such as .key, ['key'], [0], [*] or [?(...)]");
}

bool PathParser::Root(PathStep& step) {
  step.kind = Kind::kRoot;
  return Take("$");
}

bool PathParser::TwoDots() {
  return Take(".") && TakeSpaced(".");
}

bool PathParser::Descent(PathStep& step) {
  step.kind = Kind::kDescend;
  if (!TwoDots()) {
    return false;
  }
  SkipBlanks();
  return BareKey(step) || QuotedKey(step);
}

bool PathParser::DescentAll(PathStep& step) {
  step.kind = Kind::kDescendAll;
  return TwoDots() && TakeSpaced("*");
}

bool PathParser::Wildcard(PathStep& step) {
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

bool PathParser::Current(PathStep& step) {
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
  return !is_refused();
}

bool PathParser::Field(PathStep& step) {
  step.kind = Kind::kField;
  const std::size_t begin = at_;
  Take(".");
  if (QuotedKey(step)) {
    return true;
  }
  at_ = begin;
  return Take(".") && BareKey(step);
}

bool PathParser::BareKey(PathStep& step) {
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

bool PathParser::QuotedKey(PathStep& step) {
  const std::size_t begin = at_;
  std::string key;
  if (Take("[") && Quoted(key) && Take("]")) {
    step.keys.push_back(std::move(key));
    return true;
  }
  at_ = begin;
  return false;
}

bool PathParser::Length(PathStep& step) {
  step.kind = Kind::kLength;
  return Take(".") && TakeSpaced("length") && TakeSpaced("(") && TakeSpaced(")");
}

bool PathParser::Index(PathStep& step) {
  if (Take(".")) {
    SkipBlanks();
  }
  if (!Take("[")) {
    return Expect("[");
  }
  SkipBlanks();
  const std::size_t begin = at_;
  for (const auto option : {&PathParser::KeyUnion, &PathParser::IndexUnion, &PathParser::Slice,
                            &PathParser::SingleIndex, &PathParser::Filter}) {
    at_ = begin;
    step = PathStep();
    // The choice is made by its own text; a missing bracket behind it is an error.
    if ((this->*option)(step)) {
      return TakeSpaced("]") || Expect("]");
    }
    if (is_refused()) {
      return false;
    }
  }
  at_ = begin;
  return Expect("an index, a slice, a quoted key or ?(...)");
}

bool PathParser::KeyUnion(PathStep& step) {
  step.kind = Kind::kKeys;
  do {
    SkipBlanks();
    if (!Quoted(step.keys.emplace_back())) {
      return false;
    }
  } while (TakeSpaced(","));
  return step.keys.size() > 1;
}

bool PathParser::IndexUnion(PathStep& step) {
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

bool PathParser::UnionOfNumbers(const std::vector<std::string_view>& numbers, PathStep& step) {
  step.indexes.clear();
  for (const std::string_view number : numbers) {
    step.keys.emplace_back(number);
  }
  return true;
}

bool PathParser::AddIndex(std::string_view digits, PathStep& step) {
  std::uint64_t index = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  if (error != std::errc() || end != digits.data() + digits.size() ||
      index > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return false;
  }
  step.indexes.push_back(index);
  return true;
}

bool PathParser::Slice(PathStep& step) {
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

bool PathParser::SingleIndex(PathStep& step) {
  step.kind = Kind::kIndex;
  const std::string_view digits = Digits();
  return !digits.empty() && (AddIndex(digits, step) || Refuse("an index too large", at_));
}

Result<std::unique_ptr<PathProgram>> ParsePath(std::string_view text, NumberEquality numbers) {
  auto program = std::make_unique<PathProgram>();
  program->text = text;
  program->numbers = numbers;
  DATALAKE_TRY(PathParser(program->text, *program).Parse());
  return program;
}

}  // namespace datalake::json

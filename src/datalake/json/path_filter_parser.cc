#include <charconv>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <re2/re2.h>

#include "datalake/json/path_parser.h"

namespace datalake::json {
namespace {

using Kind = PathStep::Kind;

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

FlatNode NumberNode(std::string_view text) {
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

}  // namespace

FlatNode PathParser::StringNode(std::string string) {
  program_.strings.push_back(std::make_unique<std::string>(std::move(string)));
  FlatNode node;
  node.type = NodeType::kString;
  node.text = *program_.strings.back();
  return node;
}

bool PathParser::Filter(PathStep& step) {
  step.kind = Kind::kFilter;
  if (!Take("?") || !TakeSpaced("(")) {
    return Expect("?(");
  }
  step.filter = Or();
  return step.filter != nullptr && (TakeSpaced(")") || Expect(")"));
}

std::unique_ptr<PathFilter> PathParser::Or() {
  return Joined(PathFilter::Kind::kOr, "||", &PathParser::And);
}

std::unique_ptr<PathFilter> PathParser::And() {
  return Joined(PathFilter::Kind::kAnd, "&&", &PathParser::Not);
}

std::unique_ptr<PathFilter> PathParser::Joined(PathFilter::Kind kind, std::string_view token,
                                               std::unique_ptr<PathFilter> (PathParser::*part)()) {
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

std::unique_ptr<PathFilter> PathParser::Not() {
  SkipBlanks();
  if (!Take("!")) {
    return LogicAtom();
  }
  auto negation = std::make_unique<PathFilter>();
  negation->kind = PathFilter::Kind::kNot;
  negation->first = LogicAtom();
  return negation->first == nullptr ? nullptr : std::move(negation);
}

std::unique_ptr<PathFilter> PathParser::LogicAtom() {
  SkipBlanks();
  const std::size_t begin = at_;
  if (auto comparison = Comparison(); comparison != nullptr) {
    return comparison;
  }
  at_ = begin;
  if (is_refused() || !Take("(")) {
    return nullptr;
  }
  if (nesting_ >= kMaxPathNesting) {
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

std::unique_ptr<PathFilter> PathParser::Comparison() {
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

bool PathParser::CompileRegex(PathFilter& comparison) {
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

bool PathParser::Operand(PathOperand& operand) {
  const std::size_t begin = at_;
  auto chain = std::make_unique<PathChain>();
  ++in_operand_;
  const bool is_chain = Chain(*chain);
  --in_operand_;
  if (is_chain) {
    return ConstantOf(*chain, operand) || (operand.chain = std::move(chain), true);
  }
  at_ = begin;
  if (is_refused()) {
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

bool PathParser::ConstantOf(PathChain& chain, PathOperand& operand) {
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

}  // namespace datalake::json

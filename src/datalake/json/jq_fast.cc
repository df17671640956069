// A program is run by handing each output on as it is made: what takes it says whether to go on.
#include "datalake/json/jq_fast.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "datalake/json/jq_fast_run.h"

namespace datalake::json {
namespace {

using Kind = JqExpression::Kind;

bool Holds(JqOperator sign, int order) {
  switch (sign) {
    case JqOperator::kEqual:
      return order == 0;
    case JqOperator::kUnequal:
      return order != 0;
    case JqOperator::kLess:
      return order < 0;
    case JqOperator::kLessOrEqual:
      return order <= 0;
    case JqOperator::kGreater:
      return order > 0;
    default:
      return order >= 0;
  }
}

// Outputs that the run made are copied, as they end with the call; others stay where they are.
class Outputs {
 public:
  Outputs(const FlatNode& root, JqArena& arena, std::vector<const FlatNode*>& out)
      : begin_(&root), end_(&root + root.span), arena_(arena), out_(out) {}

  JqFlow operator()(const FlatNode& node) const {
    if (out_.size() >= Jq::kMaxOutputs) {
      return JqFlow::kBail;  // libjq finds the same, and says it
    }
    const bool is_of_root = !std::less<>()(&node, begin_) && std::less<>()(&node, end_);
    // Made arrays and objects lie in lists of the arena, which live on.
    const bool is_made_list = node.type == NodeType::kArray || node.type == NodeType::kObject;
    out_.push_back(
        is_of_root || is_made_list || node.span > 1 ? &node : &arena_.scalars.emplace_back(node));
    return JqFlow::kGo;
  }

 private:
  const FlatNode* begin_;
  const FlatNode* end_;
  JqArena& arena_;
  std::vector<const FlatNode*>& out_;
};

}  // namespace

FlatNode JqBool(bool value) {
  FlatNode node;
  node.type = NodeType::kBool;
  node.boolean = value;
  return node;
}

bool IsJqTrue(const FlatNode& node) {
  return node.type != NodeType::kNull && (node.type != NodeType::kBool || node.boolean);
}

std::string_view JqTypeName(const FlatNode& node) {
  switch (node.type) {
    case NodeType::kNull:
      return "null";
    case NodeType::kBool:
      return "boolean";
    case NodeType::kString:
      return "string";
    case NodeType::kArray:
      return "array";
    case NodeType::kObject:
      return "object";
    default:
      return "number";
  }
}

std::uint8_t JqTypeBit(const FlatNode& node) {
  switch (node.type) {
    case NodeType::kNull:
      return jq_type::kNull;
    case NodeType::kBool:
      return jq_type::kBool;
    case NodeType::kString:
      return jq_type::kString;
    case NodeType::kArray:
      return jq_type::kArray;
    case NodeType::kObject:
      return jq_type::kObject;
    default:
      return jq_type::kNumber;
  }
}

JqFlow JqRun::Fail(std::string message) {
  error_ = std::move(message);
  return JqFlow::kError;
}

JqFlow JqRun::FailStep(bool is_optional, std::string message) {
  return is_optional ? JqFlow::kGo : Fail(std::move(message));
}

// The right side is the outer loop.
template <typename Use>
JqFlow JqRun::Operands(const JqExpression& e, const FlatNode& in, const Use& use) {
  if (is_jaq_) {
    return OperandsOfJaq(e, in, use);
  }
  return Do(*e.second, in, [&](const FlatNode& b) {
    return Do(*e.first, in, [&](const FlatNode& a) { return use(a, b); });
  });
}

// In jaq the left one is. Its errors are outputs too, so they count only beside one of the right.
template <typename Use>
JqFlow JqRun::OperandsOfJaq(const JqExpression& e, const FlatNode& in, const Use& use) {
  bool is_behind = false;
  const JqFlow flow = Do(*e.first, in, [&](const FlatNode& a) {
    const JqFlow behind = Do(*e.second, in, [&](const FlatNode& b) { return use(a, b); });
    is_behind = behind != JqFlow::kGo;
    return behind;
  });
  if (flow != JqFlow::kError || is_behind) {
    return flow;
  }
  const std::string left_error = error_;
  bool has_right = false;
  const JqFlow right = Do(*e.second, in, [&](const FlatNode&) {
    has_right = true;
    return JqFlow::kStop;
  });
  if (right == JqFlow::kBail || (right == JqFlow::kGo && !has_right)) {
    return right;
  }
  error_ = left_error;
  return JqFlow::kError;
}

template <typename Fill>
JqFlow JqRun::Collect(JqSink out, const Fill& fill) {
  if (arena_.lists_used == arena_.lists.size()) {
    arena_.lists.emplace_back();
  }
  std::vector<FlatNode>& list = arena_.lists[arena_.lists_used++];
  list.clear();
  list.emplace_back().type = NodeType::kArray;
  std::uint32_t size = 0;
  const auto add = [&](const FlatNode& node) {
    list_nodes_ += node.span;
    if (list_nodes_ > kMaxListNodes) {
      return JqFlow::kBail;
    }
    list.insert(list.end(), &node, &node + node.span);
    ++size;
    return JqFlow::kGo;
  };
  if (const JqFlow flow = fill(JqSink(add)); flow != JqFlow::kGo) {
    return flow;
  }
  list.front().size = size;
  list.front().span = static_cast<std::uint32_t>(list.size());
  return out(list.front());
}

JqFlow JqRun::Do(const JqExpression& e, const FlatNode& in, JqSink out) {
  return ++steps_ > kMaxSteps ? JqFlow::kBail : Step(e, in, out);
}

JqFlow JqRun::Step(const JqExpression& e, const FlatNode& in, JqSink out) {
  switch (e.kind) {
    case Kind::kIdentity:
      return out(in);
    case Kind::kLiteral:
      return out(e.literal);
    case Kind::kField:
      return Do(*e.first, in, [&](const FlatNode& of) { return Field(e, of, out); });
    case Kind::kIndex:
      return Do(*e.first, in, [&](const FlatNode& of) { return Index(e, of, out); });
    case Kind::kEach:
      return Do(*e.first, in, [&](const FlatNode& of) { return Each(e.is_optional, of, out); });
    case Kind::kPipe:
      return Do(*e.first, in, [&](const FlatNode& of) { return Do(*e.second, of, out); });
    case Kind::kComma: {
      const JqFlow flow = Do(*e.first, in, out);
      return flow == JqFlow::kGo ? Do(*e.second, in, out) : flow;
    }
    case Kind::kTry:
      return Try(e, in, out);
    case Kind::kAlternative:
      return Alternative(e, in, out);
    case Kind::kAnd:
    case Kind::kOr:
      return Logic(e, in, out);
    case Kind::kCompare:
      return Operands(e, in, [&](const FlatNode& a, const FlatNode& b) {
        return out(JqBool(Holds(e.sign, CompareJq(a, b))));
      });
    case Kind::kArithmetic:
      return Operands(e, in, [&](const FlatNode& a, const FlatNode& b) {
        return Calculate(e.sign, a, b, out);
      });
    case Kind::kIf:
      return Do(*e.first, in, [&](const FlatNode& condition) {
        return Do(IsJqTrue(condition) ? *e.second : *e.third, in, out);
      });
    case Kind::kSelect:
      return Do(*e.first, in, [&](const FlatNode& condition) {
        return IsJqTrue(condition) ? out(in) : JqFlow::kGo;
      });
    case Kind::kCollect:
      return Collect(out, [&](JqSink add) { return Do(*e.first, in, add); });
    case Kind::kMap:
      return Collect(out, [&](JqSink add) {
        return Each(false, in, [&](const FlatNode& of) { return Do(*e.first, of, add); });
      });
    case Kind::kAny:
    case Kind::kAll:
      return Quantify(e, in, out);
    case Kind::kFirst:
      return First(e, in, out);
    default:
      return Function(e, in, out);
  }
}

// Errors of what comes behind pass.
JqFlow JqRun::Try(const JqExpression& e, const FlatNode& in, JqSink out) {
  bool is_behind = false;
  const JqFlow flow = Do(*e.first, in, [&](const FlatNode& node) {
    const JqFlow behind = out(node);
    is_behind = behind != JqFlow::kGo;
    return behind;
  });
  return flow == JqFlow::kError && !is_behind ? JqFlow::kGo : flow;
}

JqFlow JqRun::Alternative(const JqExpression& e, const FlatNode& in, JqSink out) {
  bool is_found = false;
  bool is_behind = false;
  const JqFlow flow = Do(*e.first, in, [&](const FlatNode& node) {
    if (!IsJqTrue(node)) {
      return JqFlow::kGo;
    }
    is_found = true;
    const JqFlow behind = out(node);
    is_behind = behind != JqFlow::kGo;
    return behind;
  });
  if (flow == JqFlow::kError && !is_behind && !is_jaq_) {
    return JqFlow::kBail;  // versions of jq differ
  }
  return flow != JqFlow::kGo || is_found ? flow : Do(*e.second, in, out);
}

JqFlow JqRun::Logic(const JqExpression& e, const FlatNode& in, JqSink out) {
  const bool decides = e.kind == Kind::kOr;
  return Do(*e.first, in, [&](const FlatNode& left) {
    if (IsJqTrue(left) == decides) {
      return out(JqBool(decides));
    }
    return Do(*e.second, in, [&](const FlatNode& right) { return out(JqBool(IsJqTrue(right))); });
  });
}

JqFlow JqRun::Quantify(const JqExpression& e, const FlatNode& in, JqSink out) {
  const bool decides = e.kind == Kind::kAny;
  bool is_decided = false;
  const JqFlow flow = Do(*e.first, in, [&](const FlatNode& element) {
    return Do(*e.second, element, [&](const FlatNode& condition) {
      is_decided = IsJqTrue(condition) == decides;
      return is_decided ? JqFlow::kStop : JqFlow::kGo;
    });
  });
  if (flow == JqFlow::kError || flow == JqFlow::kBail) {
    return flow;
  }
  return out(JqBool(is_decided == decides));
}

JqFlow JqRun::First(const JqExpression& e, const FlatNode& in, JqSink out) {
  bool is_found = false;
  JqFlow behind = JqFlow::kGo;
  const JqFlow flow = Do(*e.first, in, [&](const FlatNode& node) {
    is_found = true;
    behind = out(node);
    return behind == JqFlow::kGo ? JqFlow::kStop : behind;
  });
  return is_found ? behind : flow;
}

void JqArena::Clear() {
  scalars.clear();
  lists_used = 0;
}

JqOutcome RunFastJq(const JqExpression& program, JqDialect dialect, const FlatNode& root,
                    JqArena& arena, std::vector<const FlatNode*>& out, std::string& error) {
  const std::size_t before = out.size();
  const Outputs outputs(root, arena, out);
  const JqFlow flow = JqRun(dialect, arena, error).Do(program, root, outputs);
  if (flow == JqFlow::kGo) {
    return JqOutcome::kDone;
  }
  out.resize(before);
  return flow == JqFlow::kBail ? JqOutcome::kBail : JqOutcome::kError;
}

}  // namespace datalake::json

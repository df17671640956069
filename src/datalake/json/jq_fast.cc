// A program is run by handing each output on as it is made: what takes it says whether to go on.
#include "datalake/json/jq_fast.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace datalake::json {
namespace {

using Kind = JqExpression::Kind;

enum class Flow : std::uint8_t { kGo, kStop, kError, kBail };

// What takes outputs: a reference to a callable that lives longer than the call it is passed to.
class Sink {
 public:
  template <typename Callable>
  Sink(const Callable& callable)
      : callable_(&callable), call_([](const void* of, const FlatNode& node) {
          return (*static_cast<const Callable*>(of))(node);
        }) {}

  Flow operator()(const FlatNode& node) const { return call_(callable_, node); }

 private:
  const void* callable_;
  Flow (*call_)(const void*, const FlatNode&);
};

constexpr double kExactIntegers = 0x1p53;

FlatNode BoolNode(bool value) {
  FlatNode node;
  node.type = NodeType::kBool;
  node.boolean = value;
  return node;
}

// As `if`, `and`, `select` see it.
bool IsTrue(const FlatNode& node) {
  return node.type != NodeType::kNull && (node.type != NodeType::kBool || node.boolean);
}

std::string_view NameOf(const FlatNode& node) {
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

std::uint8_t BitOf(const FlatNode& node) {
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

std::int64_t CountCodePoints(std::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

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

class Run {
 public:
  Run(JqDialect dialect, JqArena& arena, std::string& error)
      : is_jaq_(dialect == JqDialect::kJaq), arena_(arena), error_(error) {}

  Flow Do(const JqExpression& e, const FlatNode& in, Sink out) {
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
        const Flow flow = Do(*e.first, in, out);
        return flow == Flow::kGo ? Do(*e.second, in, out) : flow;
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
          return out(BoolNode(Holds(e.sign, CompareJq(a, b))));
        });
      case Kind::kArithmetic:
        return Operands(e, in, [&](const FlatNode& a, const FlatNode& b) {
          return Calculate(e.sign, a, b, out);
        });
      case Kind::kIf:
        return Do(*e.first, in, [&](const FlatNode& condition) {
          return Do(IsTrue(condition) ? *e.second : *e.third, in, out);
        });
      case Kind::kSelect:
        return Do(*e.first, in, [&](const FlatNode& condition) {
          return IsTrue(condition) ? out(in) : Flow::kGo;
        });
      case Kind::kCollect:
        return Collect(out, [&](Sink add) { return Do(*e.first, in, add); });
      case Kind::kMap:
        return Collect(out, [&](Sink add) {
          return Each(false, in, [&](const FlatNode& of) { return Do(*e.first, of, add); });
        });
      case Kind::kAny:
      case Kind::kAll:
        return Quantify(e, in, out);
      case Kind::kFirst:
        return First(e, in, out);
      default:
        return Plain(e, in, out);
    }
  }

 private:
  Flow Fail(std::string message) {
    error_ = std::move(message);
    return Flow::kError;
  }

  Flow FailStep(bool is_optional, std::string message) {
    return is_optional ? Flow::kGo : Fail(std::move(message));
  }

  Flow Field(const JqExpression& e, const FlatNode& of, Sink out) {
    if (of.type == NodeType::kObject) {
      const FlatNode* member = FindMember(of, e.key);
      return out(member == nullptr ? null_ : *member);
    }
    if (of.type == NodeType::kNull && !is_jaq_) {
      return out(null_);
    }
    return FailStep(e.is_optional, fmt::format("cannot index {} with \"{}\"", NameOf(of), e.key));
  }

  Flow Index(const JqExpression& e, const FlatNode& of, Sink out) {
    if (of.type == NodeType::kArray) {
      const std::int64_t at = e.index < 0 ? e.index + std::int64_t{of.size} : e.index;
      const FlatNode* element = at < 0 ? nullptr : FindElement(of, static_cast<std::uint64_t>(at));
      return out(element == nullptr ? null_ : *element);
    }
    if (of.type == NodeType::kNull && !is_jaq_) {
      return out(null_);
    }
    return FailStep(e.is_optional, fmt::format("cannot index {} with number", NameOf(of)));
  }

  Flow Each(bool is_optional, const FlatNode& of, Sink out) {
    if (of.type == NodeType::kObject) {
      return EachMember(of, out);
    }
    if (of.type != NodeType::kArray) {
      return FailStep(is_optional, fmt::format("cannot iterate over {}", NameOf(of)));
    }
    const FlatNode* child = &of + 1;
    for (std::uint32_t i = 0; i < of.size; ++i, child += child->span) {
      if (const Flow flow = out(*child); flow != Flow::kGo) {
        return flow;
      }
    }
    return Flow::kGo;
  }

  // In the order of the text, or by name; of a repeated name the last value.
  Flow EachMember(const FlatNode& object, Sink out) {
    std::vector<const FlatNode*> members = Members(object);
    if (is_jaq_) {
      std::sort(members.begin(), members.end(),
                [](const FlatNode* a, const FlatNode* b) { return a->key < b->key; });
    }
    for (const FlatNode* member : members) {
      if (const Flow flow = out(*member); flow != Flow::kGo) {
        return flow;
      }
    }
    return Flow::kGo;
  }

  static std::vector<const FlatNode*> Members(const FlatNode& object) {
    std::vector<const FlatNode*> members;
    const FlatNode* child = &object + 1;
    for (std::uint32_t i = 0; i < object.size; ++i, child += child->span) {
      if (!child->is_erased) {
        members.push_back(child);
      }
    }
    std::vector<const FlatNode*> sorted = members;
    std::sort(sorted.begin(), sorted.end(), [](const FlatNode* a, const FlatNode* b) {
      return a->key != b->key ? a->key < b->key : a < b;
    });
    const auto same = [](const FlatNode* a, const FlatNode* b) { return a->key == b->key; };
    if (std::adjacent_find(sorted.begin(), sorted.end(), same) != sorted.end()) {
      KeepLastValues(sorted, members);
    }
    return members;
  }

  // A repeated name stays at its first place with its last value: later nodes lie behind.
  static void KeepLastValues(const std::vector<const FlatNode*>& sorted,
                             std::vector<const FlatNode*>& members) {
    const auto less = [](const FlatNode* a, const FlatNode* b) { return a->key < b->key; };
    std::vector<const FlatNode*> kept;
    for (const FlatNode* member : members) {
      const auto [first, behind] = std::equal_range(sorted.begin(), sorted.end(), member, less);
      if (*first == member) {
        kept.push_back(*std::prev(behind));
      }
    }
    members = std::move(kept);
  }

  // Errors of what comes behind pass.
  Flow Try(const JqExpression& e, const FlatNode& in, Sink out) {
    bool is_behind = false;
    const Flow flow = Do(*e.first, in, [&](const FlatNode& node) {
      const Flow behind = out(node);
      is_behind = behind != Flow::kGo;
      return behind;
    });
    return flow == Flow::kError && !is_behind ? Flow::kGo : flow;
  }

  Flow Alternative(const JqExpression& e, const FlatNode& in, Sink out) {
    bool is_found = false;
    bool is_behind = false;
    const Flow flow = Do(*e.first, in, [&](const FlatNode& node) {
      if (!IsTrue(node)) {
        return Flow::kGo;
      }
      is_found = true;
      const Flow behind = out(node);
      is_behind = behind != Flow::kGo;
      return behind;
    });
    if (flow == Flow::kError && !is_behind && !is_jaq_) {
      return Flow::kBail;  // versions of jq differ
    }
    return flow != Flow::kGo || is_found ? flow : Do(*e.second, in, out);
  }

  Flow Logic(const JqExpression& e, const FlatNode& in, Sink out) {
    const bool decides = e.kind == Kind::kOr;
    return Do(*e.first, in, [&](const FlatNode& left) {
      if (IsTrue(left) == decides) {
        return out(BoolNode(decides));
      }
      return Do(*e.second, in, [&](const FlatNode& right) { return out(BoolNode(IsTrue(right))); });
    });
  }

  // The right side is the outer loop.
  template <typename Use>
  Flow Operands(const JqExpression& e, const FlatNode& in, const Use& use) {
    if (is_jaq_) {
      return OperandsOfJaq(e, in, use);
    }
    return Do(*e.second, in, [&](const FlatNode& b) {
      return Do(*e.first, in, [&](const FlatNode& a) { return use(a, b); });
    });
  }

  // In jaq the left one is. Its errors are outputs too, so they count only beside one of the right.
  template <typename Use>
  Flow OperandsOfJaq(const JqExpression& e, const FlatNode& in, const Use& use) {
    bool is_behind = false;
    const Flow flow = Do(*e.first, in, [&](const FlatNode& a) {
      const Flow behind = Do(*e.second, in, [&](const FlatNode& b) { return use(a, b); });
      is_behind = behind != Flow::kGo;
      return behind;
    });
    if (flow != Flow::kError || is_behind) {
      return flow;
    }
    const std::string left_error = error_;
    bool has_right = false;
    const Flow right = Do(*e.second, in, [&](const FlatNode&) {
      has_right = true;
      return Flow::kStop;
    });
    if (right == Flow::kBail || (right == Flow::kGo && !has_right)) {
      return right;
    }
    error_ = left_error;
    return Flow::kError;
  }

  // Whether a sign has a meaning for two values that are not both numbers; those are libjq's.
  static bool IsForLibrary(JqOperator sign, const FlatNode& a, const FlatNode& b) {
    const auto both = [&](std::uint8_t type) { return BitOf(a) == type && BitOf(b) == type; };
    switch (sign) {
      case JqOperator::kAdd:
        return both(jq_type::kString) || both(jq_type::kArray) || both(jq_type::kObject);
      case JqOperator::kSubtract:
        return both(jq_type::kArray);
      case JqOperator::kMultiply:
        return both(jq_type::kObject) ||
               (BitOf(a) | BitOf(b)) == (jq_type::kString | jq_type::kNumber);
      default:
        return both(jq_type::kString);
    }
  }

  // Numbers, and null as the nothing that may be added.
  Flow Calculate(JqOperator sign, const FlatNode& a, const FlatNode& b, Sink out) {
    if (sign == JqOperator::kAdd && (a.type == NodeType::kNull || b.type == NodeType::kNull)) {
      return out(a.type == NodeType::kNull ? b : a);
    }
    if (!IsNumber(a) || !IsNumber(b)) {
      return IsForLibrary(sign, a, b)
                 ? Flow::kBail
                 : Fail(fmt::format("cannot calculate with {} and {}", NameOf(a), NameOf(b)));
    }
    const double x = AsDouble(a);
    const double y = AsDouble(b);
    if (sign == JqOperator::kDivide && y == 0) {
      return Fail("division by zero");
    }
    const double result = sign == JqOperator::kAdd        ? x + y
                          : sign == JqOperator::kSubtract ? x - y
                          : sign == JqOperator::kMultiply ? x * y
                                                          : x / y;
    const bool is_float =
        a.type == NodeType::kDouble || b.type == NodeType::kDouble || sign == JqOperator::kDivide;
    return EmitNumber(result, is_float, out);
  }

  // jq has one type of numbers, so 2.0 is 2; in jaq the result of floats is one.
  Flow EmitNumber(double value, bool is_float, Sink out) {
    if (!(std::abs(value) < kExactIntegers)) {
      return Flow::kBail;
    }
    FlatNode node;
    if (value == std::trunc(value) && !(is_jaq_ && is_float)) {
      node.type = NodeType::kInt;
      node.integer = static_cast<std::int64_t>(value);
    } else {
      node.type = NodeType::kDouble;
      node.number = value;
    }
    return out(node);
  }

  template <typename Fill>
  Flow Collect(Sink out, const Fill& fill) {
    if (arena_.lists_used == arena_.lists.size()) {
      arena_.lists.emplace_back();
    }
    std::vector<FlatNode>& list = arena_.lists[arena_.lists_used++];
    list.clear();
    list.emplace_back().type = NodeType::kArray;
    std::uint32_t size = 0;
    const auto add = [&](const FlatNode& node) {
      list.insert(list.end(), &node, &node + node.span);
      ++size;
      return Flow::kGo;
    };
    if (const Flow flow = fill(Sink(add)); flow != Flow::kGo) {
      return flow;
    }
    list.front().size = size;
    list.front().span = static_cast<std::uint32_t>(list.size());
    return out(list.front());
  }

  Flow Quantify(const JqExpression& e, const FlatNode& in, Sink out) {
    const bool decides = e.kind == Kind::kAny;
    bool is_decided = false;
    const Flow flow = Do(*e.first, in, [&](const FlatNode& element) {
      return Do(*e.second, element, [&](const FlatNode& condition) {
        is_decided = IsTrue(condition) == decides;
        return is_decided ? Flow::kStop : Flow::kGo;
      });
    });
    if (flow == Flow::kError || flow == Flow::kBail) {
      return flow;
    }
    return out(BoolNode(is_decided == decides));
  }

  Flow First(const JqExpression& e, const FlatNode& in, Sink out) {
    bool is_found = false;
    Flow behind = Flow::kGo;
    const Flow flow = Do(*e.first, in, [&](const FlatNode& node) {
      is_found = true;
      behind = out(node);
      return behind == Flow::kGo ? Flow::kStop : behind;
    });
    return is_found ? behind : flow;
  }

  Flow Plain(const JqExpression& e, const FlatNode& in, Sink out) {
    switch (e.kind) {
      case Kind::kNot:
        return out(BoolNode(!IsTrue(in)));
      case Kind::kLength:
        return Length(in, out);
      case Kind::kAddUp:
        return AddUp(in, out);
      case Kind::kTypeName: {
        FlatNode node;
        node.type = NodeType::kString;
        node.text = NameOf(in);
        return out(node);
      }
      case Kind::kToNumber:
        if (in.type == NodeType::kString) {
          return Flow::kBail;
        }
        return IsNumber(in) ? out(in) : Fail(fmt::format("{} is no number", NameOf(in)));
      case Kind::kToString:
        return ToString(e, in, out);
      case Kind::kOfTypes:
        return (BitOf(in) & e.types) != 0 ? out(in) : Flow::kGo;
      case Kind::kHas:
        return Has(e, in, out);
      case Kind::kStartsWith:
      case Kind::kEndsWith:
        if (in.type != NodeType::kString) {
          return Fail("startswith and endswith need strings");
        }
        return out(BoolNode(e.kind == Kind::kStartsWith ? in.text.starts_with(e.key)
                                                        : in.text.ends_with(e.key)));
      default:
        return Flow::kGo;  // empty
    }
  }

  // In jaq alone, which gives numbers of a document as they are written there.
  static Flow ToString(const JqExpression& e, const FlatNode& in, Sink out) {
    if ((BitOf(in) & e.types) != 0) {
      return out(in);
    }
    FlatNode node;
    node.type = NodeType::kString;
    if (IsNumber(in) && !in.raw.empty()) {
      node.text = in.raw;
    } else if (in.type == NodeType::kNull) {
      node.text = "null";
    } else if (in.type == NodeType::kBool) {
      node.text = in.boolean ? "true" : "false";
    } else {
      return Flow::kBail;
    }
    return out(node);
  }

  Flow Length(const FlatNode& in, Sink out) {
    switch (in.type) {
      case NodeType::kNull:
        return EmitNumber(0, false, out);
      case NodeType::kBool:
        return Fail("boolean has no length");
      case NodeType::kString:
        return EmitNumber(static_cast<double>(CountCodePoints(in.text)), false, out);
      case NodeType::kArray:
        return EmitNumber(in.size, false, out);
      case NodeType::kObject:
        return EmitNumber(static_cast<double>(Members(in).size()), false, out);
      default:
        return EmitNumber(std::abs(AsDouble(in)), in.type == NodeType::kDouble, out);
    }
  }

  Flow AddUp(const FlatNode& in, Sink out) {
    const FlatNode* sum = &null_;
    FlatNode made;
    const Flow flow = Each(false, in, [&](const FlatNode& element) {
      return Calculate(JqOperator::kAdd, *sum, element, [&](const FlatNode& node) {
        if (node.type == NodeType::kArray || node.type == NodeType::kObject) {
          sum = &node;  // an element, which stays: sums of containers are libjq's
        } else {
          made = node;
          sum = &made;
        }
        return Flow::kGo;
      });
    });
    return flow == Flow::kGo ? out(*sum) : flow;
  }

  Flow Has(const JqExpression& e, const FlatNode& in, Sink out) {
    if (in.type == NodeType::kObject && e.literal.type == NodeType::kString) {
      return out(BoolNode(FindMember(in, e.key) != nullptr));
    }
    if (in.type == NodeType::kArray && e.literal.type == NodeType::kInt) {
      return out(BoolNode(e.literal.integer >= 0 && e.literal.integer < std::int64_t{in.size}));
    }
    if (in.type == NodeType::kNull && !is_jaq_) {
      return out(BoolNode(false));
    }
    return Fail(fmt::format("cannot check whether {} has a {} key", NameOf(in), NameOf(e.literal)));
  }

  const FlatNode null_ = {};
  bool is_jaq_;
  JqArena& arena_;
  std::string& error_;
};

// Outputs that the run made are copied, as they end with the call; others stay where they are.
class Outputs {
 public:
  Outputs(const FlatNode& root, JqArena& arena, std::vector<const FlatNode*>& out)
      : begin_(&root), end_(&root + root.span), arena_(arena), out_(out) {}

  Flow operator()(const FlatNode& node) const {
    if (out_.size() >= Jq::kMaxOutputs) {
      return Flow::kBail;  // libjq finds the same, and says it
    }
    const bool is_of_root = !std::less<>()(&node, begin_) && std::less<>()(&node, end_);
    // Made arrays and objects lie in lists of the arena, which live on.
    const bool is_made_list = node.type == NodeType::kArray || node.type == NodeType::kObject;
    out_.push_back(
        is_of_root || is_made_list || node.span > 1 ? &node : &arena_.scalars.emplace_back(node));
    return Flow::kGo;
  }

 private:
  const FlatNode* begin_;
  const FlatNode* end_;
  JqArena& arena_;
  std::vector<const FlatNode*>& out_;
};

}  // namespace

void JqArena::Clear() {
  scalars.clear();
  lists_used = 0;
}

JqOutcome RunFastJq(const JqExpression& program, JqDialect dialect, const FlatNode& root,
                    JqArena& arena, std::vector<const FlatNode*>& out, std::string& error) {
  const std::size_t before = out.size();
  const Outputs outputs(root, arena, out);
  const Flow flow = Run(dialect, arena, error).Do(program, root, outputs);
  if (flow == Flow::kGo) {
    return JqOutcome::kDone;
  }
  out.resize(before);
  return flow == Flow::kBail ? JqOutcome::kBail : JqOutcome::kError;
}

}  // namespace datalake::json

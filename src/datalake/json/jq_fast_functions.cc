// Arithmetic and functions.
#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "datalake/json/jq_fast_run.h"

namespace datalake::json {
namespace {

using Kind = JqExpression::Kind;

constexpr double kExactIntegers = 0x1p53;

std::int64_t CountCodePoints(std::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

// Whether a sign has a meaning for two values that are not both numbers; those are libjq's.
bool IsForLibrary(JqOperator sign, const FlatNode& a, const FlatNode& b) {
  const auto both = [&](std::uint8_t type) { return JqTypeBit(a) == type && JqTypeBit(b) == type; };
  switch (sign) {
    case JqOperator::kAdd:
      return both(jq_type::kString) || both(jq_type::kArray) || both(jq_type::kObject);
    case JqOperator::kSubtract:
      return both(jq_type::kArray);
    case JqOperator::kMultiply:
      return both(jq_type::kObject) ||
             (JqTypeBit(a) | JqTypeBit(b)) == (jq_type::kString | jq_type::kNumber);
    default:
      return both(jq_type::kString);
  }
}

// In jaq alone, which gives numbers of a document as they are written there.
JqFlow ToString(const JqExpression& e, const FlatNode& in, JqSink out) {
  if ((JqTypeBit(in) & e.types) != 0) {
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
    return JqFlow::kBail;
  }
  return out(node);
}

}  // namespace

double CalculateJq(JqOperator sign, double a, double b) {
  switch (sign) {
    case JqOperator::kAdd:
      return a + b;
    case JqOperator::kSubtract:
      return a - b;
    case JqOperator::kMultiply:
      return a * b;
    default:
      return a / b;
  }
}

bool IsJqNumber(double value) {
  return std::abs(value) < kExactIntegers;
}

FlatNode JqNumber(double value) {
  FlatNode node;
  if (value == std::trunc(value)) {
    node.type = NodeType::kInt;
    node.integer = static_cast<std::int64_t>(value);
  } else {
    node.type = NodeType::kDouble;
    node.number = value;
  }
  return node;
}

// Numbers, and null as the nothing that may be added.
JqFlow JqRun::Calculate(JqOperator sign, const FlatNode& a, const FlatNode& b, JqSink out) {
  if (sign == JqOperator::kAdd && (a.type == NodeType::kNull || b.type == NodeType::kNull)) {
    return out(a.type == NodeType::kNull ? b : a);
  }
  if (!IsNumber(a) || !IsNumber(b)) {
    return IsForLibrary(sign, a, b)
               ? JqFlow::kBail
               : Fail(fmt::format("cannot calculate with {} and {}", JqTypeName(a), JqTypeName(b)));
  }
  const double x = AsDouble(a);
  const double y = AsDouble(b);
  if (sign == JqOperator::kDivide && y == 0) {
    return Fail("division by zero");
  }
  const double result = CalculateJq(sign, x, y);
  const bool is_float =
      a.type == NodeType::kDouble || b.type == NodeType::kDouble || sign == JqOperator::kDivide;
  return EmitNumber(result, is_float, out);
}

// In jaq the result of floats is one.
JqFlow JqRun::EmitNumber(double value, bool is_float, JqSink out) {
  if (!IsJqNumber(value)) {
    return JqFlow::kBail;
  }
  if (!is_jaq_ || !is_float) {
    return out(JqNumber(value));
  }
  FlatNode node;
  node.type = NodeType::kDouble;
  node.number = value;
  return out(node);
}

JqFlow JqRun::Function(const JqExpression& e, const FlatNode& in, JqSink out) {
  switch (e.kind) {
    case Kind::kNot:
      return out(JqBool(!IsJqTrue(in)));
    case Kind::kLength:
      return Length(in, out);
    case Kind::kAddUp:
      return AddUp(in, out);
    case Kind::kTypeName: {
      FlatNode node;
      node.type = NodeType::kString;
      node.text = JqTypeName(in);
      return out(node);
    }
    case Kind::kToNumber:
      if (in.type == NodeType::kString) {
        return JqFlow::kBail;
      }
      return IsNumber(in) ? out(in) : Fail(fmt::format("{} is no number", JqTypeName(in)));
    case Kind::kToString:
      return ToString(e, in, out);
    case Kind::kOfTypes:
      return (JqTypeBit(in) & e.types) != 0 ? out(in) : JqFlow::kGo;
    case Kind::kHas:
      return Has(e, in, out);
    case Kind::kStartsWith:
    case Kind::kEndsWith:
      if (in.type != NodeType::kString) {
        return Fail("startswith and endswith need strings");
      }
      return out(JqBool(e.kind == Kind::kStartsWith ? in.text.starts_with(e.key)
                                                    : in.text.ends_with(e.key)));
    default:
      return JqFlow::kGo;  // empty
  }
}

JqFlow JqRun::Length(const FlatNode& in, JqSink out) {
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
      return EmitNumber(static_cast<double>(JqMembers(in).size()), false, out);
    default:
      return EmitNumber(std::abs(AsDouble(in)), in.type == NodeType::kDouble, out);
  }
}

JqFlow JqRun::AddUp(const FlatNode& in, JqSink out) {
  const FlatNode* sum = &null_;
  FlatNode made;
  const JqFlow flow = Each(false, in, [&](const FlatNode& element) {
    return Calculate(JqOperator::kAdd, *sum, element, [&](const FlatNode& node) {
      if (node.type == NodeType::kArray || node.type == NodeType::kObject) {
        sum = &node;  // an element, which stays: sums of containers are libjq's
      } else {
        made = node;
        sum = &made;
      }
      return JqFlow::kGo;
    });
  });
  return flow == JqFlow::kGo ? out(*sum) : flow;
}

}  // namespace datalake::json

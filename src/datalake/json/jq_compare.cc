#include <algorithm>

#include "datalake/json/jq_fast.h"

namespace datalake::json {
namespace {

int Rank(const FlatNode& node) {
  switch (node.type) {
    case NodeType::kNull:
      return 0;
    case NodeType::kBool:
      return node.boolean ? 2 : 1;
    case NodeType::kInt:
    case NodeType::kUint:
    case NodeType::kDouble:
      return 3;
    case NodeType::kString:
      return 4;
    case NodeType::kArray:
      return 5;
    case NodeType::kObject:
      return 6;
  }
  return 0;
}

// Holds every int64, uint64 and double: its mantissa has 64 bits or more on x86-64 and AArch64.
long double Exact(const FlatNode& node) {
  if (node.type == NodeType::kInt) {
    return static_cast<long double>(node.integer);
  }
  return node.type == NodeType::kUint ? static_cast<long double>(node.unsigned_integer)
                                      : static_cast<long double>(node.number);
}

template <typename T>
int Sign(const T& a, const T& b) {
  return a < b ? -1 : (b < a ? 1 : 0);
}

int CompareArrays(const FlatNode& a, const FlatNode& b) {
  const FlatNode* x = &a + 1;
  const FlatNode* y = &b + 1;
  for (std::uint32_t i = 0; i < std::min(a.size, b.size); ++i, x += x->span, y += y->span) {
    if (const int order = CompareJq(*x, *y); order != 0) {
      return order;
    }
  }
  return Sign(a.size, b.size);
}

// By name, the last of each.
std::vector<const FlatNode*> SortedMembers(const FlatNode& object) {
  std::vector<const FlatNode*> members;
  const FlatNode* child = &object + 1;
  for (std::uint32_t i = 0; i < object.size; ++i, child += child->span) {
    if (!child->is_erased) {
      members.push_back(child);
    }
  }
  // Of equal names the last comes first, and is what unique keeps.
  std::reverse(members.begin(), members.end());
  std::stable_sort(members.begin(), members.end(),
                   [](const FlatNode* a, const FlatNode* b) { return a->key < b->key; });
  members.erase(std::unique(members.begin(), members.end(),
                            [](const FlatNode* a, const FlatNode* b) { return a->key == b->key; }),
                members.end());
  return members;
}

// The lists of names decide first.
int CompareObjects(const FlatNode& a, const FlatNode& b) {
  const std::vector<const FlatNode*> x = SortedMembers(a);
  const std::vector<const FlatNode*> y = SortedMembers(b);
  for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
    if (x[i]->key != y[i]->key) {
      return x[i]->key < y[i]->key ? -1 : 1;
    }
  }
  if (x.size() != y.size()) {
    return x.size() < y.size() ? -1 : 1;
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (const int order = CompareJq(*x[i], *y[i]); order != 0) {
      return order;
    }
  }
  return 0;
}

}  // namespace

int CompareJq(const FlatNode& a, const FlatNode& b) {
  if (const int order = Sign(Rank(a), Rank(b)); order != 0) {
    return order;
  }
  if (IsNumber(a)) {
    return Sign(Exact(a), Exact(b));
  }
  switch (a.type) {
    case NodeType::kString:
      return Sign(a.text, b.text);
    case NodeType::kArray:
      return CompareArrays(a, b);
    case NodeType::kObject:
      return CompareObjects(a, b);
    default:
      return 0;
  }
}

}  // namespace datalake::json

#include "datalake/json/flat_tree.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "datalake/base/hash.h"
#include "datalake/json/writer.h"

namespace datalake::json {
namespace {

constexpr std::size_t kChunkBytes = 64 * 1024;

bool IsInteger(const FlatNode& node) {
  return node.type == NodeType::kInt || node.type == NodeType::kUint;
}

bool IntegersEqual(const FlatNode& a, const FlatNode& b) {
  // A kUint is above int64, so it never equals a kInt.
  return a.type == b.type && a.unsigned_integer == b.unsigned_integer;
}

// Exact: a double equals an integer only when it is that integer.
bool IntegerEqualsDouble(const FlatNode& integer, double number) {
  if (number != std::trunc(number)) {
    return false;
  }
  if (integer.type == NodeType::kInt) {
    return number >= -0x1p63 && number < 0x1p63 &&
           static_cast<std::int64_t>(number) == integer.integer;
  }
  return number >= 0x1p63 && number < 0x1p64 &&
         static_cast<std::uint64_t>(number) == integer.unsigned_integer;
}

bool NumbersEqual(const FlatNode& a, const FlatNode& b, NumberEquality numbers) {
  if (IsInteger(a) && IsInteger(b)) {
    return IntegersEqual(a, b);
  }
  if (a.type == NodeType::kDouble && b.type == NodeType::kDouble) {
    return a.number == b.number;
  }
  if (numbers == NumberEquality::kByType) {
    return false;
  }
  return IsInteger(a) ? IntegerEqualsDouble(a, b.number) : IntegerEqualsDouble(b, a.number);
}

bool ArraysEqual(const FlatNode& a, const FlatNode& b, NumberEquality numbers) {
  if (a.size != b.size) {
    return false;
  }
  const FlatNode* x = &a + 1;
  const FlatNode* y = &b + 1;
  for (std::uint32_t i = 0; i < a.size; ++i, x += x->span, y += y->span) {
    if (!NodesEqual(*x, *y, numbers)) {
      return false;
    }
  }
  return true;
}

bool ObjectsEqual(const FlatNode& a, const FlatNode& b, NumberEquality numbers) {
  if (LiveSize(a) != LiveSize(b)) {
    return false;
  }
  const FlatNode* member = &a + 1;
  for (std::uint32_t i = 0; i < a.size; ++i, member += member->span) {
    if (member->is_erased) {
      continue;
    }
    const FlatNode* other = FindMember(b, member->key);
    if (other == nullptr || !NodesEqual(*member, *other, numbers)) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::size_t LiveSize(const FlatNode& parent) {
  std::size_t live = 0;
  const FlatNode* child = &parent + 1;
  for (std::uint32_t i = 0; i < parent.size; ++i, child += child->span) {
    live += child->is_erased ? 0 : 1;
  }
  return live;
}

const FlatNode* FindMember(const FlatNode& object, std::string_view key) {
  if (object.type != NodeType::kObject) {
    return nullptr;
  }
  const FlatNode* found = nullptr;
  const FlatNode* child = &object + 1;
  for (std::uint32_t i = 0; i < object.size; ++i, child += child->span) {
    if (!child->is_erased && child->key == key) {
      found = child;
    }
  }
  return found;
}

const FlatNode* FindElement(const FlatNode& array, std::uint64_t index) {
  if (array.type != NodeType::kArray || index >= array.size) {
    return nullptr;
  }
  const FlatNode* child = &array + 1;
  for (std::uint64_t i = 0; i < index; ++i) {
    child += child->span;
  }
  return child;
}

bool IsNumber(const FlatNode& node) {
  return IsInteger(node) || node.type == NodeType::kDouble;
}

double AsDouble(const FlatNode& node) {
  switch (node.type) {
    case NodeType::kInt:
      return static_cast<double>(node.integer);
    case NodeType::kUint:
      return static_cast<double>(node.unsigned_integer);
    case NodeType::kDouble:
      return node.number;
    default:
      return 0.0;
  }
}

bool NodesEqual(const FlatNode& a, const FlatNode& b, NumberEquality numbers) {
  if (IsNumber(a) && IsNumber(b)) {
    return NumbersEqual(a, b, numbers);
  }
  if (a.type != b.type) {
    return false;
  }
  switch (a.type) {
    case NodeType::kBool:
      return a.boolean == b.boolean;
    case NodeType::kString:
      return a.text == b.text;
    case NodeType::kArray:
      return ArraysEqual(a, b, numbers);
    case NodeType::kObject:
      return ObjectsEqual(a, b, numbers);
    default:
      return true;
  }
}

namespace {

void WriteSorted(const FlatNode& node, Writer& writer) {
  switch (node.type) {
    case NodeType::kNull:
      writer.Null();
      return;
    case NodeType::kBool:
      writer.Bool(node.boolean);
      return;
    case NodeType::kInt:
      writer.Int(node.integer);
      return;
    case NodeType::kUint:
      writer.Uint(node.unsigned_integer);
      return;
    case NodeType::kDouble:
      writer.Double(node.number);
      return;
    case NodeType::kString:
      writer.String(node.text);
      return;
    case NodeType::kArray:
    case NodeType::kObject:
      break;
  }
  std::vector<const FlatNode*> children;
  const FlatNode* child = &node + 1;
  for (std::uint32_t i = 0; i < node.size; ++i, child += child->span) {
    if (!child->is_erased) {
      children.push_back(child);
    }
  }
  if (node.type == NodeType::kArray) {
    writer.BeginArray();
    for (const FlatNode* element : children) {
      WriteSorted(*element, writer);
    }
    writer.EndArray();
    return;
  }
  std::stable_sort(children.begin(), children.end(),
                   [](const FlatNode* a, const FlatNode* b) { return a->key < b->key; });
  writer.BeginObject();
  for (std::size_t i = 0; i < children.size(); ++i) {
    if (i + 1 == children.size() || children[i + 1]->key != children[i]->key) {
      writer.Key(children[i]->key);
      WriteSorted(*children[i], writer);
    }
  }
  writer.EndObject();
}

}  // namespace

void AppendSorted(const FlatNode& node, std::string& out) {
  Writer writer(out);
  WriteSorted(node, writer);
}

FlatTree::FlatTree() = default;
FlatTree::~FlatTree() = default;
FlatTree::FlatTree(FlatTree&&) noexcept = default;
FlatTree& FlatTree::operator=(FlatTree&&) noexcept = default;

void FlatTree::Clear() {
  nodes_.clear();
  chunk_ = 0;
  used_ = 0;
}

std::size_t FlatTree::Open(NodeType type, std::string_view key) {
  Add(type, key);
  return nodes_.size() - 1;
}

void FlatTree::Close(std::size_t index) {
  std::uint32_t size = 0;
  for (std::size_t at = index + 1; at < nodes_.size(); at += nodes_[at].span) {
    ++size;
  }
  nodes_[index].size = size;
  nodes_[index].span = static_cast<std::uint32_t>(nodes_.size() - index);
}

void FlatTree::EraseRepeated(std::size_t index) {
  // An open-addressing table of child positions by name; 0 is free, the root is never a child.
  const std::size_t slots = std::bit_ceil(std::size_t{nodes_[index].size} * 2 + 1);
  table_.assign(slots, 0);
  std::size_t at = index + 1;
  for (std::uint32_t i = 0; i < nodes_[index].size; ++i, at += nodes_[at].span) {
    const std::string_view key = nodes_[at].key;
    std::size_t slot = Xxh3Hash64(key) & (slots - 1);
    while (table_[slot] != 0 && nodes_[table_[slot]].key != key) {
      slot = (slot + 1) & (slots - 1);
    }
    if (table_[slot] != 0) {
      nodes_[table_[slot]].is_erased = true;
    }
    table_[slot] = static_cast<std::uint32_t>(at);
  }
}

FlatNode& FlatTree::Add(NodeType type, std::string_view key) {
  FlatNode& node = nodes_.emplace_back();
  node.type = type;
  node.key = key;
  return node;
}

std::uint8_t* FlatTree::Reserve(std::size_t bytes) {
  while (chunk_ < chunks_.size() && chunks_[chunk_].size() - used_ < bytes) {
    ++chunk_;
    used_ = 0;
  }
  if (chunk_ == chunks_.size()) {
    chunks_.emplace_back(std::max(bytes, kChunkBytes));
  }
  return chunks_[chunk_].data() + used_;
}

}  // namespace datalake::json

// Steps into values: .key, [3], [].
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "datalake/json/jq_fast_run.h"

namespace datalake::json {
namespace {

// A repeated name stays at its first place with its last value: later nodes lie behind.
void KeepLastValues(const std::vector<const FlatNode*>& sorted,
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

}  // namespace

std::vector<const FlatNode*> JqMembers(const FlatNode& object) {
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

JqFlow JqRun::Field(const JqExpression& e, const FlatNode& of, JqSink out) {
  if (of.type == NodeType::kObject) {
    const FlatNode* member = FindMember(of, e.key);
    return out(member == nullptr ? null_ : *member);
  }
  if (of.type == NodeType::kNull && !is_jaq_) {
    return out(null_);
  }
  return FailStep(e.is_optional, fmt::format("cannot index {} with \"{}\"", JqTypeName(of), e.key));
}

JqFlow JqRun::Index(const JqExpression& e, const FlatNode& of, JqSink out) {
  if (of.type == NodeType::kArray) {
    const std::int64_t at = e.index < 0 ? e.index + std::int64_t{of.size} : e.index;
    const FlatNode* element = at < 0 ? nullptr : FindElement(of, static_cast<std::uint64_t>(at));
    return out(element == nullptr ? null_ : *element);
  }
  if (of.type == NodeType::kNull && !is_jaq_) {
    return out(null_);
  }
  return FailStep(e.is_optional, fmt::format("cannot index {} with number", JqTypeName(of)));
}

JqFlow JqRun::Each(bool is_optional, const FlatNode& of, JqSink out) {
  if (of.type == NodeType::kObject) {
    return EachMember(of, out);
  }
  if (of.type != NodeType::kArray) {
    return FailStep(is_optional, fmt::format("cannot iterate over {}", JqTypeName(of)));
  }
  const FlatNode* child = &of + 1;
  for (std::uint32_t i = 0; i < of.size; ++i, child += child->span) {
    if (const JqFlow flow = out(*child); flow != JqFlow::kGo) {
      return flow;
    }
  }
  return JqFlow::kGo;
}

// In the order of the text, or by name; of a repeated name the last value.
JqFlow JqRun::EachMember(const FlatNode& object, JqSink out) {
  std::vector<const FlatNode*> members = JqMembers(object);
  if (is_jaq_) {
    std::sort(members.begin(), members.end(),
              [](const FlatNode* a, const FlatNode* b) { return a->key < b->key; });
  }
  for (const FlatNode* member : members) {
    if (const JqFlow flow = out(*member); flow != JqFlow::kGo) {
      return flow;
    }
  }
  return JqFlow::kGo;
}

JqFlow JqRun::Has(const JqExpression& e, const FlatNode& in, JqSink out) {
  if (in.type == NodeType::kObject && e.literal.type == NodeType::kString) {
    return out(JqBool(FindMember(in, e.key) != nullptr));
  }
  if (in.type == NodeType::kArray && e.literal.type == NodeType::kInt) {
    return out(JqBool(e.literal.integer >= 0 && e.literal.integer < std::int64_t{in.size}));
  }
  if (in.type == NodeType::kNull && !is_jaq_) {
    return out(JqBool(false));
  }
  return Fail(
      fmt::format("cannot check whether {} has a {} key", JqTypeName(in), JqTypeName(e.literal)));
}

}  // namespace datalake::json

#include "datalake/json/path.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "datalake/json/path_internal.h"

namespace datalake::json {

namespace {

// A value on its way through a chain. Absent ones are carried along, because `$` makes a value of
// them again and .length() looks whether the first is one; made numbers are not gone into.
struct Item {
  const FlatNode* node = nullptr;
  bool is_made = false;
};

using Items = std::vector<Item>;
using Nodes = std::vector<const FlatNode*>;

}  // namespace

struct PathScratchState {
  std::deque<Items> items;  // lists by depth of use
  std::deque<Nodes> nodes;
  std::size_t items_used = 0;
  std::size_t nodes_used = 0;
  std::deque<FlatNode> made;
};

namespace {

// A list borrowed for one scope.
template <typename List>
class Borrowed {
 public:
  Borrowed(std::deque<List>& pool, std::size_t& used) : used_(used) {
    if (used == pool.size()) {
      pool.emplace_back();
    }
    list_ = &pool[used++];
    list_->clear();
  }

  ~Borrowed() { --used_; }

  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;

  List& operator*() { return *list_; }

  List* operator->() { return list_; }

 private:
  std::size_t& used_;
  List* list_;
};

// One evaluation of a program over one root.
class Evaluation {
 public:
  Evaluation(const PathProgram& program, const FlatNode& root, PathScratchState& scratch)
      : program_(program), root_(root), scratch_(scratch) {}

  const FlatNode* Singular(const PathChain& chain, const FlatNode* at) const {
    for (const PathStep& step : chain.steps) {
      switch (step.kind) {
        case PathStep::Kind::kRoot:
          at = &root_;
          break;
        case PathStep::Kind::kCurrent:
          at = step.chain == nullptr || at == nullptr ? (step.chain == nullptr ? at : Lost(step))
                                                      : Singular(*step.chain, at);
          break;
        case PathStep::Kind::kField:
          at = at == nullptr ? nullptr : FindMember(*at, step.keys.front());
          break;
        default:
          at = at == nullptr ? nullptr : FindElement(*at, step.indexes.front());
      }
    }
    return at;
  }

  // Replaces the values of `items` by what the chain makes of them.
  void Run(const PathChain& chain, Items& items) {
    Borrowed<Items> next(scratch_.items, scratch_.items_used);
    for (const PathStep& step : chain.steps) {
      next->clear();
      if (step.kind == PathStep::Kind::kLength) {
        Count(chain.counts_matches, items, *next);
      } else {
        for (const Item& item : items) {
          Apply(step, item, *next);
        }
      }
      std::swap(items, *next);
    }
  }

  // A filter as a truth about one element: an array is gone into once more.
  bool Holds(const PathFilter& filter, const FlatNode& element) {
    if (element.type != NodeType::kArray) {
      return Test(filter, element);
    }
    const FlatNode* child = &element + 1;
    for (std::uint32_t i = 0; i < element.size; ++i, child += child->span) {
      if (Test(filter, *child)) {
        return true;
      }
    }
    return false;
  }

 private:
  // A chain behind an absent @ can only come back to life by a `$` in it.
  const FlatNode* Lost(const PathStep& step) const { return Singular(*step.chain, nullptr); }

  void Count(bool counts_matches, const Items& items, Items& out) {
    const auto present =
        std::count_if(items.begin(), items.end(), [](const Item& i) { return i.node != nullptr; });
    const bool only_absent = !items.empty() && present == 0;
    std::optional<std::uint64_t> length;
    if (counts_matches && !only_absent) {
      length = static_cast<std::uint64_t>(present);
    } else if (!only_absent && !items.empty() && items.front().node != nullptr &&
               items.front().node->type == NodeType::kArray) {
      length = items.front().node->size;
    }
    if (!length.has_value()) {
      out.push_back({});
      return;
    }
    FlatNode& made = scratch_.made.emplace_back();
    made.type = NodeType::kInt;
    made.integer = static_cast<std::int64_t>(*length);
    out.push_back({&made, true});
  }

  void Apply(const PathStep& step, const Item& item, Items& out) {
    switch (step.kind) {
      case PathStep::Kind::kRoot:
        out.push_back({&root_});
        return;
      case PathStep::Kind::kCurrent:
        ApplyCurrent(step, item, out);
        return;
      case PathStep::Kind::kDescendAll:
        if (item.node == nullptr) {
          out.push_back({});
        } else if (!item.is_made) {
          DescendAll(*item.node, out);
        }
        return;
      default:
        break;
    }
    if (item.node == nullptr || item.is_made) {
      // Each of a list of keys or indexes finds nothing.
      const std::size_t nothing = std::max<std::size_t>(
          1, step.kind == PathStep::Kind::kKeys ? step.keys.size() : step.indexes.size());
      out.insert(out.end(), nothing, Item());
      return;
    }
    ApplyToNode(step, *item.node, out);
  }

  void ApplyCurrent(const PathStep& step, const Item& item, Items& out) {
    if (step.chain == nullptr) {
      out.push_back(item);
      return;
    }
    Borrowed<Items> inner(scratch_.items, scratch_.items_used);
    inner->push_back(item);
    Run(*step.chain, *inner);
    out.insert(out.end(), inner->begin(), inner->end());
  }

  void ApplyToNode(const PathStep& step, const FlatNode& node, Items& out) {
    const std::size_t before = out.size();
    switch (step.kind) {
      case PathStep::Kind::kField:
      case PathStep::Kind::kKeys:
        for (const std::string& key : step.keys) {
          out.push_back({FindMember(node, key)});
        }
        return;
      case PathStep::Kind::kIndex:
      case PathStep::Kind::kIndexes:
        for (const std::uint64_t index : step.indexes) {
          out.push_back({FindElement(node, index)});
        }
        return;
      case PathStep::Kind::kDescend:
        Descend(node, step.keys.front(), out);
        break;
      case PathStep::Kind::kWildcard:
        ForEachChild(node, [&](const FlatNode& child) { out.push_back({&child}); });
        break;
      case PathStep::Kind::kSlice:
        Slice(step, node, out);
        break;
      default:
        Filter(*step.filter, node, out);
    }
    if (out.size() == before) {
      out.push_back({});
    }
  }

  // Elements in order; members by name, as the toolkit's maps are sorted.
  template <typename Visit>
  void ForEachChild(const FlatNode& node, Visit visit) {
    if (!IsContainer(node)) {
      return;
    }
    Borrowed<Nodes> children(scratch_.nodes, scratch_.nodes_used);
    const FlatNode* child = &node + 1;
    for (std::uint32_t i = 0; i < node.size; ++i, child += child->span) {
      if (!child->is_erased) {
        children->push_back(child);
      }
    }
    if (node.type == NodeType::kObject) {
      std::stable_sort(children->begin(), children->end(),
                       [](const FlatNode* a, const FlatNode* b) { return a->key < b->key; });
    }
    for (const FlatNode* one : *children) {
      visit(*one);
    }
  }

  // Depth is bounded by kMaxDepth of the parser.
  void DescendAll(const FlatNode& node, Items& out) {
    ForEachChild(node, [&](const FlatNode& child) {
      out.push_back({&child});
      DescendAll(child, out);
    });
  }

  void Descend(const FlatNode& node, std::string_view key, Items& out) {
    if (const FlatNode* member = FindMember(node, key); member != nullptr) {
      out.push_back({member});
    }
    ForEachChild(node, [&](const FlatNode& child) { Descend(child, key, out); });
  }

  // Bounds as jsonpath-rust has them: one outside the array gives nothing, an end of 0 is the end.
  void Slice(const PathStep& step, const FlatNode& node, Items& out) {
    if (node.type != NodeType::kArray) {
      return;
    }
    const auto size = static_cast<std::int64_t>(node.size);
    const auto bound = [size](std::int64_t at) { return at >= 0 ? at : size + at; };
    std::int64_t begin = bound(step.slice_begin);
    std::int64_t end = bound(step.slice_end);
    if (begin < 0 || begin > size || end < 0 || end > size) {
      return;
    }
    end = end == 0 ? size : end;
    for (; begin < end; begin += step.slice_step) {
      out.push_back({FindElement(node, static_cast<std::uint64_t>(begin))});
    }
  }

  void Filter(const PathFilter& filter, const FlatNode& node, Items& out) {
    if (node.type != NodeType::kArray) {
      if (Test(filter, node)) {
        out.push_back({&node});
      }
      return;
    }
    const FlatNode* child = &node + 1;
    for (std::uint32_t i = 0; i < node.size; ++i, child += child->span) {
      if (Test(filter, *child)) {
        out.push_back({child});
      }
    }
  }

  bool Test(const PathFilter& filter, const FlatNode& element) {
    switch (filter.kind) {
      case PathFilter::Kind::kAnd:
        return Holds(*filter.first, element) && Holds(*filter.second, element);
      case PathFilter::Kind::kOr:
        return Holds(*filter.first, element) || Holds(*filter.second, element);
      case PathFilter::Kind::kNot:
        return !Holds(*filter.first, element);
      default:
        break;
    }
    Borrowed<Nodes> left(scratch_.nodes, scratch_.nodes_used);
    Borrowed<Nodes> right(scratch_.nodes, scratch_.nodes_used);
    const PathOperands a = Evaluate(filter.left, element, *left);
    if (filter.sign == PathSign::kExists) {
      return a.size > 0;
    }
    return ComparePathOperands(filter, a, Evaluate(filter.right, element, *right),
                               program_.numbers);
  }

  PathOperands Evaluate(const PathOperand& operand, const FlatNode& element, Nodes& nodes) {
    if (operand.chain == nullptr) {
      nodes.push_back(operand.constant.data());
    } else if (operand.chain->is_singular) {
      if (const FlatNode* node = Singular(*operand.chain, &element); node != nullptr) {
        nodes.push_back(node);
      }
    } else {
      Borrowed<Items> items(scratch_.items, scratch_.items_used);
      items->push_back({&element});
      Run(*operand.chain, *items);
      for (const Item& item : *items) {
        if (item.node != nullptr && !item.is_made) {
          nodes.push_back(item.node);
        }
      }
    }
    return {nodes.data(), nodes.size()};
  }

  const PathProgram& program_;
  const FlatNode& root_;
  PathScratchState& scratch_;
};

}  // namespace

PathScratch::PathScratch() : state_(std::make_unique<PathScratchState>()) {}

PathScratch::~PathScratch() = default;
PathScratch::PathScratch(PathScratch&&) noexcept = default;
PathScratch& PathScratch::operator=(PathScratch&&) noexcept = default;

Result<Path> Path::Compile(std::string_view text, NumberEquality numbers) {
  DATALAKE_TRY_ASSIGN(std::unique_ptr<PathProgram> program, ParsePath(text, numbers));
  PreparePath(*program);
  return Path(std::move(program));
}

Path::Path(std::unique_ptr<const PathProgram> program) : program_(std::move(program)) {}

Path::~Path() = default;
Path::Path(Path&&) noexcept = default;
Path& Path::operator=(Path&&) noexcept = default;

const std::string& Path::text() const {
  return program_->text;
}

const std::optional<std::vector<std::string>>& Path::root_keys() const {
  return program_->root_keys;
}

std::vector<std::string> Path::MemberKeys(std::string_view root_key) const {
  std::vector<std::string> keys;
  for (const auto& [member, key] : program_->member_keys) {
    if (member == root_key) {
      keys.push_back(key);
    }
  }
  return keys;
}

bool Path::Matches(const FlatNode& root, PathScratch& scratch) const {
  PathScratchState& state = scratch.state();
  state.made.clear();
  Evaluation evaluation(*program_, root, state);
  if (program_->chain.is_singular) {
    return evaluation.Singular(program_->chain, &root) != nullptr;
  }
  Borrowed<Items> items(state.items, state.items_used);
  items->push_back({&root});
  evaluation.Run(program_->chain, *items);
  return std::any_of(items->begin(), items->end(), [](const Item& i) { return i.node != nullptr; });
}

void Path::Select(const FlatNode& root, PathScratch& scratch,
                  std::vector<const FlatNode*>& out) const {
  PathScratchState& state = scratch.state();
  state.made.clear();
  Evaluation evaluation(*program_, root, state);
  Borrowed<Items> items(state.items, state.items_used);
  items->push_back({&root});
  evaluation.Run(program_->chain, *items);
  for (const Item& item : *items) {
    if (item.node != nullptr) {
      out.push_back(item.node);
    }
  }
}

}  // namespace datalake::json

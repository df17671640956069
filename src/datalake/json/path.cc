#include "datalake/json/path.h"

#include <algorithm>
#include <deque>
#include <utility>

#include <re2/re2.h>

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

bool IsContainer(const FlatNode& node) {
  return node.type == NodeType::kArray || node.type == NodeType::kObject;
}

// The values that a comparison looks at: what a chain selected, or one constant.
struct Operands {
  const FlatNode* const* data = nullptr;
  std::size_t size = 0;

  const FlatNode& operator[](std::size_t i) const { return *data[i]; }
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
    const Operands a = Evaluate(filter.left, element, *left);
    if (filter.sign == PathSign::kExists) {
      return a.size > 0;
    }
    return Compare(filter, a, Evaluate(filter.right, element, *right));
  }

  Operands Evaluate(const PathOperand& operand, const FlatNode& element, Nodes& nodes) {
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

  bool Compare(const PathFilter& filter, Operands a, Operands b) const {
    switch (filter.sign) {
      case PathSign::kEqual:
        return Equal(a, b);
      case PathSign::kUnequal:
        return !Equal(a, b);
      case PathSign::kLess:
        return Less(a, b);
      case PathSign::kLessOrEqual:
        return Less(a, b) || Equal(a, b);
      case PathSign::kGreater:
        return Less(b, a);
      case PathSign::kGreaterOrEqual:
        return Less(b, a) || Equal(a, b);
      case PathSign::kRegex:
        return MatchesRegex(filter, a, b);
      case PathSign::kIn:
        return In(a, b);
      case PathSign::kNotIn:
        return !In(a, b);
      case PathSign::kSize:
        return HasSize(a, b);
      case PathSign::kAnyOf:
        return AnyOf(a, b);
      case PathSign::kNoneOf:
        return !AnyOf(a, b);
      case PathSign::kSubsetOf:
        return SubsetOf(a, b);
      case PathSign::kExists:
        return a.size > 0;
    }
    return false;
  }

  bool Same(const FlatNode& a, const FlatNode& b) const {
    return NodesEqual(a, b, program_.numbers);
  }

  bool Equal(Operands a, Operands b) const {
    if (a.size != b.size) {
      return false;
    }
    for (std::size_t i = 0; i < a.size; ++i) {
      if (!Same(a[i], b[i])) {
        return false;
      }
    }
    return true;
  }

  static bool Less(Operands a, Operands b) {
    return a.size == 1 && b.size == 1 && IsNumber(a[0]) && IsNumber(b[0]) &&
           AsDouble(a[0]) < AsDouble(b[0]);
  }

  static bool MatchesRegex(const PathFilter& filter, Operands a, Operands b) {
    if (b.size == 0 || b[0].type != NodeType::kString) {
      return false;
    }
    std::shared_ptr<const re2::RE2> regex = filter.regex;
    if (regex == nullptr) {
      // A pattern from the document itself.
      re2::RE2::Options options;
      options.set_log_errors(false);
      regex =
          std::make_shared<re2::RE2>(re2::StringPiece(b[0].text.data(), b[0].text.size()), options);
      if (!regex->ok()) {
        return false;
      }
    }
    for (std::size_t i = 0; i < a.size; ++i) {
      if (a[i].type == NodeType::kString &&
          re2::RE2::PartialMatch(re2::StringPiece(a[i].text.data(), a[i].text.size()), *regex)) {
        return true;
      }
    }
    return false;
  }

  // True when a live child of `container` equals `value`.
  bool HasChild(const FlatNode& container, const FlatNode& value) const {
    const FlatNode* child = &container + 1;
    for (std::uint32_t i = 0; i < container.size; ++i, child += child->span) {
      if (!child->is_erased && Same(*child, value)) {
        return true;
      }
    }
    return false;
  }

  bool In(Operands a, Operands b) const {
    if (b.size == 0 || !IsContainer(b[0])) {
      return false;
    }
    for (std::size_t i = 0; i < a.size; ++i) {
      if (HasChild(b[0], a[i])) {
        return true;
      }
    }
    return false;
  }

  static bool HasSize(Operands a, Operands b) {
    if (b.size == 0 || !IsNumber(b[0])) {
      return false;
    }
    const double wanted = AsDouble(b[0]);
    const std::uint64_t size =
        wanted > 0 ? (wanted < 0x1p53 ? static_cast<std::uint64_t>(wanted) : std::uint64_t{1} << 53)
                   : 0;
    for (std::size_t i = 0; i < a.size; ++i) {
      const bool fits = a[i].type == NodeType::kString
                            ? a[i].text.size() == size
                            : IsContainer(a[i]) && LiveSize(a[i]) == size;
      if (!fits) {
        return false;
      }
    }
    return true;
  }

  bool AnyOf(Operands a, Operands b) const {
    if (a.size == 0) {
      return true;
    }
    if (b.size == 0 || b[0].type != NodeType::kArray) {
      return false;
    }
    for (std::size_t i = 0; i < a.size; ++i) {
      if (a[i].type != NodeType::kArray) {
        if (HasChild(b[0], a[i])) {
          return true;
        }
        continue;
      }
      const FlatNode* child = &a[i] + 1;
      for (std::uint32_t k = 0; k < a[i].size; ++k, child += child->span) {
        if (HasChild(b[0], *child)) {
          return true;
        }
      }
    }
    return false;
  }

  bool SubsetOf(Operands a, Operands b) const {
    if (a.size == 0) {
      return true;
    }
    if (b.size == 0 || a[0].type != NodeType::kArray || b[0].type != NodeType::kArray ||
        b[0].size == 0) {
      return false;
    }
    const FlatNode* child = &a[0] + 1;
    for (std::uint32_t i = 0; i < a[0].size; ++i, child += child->span) {
      if (!HasChild(b[0], *child)) {
        return false;
      }
    }
    return true;
  }

  const PathProgram& program_;
  const FlatNode& root_;
  PathScratchState& scratch_;
};

bool IsIndexedStep(PathStep::Kind kind) {
  return kind == PathStep::Kind::kIndexes || kind == PathStep::Kind::kKeys ||
         kind == PathStep::Kind::kSlice || kind == PathStep::Kind::kFilter ||
         kind == PathStep::Kind::kWildcard;
}

// What .length() at the end of a chain counts: the matches when the chain has a list in it that no
// single index follows, else the items of its first match.
bool CountsMatches(const PathChain& chain) {
  if (chain.steps.size() <= 2 || chain.steps.back().kind != PathStep::Kind::kLength) {
    return false;
  }
  bool counts = false;
  for (const PathStep& step : chain.steps) {
    if (IsIndexedStep(step.kind)) {
      counts = true;
    } else if (step.kind == PathStep::Kind::kIndex) {
      counts = false;
    }
  }
  return counts;
}

void Prepare(PathChain& chain);

void Prepare(PathFilter& filter) {
  for (PathOperand* operand : {&filter.left, &filter.right}) {
    if (operand->chain != nullptr) {
      Prepare(*operand->chain);
    }
  }
  for (PathFilter* part : {filter.first.get(), filter.second.get()}) {
    if (part != nullptr) {
      Prepare(*part);
    }
  }
}

// Fills in what is derived from the steps.
void Prepare(PathChain& chain) {
  chain.counts_matches = CountsMatches(chain);
  chain.is_singular = true;
  for (PathStep& step : chain.steps) {
    if (step.chain != nullptr) {
      Prepare(*step.chain);
    }
    if (step.filter != nullptr) {
      Prepare(*step.filter);
    }
    const bool singular = step.kind == PathStep::Kind::kRoot ||
                          step.kind == PathStep::Kind::kField ||
                          step.kind == PathStep::Kind::kIndex ||
                          (step.kind == PathStep::Kind::kCurrent &&
                           (step.chain == nullptr || step.chain->is_singular));
    chain.is_singular = chain.is_singular && singular;
  }
}

// Finds which members of the root a program can look at, and which members of those.
class KeyFinder {
 public:
  explicit KeyFinder(PathProgram& program) : program_(program) {}

  void Find() {
    Visit(program_.chain, Place{.depth = 0});
    if (!any_) {
      std::sort(root_keys_.begin(), root_keys_.end());
      root_keys_.erase(std::unique(root_keys_.begin(), root_keys_.end()), root_keys_.end());
      program_.root_keys = std::move(root_keys_);
    }
  }

 private:
  static constexpr int kRoot = 0;
  static constexpr int kMember = 1;  // below the root's member `key`
  static constexpr int kDeeper = 2;

  struct Place {
    int depth = kDeeper;
    std::string key;
  };

  void Visit(const PathChain& chain, Place place) {
    for (const PathStep& step : chain.steps) {
      if (step.filter != nullptr) {
        Visit(*step.filter, place.depth == kMember ? place : Place());
      }
      if (step.kind == PathStep::Kind::kRoot) {
        place = {.depth = kRoot};
      } else if (step.kind == PathStep::Kind::kCurrent) {
        if (step.chain != nullptr) {
          Visit(*step.chain, place);  // `$@.x`: the chain goes on from here
          place = Place();
        }
      } else {
        place = Behind(step, place);
      }
    }
    any_ = any_ || place.depth == kRoot;  // the root itself is selected
  }

  void Visit(const PathFilter& filter, const Place& element) {
    for (const PathOperand* operand : {&filter.left, &filter.right}) {
      if (operand->chain != nullptr) {
        Visit(*operand->chain, element);
      }
    }
    for (const PathFilter* part : {filter.first.get(), filter.second.get()}) {
      if (part != nullptr) {
        Visit(*part, element);
      }
    }
  }

  // Where a step leads that is neither $ nor @.
  Place Behind(const PathStep& step, const Place& place) {
    const bool is_key = step.kind == PathStep::Kind::kField || step.kind == PathStep::Kind::kKeys;
    if (place.depth == kRoot) {
      any_ = any_ || !is_key;
      if (is_key) {
        root_keys_.insert(root_keys_.end(), step.keys.begin(), step.keys.end());
      }
      return is_key && step.keys.size() == 1 ? Place{kMember, step.keys.front()} : Place();
    }
    if (place.depth == kMember && is_key) {
      for (const std::string& key : step.keys) {
        program_.member_keys.emplace_back(place.key, key);
      }
    }
    return Place();
  }

  PathProgram& program_;
  std::vector<std::string> root_keys_;
  bool any_ = false;
};

}  // namespace

PathScratch::PathScratch() : state_(std::make_unique<PathScratchState>()) {}

PathScratch::~PathScratch() = default;
PathScratch::PathScratch(PathScratch&&) noexcept = default;
PathScratch& PathScratch::operator=(PathScratch&&) noexcept = default;

Result<Path> Path::Compile(std::string_view text, NumberEquality numbers) {
  DATALAKE_TRY_ASSIGN(std::unique_ptr<PathProgram> program, ParsePath(text, numbers));
  Prepare(program->chain);
  KeyFinder(*program).Find();
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

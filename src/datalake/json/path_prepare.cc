#include <algorithm>
#include <utility>

#include "datalake/json/path_internal.h"

namespace datalake::json {
namespace {

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
    std::string key = {};
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

void PreparePath(PathProgram& program) {
  Prepare(program.chain);
  KeyFinder(program).Find();
}

}  // namespace datalake::json

// Which members of the root a program can look at, and which members of those: found by running it
// over places instead of values.
#include <algorithm>

#include "datalake/json/jq_fast.h"

namespace datalake::json {
namespace {

using Kind = JqExpression::Kind;

// Where the outputs of an expression lie.
struct Place {
  enum class Depth : std::uint8_t { kRoot, kMember, kDeeper };

  Depth depth = Depth::kDeeper;
  std::string key = {};  // of the root, for kMember
};

class Finder {
 public:
  JqKeys Find(const JqExpression& program) {
    Use(Visit(program, Place{Place::Depth::kRoot}));
    if (!any_) {
      std::sort(root_keys_.begin(), root_keys_.end());
      root_keys_.erase(std::unique(root_keys_.begin(), root_keys_.end()), root_keys_.end());
      keys_.root_keys = std::move(root_keys_);
    }
    return std::move(keys_);
  }

 private:
  // The value itself is looked at.
  void Use(const Place& place) { any_ = any_ || place.depth == Place::Depth::kRoot; }

  Place Visit(const JqExpression& e, const Place& in) {
    switch (e.kind) {
      case Kind::kIdentity:
        return in;
      case Kind::kField:
        return Field(e.key, Visit(*e.first, in));
      case Kind::kIndex:
      case Kind::kEach:
      case Kind::kCollect:
        Use(Visit(*e.first, in));
        return {};
      case Kind::kTry:
      case Kind::kFirst:
        return Visit(*e.first, in);
      case Kind::kPipe:
        return Visit(*e.second, Visit(*e.first, in));
      case Kind::kSelect:
        Use(Visit(*e.first, in));
        return in;
      case Kind::kOfTypes:
        Use(in);
        return in;
      case Kind::kMap:
        Use(in);
        Use(Visit(*e.first, Place()));
        return {};
      case Kind::kAny:
      case Kind::kAll:
        Use(Visit(*e.second, Visit(*e.first, in)));
        return {};
      case Kind::kComma:
      case Kind::kAlternative:
      case Kind::kAnd:
      case Kind::kOr:
      case Kind::kCompare:
      case Kind::kArithmetic:
        Use(Visit(*e.first, in));
        Use(Visit(*e.second, in));
        return {};
      case Kind::kIf:
        Use(Visit(*e.first, in));
        Use(Visit(*e.second, in));
        Use(Visit(*e.third, in));
        return {};
      case Kind::kLiteral:
      case Kind::kEmpty:
        return {};
      case Kind::kNot:
      case Kind::kLength:
      case Kind::kAddUp:
      case Kind::kTypeName:
      case Kind::kToNumber:
      case Kind::kToString:
      case Kind::kHas:
      case Kind::kStartsWith:
      case Kind::kEndsWith:
        Use(in);
        return {};
    }
    return {};
  }

  Place Field(const std::string& key, const Place& of) {
    if (of.depth == Place::Depth::kRoot) {
      root_keys_.push_back(key);
      return {Place::Depth::kMember, key};
    }
    if (of.depth == Place::Depth::kMember) {
      keys_.member_keys.emplace_back(of.key, key);
    }
    return {};
  }

  JqKeys keys_;
  std::vector<std::string> root_keys_;
  bool any_ = false;
};

}  // namespace

JqKeys FindJqKeys(const JqExpression& program) {
  return Finder().Find(program);
}

}  // namespace datalake::json

#include <cstdint>
#include <memory>

#include <re2/re2.h>

#include "datalake/json/path_internal.h"

namespace datalake::json {
namespace {

using Operands = PathOperands;

// The signs of comparisons between what two chains selected.
class Comparer {
 public:
  explicit Comparer(NumberEquality numbers) : numbers_(numbers) {}

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

 private:
  bool Same(const FlatNode& a, const FlatNode& b) const { return NodesEqual(a, b, numbers_); }

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

  NumberEquality numbers_;
};

}  // namespace

bool ComparePathOperands(const PathFilter& filter, PathOperands a, PathOperands b,
                         NumberEquality numbers) {
  return Comparer(numbers).Compare(filter, a, b);
}

}  // namespace datalake::json

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "datalake/base/result.h"

namespace datalake::json {

/// What a node of a Tree is. Numbers are kInt when they fit int64, else kUint, else kDouble.
enum class NodeType : std::uint8_t {
  kNull = 1,
  kBool = 2,
  kInt = 3,
  kUint = 4,
  kDouble = 5,
  kString = 6,
  kArray = 7,
  kObject = 8,
};

/// A value inside a Tree: a view, valid as long as its Tree. A getter of another type than type()
/// gives an empty or zero value. Thread-safe.
class Node {
 public:
  NodeType type() const;
  bool GetBool() const;
  std::int64_t GetInt() const;
  std::uint64_t GetUint() const;
  double GetDouble() const;
  std::string_view GetString() const;

  /// Calls `visit` for each member in the order of the text; a repeated key comes repeatedly.
  void ForEachMember(const std::function<void(std::string_view key, Node value)>& visit) const;

  /// Calls `visit` for each item of an array.
  void ForEachItem(const std::function<void(Node item)>& visit) const;

  /// Appends the value as compact JSON.
  void AppendJson(std::string& out) const;

 private:
  friend class Tree;
  alignas(8) std::array<std::byte, 16> storage_{};
};

/// A parsed JSON text, read-only: for records of others, where a whole tree is looked at once.
/// Parses some 500 MB/s (simdjson). Immutable, Thread-safe.
class Tree {
 public:
  /// Reads one value; strings are copied, `text` may go. Nesting up to kMaxDepth (value.h).
  /// Errors: kInvalidArgument without an offset (bad JSON, invalid UTF-8, too deep, or a number
  /// outside of int64, uint64 and double): ParseValue names the place of broken JSON.
  static Result<Tree> Parse(std::string_view text);

  ~Tree();
  Tree(Tree&&) noexcept;
  Tree& operator=(Tree&&) noexcept;

  Node root() const;

 private:
  struct State;
  explicit Tree(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace datalake::json

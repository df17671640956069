#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/json/tree.h"

namespace datalake::json {

/// One value of a FlatTree. The nodes of an array or object follow it in document order:
/// `node + 1` is its first child, `child + child->span` the next one.
struct FlatNode {
  NodeType type = NodeType::kNull;
  bool is_erased = false;  ///< a later member has the same name: readers skip it
  std::uint32_t size = 0;  ///< children of an array or object, erased ones included
  std::uint32_t span = 1;  ///< nodes of the whole subtree, itself included
  std::string_view key;    ///< its name when it is a member, unescaped
  std::string_view raw;    ///< its JSON text, empty for nodes made by FlatTree::Open
  std::string_view text;   ///< of a kString: the characters, unescaped

  union {
    std::int64_t integer = 0;
    std::uint64_t unsigned_integer;
    double number;
    bool boolean;
  };
};

/// The last member of `object` with this name; nullptr when there is none or it is no object.
const FlatNode* FindMember(const FlatNode& object, std::string_view key);

/// The i-th element of an array; nullptr when out of range or no array.
const FlatNode* FindElement(const FlatNode& array, std::uint64_t index);

/// The children that are there, erased ones left out.
std::size_t LiveSize(const FlatNode& parent);

bool IsNumber(const FlatNode& node);

/// The value of a number of any type as a double; 0 for what is no number.
double AsDouble(const FlatNode& node);

/// How numbers are compared: by value (1 equals 1.0), or with their type as serde_json's Value does
/// (1 differs from 1.0), which is what the Dolma toolkit's filters see.
enum class NumberEquality : std::uint8_t { kByValue, kByType };

/// Deep equality: objects as sets of members, arrays in order.
bool NodesEqual(const FlatNode& a, const FlatNode& b, NumberEquality numbers);

/// Appends the value as compact JSON as the Dolma toolkit writes it: members sorted by name, the
/// last of a repeated name kept, numbers by their value. Depth is bounded by the parser's.
void AppendSorted(const FlatNode& node, std::string& out);

/// JSON values of one row as a flat array, put together from several texts: nodes point into those
/// texts and into the tree's own arena, which must outlive their use. Unlike Tree it is made anew
/// for each row without allocation, and a row's values may come from many files. Single-threaded.
class FlatTree {
 public:
  FlatTree();
  ~FlatTree();
  FlatTree(FlatTree&&) noexcept;
  FlatTree& operator=(FlatTree&&) noexcept;

  /// Drops all nodes; invalidates every FlatNode pointer and every unescaped text.
  void Clear();

  bool empty() const { return nodes_.empty(); }

  /// The first node; the tree must not be empty.
  const FlatNode& root() const { return nodes_.front(); }

  const FlatNode& node(std::size_t index) const { return nodes_[index]; }

  std::size_t size() const { return nodes_.size(); }

  /// Begins an array or object: its children are what is appended until Close. Returns its index
  /// for Close. `key` must outlive the tree's use.
  std::size_t Open(NodeType type, std::string_view key);

  /// Ends the node `index`: counts its children.
  void Close(std::size_t index);

  /// Erases the children of `index` whose name comes again later: the last one wins, as when the
  /// toolkit merges attributes. Linear in the number of children.
  void EraseRepeated(std::size_t index);

  /// Appends one leaf; returns it to be filled in, valid until the next call.
  FlatNode& Add(NodeType type, std::string_view key);

  FlatNode& MutableNode(std::size_t index) { return nodes_[index]; }

  /// At least `bytes` writable bytes that live until Clear; Use says how many are kept.
  std::uint8_t* Reserve(std::size_t bytes);

  void Use(std::size_t bytes) { used_ += bytes; }

 private:
  std::vector<FlatNode> nodes_;
  std::vector<std::uint32_t> table_;  // scratch of EraseRepeated
  std::vector<std::vector<std::uint8_t>> chunks_;
  std::size_t chunk_ = 0;
  std::size_t used_ = 0;
};

/// One member of a parsed object: views into the text.
struct RawField {
  std::string_view key;      ///< unescaped
  std::string_view raw_key;  ///< as written, without the quotes
  std::string_view raw;      ///< the value's JSON text
};

/// Reads JSON into flat trees through simdjson. Errors name the byte offset; the caller adds file
/// and line. Single-threaded; reuse it.
class FlatTreeParser {
 public:
  /// Readable bytes that must follow every text.
  static constexpr std::size_t kPadding = 64;

  /// Values of one tree: a text of more, which would take hundreds of MB, is an error.
  static constexpr std::size_t kMaxNodes = std::size_t{1} << 22;

  FlatTreeParser();
  ~FlatTreeParser();
  FlatTreeParser(FlatTreeParser&&) noexcept;
  FlatTreeParser& operator=(FlatTreeParser&&) noexcept;

  /// Appends the array or object `text` to `tree` (as a child of what is open) under the name
  /// `key`. Errors: kInvalidArgument (bad JSON, invalid UTF-8, a scalar, nested deeper than
  /// kMaxDepth, more values than kMaxNodes).
  Status Append(std::string_view text, std::string_view key, FlatTree& tree);

  /// Appends the members of the object `text` to `tree`, as children of what is open.
  /// Errors: as Append; kInvalidArgument when it is no object.
  Status AppendMembers(std::string_view text, FlatTree& tree);

  /// As AppendMembers, for the members whose names are in `wanted` (all of them when null); all are
  /// checked and listed in `fields`. Cost: one pass of simdjson; long strings that nobody wants are
  /// not unescaped.
  Status AppendFields(std::string_view text, FlatTree& tree, const std::vector<std::string>* wanted,
                      std::vector<RawField>& fields);

  /// Lists the members of the object `text` in `fields`, and appends those of its member `key`,
  /// which must be an object where it is there. Errors: as AppendMembers.
  Status AppendMembersOf(std::string_view text, std::string_view key, FlatTree& tree,
                         std::vector<RawField>& fields);

  /// The characters of the JSON string `raw` (a RawField::raw: checked, with its quotes), unescaped
  /// into `arena` where needed. Errors: kInvalidArgument when it is no string.
  Result<std::string_view> Unescape(std::string_view raw, FlatTree& arena);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace datalake::json

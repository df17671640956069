#include "datalake/json/tree.h"

#include <bit>
#include <type_traits>
#include <utility>

#include <fmt/format.h>
#include <simdjson.h>

#include "datalake/json/value.h"
#include "datalake/json/writer.h"

namespace datalake::json {
namespace {

namespace dom = simdjson::dom;

using Storage = std::array<std::byte, 16>;
static_assert(sizeof(dom::element) == sizeof(Storage));
static_assert(std::is_trivially_copyable_v<dom::element>);

dom::element ElementOf(const Storage& storage) {
  return std::bit_cast<dom::element>(storage);
}

void Append(dom::element element, Writer& writer) {
  switch (element.type()) {
    case dom::element_type::ARRAY:
      writer.BeginArray();
      for (dom::element item : dom::array(element.get_array().value_unsafe())) {
        Append(item, writer);
      }
      writer.EndArray();
      return;
    case dom::element_type::OBJECT:
      writer.BeginObject();
      for (dom::key_value_pair member : dom::object(element.get_object().value_unsafe())) {
        writer.Key(member.key);
        Append(member.value, writer);
      }
      writer.EndObject();
      return;
    case dom::element_type::INT64:
      writer.Int(element.get_int64().value_unsafe());
      return;
    case dom::element_type::UINT64:
      writer.Uint(element.get_uint64().value_unsafe());
      return;
    case dom::element_type::DOUBLE:
      writer.Double(element.get_double().value_unsafe());
      return;
    case dom::element_type::STRING:
      writer.String(element.get_string().value_unsafe());
      return;
    case dom::element_type::BOOL:
      writer.Bool(element.get_bool().value_unsafe());
      return;
    default:
      writer.Null();
  }
}

}  // namespace

struct Tree::State {
  dom::parser parser;
  dom::element root;
};

NodeType Node::type() const {
  switch (ElementOf(storage_).type()) {
    case dom::element_type::ARRAY:
      return NodeType::kArray;
    case dom::element_type::OBJECT:
      return NodeType::kObject;
    case dom::element_type::INT64:
      return NodeType::kInt;
    case dom::element_type::UINT64:
      return NodeType::kUint;
    case dom::element_type::DOUBLE:
      return NodeType::kDouble;
    case dom::element_type::STRING:
      return NodeType::kString;
    case dom::element_type::BOOL:
      return NodeType::kBool;
    default:
      return NodeType::kNull;
  }
}

bool Node::GetBool() const {
  bool value = false;
  return ElementOf(storage_).get_bool().get(value) == simdjson::SUCCESS && value;
}

std::int64_t Node::GetInt() const {
  std::int64_t value = 0;
  return ElementOf(storage_).get_int64().get(value) == simdjson::SUCCESS ? value : 0;
}

std::uint64_t Node::GetUint() const {
  std::uint64_t value = 0;
  return ElementOf(storage_).get_uint64().get(value) == simdjson::SUCCESS ? value : 0;
}

double Node::GetDouble() const {
  double value = 0;
  return ElementOf(storage_).get_double().get(value) == simdjson::SUCCESS ? value : 0;
}

std::string_view Node::GetString() const {
  std::string_view value;
  return ElementOf(storage_).get_string().get(value) == simdjson::SUCCESS ? value
                                                                          : std::string_view();
}

void Node::ForEachMember(const std::function<void(std::string_view, Node)>& visit) const {
  dom::object object;
  if (ElementOf(storage_).get_object().get(object) != simdjson::SUCCESS) {
    return;
  }
  for (dom::key_value_pair member : object) {
    Node node;
    node.storage_ = std::bit_cast<Storage>(member.value);
    visit(member.key, node);
  }
}

void Node::ForEachItem(const std::function<void(Node)>& visit) const {
  dom::array array;
  if (ElementOf(storage_).get_array().get(array) != simdjson::SUCCESS) {
    return;
  }
  for (dom::element item : array) {
    Node node;
    node.storage_ = std::bit_cast<Storage>(item);
    visit(node);
  }
}

void Node::AppendJson(std::string& out) const {
  Writer writer(out);
  Append(ElementOf(storage_), writer);
}

Tree::Tree(std::unique_ptr<State> state) : state_(std::move(state)) {}

Tree::~Tree() = default;
Tree::Tree(Tree&&) noexcept = default;
Tree& Tree::operator=(Tree&&) noexcept = default;

Result<Tree> Tree::Parse(std::string_view text) {
  auto state = std::make_unique<State>();
  simdjson::error_code code = state->parser.allocate(text.size(), kMaxDepth);
  if (code == simdjson::SUCCESS) {
    code =
        state->parser.parse(text.data(), text.size(), /*realloc_if_needed=*/true).get(state->root);
  }
  if (code != simdjson::SUCCESS) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("not valid JSON: {}", simdjson::error_message(code))};
  }
  return Tree(std::move(state));
}

Node Tree::root() const {
  Node node;
  node.storage_ = std::bit_cast<Storage>(state_->root);
  return node;
}

}  // namespace datalake::json

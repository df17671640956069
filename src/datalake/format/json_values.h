#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/json/tree.h"

// Internal to format/.
namespace datalake::format {

/// What the JSON values of one place in the rows have been so far, and the type that holds them all
/// (rows.h says which). Single-threaded.
class JsonTypeGuess {
 public:
  /// `depth` structs and lists are around the value.
  void Add(json::Node value, int depth);

  /// As Add of an object, which may have so many members.
  void AddMembers(json::Node object, int depth, std::size_t max_members);

  /// True when the values are too wide or deep for columns.
  bool is_text() const { return is_text_; }

  /// Members of all objects, in the order of their first appearance.
  std::vector<std::shared_ptr<arrow::Field>> Fields() const;

  std::shared_ptr<arrow::DataType> Type() const;

 private:
  bool has_bool_ = false;
  bool has_int_ = false;
  bool has_negative_ = false;
  bool has_big_ = false;  // above int64
  bool has_double_ = false;
  bool has_string_ = false;
  bool has_array_ = false;
  bool has_object_ = false;
  bool is_text_ = false;
  std::unique_ptr<JsonTypeGuess> item_;
  std::vector<std::pair<std::string, std::unique_ptr<JsonTypeGuess>>> members_;
  std::map<std::string, std::size_t, std::less<>> index_;
};

/// Appends JSON values to a builder of a type that JsonTypeGuess gave for them; a tree like that of
/// the types, so that members are found by name once. Single-threaded.
class JsonAppender {
 public:
  /// `builder` must outlive it.
  JsonAppender(arrow::ArrayBuilder* builder, const arrow::DataType& type);

  arrow::Status Append(json::Node value);

  /// As Append of an object to a struct.
  arrow::Status AppendStruct(json::Node object);

 private:
  arrow::Status AppendList(json::Node value);
  arrow::Status AppendText(json::Node value);

  arrow::ArrayBuilder* builder_;
  arrow::Type::type id_;
  std::vector<std::unique_ptr<JsonAppender>> children_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::vector<std::optional<json::Node>> values_;
  std::string text_;
};

}  // namespace datalake::format

#include "datalake/format/json_values.h"

#include <algorithm>
#include <utility>

#include <arrow/array/builder_base.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_nested.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/type.h>

namespace datalake::format {

using json::Node;
using json::NodeType;

namespace {

// An object with more members than this is a dictionary of data, not a record: kept as JSON text.
constexpr std::size_t kMaxMembers = 512;
constexpr int kMaxStructDepth = 16;

double NumberOf(Node value) {
  switch (value.type()) {
    case NodeType::kInt:
      return static_cast<double>(value.GetInt());
    case NodeType::kUint:
      return static_cast<double>(value.GetUint());
    default:
      return value.GetDouble();
  }
}

}  // namespace

void JsonTypeGuess::Add(Node value, int depth) {
  switch (value.type()) {
    case NodeType::kNull:
      return;
    case NodeType::kBool:
      has_bool_ = true;
      return;
    case NodeType::kInt:
      has_int_ = true;
      has_negative_ = has_negative_ || value.GetInt() < 0;
      return;
    case NodeType::kUint:
      has_big_ = true;
      return;
    case NodeType::kDouble:
      has_double_ = true;
      return;
    case NodeType::kString:
      has_string_ = true;
      return;
    case NodeType::kArray:
      has_array_ = true;
      if (depth >= kMaxStructDepth) {
        is_text_ = true;
        return;
      }
      if (item_ == nullptr) {
        item_ = std::make_unique<JsonTypeGuess>();
      }
      value.ForEachItem([&](Node item) { item_->Add(item, depth + 1); });
      return;
    case NodeType::kObject:
      has_object_ = true;
      AddMembers(value, depth, kMaxMembers);
      return;
  }
}

void JsonTypeGuess::AddMembers(Node object, int depth, std::size_t max_members) {
  if (depth >= kMaxStructDepth || is_text_) {
    is_text_ = true;
    return;
  }
  object.ForEachMember([&](std::string_view key, Node value) {
    const auto found = index_.find(key);
    if (found != index_.end()) {
      members_[found->second].second->Add(value, depth + 1);
    } else if (members_.size() < max_members) {
      index_.emplace(std::string(key), members_.size());
      members_.emplace_back(std::string(key), std::make_unique<JsonTypeGuess>());
      members_.back().second->Add(value, depth + 1);
    } else {
      is_text_ = true;
    }
  });
}

std::vector<std::shared_ptr<arrow::Field>> JsonTypeGuess::Fields() const {
  arrow::FieldVector fields;
  for (const auto& [name, guess] : members_) {
    fields.push_back(arrow::field(name, guess->Type()));
  }
  return fields;
}

std::shared_ptr<arrow::DataType> JsonTypeGuess::Type() const {
  const bool has_number = has_int_ || has_big_ || has_double_;
  const int kinds = (has_bool_ ? 1 : 0) + (has_number ? 1 : 0) + (has_string_ ? 1 : 0) +
                    (has_array_ ? 1 : 0) + (has_object_ ? 1 : 0);
  if (kinds == 0) {
    return arrow::null();
  }
  if (kinds > 1 || has_string_ || is_text_ || (has_object_ && members_.empty())) {
    return arrow::utf8();
  }
  if (has_bool_) {
    return arrow::boolean();
  }
  if (has_number) {
    const bool is_float = has_double_ || (has_big_ && has_negative_);
    return is_float ? arrow::float64() : has_big_ ? arrow::uint64() : arrow::int64();
  }
  return has_array_ ? arrow::list(item_ == nullptr ? arrow::null() : item_->Type())
                    : arrow::struct_(Fields());
}

JsonAppender::JsonAppender(arrow::ArrayBuilder* builder, const arrow::DataType& type)
    : builder_(builder), id_(type.id()) {
  if (id_ == arrow::Type::LIST) {
    auto* list = static_cast<arrow::ListBuilder*>(builder);
    children_.push_back(
        std::make_unique<JsonAppender>(list->value_builder(), *type.field(0)->type()));
  } else if (id_ == arrow::Type::STRUCT) {
    auto* members = static_cast<arrow::StructBuilder*>(builder);
    for (int i = 0; i < type.num_fields(); ++i) {
      index_.emplace(type.field(i)->name(), children_.size());
      children_.push_back(
          std::make_unique<JsonAppender>(members->field_builder(i), *type.field(i)->type()));
    }
    values_.resize(children_.size());
  }
}

arrow::Status JsonAppender::Append(Node value) {
  if (value.type() == NodeType::kNull || id_ == arrow::Type::NA) {
    return builder_->AppendNull();
  }
  switch (id_) {
    case arrow::Type::BOOL:
      return static_cast<arrow::BooleanBuilder*>(builder_)->Append(value.GetBool());
    case arrow::Type::INT64:
      return static_cast<arrow::Int64Builder*>(builder_)->Append(value.GetInt());
    case arrow::Type::UINT64:
      return static_cast<arrow::UInt64Builder*>(builder_)->Append(
          value.type() == NodeType::kUint ? value.GetUint()
                                          : static_cast<std::uint64_t>(value.GetInt()));
    case arrow::Type::DOUBLE:
      return static_cast<arrow::DoubleBuilder*>(builder_)->Append(NumberOf(value));
    case arrow::Type::LIST:
      return AppendList(value);
    case arrow::Type::STRUCT:
      return AppendStruct(value);
    default:
      return AppendText(value);
  }
}

arrow::Status JsonAppender::AppendStruct(Node object) {
  ARROW_RETURN_NOT_OK(static_cast<arrow::StructBuilder*>(builder_)->Append());
  std::fill(values_.begin(), values_.end(), std::nullopt);
  object.ForEachMember([&](std::string_view key, Node value) {
    if (const auto found = index_.find(key); found != index_.end()) {
      values_[found->second] = value;  // the last one of a repeated key
    }
  });
  for (std::size_t i = 0; i < children_.size(); ++i) {
    ARROW_RETURN_NOT_OK(values_[i].has_value() ? children_[i]->Append(*values_[i])
                                               : children_[i]->builder_->AppendNull());
  }
  return arrow::Status::OK();
}

arrow::Status JsonAppender::AppendList(Node value) {
  ARROW_RETURN_NOT_OK(static_cast<arrow::ListBuilder*>(builder_)->Append());
  arrow::Status status;
  value.ForEachItem([&](Node item) {
    if (status.ok()) {
      status = children_.front()->Append(item);
    }
  });
  return status;
}

arrow::Status JsonAppender::AppendText(Node value) {
  auto* builder = static_cast<arrow::StringBuilder*>(builder_);
  if (value.type() == NodeType::kString) {
    return builder->Append(value.GetString());
  }
  text_.clear();
  value.AppendJson(text_);
  return builder->Append(text_);
}

}  // namespace datalake::format

#include "datalake/format/json_rows.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <arrow/array/builder_base.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_nested.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/format/arrow_status.h"
#include "datalake/format/json_records.h"
#include "datalake/io/compression.h"
#include "datalake/io/file_system.h"

namespace datalake::format {
namespace {

using json::Node;
using json::NodeType;

constexpr std::size_t kMaxColumns = 4096;
// An object with more members than this is a dictionary of data, not a record: kept as JSON text.
constexpr std::size_t kMaxMembers = 512;
constexpr int kMaxStructDepth = 16;
constexpr std::uint64_t kBatchBytes = 32ULL << 20;  // of JSON text in a batch, about

// What the values of one place in the rows have been so far.
class ValueGuess {
 public:
  void Add(Node value, int depth) {
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
          item_ = std::make_unique<ValueGuess>();
        }
        value.ForEachItem([&](Node item) { item_->Add(item, depth + 1); });
        return;
      case NodeType::kObject:
        has_object_ = true;
        AddMembers(value, depth, kMaxMembers);
        return;
    }
  }

  void AddMembers(Node object, int depth, std::size_t max_members) {
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
        members_.emplace_back(std::string(key), std::make_unique<ValueGuess>());
        members_.back().second->Add(value, depth + 1);
      } else {
        is_text_ = true;
      }
    });
  }

  bool is_text() const { return is_text_; }

  arrow::FieldVector Fields() const {
    arrow::FieldVector fields;
    for (const auto& [name, guess] : members_) {
      fields.push_back(arrow::field(name, guess->Type()));
    }
    return fields;
  }

  std::shared_ptr<arrow::DataType> Type() const {
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

 private:
  bool has_bool_ = false;
  bool has_int_ = false;
  bool has_negative_ = false;
  bool has_big_ = false;  // above int64
  bool has_double_ = false;
  bool has_string_ = false;
  bool has_array_ = false;
  bool has_object_ = false;
  bool is_text_ = false;  // too wide or deep for columns
  std::unique_ptr<ValueGuess> item_;
  std::vector<std::pair<std::string, std::unique_ptr<ValueGuess>>> members_;
  std::map<std::string, std::size_t, std::less<>> index_;
};

// Appends values of one type; a tree like that of the types, so that members are found by name
// once.
class ValueAppender {
 public:
  ValueAppender(arrow::ArrayBuilder* builder, const arrow::DataType& type)
      : builder_(builder), id_(type.id()) {
    if (id_ == arrow::Type::LIST) {
      auto* list = static_cast<arrow::ListBuilder*>(builder);
      children_.push_back(
          std::make_unique<ValueAppender>(list->value_builder(), *type.field(0)->type()));
    } else if (id_ == arrow::Type::STRUCT) {
      AddMembers(static_cast<arrow::StructBuilder*>(builder), type);
    }
  }

  arrow::Status Append(Node value) {
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

  arrow::Status AppendStruct(Node object) {
    auto* builder = static_cast<arrow::StructBuilder*>(builder_);
    ARROW_RETURN_NOT_OK(builder->Append());
    return AppendMembers(object);
  }

 private:
  void AddMembers(arrow::StructBuilder* builder, const arrow::DataType& type) {
    for (int i = 0; i < type.num_fields(); ++i) {
      index_.emplace(type.field(i)->name(), children_.size());
      children_.push_back(
          std::make_unique<ValueAppender>(builder->field_builder(i), *type.field(i)->type()));
    }
    values_.resize(children_.size());
  }

  arrow::Status AppendMembers(Node object) {
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

  arrow::Status AppendList(Node value) {
    ARROW_RETURN_NOT_OK(static_cast<arrow::ListBuilder*>(builder_)->Append());
    arrow::Status status;
    value.ForEachItem([&](Node item) {
      if (status.ok()) {
        status = children_.front()->Append(item);
      }
    });
    return status;
  }

  arrow::Status AppendText(Node value) {
    auto* builder = static_cast<arrow::StringBuilder*>(builder_);
    if (value.type() == NodeType::kString) {
      return builder->Append(value.GetString());
    }
    text_.clear();
    value.AppendJson(text_);
    return builder->Append(text_);
  }

  static double NumberOf(Node value) {
    switch (value.type()) {
      case NodeType::kInt:
        return static_cast<double>(value.GetInt());
      case NodeType::kUint:
        return static_cast<double>(value.GetUint());
      default:
        return value.GetDouble();
    }
  }

  arrow::ArrayBuilder* builder_;
  arrow::Type::type id_;
  std::vector<std::unique_ptr<ValueAppender>> children_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::vector<std::optional<Node>> values_;
  std::string text_;
};

class JsonRows final : public arrow::RecordBatchReader {
 public:
  JsonRows(JsonRecords records, std::shared_ptr<arrow::Schema> schema, const RowsOptions& options)
      : records_(std::move(records)), schema_(std::move(schema)), options_(options) {}

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    // One struct column whose members are the columns.
    const auto type = arrow::struct_(schema_->fields());
    ARROW_ASSIGN_OR_RAISE(auto builder, arrow::MakeBuilder(type));
    ValueAppender appender(builder.get(), *type);
    const std::uint64_t start_bytes = records_.line_bytes();
    std::int64_t rows = 0;
    const Status status = records_.ForEach([&](Node object) -> Result<bool> {
      DATALAKE_TRY(FromArrow(appender.AppendStruct(object), "cannot take in json row"));
      ++rows;
      return rows < options_.batch_rows && records_.line_bytes() - start_bytes < kBatchBytes;
    });
    if (!status) {
      return ToArrow(status.error());
    }
    if (rows == 0) {
      *out = nullptr;
      return arrow::Status::OK();
    }
    ARROW_ASSIGN_OR_RAISE(const auto array, builder->Finish());
    ARROW_ASSIGN_OR_RAISE(*out, arrow::RecordBatch::FromStructArray(array));
    *out = (*out)->ReplaceSchemaMetadata(schema_->metadata());
    return arrow::Status::OK();
  }

 private:
  JsonRecords records_;
  const std::shared_ptr<arrow::Schema> schema_;
  const RowsOptions options_;
};

}  // namespace

Result<std::shared_ptr<arrow::Schema>> InferJsonSchema(io::FileSystem& fs,
                                                       const std::vector<std::string>& files,
                                                       const RowsOptions& options) {
  ValueGuess rows;
  for (const std::string& file : files) {
    DATALAKE_TRY_ASSIGN(auto stream, io::OpenCompressed(fs, file));
    JsonRecords records(file, std::move(stream), options.max_line_bytes);
    DATALAKE_TRY(records.ForEach([&](Node object) -> Result<bool> {
      rows.AddMembers(object, 0, kMaxColumns);
      return true;
    }));
    if (rows.is_text()) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("rows with more than {} columns: {}", kMaxColumns, file)};
    }
  }
  return arrow::schema(rows.Fields());
}

Result<std::shared_ptr<arrow::RecordBatchReader>> OpenJson(io::FileSystem& fs,
                                                           std::string_view file,
                                                           std::shared_ptr<arrow::Schema> schema,
                                                           const RowsOptions& options) {
  DATALAKE_TRY_ASSIGN(auto stream, io::OpenCompressed(fs, file));
  return std::make_shared<JsonRows>(
      JsonRecords(std::string(file), std::move(stream), options.max_line_bytes), std::move(schema),
      options);
}

}  // namespace datalake::format

// Columns of records with the fields of a definition.
#include <utility>
#include <vector>

#include <arrow/array/builder_base.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_nested.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/type.h>

#include "datalake/lake/field_record.h"
#include "datalake/lake/payload_columns.h"

namespace datalake::lake {
namespace {

using json::Node;
using json::NodeType;

std::shared_ptr<arrow::DataType> TypeOf(FeedFieldType type) {
  switch (type) {
    case FeedFieldType::kInteger:
      return arrow::int64();
    case FeedFieldType::kNumber:
      return arrow::float64();
    case FeedFieldType::kBoolean:
      return arrow::boolean();
    case FeedFieldType::kTexts:
      return arrow::list(arrow::utf8());
    case FeedFieldType::kText:
    case FeedFieldType::kDate:
    case FeedFieldType::kJson:
      return arrow::utf8();
  }
  return arrow::utf8();
}

double NumberOf(const Node& node) {
  switch (node.type()) {
    case NodeType::kInt:
      return static_cast<double>(node.GetInt());
    case NodeType::kUint:
      return static_cast<double>(node.GetUint());
    default:
      return node.GetDouble();
  }
}

// One column: its builder and how a value gets into it. The builder is of TypeOf(type).
class Column {
 public:
  explicit Column(FeedFieldType type) : type_(type) {}

  arrow::Status Open() {
    return arrow::MakeBuilder(arrow::default_memory_pool(), TypeOf(type_), &builder_);
  }

  arrow::Status Append(const std::optional<Node>& value) {
    if (!value) {
      return builder_->AppendNull();
    }
    switch (type_) {
      case FeedFieldType::kText:
      case FeedFieldType::kDate:
        return As<arrow::StringBuilder>().Append(value->GetString());
      case FeedFieldType::kInteger:
        return As<arrow::Int64Builder>().Append(value->GetInt());
      case FeedFieldType::kNumber:
        return As<arrow::DoubleBuilder>().Append(NumberOf(*value));
      case FeedFieldType::kBoolean:
        return As<arrow::BooleanBuilder>().Append(value->GetBool());
      case FeedFieldType::kTexts:
        return AppendTexts(*value);
      case FeedFieldType::kJson: {
        std::string text;
        value->AppendJson(text);
        return As<arrow::StringBuilder>().Append(text);
      }
    }
    return arrow::Status::OK();
  }

  arrow::Result<std::shared_ptr<arrow::Array>> Finish() { return builder_->Finish(); }

 private:
  template <typename Builder>
  Builder& As() {
    return static_cast<Builder&>(*builder_);
  }

  arrow::Status AppendTexts(const Node& value) {
    auto& list = As<arrow::ListBuilder>();
    ARROW_RETURN_NOT_OK(list.Append());
    auto& texts = static_cast<arrow::StringBuilder&>(*list.value_builder());
    arrow::Status status = arrow::Status::OK();
    value.ForEachItem([&](const Node& item) {
      if (status.ok()) {
        status = texts.Append(item.GetString());
      }
    });
    return status;
  }

  FeedFieldType type_;
  std::unique_ptr<arrow::ArrayBuilder> builder_;
};

class FieldColumns final : public PayloadColumns {
 public:
  explicit FieldColumns(const FeedDefinition& definition) : definition_(definition) {
    for (const FeedField& field : definition_.fields) {
      columns_.emplace_back(field.type);
    }
  }

  arrow::Status Append(std::string_view body, RecordOrigin& origin) override {
    ARROW_RETURN_NOT_OK(Open());
    parsed_ = ParseFields(definition_, body);
    const FieldRecord& record = parsed_.record;
    const bool fits = parsed_.problems.empty();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      ARROW_RETURN_NOT_OK(columns_[i].Append(fits ? record.values[i] : std::nullopt));
    }
    if (fits) {
      origin.source = record.source;
      origin.submitter_id = record.submitter_id;
      origin.attribution = record.attribution;
      origin.extra = record.extra;
    }
    return arrow::Status::OK();
  }

  arrow::Status Finish(arrow::ArrayVector& columns) override {
    ARROW_RETURN_NOT_OK(Open());
    for (Column& column : columns_) {
      ARROW_ASSIGN_OR_RAISE(auto array, column.Finish());
      columns.push_back(std::move(array));
    }
    return arrow::Status::OK();
  }

 private:
  arrow::Status Open() {
    if (!is_open_) {
      for (Column& column : columns_) {
        ARROW_RETURN_NOT_OK(column.Open());
      }
      is_open_ = true;
    }
    return arrow::Status::OK();
  }

  const FeedDefinition definition_;
  std::vector<Column> columns_;
  FieldParseResult parsed_;  // of the newest row
  bool is_open_ = false;
};

}  // namespace

arrow::FieldVector FieldPayloadFields(const FeedDefinition& definition) {
  arrow::FieldVector fields;
  for (const FeedField& field : definition.fields) {
    fields.push_back(arrow::field(field.name, TypeOf(field.type)));
  }
  return fields;
}

std::unique_ptr<PayloadColumns> MakeFieldColumns(const FeedDefinition& definition) {
  return std::make_unique<FieldColumns>(definition);
}

}  // namespace datalake::lake

#include "datalake/format/column_statistics.h"

#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <arrow/type_traits.h>
#include <arrow/util/decimal.h>

#include "datalake/format/arrow_status.h"

namespace datalake::format {
namespace {

using arrow::Type;

// Bounds of one leaf type, apart from counting nulls.
class Bounds {
 public:
  virtual ~Bounds() = default;

  virtual void Add(const arrow::Array& array) = 0;

  // Min and max, or two nulls.
  virtual std::pair<std::shared_ptr<arrow::Scalar>, std::shared_ptr<arrow::Scalar>> Get() const = 0;
};

template <typename ArrayType>
class TypedBounds final : public Bounds {
 public:
  using View = std::decay_t<decltype(std::declval<ArrayType>().GetView(0))>;
  // Decimals are viewed as their bytes; strings as views into the batch, which does not stay.
  static constexpr bool kIsDecimal = std::is_same_v<ArrayType, arrow::Decimal128Array>;
  static constexpr bool kIsText = std::is_same_v<View, std::string_view> && !kIsDecimal;
  using Value = std::conditional_t<kIsDecimal, arrow::Decimal128,
                                   std::conditional_t<kIsText, std::string, View>>;

  explicit TypedBounds(std::shared_ptr<arrow::DataType> type) : type_(std::move(type)) {}

  void Add(const arrow::Array& array) override {
    const auto& values = static_cast<const ArrayType&>(array);
    const bool has_nulls = array.null_count() > 0;
    for (std::int64_t i = 0; i < array.length(); ++i) {
      if (!has_nulls || !array.IsNull(i)) {
        AddValue(values, i);
      }
    }
  }

  std::pair<std::shared_ptr<arrow::Scalar>, std::shared_ptr<arrow::Scalar>> Get() const override {
    if (!any_ || has_nan_) {
      return {};
    }
    return {MakeScalarOf(min_), MakeScalarOf(max_)};
  }

 private:
  void AddValue(const ArrayType& values, std::int64_t i) {
    if constexpr (kIsDecimal) {
      Take(arrow::Decimal128(values.GetValue(i)));
    } else if constexpr (std::is_floating_point_v<View>) {
      const View value = values.GetView(i);
      has_nan_ = has_nan_ || std::isnan(value);
      Take(value);
    } else {
      Take(values.GetView(i));
    }
  }

  template <typename T>
  void Take(const T& value) {
    if (!any_) {
      min_ = Value(value);
      max_ = Value(value);
      any_ = true;
    } else if (value < min_) {
      min_ = Value(value);
    } else if (max_ < value) {
      max_ = Value(value);
    }
  }

  std::shared_ptr<arrow::Scalar> MakeScalarOf(const Value& value) const {
    using ScalarType = typename arrow::TypeTraits<typename ArrayType::TypeClass>::ScalarType;
    if constexpr (kIsText) {
      return std::make_shared<ScalarType>(value);
    } else {
      return std::make_shared<ScalarType>(value, type_);
    }
  }

  std::shared_ptr<arrow::DataType> type_;
  Value min_{};
  Value max_{};
  bool any_ = false;
  bool has_nan_ = false;
};

template <typename ArrayType>
std::unique_ptr<Bounds> Make(const std::shared_ptr<arrow::DataType>& type) {
  return std::make_unique<TypedBounds<ArrayType>>(type);
}

// Null for types without a useful order.
std::unique_ptr<Bounds> MakeBounds(const std::shared_ptr<arrow::DataType>& type) {
  switch (type->id()) {
    case Type::INT8:
      return Make<arrow::Int8Array>(type);
    case Type::INT16:
      return Make<arrow::Int16Array>(type);
    case Type::INT32:
      return Make<arrow::Int32Array>(type);
    case Type::INT64:
      return Make<arrow::Int64Array>(type);
    case Type::UINT8:
      return Make<arrow::UInt8Array>(type);
    case Type::UINT16:
      return Make<arrow::UInt16Array>(type);
    case Type::UINT32:
      return Make<arrow::UInt32Array>(type);
    case Type::UINT64:
      return Make<arrow::UInt64Array>(type);
    case Type::FLOAT:
      return Make<arrow::FloatArray>(type);
    case Type::DOUBLE:
      return Make<arrow::DoubleArray>(type);
    case Type::STRING:
      return Make<arrow::StringArray>(type);
    case Type::LARGE_STRING:
      return Make<arrow::LargeStringArray>(type);
    case Type::DATE32:
      return Make<arrow::Date32Array>(type);
    case Type::TIMESTAMP:
      return Make<arrow::TimestampArray>(type);
    case Type::DECIMAL128:
      return Make<arrow::Decimal128Array>(type);
    default:
      return nullptr;
  }
}

bool IsRepeated(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::LIST:
    case Type::LARGE_LIST:
    case Type::FIXED_SIZE_LIST:
    case Type::LIST_VIEW:
    case Type::LARGE_LIST_VIEW:
    case Type::MAP:
      return true;
    default:
      return false;
  }
}

}  // namespace

class StatisticsCollector::Node {
 public:
  explicit Node(const arrow::Field& field)
      : name_(field.name()),
        is_struct_(field.type()->id() == Type::STRUCT),
        bounds_(MakeBounds(field.type())) {
    if (is_struct_) {
      for (const auto& child : field.type()->fields()) {
        children_.push_back(IsRepeated(*child->type()) ? nullptr : std::make_unique<Node>(*child));
      }
    }
  }

  Status Add(const arrow::Array& array) {
    if (is_struct_) {
      // Flatten gives the children with the struct's own nulls and offset applied.
      DATALAKE_TRY_ASSIGN(const auto arrays,
                          FromArrow(static_cast<const arrow::StructArray&>(array).Flatten(),
                                    "cannot read struct column"));
      for (std::size_t i = 0; i < children_.size(); ++i) {
        if (children_[i] != nullptr) {
          DATALAKE_TRY(children_[i]->Add(*arrays[i]));
        }
      }
      return {};
    }
    null_count_ += array.type_id() == Type::NA ? array.length() : array.null_count();
    if (bounds_ != nullptr) {
      bounds_->Add(array);
    }
    return {};
  }

  void Collect(std::vector<std::string> path, std::vector<ColumnStatistics>& out) const {
    path.push_back(name_);
    if (is_struct_) {
      for (const auto& child : children_) {
        if (child != nullptr) {
          child->Collect(path, out);
        }
      }
      return;
    }
    ColumnStatistics statistics{.path = std::move(path), .null_count = null_count_};
    if (bounds_ != nullptr) {
      std::tie(statistics.min, statistics.max) = bounds_->Get();
    }
    out.push_back(std::move(statistics));
  }

 private:
  std::string name_;
  bool is_struct_;
  std::unique_ptr<Bounds> bounds_;
  std::vector<std::unique_ptr<Node>> children_;  // null for lists and maps
  std::int64_t null_count_ = 0;
};

StatisticsCollector::StatisticsCollector(const arrow::Schema& schema) {
  for (const auto& field : schema.fields()) {
    nodes_.push_back(IsRepeated(*field->type()) ? nullptr : std::make_unique<Node>(*field));
  }
}

StatisticsCollector::~StatisticsCollector() = default;

Status StatisticsCollector::Add(const arrow::RecordBatch& batch) {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i] != nullptr) {
      DATALAKE_TRY(nodes_[i]->Add(*batch.column(static_cast<int>(i))));
    }
  }
  return {};
}

std::vector<ColumnStatistics> StatisticsCollector::Finish() const {
  std::vector<ColumnStatistics> statistics;
  for (const auto& node : nodes_) {
    if (node != nullptr) {
      node->Collect({}, statistics);
    }
  }
  return statistics;
}

}  // namespace datalake::format

#include "datalake/format/rows_ahead.h"

#include <atomic>
#include <memory>
#include <string>

#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

namespace datalake::format {
namespace {

// Batches of one number each, from 0; an error in place of number `fails_at`.
class Numbers final : public arrow::RecordBatchReader {
 public:
  Numbers(int count, int fails_at) : count_(count), fails_at_(fails_at) {}

  std::shared_ptr<arrow::Schema> schema() const override {
    return arrow::schema({arrow::field("n", arrow::int32())});
  }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    *out = nullptr;
    if (next_ == fails_at_) {
      return arrow::Status::IOError("broken");
    }
    if (next_ == count_) {
      return arrow::Status::OK();
    }
    arrow::Int32Builder builder;
    ARROW_RETURN_NOT_OK(builder.Append(next_++));
    ARROW_ASSIGN_OR_RAISE(auto column, builder.Finish());
    *out = arrow::RecordBatch::Make(schema(), 1, {std::move(column)});
    return arrow::Status::OK();
  }

  int read() const { return next_; }

 private:
  const int count_;
  const int fails_at_;
  std::atomic<int> next_ = 0;
};

int ValueOf(const arrow::RecordBatch& batch) {
  return static_cast<const arrow::Int32Array&>(*batch.column(0)).Value(0);
}

TEST(RowsAheadTest, GivesAllBatchesInOrderAndThenTheEndAgain) {
  const auto rows = RowsAhead(std::make_shared<Numbers>(100, -1));
  EXPECT_EQ(rows->schema()->field(0)->name(), "n");
  std::shared_ptr<arrow::RecordBatch> batch;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(rows->ReadNext(&batch).ok());
    ASSERT_NE(batch, nullptr);
    EXPECT_EQ(ValueOf(*batch), i);
  }
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(rows->ReadNext(&batch).ok());
    EXPECT_EQ(batch, nullptr);
  }
}

TEST(RowsAheadTest, ErrorComesAfterTheBatchesBeforeIt) {
  const auto rows = RowsAhead(std::make_shared<Numbers>(100, 3));
  std::shared_ptr<arrow::RecordBatch> batch;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(rows->ReadNext(&batch).ok());
  }
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(rows->ReadNext(&batch).IsIOError());
    EXPECT_EQ(batch, nullptr);
  }
}

TEST(RowsAheadTest, ReadsNoFurtherAheadThanAskedAndMayBeLeftEarly) {
  const auto numbers = std::make_shared<Numbers>(1'000'000, -1);
  {
    const auto rows = RowsAhead(numbers, 3);
    std::shared_ptr<arrow::RecordBatch> batch;
    ASSERT_TRUE(rows->ReadNext(&batch).ok());
  }
  EXPECT_LE(numbers->read(), 5);
}

}  // namespace
}  // namespace datalake::format

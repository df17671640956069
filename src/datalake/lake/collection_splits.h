#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"

namespace datalake::lake {

/// One part of a collection, and how much of it: 0.9 is nine rows of ten.
struct SplitShare {
  std::string name;
  double share = 0;

  friend bool operator==(const SplitShare&, const SplitShare&) = default;
};

/// How rows are divided: a row belongs where the hash of its `key` falls, whatever other rows there
/// are. So a row never changes sides from one version to the next while the shares stay, and
/// shares that are cut out of an earlier one leave the others as they are.
///
/// The place of a key is XXH3-64 of its text (strings as they are, other values as JSON) divided by
/// 2^64; shares follow one another from 0 to 1 in their order (docs/formats/collection.md).
struct SplitPlan {
  std::vector<SplitShare> shares = {};  ///< empty: the collection has no splits
  std::string key = {};                 ///< a column without nulls
};

/// "train=0.9,test=0.1" with a key. Both empty: no splits. Errors: kInvalidArgument (form, names,
/// shares that are not in (0, 1] or do not add up to 1, one of the two missing).
Result<SplitPlan> ParseSplitPlan(std::string_view shares, std::string_view key);

/// The place of a plan's share in which `key_text` falls. Requires shares.
std::size_t SplitOf(const SplitPlan& plan, std::string_view key_text);

/// Divides batches by a plan. Single-threaded.
class RowSplitter {
 public:
  /// Errors: kNotFound (the key is no column of `schema`, naming the nearest), kInvalidArgument.
  static Result<RowSplitter> Make(SplitPlan plan, const arrow::Schema& schema);

  /// One batch for each share, in the order of rows; some without rows. Errors: kInvalidArgument (a
  /// row without key, naming its number), kUnsupported (type of the key), kResourceExhausted.
  Result<std::vector<std::shared_ptr<arrow::RecordBatch>>> Split(
      const std::shared_ptr<arrow::RecordBatch>& batch);

 private:
  RowSplitter(SplitPlan plan, int column) : plan_(std::move(plan)), column_(column) {}

  SplitPlan plan_;
  int column_;
  std::int64_t rows_before_ = 0;
};

}  // namespace datalake::lake

#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"

// Internal to lake/.
namespace datalake::assets {
struct AssetInfo;
}  // namespace datalake::assets

namespace datalake::lake {

/// Builds a column of links: how a table links assets. Single-threaded.
class LinkBuilder {
 public:
  /// `type`: of AssetLinkTypeLike.
  explicit LinkBuilder(const std::shared_ptr<arrow::DataType>& type);
  ~LinkBuilder();

  /// Makes room for `links` more. Errors: kResourceExhausted.
  Status Reserve(std::int64_t links);

  /// A link; without `info` (null) it only says its problem. Errors: kResourceExhausted.
  Status Append(const assets::AssetInfo* info, std::string_view problem);

  /// No link. Errors: kResourceExhausted.
  Status AppendNull();

  Result<std::shared_ptr<arrow::Array>> Finish();

 private:
  struct Builders;
  std::unique_ptr<Builders> builders_;
};

/// Builds the columns `path` and `hash` of the rows that link assets. Single-threaded.
class FirstLinkBuilder {
 public:
  FirstLinkBuilder();
  ~FirstLinkBuilder();

  /// Of one row; null: it links none. Errors: kResourceExhausted.
  Status Append(const assets::AssetInfo* info);

  Result<std::shared_ptr<arrow::Array>> FinishPaths();
  Result<std::shared_ptr<arrow::Array>> FinishHashes();

 private:
  struct Builders;
  std::unique_ptr<Builders> builders_;
};

}  // namespace datalake::lake

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "datalake/base/result.h"
#include "datalake/json/value.h"
#include "datalake/lake/layout.h"

#include "apps/datalake/command.h"

namespace datalake::apps {

/// Documents that a table of a lake holds: `lake:provider/dataset/task[@version][?variant=v]`.
struct LakeDocuments {
  lake::TableName table;
  std::optional<std::int64_t> version;  ///< none: the newest
  std::string partition_column;         ///< "" for all
  std::string partition_value;

  /// True when `documents` is meant as one.
  static bool IsOne(std::string_view documents) { return documents.starts_with("lake:"); }

  /// Errors: kInvalidArgument.
  static Result<LakeDocuments> Parse(std::string_view documents);
};

/// Replaces every `lake:` entry of `documents`, at the top of a curation config and in its
/// `streams`, by a pattern of files: links to the Parquet files of that version, in
/// `<lake_documents>/documents/<provider>/<dataset>/<task>/<version>/`. Attributes and rejects that
/// have no destination thus land in `<lake_documents>/`, outside the lake's own folders, and mix
/// finds them there. The key `lake_documents` (default: `lake-documents` in the working folder) is
/// taken out of the config. Without a `lake:` entry no lake is opened. Errors: kInvalidArgument
/// (form of an entry; no rows there), kNotFound (table, version, partition value), those of
/// OpenLake, kIo.
Status ResolveLakeDocuments(const Context& context, json::Value& config);

}  // namespace datalake::apps

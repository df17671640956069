#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/lake/collections.h"

namespace datalake::lake {

/// One data file of a collection.
struct CollectionFile {
  std::string path;  ///< relative to the folder of the version
  std::string split;
  std::uint64_t size_bytes = 0;
  std::string sha256;
};

/// Text of users in Markdown: shown as it is, line breaks included. Thread-safe.
std::string EscapeMarkdown(std::string_view text);

/// README.md of a version: a dataset card whose YAML front matter the Hugging Face Hub and
/// `datasets.load_dataset` read (github.com/huggingface/hub-docs datasetcard.md): features, splits
/// and data files. `splits` of `info` may be empty: then all rows are "train". Thread-safe.
/// Errors: kUnsupported (a column without HF feature).
Result<std::string> DatasetCard(const CollectionInfo& info, const arrow::Schema& schema);

/// croissant.json of a version: its description in Croissant 1.0
/// (docs.mlcommons.org/croissant/docs/croissant-spec.html) as JSON-LD, with a FileObject and its
/// SHA-256 for each data file, and a record set with a field for each column. Thread-safe.
std::string CroissantJson(const CollectionInfo& info, const arrow::Schema& schema,
                          const std::vector<CollectionFile>& files);

}  // namespace datalake::lake

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"

namespace datalake::lake {

/// What counts as naming an asset.
enum class MentionScope : std::uint8_t {
  /// Links (structs with `sha256` and `media_type`, and lists of such) and the seed's pair of text
  /// columns `hash` and `path`.
  kLinks,
  /// Any text anywhere in a row that is a SHA-256, or a path whose file is named by one: what a
  /// collection or a foreign table may have made of a link.
  kAnything,
};

/// One place in a row that names an asset. Views last as long as the batch.
struct AssetMention {
  std::int64_t row = 0;
  std::string_view column;
  std::string_view sha256;
  std::string_view path;  ///< as the row has it; may be empty
};

/// The columns that ForEachMention looks at, for readers that leave the others out.
std::vector<std::string> MentionColumns(const arrow::Schema& schema, MentionScope scope);

/// Calls `visit` for every mention, column by column. A row that names one asset twice in kLinks
/// scope (its link and the pair `hash`, `path`) gives it once.
void ForEachMention(const arrow::RecordBatch& batch, MentionScope scope,
                    const std::function<void(const AssetMention&)>& visit);

/// The SHA-256 that `text` is, or that names the file of the path `text`; else "".
std::string_view MentionedSha256(std::string_view text);

}  // namespace datalake::lake

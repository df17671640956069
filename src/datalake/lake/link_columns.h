#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

namespace datalake::lake {

enum class LinkKind : std::uint8_t {
  kPath = 1,    ///< text column `path`
  kStruct = 2,  ///< struct with `sha256` and `path`
  kList = 3,    ///< list of such structs
};

/// A column of rows whose cells name assets.
struct LinkColumn {
  int index = 0;
  LinkKind kind = LinkKind::kPath;
  bool gives_bytes = false;
};

/// The columns of a schema that may name assets, in its order. Thread-safe.
std::vector<LinkColumn> FindLinkColumns(const arrow::Schema& schema);

/// The text of a cell, or of a member of a struct cell; nothing where it is null, is no text, or
/// there is no such member. Views into the column.
std::optional<std::string_view> TextAt(const arrow::Array& column, std::int64_t row);
std::optional<std::string_view> MemberAt(const arrow::StructArray& links, const char* name,
                                         std::int64_t row);

/// True for the path of an asset relative to assets/, in our layout or that of a KDL lake: the
/// name is 64 hexadecimal digits and a suffix, and no part is "..".
bool IsAssetPath(std::string_view text);

/// The cells of a link column with `root` before their relative asset paths.
arrow::Result<std::shared_ptr<arrow::Array>> WithAbsolutePaths(
    const std::shared_ptr<arrow::Array>& array, const std::string& root);

}  // namespace datalake::lake

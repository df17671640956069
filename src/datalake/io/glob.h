#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "datalake/io/file_system.h"

namespace datalake::io {

/// True when `name` (one path component) matches: `*`, `?`, `[a-z]`, `[!a-z]`; all else is literal.
bool MatchesGlob(std::string_view pattern, std::string_view name);

/// True when the text holds a glob character.
bool IsGlob(std::string_view text);

/// The files (not folders) that match `pattern`, sorted; `**` as a whole component matches any
/// depth. Names that begin with a dot match only a pattern component that does. A pattern without
/// glob characters gives that file. A link to nothing is found as a file
/// would be. Nothing found is an empty list. Errors: kIo, kPermissionDenied.
Result<std::vector<std::string>> Glob(FileSystem& fs, std::string_view pattern);

}  // namespace datalake::io

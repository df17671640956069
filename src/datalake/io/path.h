#pragma once

#include <string>
#include <string_view>

namespace datalake::io {

/// `a`/`b` with one slash between; an absolute `b` stands for itself, an empty side is left out.
std::string JoinPath(std::string_view a, std::string_view b);

/// JoinPath of three.
inline std::string JoinPath(std::string_view a, std::string_view b, std::string_view c) {
  return JoinPath(JoinPath(a, b), c);
}

/// What is after the last slash: "x.gz" of "a/x.gz". Views into `path`.
std::string_view BaseName(std::string_view path);

/// What is before the last slash: "a" of "a/x", "/" of "/x", "." of "x". Views into `path`.
std::string_view ParentPath(std::string_view path);

}  // namespace datalake::io

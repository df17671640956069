#include "datalake/io/path.h"

namespace datalake::io {

std::string JoinPath(std::string_view a, std::string_view b) {
  if (a.empty() || b.starts_with('/')) {
    return std::string(b);
  }
  if (b.empty()) {
    return std::string(a);
  }
  std::string joined(a);
  if (!joined.ends_with('/')) {
    joined += '/';
  }
  return joined += b;
}

std::string_view BaseName(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view ParentPath(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) {
    return ".";
  }
  return path.substr(0, slash == 0 ? 1 : slash);
}

}  // namespace datalake::io

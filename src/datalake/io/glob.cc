#include "datalake/io/glob.h"

#include <algorithm>
#include <span>

#include "datalake/io/path.h"

namespace datalake::io {
namespace {

// Matches one bracket expression at the start of `pattern`; sets its length. A bracket without an
// end is a literal '['.
bool MatchesBracket(std::string_view pattern, char c, std::size_t& length) {
  std::size_t pos = 1;
  const bool negated = pos < pattern.size() && (pattern[pos] == '!' || pattern[pos] == '^');
  pos += negated ? 1 : 0;
  const std::size_t first = pos;
  bool found = false;
  while (pos < pattern.size() && (pattern[pos] != ']' || pos == first)) {
    const char low = pattern[pos];
    char high = low;
    if (pos + 2 < pattern.size() && pattern[pos + 1] == '-' && pattern[pos + 2] != ']') {
      high = pattern[pos + 2];
      pos += 2;
    }
    found = found || (low <= c && c <= high);
    ++pos;
  }
  if (pos >= pattern.size()) {
    length = 1;
    return c == '[';
  }
  length = pos + 1;
  return found != negated;
}

std::vector<std::string_view> Components(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), part.size() + 1));
    if (!part.empty()) {
      parts.push_back(part);
    }
  }
  return parts;
}

class Walk {
 public:
  Walk(FileSystem& fs, std::vector<std::string>& found) : fs_(fs), found_(found) {}

  // Adds the files below `folder` that match `parts`.
  Status Below(const std::string& folder, std::span<const std::string_view> parts) {
    const std::string_view part = parts.front();
    const bool last = parts.size() == 1;
    if (!IsGlob(part)) {
      return Descend(JoinPath(folder, part), parts, false);
    }
    auto entries = fs_.List(folder.empty() ? "." : folder);
    if (!entries) {
      const bool gone = entries.error().code == ErrorCode::kNotFound;
      return gone ? Status() : Status(std::move(entries).error());
    }
    if (part == "**" && !last) {
      DATALAKE_TRY(Below(folder, parts.subspan(1)));
    }
    for (const DirectoryEntry& entry : *entries) {
      const std::string child = JoinPath(folder, entry.name);
      if (part == "**") {
        const bool hidden = entry.name.starts_with('.');
        if (entry.is_directory && !hidden) {
          DATALAKE_TRY(Below(child, parts));
        } else if (last && !hidden) {
          found_.push_back(child);
        }
      } else if (MatchesGlob(part, entry.name)) {
        DATALAKE_TRY(Descend(child, parts, entry.is_symlink));
      }
    }
    return {};
  }

 private:
  Status Descend(const std::string& child, std::span<const std::string_view> parts,
                 bool is_symlink) {
    auto info = fs_.Stat(child);
    if (!info) {
      if (info.error().code != ErrorCode::kNotFound) {
        return std::move(info).error();
      }
      if (is_symlink && parts.size() == 1) {
        found_.push_back(child);  // a link to nothing: whoever reads it must see that
      }
      return {};
    }
    if (parts.size() == 1) {
      if (!info->is_directory) {
        found_.push_back(child);
      }
      return {};
    }
    return info->is_directory ? Below(child, parts.subspan(1)) : Status();
  }

  FileSystem& fs_;
  std::vector<std::string>& found_;
};

}  // namespace

bool IsGlob(std::string_view text) {
  return text.find_first_of("*?[") != std::string_view::npos;
}

bool MatchesGlob(std::string_view pattern, std::string_view name) {
  if (name.starts_with('.') && !pattern.starts_with('.')) {
    return false;
  }
  // Greedy with one point to come back to: linear in practice, never exponential.
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_name = 0;
  while (n < name.size()) {
    std::size_t length = 1;
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_name = n;
    } else if (p < pattern.size() &&
               (pattern[p] == '?' ||
                (pattern[p] == '[' && MatchesBracket(pattern.substr(p), name[n], length)) ||
                (pattern[p] != '[' && pattern[p] == name[n]))) {
      p += length;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++star_name;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') {
    ++p;
  }
  return p == pattern.size();
}

Result<std::vector<std::string>> Glob(FileSystem& fs, std::string_view pattern) {
  std::vector<std::string> found;
  const auto parts = Components(pattern);
  if (parts.empty()) {
    return found;
  }
  DATALAKE_TRY(Walk(fs, found).Below(pattern.starts_with('/') ? "/" : "", parts));
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace datalake::io

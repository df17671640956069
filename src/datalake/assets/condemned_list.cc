#include "datalake/assets/condemned_list.h"

#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "datalake/assets/checked_lines.h"
#include "datalake/assets/lease.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/path.h"

namespace datalake::assets {
namespace {

constexpr std::uint64_t kMaxBytes = std::uint64_t{8} << 30;
constexpr std::size_t kDigits = 64;

Error BadLine(std::string_view path, std::string_view line) {
  return {ErrorCode::kCorruption, fmt::format("{}: not understood: {}", path, line)};
}

// "<id> <time>"
Status ParseHead(std::string_view line, std::string_view path, CondemnedList& list) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) {
    return BadLine(path, line);
  }
  list.id = line.substr(0, space);
  auto time = ParseTimestamp(line.substr(space + 1));
  if (!time) {
    return BadLine(path, line);
  }
  list.condemned_at = *time;
  return {};
}

// "<sha256>.<extension> <bytes>"
Result<CondemnedAsset> ParseAsset(std::string_view line, std::string_view path) {
  const std::size_t space = line.find(' ');
  CondemnedAsset asset;
  if (space == std::string_view::npos || space < kDigits + 2 || line[kDigits] != '.' ||
      !ParseShortDigest(line.substr(0, kDigits))) {
    return BadLine(path, line);
  }
  asset.sha256 = line.substr(0, kDigits);
  asset.extension = line.substr(kDigits + 1, space - kDigits - 1);
  const char* end = line.data() + line.size();
  const auto parsed = std::from_chars(line.data() + space + 1, end, asset.size_bytes);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    return BadLine(path, line);
  }
  return asset;
}

}  // namespace

Result<std::optional<CondemnedList>> ReadCondemnedList(io::FileSystem& fs, std::string_view root) {
  const std::string path = io::JoinPath(root, kCondemnedFile);
  auto text = io::ReadFile(fs, path, kMaxBytes);
  if (!text) {
    return text.error().code == ErrorCode::kNotFound
               ? Result<std::optional<CondemnedList>>(std::optional<CondemnedList>())
               : std::move(text).error();
  }
  DATALAKE_TRY_ASSIGN(const auto lines, CheckedLines(*text, path));
  CondemnedList list;
  if (lines.empty()) {
    return BadLine(path, "");
  }
  DATALAKE_TRY(ParseHead(lines[0], path, list));
  for (std::size_t i = 1; i < lines.size(); ++i) {
    DATALAKE_TRY_ASSIGN(CondemnedAsset asset, ParseAsset(lines[i], path));
    list.assets.push_back(std::move(asset));
  }
  return std::optional<CondemnedList>(std::move(list));
}

Status WriteCondemnedList(io::FileSystem& fs, std::string_view root, const CondemnedList& list) {
  std::string text = fmt::format("{} {}\n", list.id, FormatTimestamp(list.condemned_at));
  for (const CondemnedAsset& asset : list.assets) {
    text += fmt::format("{}.{} {}\n", asset.sha256, asset.extension, asset.size_bytes);
  }
  return io::PutIfAbsent(fs, io::JoinPath(root, kCondemnedFile), WithChecksum(std::move(text)));
}

Result<CondemnedDigests> ReadCondemnedDigests(io::FileSystem& fs, std::string_view root) {
  CondemnedDigests digests;
  auto list = ReadCondemnedList(fs, root);
  if (!list) {
    if (list.error().code != ErrorCode::kCorruption) {
      return std::move(list).error();
    }
    digests.all = true;
    return digests;
  }
  if (*list) {
    for (const CondemnedAsset& asset : (*list)->assets) {
      digests.digests.Insert(*ParseShortDigest(asset.sha256));
    }
  }
  return digests;
}

}  // namespace datalake::assets

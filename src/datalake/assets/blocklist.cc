#include "datalake/assets/blocklist.h"

#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "datalake/assets/checked_lines.h"
#include "datalake/base/hash.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/path.h"

namespace datalake::assets {
namespace {

constexpr std::string_view kFile = ".blocked";
constexpr std::string_view kLockFile = ".blocked.lock";
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 30;

Result<std::vector<std::string>> ReadList(io::FileSystem& fs, const std::string& path) {
  auto text = io::ReadFile(fs, path, kMaxBytes);
  if (!text) {
    return text.error().code == ErrorCode::kNotFound
               ? Result<std::vector<std::string>>(std::vector<std::string>())
               : std::move(text).error();
  }
  DATALAKE_TRY_ASSIGN(const auto lines, CheckedLines(*text, path));
  std::vector<std::string> list;
  for (const std::string_view line : lines) {
    if (!IsSha256Hex(line)) {
      return Error{ErrorCode::kCorruption, fmt::format("not a SHA-256: {}: {}", path, line)};
    }
    list.emplace_back(line);
  }
  return list;
}

}  // namespace

Blocklist::Blocklist(io::FileSystem& fs, std::string root)
    : fs_(fs), root_(std::move(root)), path_(io::JoinPath(root_, kFile)) {}

Result<std::shared_ptr<const DigestSet>> Blocklist::Load() {
  const MutexLock lock(mutex_);
  const auto facts = fs_.Stat(path_);
  if (!facts && facts.error().code != ErrorCode::kNotFound) {
    return facts.error();
  }
  if (!facts) {
    return std::make_shared<const DigestSet>();
  }
  // It only grows, so a list of the same size is the same list.
  if (known_ != nullptr && facts->modified == modified_ && facts->size_bytes == size_bytes_) {
    return known_;
  }
  DATALAKE_TRY_ASSIGN(const auto list, ReadList(fs_, path_));
  auto set = std::make_shared<DigestSet>();
  for (const std::string& sha256 : list) {
    set->Insert(*ParseShortDigest(sha256));
  }
  known_ = std::move(set);
  modified_ = facts->modified;
  size_bytes_ = facts->size_bytes;
  return known_;
}

Status Blocklist::Add(std::span<const std::string> sha256s) {
  DATALAKE_TRY_ASSIGN(const auto lock, WaitForStoreLock(fs_, io::JoinPath(root_, kLockFile)));
  DATALAKE_TRY_ASSIGN(std::vector<std::string> list, ReadList(fs_, path_));
  list.insert(list.end(), sha256s.begin(), sha256s.end());
  return Write(list);
}

Status Blocklist::Replace(std::span<const std::string> sha256s) {
  DATALAKE_TRY_ASSIGN(const auto lock, WaitForStoreLock(fs_, io::JoinPath(root_, kLockFile)));
  return Write(sha256s);
}

Status Blocklist::Write(std::span<const std::string> sha256s) {
  const std::set<std::string> sorted(sha256s.begin(), sha256s.end());
  std::string text;
  for (const std::string& sha256 : sorted) {
    if (!IsSha256Hex(sha256)) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("not a SHA-256 (64 lower-case hexadecimal digits): {}", sha256)};
    }
    text += sha256 + "\n";
  }
  return io::ReplaceFile(fs_, path_, WithChecksum(std::move(text)));
}

}  // namespace datalake::assets

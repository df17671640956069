#include "datalake/query/file_checker.h"

#include <fmt/format.h>

#include "datalake/base/hash.h"
#include "datalake/io/atomic_file.h"

namespace datalake::query {
namespace {

constexpr std::size_t kMaxKnown = 1'000'000;

}  // namespace

Status FileChecker::Check(const Relation& relation) {
  std::size_t files = 0;
  for (const FileGroup& group : relation.files) {
    files += group.files.size();
  }
  if (files > kMaxFiles) {
    return {};
  }
  for (const FileGroup& group : relation.files) {
    for (const DataFile& file : group.files) {
      if (file.xxh3) {
        DATALAKE_TRY(CheckFile(file));
      }
    }
  }
  return {};
}

Status FileChecker::CheckFile(const DataFile& file) {
  const auto facts = fs_.Stat(file.path);
  if (!facts || facts->size_bytes > kMaxFileBytes) {
    return {};
  }
  {
    const MutexLock lock(mutex_);
    const auto known = known_.find(file.path);
    if (known != known_.end() && known->second.size_bytes == facts->size_bytes &&
        known->second.modified == facts->modified) {
      return {};
    }
  }
  const auto bytes = io::ReadFile(fs_, file.path, kMaxFileBytes);
  if (!bytes) {
    return {};
  }
  if (Xxh3Hash64(*bytes) != *file.xxh3) {
    return Error{
        ErrorCode::kCorruption,
        fmt::format("data file was changed, its checksum is not that of its bytes: {}", file.path)};
  }
  const MutexLock lock(mutex_);
  if (known_.size() >= kMaxKnown) {
    known_.clear();
  }
  known_[file.path] = {.size_bytes = facts->size_bytes, .modified = facts->modified};
  return {};
}

}  // namespace datalake::query

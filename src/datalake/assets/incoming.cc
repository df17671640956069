#include "datalake/assets/incoming.h"

#include <utility>

#include "datalake/base/id.h"
#include "datalake/base/log.h"
#include "datalake/io/path.h"

namespace datalake::assets {
namespace {

constexpr std::string_view kFolder = ".incoming";
constexpr std::string_view kLockName = "LOCK";
constexpr int kMostAttempts = 10;

}  // namespace

Result<std::unique_ptr<Incoming>> Incoming::Make(io::FileSystem& fs, std::string_view root,
                                                 Random& random) {
  const std::string folder = io::JoinPath(root, kFolder);
  for (int attempt = 1;; ++attempt) {
    std::string path = io::JoinPath(folder, MakeUuid(random));
    Status made = fs.MakeDirectory(path);
    if (!made && made.error().code == ErrorCode::kNotFound) {
      DATALAKE_TRY(fs.MakeDirectories(folder));
      made = fs.MakeDirectory(path);
    }
    DATALAKE_TRY(made);
    const std::string lock_path = io::JoinPath(path, kLockName);
    auto lock = fs.Lock(lock_path);
    // A cleaner may have come between: then the lock is its own, or of a file that is gone.
    const bool ours = lock && fs.Exists(lock_path).value_or(false);
    if (ours) {
      return std::unique_ptr<Incoming>(new Incoming(fs, std::move(path), *std::move(lock)));
    }
    if (attempt == kMostAttempts) {
      return lock ? Error{ErrorCode::kUnavailable, "cannot hold a folder in: " + folder}
                  : std::move(lock).error();
    }
  }
}

Incoming::Incoming(io::FileSystem& fs, std::string path, std::unique_ptr<io::FileLock> lock)
    : fs_(fs), path_(std::move(path)), lock_(std::move(lock)) {}

Incoming::~Incoming() {
  if (Status removed = fs_.RemoveTree(path_); !removed) {
    LogWarning("temporary folder stays behind: " + removed.error().message);
  }
}

void Incoming::Clean(io::FileSystem& fs, std::string_view root) {
  const std::string folder = io::JoinPath(root, kFolder);
  const auto entries = fs.List(folder);
  if (!entries) {
    return;  // not there, or a store that we may only read
  }
  for (const io::DirectoryEntry& entry : *entries) {
    const std::string path = io::JoinPath(folder, entry.name);
    const auto lock = fs.Lock(io::JoinPath(path, kLockName));
    if (!lock) {
      continue;  // in use, or gone
    }
    if (Status removed = fs.RemoveTree(path); !removed) {
      LogWarning("cannot remove left-over folder: " + removed.error().message);
    }
  }
}

}  // namespace datalake::assets

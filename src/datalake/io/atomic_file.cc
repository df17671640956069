#include "datalake/io/atomic_file.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include <fmt/format.h>

#include "datalake/base/log.h"
#include "datalake/base/process.h"
#include "datalake/io/path.h"

namespace datalake::io {

namespace {

constexpr std::string_view kTemporarySuffix = ".tmp";
constexpr std::size_t kMaxBaseBytes = 160;  // so that the name is at most 255

// The process that made a temporary; unknown for other names.
Liveness MakerOf(std::string_view name) {
  if (!name.starts_with('.') || !name.ends_with(kTemporarySuffix)) {
    return Liveness::kUnknown;
  }
  name.remove_suffix(kTemporarySuffix.size());
  name = name.substr(0, std::min(name.rfind('.'), name.size()));
  return LivenessOfTag(name.substr(name.rfind('.') + 1));
}

}  // namespace

std::string TemporaryPath(std::string_view path) {
  static std::atomic<std::uint64_t> counter{0};
  return JoinPath(ParentPath(path),
                  fmt::format(".{}.{}.{}{}", BaseName(path).substr(0, kMaxBaseBytes), ProcessTag(),
                              counter.fetch_add(1, std::memory_order_relaxed), kTemporarySuffix));
}

void RemoveDeadTemporaries(FileSystem& fs, std::string_view folder) {
  const Result<std::vector<DirectoryEntry>> entries = fs.List(folder);
  if (!entries) {
    return;
  }
  for (const DirectoryEntry& entry : *entries) {
    if (MakerOf(entry.name) == Liveness::kDead) {
      if (Status removed = fs.RemoveTree(JoinPath(folder, entry.name)); !removed) {
        LogWarning("temporary file of a dead process stays behind: " + removed.error().message);
      }
    }
  }
}

AtomicFile::AtomicFile(FileSystem& fs, std::string path, std::string temporary, PublishMode mode,
                       std::unique_ptr<WritableFile> file)
    : fs_(fs),
      path_(std::move(path)),
      temporary_(std::move(temporary)),
      mode_(mode),
      file_(std::move(file)) {}

Result<std::unique_ptr<AtomicFile>> AtomicFile::Make(FileSystem& fs, std::string_view path,
                                                     PublishMode mode) {
  while (true) {
    std::string temporary = TemporaryPath(path);
    auto file = fs.Create(temporary);
    if (!file && file.error().code == ErrorCode::kNotFound) {
      DATALAKE_TRY(fs.MakeDirectories(ParentPath(path)));
      file = fs.Create(temporary);
    }
    if (file) {
      return std::unique_ptr<AtomicFile>(
          new AtomicFile(fs, std::string(path), std::move(temporary), mode, *std::move(file)));
    }
    if (file.error().code != ErrorCode::kAlreadyExists) {
      return std::move(file).error();
    }
  }
}

AtomicFile::~AtomicFile() {
  if (temporary_exists_) {
    file_.reset();
    if (Status removed = fs_.Remove(temporary_); !removed) {
      LogWarning("temporary file stays behind: " + removed.error().message);
    }
  }
}

Status AtomicFile::Write(std::span<const std::byte> bytes) {
  return file_->Write(bytes);
}

Status AtomicFile::Close() {
  if (!synced_) {
    DATALAKE_TRY(file_->Sync());
    synced_ = true;
  }
  return file_->Close();
}

Status AtomicFile::Publish() {
  DATALAKE_TRY(Close());
  const std::string_view folder = ParentPath(path_);
  if (mode_ == PublishMode::kReplace) {
    DATALAKE_TRY(fs_.Rename(temporary_, path_));
    temporary_exists_ = false;
    return fs_.SyncDirectory(folder);
  }
  DATALAKE_TRY(fs_.Link(temporary_, path_));
  // The temporary goes before the sync, so that one sync makes both durable.
  if (Status removed = fs_.Remove(temporary_); removed) {
    temporary_exists_ = false;
  }
  return fs_.SyncDirectory(folder);
}

std::uint64_t AtomicFile::size_bytes() const {
  return file_->size_bytes();
}

Result<std::string> ReadFile(FileSystem& fs, std::string_view path, std::uint64_t max_bytes) {
  DATALAKE_TRY_ASSIGN(const auto file, fs.OpenRandomAccess(path));
  if (file->size_bytes() > max_bytes) {
    return Error{ErrorCode::kResourceExhausted,
                 fmt::format("file is larger than {} bytes: {}", max_bytes, path)};
  }
  std::string bytes(file->size_bytes(), '\0');
  DATALAKE_TRY_ASSIGN(const std::size_t got,
                      file->ReadAt(0, std::as_writable_bytes(std::span(bytes))));
  bytes.resize(got);
  return bytes;
}

namespace {

Status WriteWhole(FileSystem& fs, std::string_view path, std::string_view bytes, PublishMode mode) {
  DATALAKE_TRY_ASSIGN(const auto file, AtomicFile::Make(fs, path, mode));
  DATALAKE_TRY(file->Write(bytes));
  return file->Publish();
}

}  // namespace

Status PutIfAbsent(FileSystem& fs, std::string_view path, std::string_view bytes) {
  return WriteWhole(fs, path, bytes, PublishMode::kCreate);
}

Status ReplaceFile(FileSystem& fs, std::string_view path, std::string_view bytes) {
  return WriteWhole(fs, path, bytes, PublishMode::kReplace);
}

}  // namespace datalake::io

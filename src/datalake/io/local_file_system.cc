#include "datalake/io/local_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "datalake/io/path.h"

namespace datalake::io {
namespace {

constexpr mode_t kFileMode = 0666;  // the umask decides
constexpr std::size_t kZeroBytes = std::size_t{64} << 10;
constexpr mode_t kDirectoryMode = 0777;  // likewise

// An open descriptor. Closing a file that was written can fail, so writers close it themselves.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}

  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

  Descriptor& operator=(Descriptor&&) = delete;

  ~Descriptor() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }

  int get() const { return fd_; }

  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

Error PathError(std::string_view what, std::string_view path) {
  return ErrnoError(errno, fmt::format("cannot {}: {}", what, path));
}

Result<Descriptor> OpenDescriptor(std::string_view path, int flags, std::string_view what) {
  const std::string name(path);
  int fd = -1;
  do {
    fd = ::open(name.c_str(), flags | O_CLOEXEC, kFileMode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) {
    return PathError(what, path);
  }
  return Descriptor(fd);
}

Result<Descriptor> OpenForReading(std::string_view path, struct stat& facts) {
  DATALAKE_TRY_ASSIGN(Descriptor fd, OpenDescriptor(path, O_RDONLY, "open"));
  if (::fstat(fd.get(), &facts) != 0) {
    return PathError("stat", path);
  }
  if (S_ISDIR(facts.st_mode)) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("is a folder, not a file: {}", path)};
  }
  return fd;
}

class LocalInputStream final : public InputStream {
 public:
  LocalInputStream(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Result<std::size_t> Read(std::span<std::byte> out) override {
    while (true) {
      const ssize_t got = ::read(fd_.get(), out.data(), out.size());
      if (got >= 0) {
        return static_cast<std::size_t>(got);
      }
      if (errno != EINTR) {
        return PathError("read", path_);
      }
    }
  }

 private:
  Descriptor fd_;
  std::string path_;
};

class LocalRandomAccessFile final : public RandomAccessFile {
 public:
  LocalRandomAccessFile(Descriptor fd, std::string path, std::uint64_t size)
      : fd_(std::move(fd)), path_(std::move(path)), size_bytes_(size) {}

  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    std::size_t done = 0;
    while (done < out.size()) {
      const ssize_t got = ::pread(fd_.get(), out.data() + done, out.size() - done,
                                  static_cast<off_t>(offset + done));
      if (got == 0) {
        break;
      }
      if (got < 0 && errno != EINTR) {
        return PathError("read", path_);
      }
      done += got < 0 ? 0 : static_cast<std::size_t>(got);
    }
    return done;
  }

  std::uint64_t size_bytes() const override { return size_bytes_; }

 private:
  Descriptor fd_;
  std::string path_;
  std::uint64_t size_bytes_;
};

class LocalWritableFile final : public WritableFile {
 public:
  LocalWritableFile(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  using WritableFile::Write;

  Status Write(std::span<const std::byte> bytes) override {
    if (failed_) {
      return *failed_;
    }
    while (!bytes.empty()) {
      const ssize_t put = ::write(fd_.get(), bytes.data(), bytes.size());
      if (put < 0 && errno != EINTR) {
        return Fail("write");
      }
      const std::size_t n = put < 0 ? 0 : static_cast<std::size_t>(put);
      size_bytes_ += n;
      bytes = bytes.subspan(n);
    }
    return {};
  }

  Status Sync() override {
    if (failed_) {
      return *failed_;
    }
    if (::fdatasync(fd_.get()) != 0) {
      return Fail("sync");
    }
    return {};
  }

  // Zeros are really written: over blocks that only fallocate(2) gave, ext4 has to record each
  // write in its journal, and a sync waits for all that others have in it.
  Status Preallocate(std::uint64_t bytes) override {
    if (failed_) {
      return *failed_;
    }
    static constexpr std::array<std::byte, kZeroBytes> kZeros{};
    std::uint64_t at = size_bytes_;
    for (const std::uint64_t end = at + bytes; at < end;) {
      const std::size_t wanted = std::min<std::uint64_t>(kZeros.size(), end - at);
      const ssize_t put = ::pwrite(fd_.get(), kZeros.data(), wanted, static_cast<off_t>(at));
      if (put < 0 && errno != EINTR) {
        return Fail("preallocate");
      }
      at += put < 0 ? 0 : static_cast<std::uint64_t>(put);
      preallocated_ = true;
    }
    return {};
  }

  Status Close() override {
    if (fd_.get() >= 0 && preallocated_ && !failed_ &&
        ::ftruncate(fd_.get(), static_cast<off_t>(size_bytes_)) != 0) {
      return Fail("truncate");
    }
    if (fd_.get() >= 0 && ::close(fd_.release()) != 0 && !failed_) {
      return Fail("close");
    }
    return failed_ ? Status(*failed_) : Status();
  }

  std::uint64_t size_bytes() const override { return size_bytes_; }

 private:
  Error Fail(std::string_view what) {
    failed_ = PathError(what, path_);
    return *failed_;
  }

  Descriptor fd_;
  std::string path_;
  std::uint64_t size_bytes_ = 0;
  bool preallocated_ = false;
  std::optional<Error> failed_;
};

class LocalFileLock final : public FileLock {
 public:
  explicit LocalFileLock(Descriptor fd) : fd_(std::move(fd)) {}

 private:
  Descriptor fd_;  // flock(2) ends with the last descriptor of the open file
};

// Above a few files one syncfs(2) is cheaper than their fsyncs: it writes back all dirty files of
// the storage (also those of others) and commits its journal once.
class LocalBulkSync final : public BulkSync {
 public:
  LocalBulkSync(Descriptor fd, std::string folder)
      : fd_(std::move(fd)), folder_(std::move(folder)) {}

  Status Sync(std::span<const std::string> files, std::span<const std::string> folders) override {
    if (files.size() + folders.size() >= kFewFiles) {
      // Reports what failed since fd_ was opened (Linux 5.8).
      return ::syncfs(fd_.get()) == 0 ? Status() : Status(PathError("sync below", folder_));
    }
    for (const std::string& path : files) {
      DATALAKE_TRY(SyncOne(path, 0));
    }
    for (const std::string& path : folders) {
      DATALAKE_TRY(SyncOne(path, O_DIRECTORY));
    }
    return {};
  }

 private:
  static constexpr std::size_t kFewFiles = 8;

  static Status SyncOne(const std::string& path, int flags) {
    DATALAKE_TRY_ASSIGN(const Descriptor fd,
                        OpenDescriptor(path, O_RDONLY | flags, "open to sync"));
    return ::fsync(fd.get()) == 0 ? Status() : Status(PathError("sync", path));
  }

  Descriptor fd_;
  std::string folder_;
};

Timestamp ModifiedTime(const struct stat& facts) {
  return Timestamp(std::chrono::seconds(facts.st_mtim.tv_sec) +
                   std::chrono::microseconds(facts.st_mtim.tv_nsec / 1000));
}

}  // namespace

Result<std::unique_ptr<InputStream>> LocalFileSystem::OpenInput(std::string_view path) {
  struct stat facts{};
  DATALAKE_TRY_ASSIGN(Descriptor fd, OpenForReading(path, facts));
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  return std::make_unique<LocalInputStream>(std::move(fd), std::string(path));
}

Result<std::unique_ptr<RandomAccessFile>> LocalFileSystem::OpenRandomAccess(std::string_view path) {
  struct stat facts{};
  DATALAKE_TRY_ASSIGN(Descriptor fd, OpenForReading(path, facts));
  return std::make_unique<LocalRandomAccessFile>(std::move(fd), std::string(path),
                                                 static_cast<std::uint64_t>(facts.st_size));
}

Result<std::unique_ptr<WritableFile>> LocalFileSystem::Create(std::string_view path) {
  DATALAKE_TRY_ASSIGN(Descriptor fd, OpenDescriptor(path, O_WRONLY | O_CREAT | O_EXCL, "create"));
  return std::make_unique<LocalWritableFile>(std::move(fd), std::string(path));
}

Status LocalFileSystem::Link(std::string_view from, std::string_view to) {
  if (::link(std::string(from).c_str(), std::string(to).c_str()) != 0) {
    return PathError(fmt::format("link {} to", from), to);
  }
  return {};
}

Status LocalFileSystem::MakeSymlink(std::string_view target, std::string_view path) {
  if (::symlink(std::string(target).c_str(), std::string(path).c_str()) != 0) {
    return PathError(fmt::format("link {} by", target), path);
  }
  return {};
}

Status LocalFileSystem::Rename(std::string_view from, std::string_view to) {
  if (::rename(std::string(from).c_str(), std::string(to).c_str()) != 0) {
    return PathError(fmt::format("rename {} to", from), to);
  }
  return {};
}

Status LocalFileSystem::Remove(std::string_view path) {
  if (::unlink(std::string(path).c_str()) != 0) {
    return PathError("remove", path);
  }
  return {};
}

Status LocalFileSystem::RemoveDirectory(std::string_view path) {
  if (::rmdir(std::string(path).c_str()) != 0) {
    Error error = PathError("remove folder", path);
    error.code = errno == ENOTEMPTY ? ErrorCode::kIo : error.code;
    return error;
  }
  return {};
}

Status LocalFileSystem::MakeDirectory(std::string_view path) {
  if (::mkdir(std::string(path).c_str(), kDirectoryMode) != 0) {
    return PathError("make folder", path);
  }
  return {};
}

Result<std::vector<DirectoryEntry>> LocalFileSystem::List(std::string_view path) {
  DIR* directory = ::opendir(std::string(path).c_str());
  if (directory == nullptr) {
    return PathError("list folder", path);
  }
  std::vector<DirectoryEntry> entries;
  errno = 0;
  while (const dirent* found = ::readdir(directory)) {
    const std::string_view name = found->d_name;
    if (name == "." || name == "..") {
      continue;
    }
    DirectoryEntry entry{.name = std::string(name),
                         .is_directory = found->d_type == DT_DIR,
                         .is_symlink = found->d_type == DT_LNK};
    if (found->d_type == DT_UNKNOWN) {  // some file systems do not tell
      struct stat facts{};
      if (::lstat(JoinPath(path, name).c_str(), &facts) == 0) {
        entry.is_directory = S_ISDIR(facts.st_mode);
        entry.is_symlink = S_ISLNK(facts.st_mode);
      }
    }
    entries.push_back(std::move(entry));
    errno = 0;
  }
  const int failed = errno;
  ::closedir(directory);
  if (failed != 0) {
    return ErrnoError(failed, fmt::format("cannot list folder: {}", path));
  }
  std::sort(entries.begin(), entries.end(),
            [](const DirectoryEntry& a, const DirectoryEntry& b) { return a.name < b.name; });
  return entries;
}

Result<FileInfo> LocalFileSystem::Stat(std::string_view path) {
  struct stat facts{};
  if (::stat(std::string(path).c_str(), &facts) != 0) {
    return PathError("stat", path);
  }
  return FileInfo{.size_bytes = static_cast<std::uint64_t>(facts.st_size),
                  .modified = ModifiedTime(facts),
                  .is_directory = S_ISDIR(facts.st_mode)};
}

Status LocalFileSystem::SyncDirectory(std::string_view path) {
  DATALAKE_TRY_ASSIGN(const Descriptor fd, OpenDescriptor(path.empty() ? "." : path,
                                                          O_RDONLY | O_DIRECTORY, "open folder"));
  if (::fsync(fd.get()) != 0) {
    return PathError("sync folder", path);
  }
  return {};
}

Result<std::unique_ptr<BulkSync>> LocalFileSystem::OpenBulkSync(std::string_view folder) {
  DATALAKE_TRY_ASSIGN(Descriptor fd, OpenDescriptor(folder, O_RDONLY | O_DIRECTORY, "open folder"));
  return std::make_unique<LocalBulkSync>(std::move(fd), std::string(folder));
}

Result<std::unique_ptr<FileLock>> LocalFileSystem::Lock(std::string_view path) {
  DATALAKE_TRY_ASSIGN(Descriptor fd, OpenDescriptor(path, O_RDWR | O_CREAT, "open lock"));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return PathError("lock", path);
    }
    std::array<char, 64> holder{};
    const ssize_t got = ::pread(fd.get(), holder.data(), holder.size() - 1, 0);
    const std::string_view who(holder.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    return Error{ErrorCode::kUnavailable,
                 fmt::format("held by {}: {}", who.empty() ? "another process" : who, path)};
  }
  const std::string who = fmt::format("process {}", ::getpid());
  if (::ftruncate(fd.get(), 0) != 0 ||
      ::pwrite(fd.get(), who.data(), who.size(), 0) != static_cast<ssize_t>(who.size())) {
    return PathError("write lock", path);
  }
  return std::make_unique<LocalFileLock>(std::move(fd));
}

Result<std::uint64_t> LocalFileSystem::FreeBytes(std::string_view path) {
  struct statvfs facts{};
  if (::statvfs(std::string(path).c_str(), &facts) != 0) {
    return PathError("read the free space of", path);
  }
  return static_cast<std::uint64_t>(facts.f_bavail) * facts.f_frsize;
}

Result<std::string> AbsolutePath(std::string_view path) {
  std::error_code failed;
  const std::filesystem::path absolute = std::filesystem::absolute(path, failed);
  if (failed) {
    return Error{ErrorCode::kIo,
                 fmt::format("cannot make path absolute: {}: {}", path, failed.message())};
  }
  std::string text = absolute.lexically_normal().string();
  while (text.size() > 1 && text.ends_with('/')) {
    text.pop_back();
  }
  return text;
}

}  // namespace datalake::io

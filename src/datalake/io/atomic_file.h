#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "datalake/io/file_system.h"

namespace datalake::io {

/// What happens when the final name is taken.
enum class PublishMode : std::uint8_t {
  kCreate,   ///< kAlreadyExists (by link): exactly one of many writers wins
  kReplace,  ///< the new file takes its place (by rename)
};

/// A file that appears under its name whole and durable, or not at all: written as a temporary of
/// the same folder (its name begins with a dot), published by Publish(). Single-threaded. Without a
/// successful Publish the temporary is removed by the destructor; a killed process leaves it
/// behind.
class AtomicFile final : public OutputStream {
 public:
  /// Makes the folder of `path` when needed. `fs` must outlive the file.
  static Result<std::unique_ptr<AtomicFile>> Make(FileSystem& fs, std::string_view path,
                                                  PublishMode mode);
  ~AtomicFile() override;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  using OutputStream::Write;
  Status Write(std::span<const std::byte> bytes) override;

  /// Closes the temporary; Publish() may still follow.
  Status Close() override;

  /// fdatasync, link or rename, fsync of the folder. When it returns an error other than
  /// kAlreadyExists, the name may or may not be there after a crash, but never a part of the file.
  Status Publish();

  std::uint64_t size_bytes() const;

 private:
  AtomicFile(FileSystem& fs, std::string path, std::string temporary, PublishMode mode,
             std::unique_ptr<WritableFile> file);

  FileSystem& fs_;
  const std::string path_;
  const std::string temporary_;
  const PublishMode mode_;
  std::unique_ptr<WritableFile> file_;
  bool synced_ = false;
  bool temporary_exists_ = true;
};

/// A name for a temporary file or folder beside `path`, which no other process takes:
/// ".<base>.<ProcessTag>.<n>.tmp" (of a long base the beginning).
std::string TemporaryPath(std::string_view path);

/// Removes what bears such a name in `folder` and whose process is dead for certain
/// (base/process.h). What is of others or cannot be removed stays; so does everything where there
/// is no such folder.
void RemoveDeadTemporaries(FileSystem& fs, std::string_view folder);

/// The whole file. Errors: kNotFound, kResourceExhausted (over `max_bytes`), kIo.
Result<std::string> ReadFile(FileSystem& fs, std::string_view path, std::uint64_t max_bytes);

/// Durable create-if-absent of a small file. Errors: kAlreadyExists when another one is there.
Status PutIfAbsent(FileSystem& fs, std::string_view path, std::string_view bytes);

/// Durable create-or-replace of a small file; readers see the old one or the new one.
Status ReplaceFile(FileSystem& fs, std::string_view path, std::string_view bytes);

}  // namespace datalake::io

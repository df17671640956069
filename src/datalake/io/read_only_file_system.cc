#include "datalake/io/read_only_file_system.h"

#include <utility>

#include <fmt/format.h>

namespace datalake::io {

ReadOnlyFileSystem::ReadOnlyFileSystem(FileSystem& base, std::string reason)
    : base_(base), reason_(std::move(reason)) {}

Error ReadOnlyFileSystem::Refused(std::string_view path) const {
  return {ErrorCode::kPermissionDenied, fmt::format("{}: {}", reason_, path)};
}

Result<std::unique_ptr<InputStream>> ReadOnlyFileSystem::OpenInput(std::string_view path) {
  return base_.OpenInput(path);
}

Result<std::unique_ptr<RandomAccessFile>> ReadOnlyFileSystem::OpenRandomAccess(
    std::string_view path) {
  return base_.OpenRandomAccess(path);
}

Result<std::unique_ptr<WritableFile>> ReadOnlyFileSystem::Create(std::string_view path) {
  return Refused(path);
}

Status ReadOnlyFileSystem::Link(std::string_view, std::string_view to) {
  return Refused(to);
}

Status ReadOnlyFileSystem::MakeSymlink(std::string_view, std::string_view path) {
  return Refused(path);
}

Status ReadOnlyFileSystem::Rename(std::string_view from, std::string_view) {
  return Refused(from);
}

Status ReadOnlyFileSystem::Remove(std::string_view path) {
  return Refused(path);
}

Status ReadOnlyFileSystem::RemoveDirectory(std::string_view path) {
  return Refused(path);
}

Status ReadOnlyFileSystem::MakeDirectory(std::string_view path) {
  return Refused(path);
}

Result<std::vector<DirectoryEntry>> ReadOnlyFileSystem::List(std::string_view path) {
  return base_.List(path);
}

Result<FileInfo> ReadOnlyFileSystem::Stat(std::string_view path) {
  return base_.Stat(path);
}

Status ReadOnlyFileSystem::SyncDirectory(std::string_view path) {
  return Refused(path);
}

Result<std::unique_ptr<BulkSync>> ReadOnlyFileSystem::OpenBulkSync(std::string_view folder) {
  return Refused(folder);
}

Result<std::unique_ptr<FileLock>> ReadOnlyFileSystem::Lock(std::string_view path) {
  return Refused(path);
}

Result<std::uint64_t> ReadOnlyFileSystem::FreeBytes(std::string_view path) {
  return base_.FreeBytes(path);
}

}  // namespace datalake::io

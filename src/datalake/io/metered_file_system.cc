#include "datalake/io/metered_file_system.h"

#include <memory>
#include <utility>

namespace datalake::io {
namespace {

class MeteredInput final : public InputStream {
 public:
  MeteredInput(std::unique_ptr<InputStream> inner, std::atomic<std::uint64_t>& bytes)
      : inner_(std::move(inner)), bytes_(bytes) {}

  Result<std::size_t> Read(std::span<std::byte> out) override {
    Result<std::size_t> read = inner_->Read(out);
    bytes_ += read ? *read : 0;
    return read;
  }

 private:
  const std::unique_ptr<InputStream> inner_;
  std::atomic<std::uint64_t>& bytes_;
};

class MeteredRandomAccess final : public RandomAccessFile {
 public:
  MeteredRandomAccess(std::unique_ptr<RandomAccessFile> inner, std::atomic<std::uint64_t>& bytes)
      : inner_(std::move(inner)), bytes_(bytes) {}

  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    Result<std::size_t> read = inner_->ReadAt(offset, out);
    bytes_ += read ? *read : 0;
    return read;
  }

  std::uint64_t size_bytes() const override { return inner_->size_bytes(); }

 private:
  const std::unique_ptr<RandomAccessFile> inner_;
  std::atomic<std::uint64_t>& bytes_;
};

class MeteredOutput final : public WritableFile {
 public:
  MeteredOutput(std::unique_ptr<WritableFile> inner, std::atomic<std::uint64_t>& bytes)
      : inner_(std::move(inner)), bytes_(bytes) {}

  using WritableFile::Write;

  Status Write(std::span<const std::byte> bytes) override {
    bytes_ += bytes.size();
    return inner_->Write(bytes);
  }

  Status Close() override { return inner_->Close(); }

  Status Sync() override { return inner_->Sync(); }

  Status Preallocate(std::uint64_t bytes) override { return inner_->Preallocate(bytes); }

  std::uint64_t size_bytes() const override { return inner_->size_bytes(); }

 private:
  const std::unique_ptr<WritableFile> inner_;
  std::atomic<std::uint64_t>& bytes_;
};

}  // namespace

MeteredFileSystem::MeteredFileSystem(FileSystem& inner, const std::vector<std::string>& inputs)
    : inner_(inner), inputs_(inputs.begin(), inputs.end()) {}

Result<std::unique_ptr<InputStream>> MeteredFileSystem::OpenInput(std::string_view path) {
  DATALAKE_TRY_ASSIGN(auto input, inner_.OpenInput(path));
  if (!inputs_.contains(path)) {
    return input;
  }
  return std::make_unique<MeteredInput>(std::move(input), read_bytes_);
}

Result<std::unique_ptr<RandomAccessFile>> MeteredFileSystem::OpenRandomAccess(
    std::string_view path) {
  DATALAKE_TRY_ASSIGN(auto file, inner_.OpenRandomAccess(path));
  if (!inputs_.contains(path)) {
    return file;
  }
  return std::make_unique<MeteredRandomAccess>(std::move(file), read_bytes_);
}

Result<std::unique_ptr<WritableFile>> MeteredFileSystem::Create(std::string_view path) {
  DATALAKE_TRY_ASSIGN(auto file, inner_.Create(path));
  return std::make_unique<MeteredOutput>(std::move(file), written_bytes_);
}

Status MeteredFileSystem::Link(std::string_view from, std::string_view to) {
  return inner_.Link(from, to);
}

Status MeteredFileSystem::MakeSymlink(std::string_view target, std::string_view path) {
  return inner_.MakeSymlink(target, path);
}

Status MeteredFileSystem::Rename(std::string_view from, std::string_view to) {
  return inner_.Rename(from, to);
}

Status MeteredFileSystem::Remove(std::string_view path) {
  return inner_.Remove(path);
}

Status MeteredFileSystem::RemoveDirectory(std::string_view path) {
  return inner_.RemoveDirectory(path);
}

Status MeteredFileSystem::MakeDirectory(std::string_view path) {
  return inner_.MakeDirectory(path);
}

Result<std::vector<DirectoryEntry>> MeteredFileSystem::List(std::string_view path) {
  return inner_.List(path);
}

Result<FileInfo> MeteredFileSystem::Stat(std::string_view path) {
  return inner_.Stat(path);
}

Status MeteredFileSystem::SyncDirectory(std::string_view path) {
  return inner_.SyncDirectory(path);
}

Result<std::unique_ptr<BulkSync>> MeteredFileSystem::OpenBulkSync(std::string_view folder) {
  return inner_.OpenBulkSync(folder);
}

Result<std::unique_ptr<FileLock>> MeteredFileSystem::Lock(std::string_view path) {
  return inner_.Lock(path);
}

Result<std::uint64_t> MeteredFileSystem::FreeBytes(std::string_view path) {
  return inner_.FreeBytes(path);
}

}  // namespace datalake::io

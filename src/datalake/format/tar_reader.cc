#include "datalake/format/tar_reader.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "datalake/io/file_system.h"

namespace datalake::format {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{256} << 10;
constexpr std::uint64_t kMaxMemberBytes = std::uint64_t{256} << 20;
constexpr std::uint64_t kMaxRatio = 200;
constexpr std::uint64_t kAlwaysAllowedBytes = std::uint64_t{64} << 20;
constexpr std::uint64_t kHeaderBytes = 512;

// An absolute name, or one with a part "..".
bool LeadsOut(std::string_view name) {
  if (name.starts_with('/') || name.find('\0') != std::string_view::npos) {
    return true;
  }
  while (!name.empty()) {
    const std::size_t slash = name.find('/');
    if (name.substr(0, slash) == "..") {
      return true;
    }
    name.remove_prefix(slash == std::string_view::npos ? name.size() : slash + 1);
  }
  return false;
}

class LibarchiveReader final : public TarReader {
 public:
  LibarchiveReader(std::string path, std::uint64_t file_bytes,
                   std::unique_ptr<io::InputStream> input)
      : path_(std::move(path)),
        limit_(std::max(kAlwaysAllowedBytes, file_bytes * kMaxRatio)),
        input_(std::move(input)),
        buffer_(kBufferBytes) {}

  ~LibarchiveReader() override {
    if (archive_ != nullptr) {
      archive_read_free(archive_);
    }
  }

  LibarchiveReader(const LibarchiveReader&) = delete;
  LibarchiveReader& operator=(const LibarchiveReader&) = delete;

  Status Start() {
    archive_ = archive_read_new();
    if (archive_ == nullptr) {
      return Error{ErrorCode::kResourceExhausted, "no memory to read tar: " + path_};
    }
    archive_read_support_filter_gzip(archive_);
    archive_read_support_filter_zstd(archive_);
    archive_read_support_format_tar(archive_);
    archive_read_support_format_empty(archive_);
    return Check(archive_read_open(archive_, this, nullptr, &LibarchiveReader::Read, nullptr));
  }

  Result<std::optional<TarMember>> Next() override {
    while (!is_at_end_) {
      const int code = archive_read_next_header(archive_, &entry_);
      if (code == ARCHIVE_EOF) {
        is_at_end_ = true;
        break;
      }
      DATALAKE_TRY(Check(code));
      const char* text = archive_entry_pathname(entry_);
      if (text == nullptr) {
        return Refused("member has no readable name", "");
      }
      std::string name(text);
      DATALAKE_TRY(Count(kHeaderBytes, name));
      if (LeadsOut(name)) {
        return Refused("member name leads out of the tar", name);
      }
      if (archive_entry_filetype(entry_) == AE_IFDIR) {
        continue;
      }
      if (archive_entry_filetype(entry_) != AE_IFREG || archive_entry_hardlink(entry_) != nullptr) {
        return Refused("member is a link or a device", name);
      }
      const std::int64_t size = archive_entry_size(entry_);
      current_ = {std::move(name), size < 0 ? 0 : static_cast<std::uint64_t>(size)};
      DATALAKE_TRY(Count(current_.size_bytes, current_.name));
      return std::optional<TarMember>(current_);
    }
    return std::optional<TarMember>();
  }

  Result<std::string> Content() override {
    if (current_.size_bytes > kMaxMemberBytes) {
      return Error{ErrorCode::kResourceExhausted,
                   fmt::format("member is too large, unpack the tar and upload its folder: {}: {}: "
                               "{} bytes of at most {}",
                               path_, current_.name, current_.size_bytes, kMaxMemberBytes)};
    }
    std::string content(static_cast<std::size_t>(current_.size_bytes), '\0');
    std::size_t size = 0;
    while (size < content.size()) {
      const la_ssize_t n =
          archive_read_data(archive_, content.data() + size, content.size() - size);
      if (n < 0) {
        DATALAKE_TRY(Check(static_cast<int>(n)));
      }
      if (n <= 0) {
        return Error{ErrorCode::kCorruption,
                     fmt::format("tar is cut off: {}: {}", path_, current_.name)};
      }
      size += static_cast<std::size_t>(n);
    }
    return content;
  }

 private:
  static la_ssize_t Read(archive* archive, void* self, const void** bytes) {
    auto& reader = *static_cast<LibarchiveReader*>(self);
    const auto n = reader.input_->Read(reader.buffer_);
    if (!n) {
      reader.error_ = n.error();
      archive_set_error(archive, -1, "cannot read");
      return -1;
    }
    *bytes = reader.buffer_.data();
    return static_cast<la_ssize_t>(*n);
  }

  // Warnings (ARCHIVE_WARN) tell of names in odd encodings and the like: nothing is lost.
  Status Check(int code) {
    if (code == ARCHIVE_OK || code == ARCHIVE_WARN) {
      return {};
    }
    if (error_) {
      return *error_;
    }
    const char* text = archive_error_string(archive_);
    return Error{ErrorCode::kCorruption,
                 fmt::format("broken tar: {}: {}", path_, text == nullptr ? "unknown" : text)};
  }

  Error Refused(std::string_view what, std::string_view name) const {
    return {ErrorCode::kInvalidArgument, fmt::format("{}: {}: {}", what, path_, name)};
  }

  // What has been seen so far, unpacked: a bomb is many times its file.
  Status Count(std::uint64_t bytes, std::string_view name) {
    seen_ += std::min(bytes, limit_ + 1);
    if (seen_ <= limit_) {
      return {};
    }
    return Error{
        ErrorCode::kResourceExhausted,
        fmt::format("tar unpacks to more than {} times its size: {}: {}", kMaxRatio, path_, name)};
  }

  const std::string path_;
  const std::uint64_t limit_;
  std::unique_ptr<io::InputStream> input_;
  std::vector<std::byte> buffer_;
  std::optional<Error> error_;  // of input_
  archive* archive_ = nullptr;
  archive_entry* entry_ = nullptr;  // of archive_
  TarMember current_;
  std::uint64_t seen_ = 0;
  bool is_at_end_ = false;
};

}  // namespace

Result<std::unique_ptr<TarReader>> TarReader::Open(io::FileSystem& fs, std::string_view path) {
  DATALAKE_TRY_ASSIGN(const io::FileInfo info, fs.Stat(path));
  DATALAKE_TRY_ASSIGN(auto input, fs.OpenInput(path));
  auto reader =
      std::make_unique<LibarchiveReader>(std::string(path), info.size_bytes, std::move(input));
  DATALAKE_TRY(reader->Start());
  return reader;
}

}  // namespace datalake::format

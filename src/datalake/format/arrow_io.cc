#include "datalake/format/arrow_io.h"

#include <algorithm>
#include <atomic>
#include <span>
#include <utility>
#include <vector>

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>

#include "datalake/format/arrow_status.h"
#include "datalake/io/file_system.h"
#include "datalake/io/stream.h"

namespace datalake::format {
namespace {

std::span<std::byte> Span(void* data, std::int64_t size) {
  return {static_cast<std::byte*>(data), static_cast<std::size_t>(std::max<std::int64_t>(size, 0))};
}

arrow::Result<std::shared_ptr<arrow::Buffer>> Shrunk(std::shared_ptr<arrow::ResizableBuffer> buffer,
                                                     std::int64_t size) {
  ARROW_RETURN_NOT_OK(buffer->Resize(size, /*shrink_to_fit=*/false));
  buffer->ZeroPadding();
  return std::shared_ptr<arrow::Buffer>(std::move(buffer));
}

class ArrowFile final : public arrow::io::RandomAccessFile {
 public:
  explicit ArrowFile(std::unique_ptr<io::RandomAccessFile> file) : file_(std::move(file)) {}

  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }

  bool closed() const override { return closed_; }

  arrow::Result<std::int64_t> Tell() const override { return position_; }

  arrow::Status Seek(std::int64_t position) override {
    if (position < 0) {
      return arrow::Status::Invalid("negative position");
    }
    position_ = position;
    return arrow::Status::OK();
  }

  arrow::Result<std::int64_t> GetSize() override {
    return static_cast<std::int64_t>(file_->size_bytes());
  }

  arrow::Result<std::int64_t> ReadAt(std::int64_t position, std::int64_t size, void* out) override {
    if (position < 0) {
      return arrow::Status::Invalid("negative position");
    }
    auto read = file_->ReadAt(static_cast<std::uint64_t>(position), Span(out, size));
    if (!read) {
      return ToArrow(read.error());
    }
    return static_cast<std::int64_t>(*read);
  }

  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(std::int64_t position,
                                                       std::int64_t size) override {
    // A broken footer may ask for any size: never allocate more than the file holds.
    const auto end = static_cast<std::int64_t>(file_->size_bytes());
    const std::int64_t wanted =
        std::clamp<std::int64_t>(size, 0, std::max<std::int64_t>(end - position, 0));
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(wanted));
    ARROW_ASSIGN_OR_RAISE(const std::int64_t read,
                          ReadAt(position, wanted, buffer->mutable_data()));
    return Shrunk(std::move(buffer), read);
  }

  arrow::Result<std::int64_t> Read(std::int64_t size, void* out) override {
    ARROW_ASSIGN_OR_RAISE(const std::int64_t read, ReadAt(position_, size, out));
    position_ += read;
    return read;
  }

  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(std::int64_t size) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, ReadAt(position_, size));
    position_ += buffer->size();
    return buffer;
  }

 private:
  const std::unique_ptr<io::RandomAccessFile> file_;
  std::int64_t position_ = 0;
  std::atomic<bool> closed_ = false;
};

class ArrowInput final : public arrow::io::InputStream {
 public:
  explicit ArrowInput(std::unique_ptr<io::InputStream> stream) : stream_(std::move(stream)) {}

  arrow::Status Close() override {
    stream_.reset();
    return arrow::Status::OK();
  }

  bool closed() const override { return stream_ == nullptr; }

  arrow::Result<std::int64_t> Tell() const override { return position_; }

  arrow::Result<std::int64_t> Read(std::int64_t size, void* out) override {
    if (closed()) {
      return arrow::Status::Invalid("stream is closed");
    }
    std::span<std::byte> rest = Span(out, size);
    while (!rest.empty()) {
      auto read = stream_->Read(rest);
      if (!read) {
        return ToArrow(read.error());
      }
      if (*read == 0) {
        break;
      }
      rest = rest.subspan(*read);
    }
    const std::int64_t total = size - static_cast<std::int64_t>(rest.size());
    position_ += total;
    return total;
  }

  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(std::int64_t size) override {
    // A broken message header may ask for any size: grow with what really comes.
    constexpr std::int64_t kStep = std::int64_t{64} << 20;
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(std::min(size, kStep)));
    std::int64_t total = 0;
    while (total < size) {
      const std::int64_t room = std::min(size, std::max(total * 2, kStep));
      ARROW_RETURN_NOT_OK(buffer->Resize(room, /*shrink_to_fit=*/false));
      ARROW_ASSIGN_OR_RAISE(const std::int64_t read,
                            Read(room - total, buffer->mutable_data() + total));
      total += read;
      if (total < room) {
        break;
      }
    }
    return Shrunk(std::move(buffer), total);
  }

 private:
  std::unique_ptr<io::InputStream> stream_;
  std::int64_t position_ = 0;
};

class ArrowOutput final : public arrow::io::OutputStream {
 public:
  ArrowOutput(io::OutputStream& sink, std::size_t buffer_bytes)
      : sink_(sink), buffer_bytes_(buffer_bytes) {
    set_mode(arrow::io::FileMode::WRITE);
  }

  arrow::Status Close() override {
    if (std::exchange(closed_, true)) {
      return arrow::Status::OK();
    }
    return Flush();
  }

  arrow::Status Flush() override {
    const std::vector<std::byte> bytes = std::exchange(buffer_, {});
    return bytes.empty() ? arrow::Status::OK() : Put(bytes);
  }

  bool closed() const override { return closed_; }

  arrow::Result<std::int64_t> Tell() const override { return position_; }

  arrow::Status Write(const void* data, std::int64_t size) override {
    if (closed_) {
      return arrow::Status::Invalid("stream is closed");
    }
    const std::span bytes(static_cast<const std::byte*>(data), static_cast<std::size_t>(size));
    position_ += size;
    if (buffer_.size() + bytes.size() < buffer_bytes_) {
      buffer_.reserve(buffer_bytes_);
      buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
      return arrow::Status::OK();
    }
    if (!buffer_.empty()) {
      const arrow::Status put = Put(buffer_);
      buffer_.clear();
      ARROW_RETURN_NOT_OK(put);
    }
    return Put(bytes);
  }

 private:
  arrow::Status Put(std::span<const std::byte> bytes) {
    const Status written = sink_.Write(bytes);
    return written ? arrow::Status::OK() : ToArrow(written.error());
  }

  io::OutputStream& sink_;
  const std::size_t buffer_bytes_;
  std::vector<std::byte> buffer_;
  std::int64_t position_ = 0;
  bool closed_ = false;
};

}  // namespace

Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenArrowFile(io::FileSystem& fs,
                                                                   std::string_view path) {
  DATALAKE_TRY_ASSIGN(auto file, fs.OpenRandomAccess(path));
  return std::shared_ptr<arrow::io::RandomAccessFile>(std::make_shared<ArrowFile>(std::move(file)));
}

std::shared_ptr<arrow::io::InputStream> WrapInput(std::unique_ptr<io::InputStream> stream) {
  return std::make_shared<ArrowInput>(std::move(stream));
}

std::shared_ptr<arrow::io::OutputStream> WrapOutput(io::OutputStream& sink,
                                                    std::size_t buffer_bytes) {
  return std::make_shared<ArrowOutput>(sink, buffer_bytes);
}

}  // namespace datalake::format

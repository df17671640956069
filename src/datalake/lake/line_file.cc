#include "datalake/lake/line_file.h"

#include <span>
#include <utility>

#include "datalake/io/compression.h"

namespace datalake::lake {
namespace {

// Lets a compressor own a file that is published later.
class Borrowed final : public io::OutputStream {
 public:
  explicit Borrowed(io::AtomicFile& file) : file_(file) {}

  using OutputStream::Write;

  Status Write(std::span<const std::byte> bytes) override { return file_.Write(bytes); }

  Status Close() override { return {}; }

 private:
  io::AtomicFile& file_;
};

}  // namespace

Result<std::unique_ptr<LineFile>> LineFile::Make(io::FileSystem& fs, std::string_view path,
                                                 io::PublishMode mode) {
  DATALAKE_TRY_ASSIGN(auto atomic, io::AtomicFile::Make(fs, path, mode));
  std::unique_ptr<LineFile> file(new LineFile(std::move(atomic)));  // NOLINT: private constructor
  DATALAKE_TRY_ASSIGN(file->out_, io::MakeCompressor(std::make_unique<Borrowed>(*file->file_),
                                                     io::CompressionOfPath(path)));
  return file;
}

Status LineFile::Write(std::string_view text) {
  return out_->Write(text);
}

Result<std::uint64_t> LineFile::Publish() {
  DATALAKE_TRY(out_->Close());
  DATALAKE_TRY(file_->Publish());
  return file_->size_bytes();
}

}  // namespace datalake::lake

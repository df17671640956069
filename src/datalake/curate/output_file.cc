#include "datalake/curate/output_file.h"

#include <span>
#include <utility>

#include "datalake/io/atomic_file.h"
#include "datalake/io/compression.h"
#include "datalake/io/file_system.h"

namespace datalake::curate {
namespace {

// Lets a compressor end without ending the file, which is published after it.
class BorrowedFile final : public io::OutputStream {
 public:
  explicit BorrowedFile(io::AtomicFile& file) : file_(file) {}

  Status Write(std::span<const std::byte> bytes) override { return file_.Write(bytes); }

  Status Close() override { return {}; }

 private:
  io::AtomicFile& file_;
};

}  // namespace

OutputFile::OutputFile() = default;
OutputFile::OutputFile(OutputFile&&) noexcept = default;
OutputFile& OutputFile::operator=(OutputFile&&) noexcept = default;
OutputFile::~OutputFile() = default;

Result<OutputFile> OutputFile::Make(io::FileSystem& fs, std::string_view path,
                                    const OutputOptions& options) {
  OutputFile output;
  DATALAKE_TRY_ASSIGN(output.file_, io::AtomicFile::Make(fs, path, io::PublishMode::kReplace));
  DATALAKE_TRY_ASSIGN(output.stream_,
                      io::MakeCompressor(std::make_unique<BorrowedFile>(*output.file_),
                                         options.compression.value_or(io::CompressionOfPath(path)),
                                         options.level, options.pool));
  return output;
}

Status OutputFile::Write(std::string_view bytes) {
  return stream_->Write(bytes);
}

std::uint64_t OutputFile::size_bytes() const {
  return file_->size_bytes();
}

Status OutputFile::Publish() {
  DATALAKE_TRY(stream_->Close());
  return file_->Publish();
}

}  // namespace datalake::curate

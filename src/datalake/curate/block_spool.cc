#include "datalake/curate/block_spool.h"

#include <utility>

#include <fmt/format.h>

#include "datalake/io/file_system.h"

namespace datalake::curate {

BlockSpool::BlockSpool(io::FileSystem& fs, std::string path, std::unique_ptr<io::WritableFile> file)
    : fs_(fs), path_(std::move(path)), file_(std::move(file)) {}

BlockSpool::~BlockSpool() = default;

Result<std::unique_ptr<BlockSpool>> BlockSpool::Make(io::FileSystem& fs, std::string path) {
  DATALAKE_TRY_ASSIGN(auto file, fs.Create(path));
  return std::unique_ptr<BlockSpool>(new BlockSpool(fs, std::move(path), std::move(file)));
}

Status BlockSpool::WriteFrame(std::string_view payload) {
  const std::uint64_t size = payload.size();
  DATALAKE_TRY(file_->Write(std::as_bytes(std::span(&size, 1))));
  return file_->Write(payload);
}

Status BlockSpool::Append(const DedupeBlock& block, std::span<const std::uint8_t> verdicts) {
  buffer_.clear();
  AppendBlock(block, verdicts, buffer_);
  return WriteFrame(buffer_);
}

// An empty frame.
Status BlockSpool::EndFile() {
  return WriteFrame({});
}

Status BlockSpool::BeginReading() {
  DATALAKE_TRY(file_->Close());
  DATALAKE_TRY_ASSIGN(input_, fs_.OpenInput(path_));
  return {};
}

Status BlockSpool::ReadFully(std::span<std::byte> out) {
  while (!out.empty()) {
    DATALAKE_TRY_ASSIGN(const std::size_t read, input_->Read(out));
    if (read == 0) {
      return Error{ErrorCode::kIo, fmt::format("a file of our own was cut short: {}", path_)};
    }
    out = out.subspan(read);
  }
  return {};
}

Result<bool> BlockSpool::Next(DedupeBlock& block, std::vector<std::uint8_t>& verdicts) {
  std::uint64_t size = 0;
  DATALAKE_TRY(ReadFully(std::as_writable_bytes(std::span(&size, 1))));
  if (size == 0) {
    return false;
  }
  buffer_.resize(size);
  DATALAKE_TRY(ReadFully(std::as_writable_bytes(std::span(buffer_))));
  DATALAKE_TRY(ParseBlock(buffer_, block, verdicts));
  return true;
}

}  // namespace datalake::curate

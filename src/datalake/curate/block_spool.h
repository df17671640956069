#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/curate/dedupe_block.h"

namespace datalake::io {
class FileSystem;
class InputStream;
class WritableFile;
}  // namespace datalake::io

namespace datalake::curate {

/// Blocks of files in order, on disk until the answers about their keys are there. A file of this
/// process only: not durable, no format to keep. Single-threaded.
class BlockSpool {
 public:
  /// `path` must not exist. `fs` must outlive the spool. Errors: kIo, kAlreadyExists.
  static Result<std::unique_ptr<BlockSpool>> Make(io::FileSystem& fs, std::string path);
  ~BlockSpool();

  Status Append(const DedupeBlock& block, std::span<const std::uint8_t> verdicts);

  /// What follows belongs to the next file.
  Status EndFile();

  /// After the last EndFile.
  Status BeginReading();

  /// The next block of the current file; false at its end, and then the next file is current.
  Result<bool> Next(DedupeBlock& block, std::vector<std::uint8_t>& verdicts);

 private:
  BlockSpool(io::FileSystem& fs, std::string path, std::unique_ptr<io::WritableFile> file);

  Status WriteFrame(std::string_view payload);
  Status ReadFully(std::span<std::byte> out);

  io::FileSystem& fs_;
  const std::string path_;
  std::unique_ptr<io::WritableFile> file_;
  std::unique_ptr<io::InputStream> input_;
  std::string buffer_;
};

}  // namespace datalake::curate

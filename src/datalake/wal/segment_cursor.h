#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "datalake/base/result.h"
#include "datalake/io/stream.h"
#include "datalake/wal/wal.h"

namespace datalake::wal {

/// Gives the intact records of one segment file one by one, skipping damaged bytes. The file may be
/// written meanwhile: it shows what is there when it is opened. A file that is removed can still be
/// read through `file`. Memory: 1 MB and the largest record. Single-threaded.
class SegmentCursor {
 public:
  /// `path` is for messages. Errors: kCorruption (the header is damaged), kUnsupported, kIo.
  static Result<std::unique_ptr<SegmentCursor>> Open(
      std::shared_ptr<const io::RandomAccessFile> file, std::string_view path);

  virtual ~SegmentCursor() = default;

  /// The next record, valid until the next call; null at the end. Errors: kIo.
  virtual Result<const Record*> Next() = 0;

  /// Damaged bytes passed by so far.
  virtual std::uint64_t skipped_bytes() const = 0;
};

}  // namespace datalake::wal

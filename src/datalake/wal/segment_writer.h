#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "datalake/base/clock.h"
#include "datalake/base/random.h"
#include "datalake/base/result.h"
#include "datalake/io/file_system.h"
#include "datalake/wal/segment.h"

// Internal to wal/.
namespace datalake::wal {

/// Writes one segment file. Single-threaded. After an error it must not be used again.
class SegmentWriter {
 public:
  /// Whether a segment without records of the same name may be there.
  enum class Existing : std::uint8_t { kRefuse, kReplace };

  /// Makes a segment under its final name with an intact, durable header. Space is reserved in
  /// steps that `segment_bytes` bounds.
  static Result<std::unique_ptr<SegmentWriter>> Create(io::FileSystem& fs, const Clock& clock,
                                                       Random& random, std::string_view dir,
                                                       std::uint64_t first_sequence,
                                                       std::uint64_t segment_bytes,
                                                       Existing existing);

  /// Adds a record to the group that Commit writes; returns its number. `received` as in Record.
  std::uint64_t Add(std::string_view payload, Timestamp received);

  /// Writes and syncs the group.
  Status Commit();

  /// Writes and syncs the seal; nothing may follow.
  Status Seal(Timestamp now);

  const std::string& path() const { return path_; }

  std::uint64_t first_sequence() const { return header_.first_sequence; }

  std::uint64_t next_sequence() const { return next_sequence_; }

  bool has_records() const { return next_sequence_ > header_.first_sequence; }

  /// With the group that is not written yet.
  std::uint64_t size_bytes() const { return written_bytes_ + group_.size(); }

  std::uint64_t group_bytes() const { return group_.size(); }

 private:
  SegmentWriter(std::string path, const SegmentHeader& header,
                std::unique_ptr<io::WritableFile> file, std::uint64_t reserve_step_bytes);

  Status WriteGroup();

  const std::string path_;
  const SegmentHeader header_;
  const std::uint64_t reserve_step_bytes_;
  std::unique_ptr<io::WritableFile> file_;
  std::string group_;
  std::uint64_t next_sequence_;
  std::uint64_t durable_sequence_;
  std::uint64_t written_bytes_ = kHeaderBytes;
  std::uint64_t reserved_bytes_ = kHeaderBytes;
};

}  // namespace datalake::wal

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "datalake/base/clock.h"
#include "datalake/base/result.h"
#include "datalake/io/file_system.h"
#include "datalake/wal/wal.h"

// The bytes of a segment file, format 1: docs/formats/wal.md. Internal to wal/.
namespace datalake::wal {

inline constexpr std::uint64_t kHeaderBytes = 64;
inline constexpr std::uint64_t kRecordHeaderBytes = 32;
inline constexpr std::uint64_t kAlignment = 8;

struct SegmentHeader {
  std::uint64_t first_sequence = 0;
  Timestamp created;
  /// Random; part of every checksum, so that old bytes of other files are never taken for records.
  std::uint64_t salt = 0;
};

std::string EncodeHeader(const SegmentHeader& header);

/// Size of a record of `payload_bytes` in the file.
std::uint64_t RecordBytes(std::uint64_t payload_bytes);

/// Appends one record to `out`. `durable` is the last number that had been synced by then.
void AppendRecord(const SegmentHeader& header, const Record& record, std::uint64_t durable,
                  std::string& out);

/// Appends the mark of a sealed segment whose last record is `last_sequence`.
void AppendSeal(const SegmentHeader& header, std::uint64_t last_sequence, Timestamp sealed,
                std::string& out);

/// "00000000000000000042.log".
std::string SegmentName(std::uint64_t first_sequence);

/// The number in a name that SegmentName made; with `suffix` behind it.
std::optional<std::uint64_t> ParseSegmentName(std::string_view name, std::string_view suffix = "");

/// How the records of a segment end.
enum class SegmentEnd : std::uint8_t {
  kSealed,   ///< by a seal: complete
  kOpen,     ///< by the end of the file or zeros: not sealed, nothing damaged
  kTorn,     ///< by bytes that are no record, and nothing shows that they were ever synced
  kCorrupt,  ///< by bytes that are no record, where a later record says that they were synced
};

struct SegmentScan {
  SegmentHeader header;
  SegmentEnd end = SegmentEnd::kOpen;
  std::uint64_t records = 0;
  std::uint64_t last_sequence = 0;  ///< first_sequence - 1 without records
  std::uint64_t end_offset = 0;     ///< behind the last intact record, before a seal
  std::uint64_t torn_bytes = 0;     ///< behind end_offset, without zeros at the end of the file
  std::string problem;              ///< of kTorn and kCorrupt, with the offset
};

/// Visits the record `sequence` of a segment, looking for it from `offset` on, where an intact
/// record or nothing begins (0: from the first record), below `limit`. Errors: kNotFound, those of
/// ScanSegment.
Status FindRecord(const io::RandomAccessFile& file, std::string_view path, std::uint64_t limit,
                  std::uint64_t offset, std::uint64_t sequence, const RecordVisitor& visit);

/// Reads the records of a segment from its start; looks at bytes below `limit` only. `visit` may be
/// empty. Errors: kCorruption (the header), those of `file` and `visit`.
Result<SegmentScan> ScanSegment(const io::RandomAccessFile& file, std::string_view path,
                                std::uint64_t limit, const RecordVisitor& visit);

}  // namespace datalake::wal

#include "datalake/wal/recovery.h"

#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/log.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/path.h"
#include "datalake/wal/segment.h"

namespace datalake::wal {
namespace {

constexpr std::string_view kCorruptSuffix = ".corrupt";
constexpr std::size_t kCopyBytes = std::size_t{1} << 20;
constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

class Recovery {
 public:
  Recovery(io::FileSystem& fs, const Clock& clock, std::string_view dir)
      : fs_(fs), clock_(clock), dir_(dir) {}

  Result<RecoveredLog> Run() {
    DATALAKE_TRY_ASSIGN(const auto entries, fs_.List(dir_));
    std::vector<std::uint64_t> segments;  // List sorts by name, and so by number
    for (const io::DirectoryEntry& entry : entries) {
      if (const auto number = ParseSegmentName(entry.name)) {
        segments.push_back(*number);
      } else if (const auto corrupt = ParseSegmentName(entry.name, kCorruptSuffix)) {
        DATALAKE_TRY(NoteQuarantined(*corrupt, io::JoinPath(dir_, entry.name), "found earlier"));
      } else if (entry.name.starts_with('.') && entry.name.ends_with(".tmp")) {
        DATALAKE_TRY(fs_.Remove(io::JoinPath(dir_, entry.name)));
      }
    }
    for (std::size_t i = 0; i < segments.size(); ++i) {
      DATALAKE_TRY(
          RecoverSegment(segments[i], i + 1 == segments.size() ? Place::kLast : Place::kBefore));
    }
    return std::move(log_);
  }

 private:
  enum class Place : std::uint8_t { kBefore, kLast };

  Status RecoverSegment(std::uint64_t number, Place place) {
    const std::string path = io::JoinPath(dir_, SegmentName(number));
    DATALAKE_TRY_ASSIGN(const auto file, fs_.OpenRandomAccess(path));
    const auto scanned = ScanSegment(*file, path, kNoLimit, {});
    if (!scanned) {
      return scanned.error().code == ErrorCode::kCorruption
                 ? Quarantine(number, path, scanned.error().message)
                 : Status(scanned.error());
    }
    const SegmentScan& scan = *scanned;
    if (scan.header.first_sequence != number || number <= last_accepted_) {
      return Quarantine(number, path, fmt::format("segment has a wrong number: {}", path));
    }
    if (scan.end == SegmentEnd::kCorrupt) {
      return Quarantine(number, path, scan.problem);
    }
    if (place == Place::kBefore && scan.end != SegmentEnd::kSealed && scan.records > 0) {
      return Quarantine(
          number, path,
          scan.problem.empty()
              ? fmt::format("segment ends without its seal: {}: byte {}", path, scan.end_offset)
              : scan.problem);
    }
    return Accept(*file, path, scan, place);
  }

  Status Accept(const io::RandomAccessFile& file, const std::string& path, const SegmentScan& scan,
                Place place) {
    SegmentInfo info{.path = path,
                     .first_sequence = scan.header.first_sequence,
                     .last_sequence = scan.last_sequence,
                     .size_bytes = scan.end_offset + RecordBytes(0)};
    log_.next_sequence = std::max(log_.next_sequence, scan.last_sequence + 1);
    last_accepted_ = scan.last_sequence;
    if (place == Place::kLast) {
      log_.report.torn_bytes = scan.torn_bytes;
      if (scan.torn_bytes > 0) {
        LogWarning(fmt::format("cut {} bytes of unacknowledged records off the log: {}",
                               scan.torn_bytes, scan.problem));
      }
      if (scan.records > 0) {
        DATALAKE_TRY(SealCopy(file, path, scan));
      }
    }
    if (scan.records == 0) {
      log_.empty.push_back(std::move(info));
      return {};
    }
    ++log_.report.segments;
    log_.report.records += scan.records;
    log_.sealed.push_back(std::move(info));
    return {};
  }

  // Replaces the last segment by a sealed copy of its intact records. It is copied even when it
  // looks sealed: what we read may be in the page cache only, and its sync may have failed.
  Status SealCopy(const io::RandomAccessFile& file, const std::string& path,
                  const SegmentScan& scan) {
    DATALAKE_TRY_ASSIGN(const auto copy,
                        io::AtomicFile::Make(fs_, path, io::PublishMode::kReplace));
    std::vector<std::byte> buffer(kCopyBytes);
    for (std::uint64_t at = 0; at < scan.end_offset;) {
      const std::size_t wanted = std::min<std::uint64_t>(buffer.size(), scan.end_offset - at);
      DATALAKE_TRY_ASSIGN(const std::size_t n, file.ReadAt(at, std::span(buffer).first(wanted)));
      if (n == 0) {
        return Error{ErrorCode::kIo, fmt::format("file became shorter while read: {}", path)};
      }
      DATALAKE_TRY(copy->Write(std::span<const std::byte>(buffer).first(n)));
      at += n;
    }
    std::string seal;
    AppendSeal(scan.header, scan.last_sequence, clock_.Now(), seal);
    DATALAKE_TRY(copy->Write(seal));
    return copy->Publish();
  }

  Status Quarantine(std::uint64_t number, const std::string& path, std::string reason) {
    const std::string aside = path + std::string(kCorruptSuffix);
    LogError(fmt::format("log segment is damaged and set aside as {}: {}", aside, reason));
    DATALAKE_TRY(fs_.Rename(path, aside));
    DATALAKE_TRY(fs_.SyncDirectory(dir_));
    return NoteQuarantined(number, aside, std::move(reason));
  }

  // The numbers that a damaged segment may have used: no more than it has room for records.
  Status NoteQuarantined(std::uint64_t number, std::string path, std::string reason) {
    DATALAKE_TRY_ASSIGN(const io::FileInfo info, fs_.Stat(path));
    log_.next_sequence =
        std::max(log_.next_sequence, number + info.size_bytes / kRecordHeaderBytes + 1);
    log_.report.quarantined.push_back({std::move(path), std::move(reason)});
    return {};
  }

  io::FileSystem& fs_;
  const Clock& clock_;
  std::string_view dir_;
  RecoveredLog log_;
  std::uint64_t last_accepted_ = 0;
};

}  // namespace

Result<RecoveredLog> RecoverLog(io::FileSystem& fs, const Clock& clock, std::string_view dir) {
  return Recovery(fs, clock, dir).Run();
}

}  // namespace datalake::wal

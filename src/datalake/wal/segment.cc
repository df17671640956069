#include "datalake/wal/segment.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <span>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "datalake/base/hash.h"
#include "datalake/io/window.h"
#include "datalake/wal/segment_cursor.h"

namespace datalake::wal {
namespace {

constexpr std::string_view kMagic = "DLAKEWAL";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHeaderChecksumOffset = 60;
constexpr std::uint32_t kSealLength = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t kWindowBytes = std::size_t{1} << 20;
constexpr std::string_view kExtension = ".log";
constexpr std::size_t kNameDigits = 20;

// Numbers are little endian; so are the machines we build for (Toolchain.cmake).
template <typename T>
void Append(std::string& out, T value) {
  std::array<char, sizeof(T)> bytes;
  std::memcpy(bytes.data(), &value, sizeof(T));
  out.append(bytes.data(), bytes.size());
}

template <typename T>
T Load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::uint32_t RecordChecksum(const SegmentHeader& header, std::span<const std::byte> rest) {
  return Crc32c(rest, Crc32c(std::as_bytes(std::span(&header.salt, 1))));
}

std::int64_t Micros(Timestamp time) {
  return time.time_since_epoch().count();
}

void AppendFrame(const SegmentHeader& header, std::uint32_t length, const Record& record,
                 std::uint64_t durable, std::string& out) {
  const std::size_t begin = out.size();
  Append<std::uint32_t>(out, 0);
  Append(out, length);
  Append(out, record.sequence);
  Append(out, Micros(record.received));
  Append(out, durable);
  out.append(record.payload);
  const std::uint32_t checksum =
      RecordChecksum(header, Bytes(std::string_view(out).substr(begin + sizeof(std::uint32_t))));
  std::memcpy(out.data() + begin, &checksum, sizeof(checksum));
  out.append((kAlignment - (out.size() - begin) % kAlignment) % kAlignment, '\0');
}

struct Frame {
  bool is_seal = false;
  Record record;
  std::uint64_t durable = 0;
  std::uint64_t size_bytes = 0;  // in the file, with padding
};

struct NoFrame {
  std::string_view why;
};

// The record at `offset`, if there is an intact one.
Result<std::variant<Frame, NoFrame>> ReadFrame(io::Window& window, const SegmentHeader& header,
                                               std::uint64_t offset) {
  DATALAKE_TRY_ASSIGN(const auto head, window.At(offset, kRecordHeaderBytes));
  if (head.size() < kRecordHeaderBytes) {
    return NoFrame{"record is cut off"};
  }
  const auto length = Load<std::uint32_t>(head.data() + 4);
  Frame frame;
  frame.is_seal = length == kSealLength;
  const std::uint64_t payload_bytes = frame.is_seal ? 0 : length;
  frame.size_bytes = RecordBytes(payload_bytes);
  frame.record.sequence = Load<std::uint64_t>(head.data() + 8);
  frame.record.received =
      Timestamp(std::chrono::microseconds(Load<std::int64_t>(head.data() + 16)));
  frame.durable = Load<std::uint64_t>(head.data() + 24);
  // Cheap tests first: a search for records tries every eighth byte.
  if (frame.record.sequence < header.first_sequence || frame.durable >= frame.record.sequence) {
    return NoFrame{"not a record"};
  }
  const std::uint64_t size = kRecordHeaderBytes + payload_bytes;
  if (offset + frame.size_bytes > window.limit()) {  // padding too, so that a copy is whole
    return NoFrame{"record goes over the end"};
  }
  DATALAKE_TRY_ASSIGN(const auto whole, window.At(offset, size));
  if (whole.size() < size ||
      Load<std::uint32_t>(whole.data()) != RecordChecksum(header, whole.subspan(4))) {
    return NoFrame{"record checksum does not match"};
  }
  frame.record.payload =
      std::string_view(reinterpret_cast<const char*>(whole.data()) + kRecordHeaderBytes,
                       static_cast<std::size_t>(payload_bytes));
  return frame;
}

Result<SegmentHeader> ReadHeader(io::Window& window, std::string_view path) {
  DATALAKE_TRY_ASSIGN(const auto bytes, window.At(0, kHeaderBytes));
  const auto corrupt = [&](std::string_view what) {
    return Error{ErrorCode::kCorruption, fmt::format("{}: {}: byte 0", what, path)};
  };
  if (bytes.size() < kHeaderBytes || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
    return corrupt("not a log segment");
  }
  if (Load<std::uint32_t>(bytes.data() + kHeaderChecksumOffset) !=
      Crc32c(bytes.first(kHeaderChecksumOffset))) {
    return corrupt("log segment header is damaged");
  }
  if (Load<std::uint32_t>(bytes.data() + 8) != kVersion) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("log segment is of a newer format: {}", path)};
  }
  return SegmentHeader{
      .first_sequence = Load<std::uint64_t>(bytes.data() + 16),
      .created = Timestamp(std::chrono::microseconds(Load<std::int64_t>(bytes.data() + 24))),
      .salt = Load<std::uint64_t>(bytes.data() + 32)};
}

// Where the last byte that is not zero ends, at or behind `from`. From the back: zeros are what was
// reserved, and never much.
Result<std::uint64_t> EndOfData(io::Window& window, std::uint64_t from) {
  for (std::uint64_t end = window.limit(); end > from;) {
    const std::uint64_t begin = std::max(from, end - std::min<std::uint64_t>(end, kWindowBytes));
    DATALAKE_TRY_ASSIGN(const auto bytes, window.At(begin, end - begin));
    for (std::size_t i = bytes.size(); i-- > 0;) {
      if (bytes[i] != std::byte{0}) {
        return begin + i + 1;
      }
    }
    end = begin;
  }
  return from;
}

// True when an intact record behind `from` says that `sequence` had been synced before it was
// written. A torn write can leave later records of its own group intact, but none that says so.
Result<bool> WasSynced(io::Window& window, const SegmentHeader& header, std::uint64_t from,
                       std::uint64_t end, std::uint64_t sequence) {
  for (std::uint64_t at = from; at < end; at += kAlignment) {
    DATALAKE_TRY_ASSIGN(const auto found, ReadFrame(window, header, at));
    const auto* frame = std::get_if<Frame>(&found);
    if (frame != nullptr && frame->durable >= sequence) {
      return true;
    }
  }
  return false;
}

class CursorImpl final : public SegmentCursor {
 public:
  explicit CursorImpl(std::shared_ptr<const io::RandomAccessFile> file)
      : file_(std::move(file)), window_(*file_, file_->size_bytes(), kWindowBytes) {}

  Status Start(std::string_view path) {
    DATALAKE_TRY_ASSIGN(header_, ReadHeader(window_, path));
    DATALAKE_TRY_ASSIGN(end_, EndOfData(window_, kHeaderBytes));
    return {};
  }

  Result<const Record*> Next() override {
    while (at_ < end_) {
      DATALAKE_TRY_ASSIGN(const auto found, ReadFrame(window_, header_, at_));
      const auto* frame = std::get_if<Frame>(&found);
      if (frame == nullptr) {
        skipped_ += std::min(kAlignment, end_ - at_);
        at_ += kAlignment;
        continue;
      }
      at_ += frame->size_bytes;
      if (!frame->is_seal) {
        record_ = frame->record;
        return &record_;
      }
    }
    return nullptr;
  }

  std::uint64_t skipped_bytes() const override { return skipped_; }

 private:
  const std::shared_ptr<const io::RandomAccessFile> file_;
  io::Window window_;
  SegmentHeader header_;
  std::uint64_t at_ = kHeaderBytes;
  std::uint64_t end_ = 0;
  std::uint64_t skipped_ = 0;
  Record record_;
};

}  // namespace

Result<std::unique_ptr<SegmentCursor>> SegmentCursor::Open(
    std::shared_ptr<const io::RandomAccessFile> file, std::string_view path) {
  auto cursor = std::make_unique<CursorImpl>(std::move(file));
  DATALAKE_TRY(cursor->Start(path));
  return cursor;
}

std::string EncodeHeader(const SegmentHeader& header) {
  std::string out(kMagic);
  Append(out, kVersion);
  Append(out, static_cast<std::uint32_t>(kHeaderBytes));
  Append(out, header.first_sequence);
  Append(out, Micros(header.created));
  Append(out, header.salt);
  out.resize(kHeaderChecksumOffset, '\0');
  Append(out, Crc32c(Bytes(out)));
  return out;
}

std::uint64_t RecordBytes(std::uint64_t payload_bytes) {
  const std::uint64_t size = kRecordHeaderBytes + payload_bytes;
  return (size + kAlignment - 1) / kAlignment * kAlignment;
}

void AppendRecord(const SegmentHeader& header, const Record& record, std::uint64_t durable,
                  std::string& out) {
  AppendFrame(header, static_cast<std::uint32_t>(record.payload.size()), record, durable, out);
}

void AppendSeal(const SegmentHeader& header, std::uint64_t last_sequence, Timestamp sealed,
                std::string& out) {
  AppendFrame(header, kSealLength,
              Record{.sequence = last_sequence + 1, .received = sealed, .payload = {}},
              last_sequence, out);
}

std::string SegmentName(std::uint64_t first_sequence) {
  return fmt::format("{:020}{}", first_sequence, kExtension);
}

std::optional<std::uint64_t> ParseSegmentName(std::string_view name, std::string_view suffix) {
  if (name.size() != kNameDigits + kExtension.size() + suffix.size() || !name.ends_with(suffix) ||
      name.substr(kNameDigits, kExtension.size()) != kExtension) {
    return std::nullopt;
  }
  std::uint64_t number = 0;
  for (const char c : name.substr(0, kNameDigits)) {
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (c < '0' || c > '9' || number > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) {
      return std::nullopt;
    }
    number = number * 10 + digit;
  }
  return number;
}

Result<SegmentScan> ScanSegment(const io::RandomAccessFile& file, std::string_view path,
                                std::uint64_t limit, const RecordVisitor& visit) {
  io::Window window(file, std::min(limit, file.size_bytes()), kWindowBytes);
  SegmentScan scan;
  DATALAKE_TRY_ASSIGN(scan.header, ReadHeader(window, path));
  std::uint64_t next = scan.header.first_sequence;
  std::uint64_t at = kHeaderBytes;
  std::string_view why;
  while (true) {
    DATALAKE_TRY_ASSIGN(const auto found, ReadFrame(window, scan.header, at));
    const auto* frame = std::get_if<Frame>(&found);
    if (frame == nullptr || frame->record.sequence != next) {
      why = frame == nullptr ? std::get<NoFrame>(found).why : "record has a wrong number";
      break;
    }
    if (frame->is_seal) {
      scan.end = SegmentEnd::kSealed;
      break;
    }
    if (visit) {
      DATALAKE_TRY(visit(frame->record));
    }
    ++next;
    ++scan.records;
    at += frame->size_bytes;
  }
  scan.last_sequence = next - 1;
  scan.end_offset = at;
  if (scan.end == SegmentEnd::kSealed) {
    return scan;
  }
  DATALAKE_TRY_ASSIGN(const std::uint64_t end, EndOfData(window, std::min(at, window.limit())));
  if (end <= at) {
    return scan;  // kOpen
  }
  DATALAKE_TRY_ASSIGN(const bool was_synced, WasSynced(window, scan.header, at, end, next));
  scan.end = was_synced ? SegmentEnd::kCorrupt : SegmentEnd::kTorn;
  scan.torn_bytes = end - at;
  scan.problem = fmt::format("{}: {}: byte {}", why, path, at);
  return scan;
}

Status FindRecord(const io::RandomAccessFile& file, std::string_view path, std::uint64_t limit,
                  std::uint64_t offset, std::uint64_t sequence, const RecordVisitor& visit) {
  io::Window window(file, std::min(limit, file.size_bytes()), kWindowBytes);
  DATALAKE_TRY_ASSIGN(const SegmentHeader header, ReadHeader(window, path));
  std::uint64_t at = std::max(offset, kHeaderBytes);
  while (true) {
    DATALAKE_TRY_ASSIGN(const auto found, ReadFrame(window, header, at));
    const auto* frame = std::get_if<Frame>(&found);
    if (frame == nullptr || frame->is_seal || frame->record.sequence > sequence) {
      return Error{ErrorCode::kNotFound,
                   fmt::format("no such record in the log: {}: {}", path, sequence)};
    }
    if (frame->record.sequence == sequence) {
      return visit(frame->record);
    }
    at += frame->size_bytes;
  }
}

Result<std::uint64_t> SalvageSegment(io::FileSystem& fs, std::string_view path,
                                     const RecordVisitor& visit) {
  DATALAKE_TRY_ASSIGN(auto file, fs.OpenRandomAccess(path));
  DATALAKE_TRY_ASSIGN(const auto cursor, SegmentCursor::Open(std::move(file), path));
  while (true) {
    DATALAKE_TRY_ASSIGN(const Record* record, cursor->Next());
    if (record == nullptr) {
      return cursor->skipped_bytes();
    }
    DATALAKE_TRY(visit(*record));
  }
}

}  // namespace datalake::wal

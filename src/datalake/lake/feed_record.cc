// Layout, little-endian: format (1 byte, 1) | size of ingest_id (1 byte) | version (8) |
// received, microseconds since the epoch (8) | ingest_id | body.
#include "datalake/lake/feed_record.h"

#include <array>
#include <bit>
#include <cstring>

#include <fmt/format.h>

namespace datalake::lake {
namespace {

constexpr char kFormat = 1;
constexpr std::size_t kHeaderBytes = 18;

static_assert(std::endian::native == std::endian::little, "integers are copied as they lie");

void AppendInt64(std::string& out, std::int64_t value) {
  std::array<char, sizeof(value)> bytes{};
  std::memcpy(bytes.data(), &value, sizeof(value));
  out.append(bytes.data(), bytes.size());
}

std::int64_t ReadInt64(std::string_view bytes) {
  std::int64_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

}  // namespace

std::string EncodeFeedRecord(const FeedRecord& record) {
  std::string out;
  out.reserve(kHeaderBytes + record.ingest_id.size() + record.body.size());
  out += kFormat;
  out += static_cast<char>(record.ingest_id.size());  // a name: at most 128 bytes
  AppendInt64(out, record.version);
  AppendInt64(out, record.received.time_since_epoch().count());
  out += record.ingest_id;
  out += record.body;
  return out;
}

Result<FeedRecord> DecodeFeedRecord(std::string_view payload) {
  if (payload.size() < kHeaderBytes || payload[0] != kFormat) {
    return Error{ErrorCode::kCorruption,
                 fmt::format("unknown form of a feed record, {} bytes", payload.size())};
  }
  const auto id_bytes = static_cast<std::size_t>(static_cast<unsigned char>(payload[1]));
  if (payload.size() < kHeaderBytes + id_bytes) {
    return Error{ErrorCode::kCorruption,
                 fmt::format("feed record is cut short, {} bytes", payload.size())};
  }
  return FeedRecord{.ingest_id = payload.substr(kHeaderBytes, id_bytes),
                    .version = ReadInt64(payload.substr(2)),
                    .received = Timestamp(std::chrono::microseconds(ReadInt64(payload.substr(10)))),
                    .body = payload.substr(kHeaderBytes + id_bytes)};
}

}  // namespace datalake::lake

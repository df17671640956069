// Layout of WAL payloads: docs/formats/feeds.md. Little-endian.
#include "datalake/lake/feed_record.h"

#include <bit>
#include <cstring>
#include <span>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/json/value.h"

namespace datalake::lake {
namespace {

constexpr char kFormat = 2;

enum class PayloadKind : std::uint8_t { kRecord = 1, kWithdrawal = 2, kBatch = 3 };

constexpr std::size_t kPrefixBytes = 2;   // format, kind
constexpr std::size_t kHeaderBytes = 68;  // of a record, the prefix included
constexpr std::string_view kWhere = "withdrawal";

static_assert(std::endian::native == std::endian::little, "integers are copied as they lie");

template <typename T>
void Put(char*& to, T value) {
  std::memcpy(to, &value, sizeof(value));
  to += sizeof(value);
}

template <typename T>
T Take(const char*& from) {
  T value;
  std::memcpy(&value, from, sizeof(value));
  from += sizeof(value);
  return value;
}

Error CutShort(std::size_t bytes) {
  return {ErrorCode::kCorruption, fmt::format("feed record is cut short, {} bytes", bytes)};
}

Result<FeedRecord> DecodeRecord(std::string_view payload) {
  if (payload.size() < kHeaderBytes) {
    return CutShort(payload.size());
  }
  const char* at = payload.data() + kPrefixBytes;
  FeedRecord record;
  const auto id_bytes = Take<std::uint8_t>(at);
  record.place = static_cast<RecordPlace>(Take<std::uint8_t>(at));
  const auto findings_bytes = Take<std::uint32_t>(at);
  record.schema_version = Take<std::uint32_t>(at);
  record.version = Take<std::int64_t>(at);
  record.received = Timestamp(std::chrono::microseconds(Take<std::int64_t>(at)));
  record.content_hash = Take<std::uint64_t>(at);
  record.receipt.low = Take<std::uint64_t>(at);
  record.receipt.high = Take<std::uint64_t>(at);
  record.submission.key = Take<std::uint64_t>(at);
  record.submission.body = Take<std::uint64_t>(at);
  std::string_view rest = payload.substr(kHeaderBytes);
  if (rest.size() < std::size_t{id_bytes} + findings_bytes) {
    return CutShort(payload.size());
  }
  record.ingest_id = rest.substr(0, id_bytes);
  record.findings = rest.substr(id_bytes, findings_bytes);
  record.body = rest.substr(std::size_t{id_bytes} + findings_bytes);
  return record;
}

Result<Withdrawal> DecodeWithdrawal(std::string_view text) {
  DATALAKE_TRY_ASSIGN(const json::Value value, json::ParseValue(text, kWhere));
  Withdrawal withdrawal;
  DATALAKE_TRY_ASSIGN(const std::int64_t scope, json::GetInt(value, "scope", kWhere));
  DATALAKE_TRY_ASSIGN(const std::int64_t received, json::GetInt(value, "received", kWhere));
  DATALAKE_TRY_ASSIGN(withdrawal.ingest_id, json::GetString(value, "ingest_id", kWhere));
  DATALAKE_TRY_ASSIGN(withdrawal.submitter_id, json::GetString(value, "submitter_id", kWhere));
  DATALAKE_TRY_ASSIGN(withdrawal.reference, json::GetString(value, "reference", kWhere));
  DATALAKE_TRY_ASSIGN(const std::string receipt, json::GetString(value, "receipt", kWhere));
  if (scope < 1 || scope > 3) {
    return Error{ErrorCode::kCorruption, fmt::format("withdrawal of unknown scope: {}", scope)};
  }
  withdrawal.scope = static_cast<WithdrawalScope>(scope);
  withdrawal.receipt = ReceiptFromText(receipt);
  withdrawal.received = Timestamp(std::chrono::microseconds(received));
  return withdrawal;
}

std::string PairText(std::uint64_t first, std::uint64_t second) {
  return first == 0 && second == 0 ? std::string() : fmt::format("{:016x}{:016x}", first, second);
}

std::uint64_t HexNumber(std::string_view digits) {
  std::uint64_t number = 0;
  for (const char c : digits) {
    number = number * 16 + static_cast<std::uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  return number;
}

Status VisitBatch(std::string_view payload, const std::function<Status(const FeedEntry&)>& visit) {
  std::string_view rest = payload.substr(kPrefixBytes);
  while (!rest.empty()) {
    if (rest.size() < sizeof(std::uint32_t)) {
      return CutShort(rest.size());
    }
    const char* at = rest.data();
    const auto bytes = Take<std::uint32_t>(at);
    rest.remove_prefix(sizeof(bytes));
    if (rest.size() < bytes) {
      return CutShort(rest.size());
    }
    DATALAKE_TRY_ASSIGN(const FeedRecord record, DecodeRecord(rest.substr(0, bytes)));
    DATALAKE_TRY(visit(record));
    rest.remove_prefix(bytes);
  }
  return {};
}

}  // namespace

ReceiptHash HashReceipt(std::string_view token) {
  ReceiptHash hash;
  if (token.empty()) {
    return hash;
  }
  Sha256 sha;
  sha.Update(std::as_bytes(std::span(token.data(), token.size())));
  const Sha256Digest digest = sha.Finish();
  std::memcpy(&hash.low, digest.data(), sizeof(hash.low));
  std::memcpy(&hash.high, digest.data() + sizeof(hash.low), sizeof(hash.high));
  return hash;
}

std::string ToText(const ReceiptHash& hash) {
  return PairText(hash.low, hash.high);
}

ReceiptHash ReceiptFromText(std::string_view text) {
  return text.size() != 32 ? ReceiptHash{}
                           : ReceiptHash{.low = HexNumber(text.substr(0, 16)),
                                         .high = HexNumber(text.substr(16))};
}

std::string ToText(const SubmissionHash& hash) {
  return PairText(hash.key, hash.body);
}

SubmissionHash SubmissionFromText(std::string_view text) {
  return text.size() != 32 ? SubmissionHash{}
                           : SubmissionHash{.key = HexNumber(text.substr(0, 16)),
                                            .body = HexNumber(text.substr(16))};
}

void EncodeFeedRecord(const FeedRecord& record, std::string& out) {
  std::array<char, kHeaderBytes> header{};
  char* at = header.data();
  Put(at, kFormat);
  Put(at, PayloadKind::kRecord);
  Put(at, static_cast<std::uint8_t>(record.ingest_id.size()));  // a name: at most 128 bytes
  Put(at, record.place);
  Put(at, static_cast<std::uint32_t>(record.findings.size()));
  Put(at, record.schema_version);
  Put(at, record.version);
  Put(at, record.received.time_since_epoch().count());
  Put(at, record.content_hash);
  Put(at, record.receipt.low);
  Put(at, record.receipt.high);
  Put(at, record.submission.key);
  Put(at, record.submission.body);
  out.reserve(out.size() + header.size() + record.ingest_id.size() + record.findings.size() +
              record.body.size());
  out.append(header.data(), header.size());
  out.append(record.ingest_id);
  out.append(record.findings);
  out.append(record.body);
}

std::string EncodeWithdrawal(const Withdrawal& withdrawal) {
  const json::Value value = {{"scope", static_cast<int>(withdrawal.scope)},
                             {"ingest_id", withdrawal.ingest_id},
                             {"submitter_id", withdrawal.submitter_id},
                             {"receipt", ToText(withdrawal.receipt)},
                             {"received", withdrawal.received.time_since_epoch().count()},
                             {"reference", withdrawal.reference}};
  std::string out(1, kFormat);
  out += static_cast<char>(PayloadKind::kWithdrawal);
  return out + json::DumpValue(value);
}

FeedBatchEncoder::FeedBatchEncoder() {
  payload_ += kFormat;
  payload_ += static_cast<char>(PayloadKind::kBatch);
}

void FeedBatchEncoder::Add(const FeedRecord& record) {
  const std::size_t begin = payload_.size();
  payload_.append(sizeof(std::uint32_t), '\0');
  // Not through `reserve` of the record's exact size, which would copy the batch for each one.
  const std::size_t need = payload_.size() + kHeaderBytes + record.ingest_id.size() +
                           record.findings.size() + record.body.size();
  if (need > payload_.capacity()) {
    payload_.reserve(std::max(need, payload_.capacity() * 2));
  }
  EncodeFeedRecord(record, payload_);
  const auto bytes = static_cast<std::uint32_t>(payload_.size() - begin - sizeof(std::uint32_t));
  std::memcpy(payload_.data() + begin, &bytes, sizeof(bytes));
  ++count_;
}

std::string FeedBatchEncoder::Take() {
  std::string taken = std::move(payload_);
  *this = FeedBatchEncoder();
  return taken;
}

Status ForEachFeedEntry(std::string_view payload,
                        const std::function<Status(const FeedEntry&)>& visit) {
  if (payload.size() < kPrefixBytes) {
    return CutShort(payload.size());
  }
  if (payload[0] != kFormat) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("feed record of another format of the log, {}, this program reads {}; "
                             "seal the feed with the program that wrote it",
                             static_cast<int>(payload[0]), static_cast<int>(kFormat))};
  }
  switch (static_cast<PayloadKind>(payload[1])) {
    case PayloadKind::kRecord: {
      DATALAKE_TRY_ASSIGN(const FeedRecord record, DecodeRecord(payload));
      return visit(record);
    }
    case PayloadKind::kWithdrawal: {
      DATALAKE_TRY_ASSIGN(Withdrawal withdrawal, DecodeWithdrawal(payload.substr(kPrefixBytes)));
      return visit(std::move(withdrawal));
    }
    case PayloadKind::kBatch:
      return VisitBatch(payload, visit);
  }
  return Error{ErrorCode::kUnsupported,
               fmt::format("unknown kind of feed record: {}", static_cast<int>(payload[1]))};
}

bool IsWithdrawal(std::string_view payload) {
  return payload.size() >= kPrefixBytes && payload[0] == kFormat &&
         static_cast<PayloadKind>(payload[1]) == PayloadKind::kWithdrawal;
}

}  // namespace datalake::lake

// The layout is docs/formats/dedupe-state.md: a header, pieces of at most 1 MiB each with a
// checksum, a description in JSON, a trailer that says where it is.
#include "datalake/curate/dedupe_state.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/json/value.h"

namespace datalake::curate {
namespace {

constexpr std::string_view kMagic = "DLAKEDUP";
constexpr std::string_view kTrailerMagic = "DLAKEDND";
constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kHashScheme = 1;
constexpr std::uint32_t kToolkitMagic = 0x81F0F117;
constexpr std::size_t kPieceBytes = std::size_t{1} << 20;
constexpr std::size_t kPieceKeys = kPieceBytes / sizeof(Hash128);
constexpr std::size_t kChecksumBytes = 4;
constexpr std::uint64_t kMaxDescription = std::uint64_t{1} << 32;
static_assert(sizeof(Hash128) == 16);

// Numbers are little endian; so are the machines we build for (Toolchain.cmake).
struct Header {
  std::array<char, 8> magic;
  std::uint32_t version = kVersion;
  std::uint32_t kind = 0;
  std::uint32_t hash_scheme = kHashScheme;
  std::uint32_t piece_bytes = kPieceBytes;
  std::uint32_t zero = 0;
  std::uint32_t checksum = 0;
};

static_assert(sizeof(Header) == 32);

struct Trailer {
  std::uint64_t description_offset = 0;
  std::uint64_t description_bytes = 0;
  std::uint64_t zero = 0;
  std::uint32_t description_checksum = 0;
  std::uint32_t checksum = 0;
  std::array<char, 8> magic;
};

static_assert(sizeof(Trailer) == 40);

template <typename T>
std::span<const std::byte> BytesOf(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

template <typename T>
std::span<std::byte> WritableBytesOf(T& value) {
  return std::as_writable_bytes(std::span(&value, 1));
}

std::uint32_t ChecksumOf(Header header) {
  header.checksum = 0;
  return Crc32c(BytesOf(header));
}

std::uint32_t ChecksumOf(Trailer trailer) {
  trailer.checksum = 0;
  return Crc32c(BytesOf(trailer));
}

// A piece's checksum covers its place, so pieces cannot change places.
std::uint32_t PieceChecksum(std::uint64_t offset, std::span<const std::byte> bytes) {
  return Crc32c(bytes, Crc32c(BytesOf(offset)));
}

// Bytes of `size` bytes of payload with their checksums.
std::uint64_t StoredBytes(std::uint64_t size) {
  return size + (size + kPieceBytes - 1) / kPieceBytes * kChecksumBytes;
}

Error Damaged(std::string_view what, std::string_view path) {
  return Error{ErrorCode::kCorruption, fmt::format("damaged dedupe state: {}: {}", what, path)};
}

std::string Hex(const Hash128& hash) {
  return fmt::format("{:016x}{:016x}", hash.high, hash.low);
}

Result<Hash128> ParseHex(std::string_view text) {
  Hash128 hash;
  const auto parse = [&](std::string_view digits, std::uint64_t& out) {
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), out, 16);
    return result.ec == std::errc() && result.ptr == digits.data() + digits.size();
  };
  if (text.size() != 32 || !parse(text.substr(0, 16), hash.high) ||
      !parse(text.substr(16), hash.low)) {
    return Error{ErrorCode::kCorruption, "a hash must be 32 hexadecimal digits"};
  }
  return hash;
}

json::Value Describe(const StateSummary& summary) {
  json::Value out = json::Value::object();
  if (summary.kind == SeenKind::kBloom) {
    out["bloom"] = {{"blocks", summary.bloom.blocks}, {"lane_bits", summary.bloom.lane_bits}};
  }
  json::Value generations = json::Value::array();
  for (const StateGeneration& generation : summary.generations) {
    json::Value inputs = json::Value::array();
    for (const SeenInput& input : generation.inputs) {
      inputs.push_back({{"path", input.path},
                        {"mirrored", input.mirrored},
                        {"size_bytes", input.size_bytes},
                        {"modified_us", input.modified_us},
                        {"hash", Hex(input.hash)}});
    }
    generations.push_back({{"units", generation.units},
                           {"keys", generation.keys},
                           {"offset", generation.offset},
                           {"inputs", std::move(inputs)}});
  }
  out["generations"] = std::move(generations);
  return out;
}

Result<SeenInput> ParseInput(const json::Value& value, std::string_view where) {
  SeenInput input;
  DATALAKE_TRY_ASSIGN(input.path, json::GetString(value, "path", where));
  DATALAKE_TRY_ASSIGN(input.mirrored, json::GetString(value, "mirrored", where));
  DATALAKE_TRY_ASSIGN(input.size_bytes, json::GetUint(value, "size_bytes", where));
  DATALAKE_TRY_ASSIGN(input.modified_us, json::GetInt(value, "modified_us", where));
  DATALAKE_TRY_ASSIGN(const std::string hash, json::GetString(value, "hash", where));
  DATALAKE_TRY_ASSIGN(input.hash, ParseHex(hash));
  return input;
}

Result<std::vector<StateGeneration>> ParseGenerations(const json::Value& description,
                                                      std::string_view where) {
  const json::Value* list = json::Find(description, "generations");
  if (list == nullptr || !list->is_array()) {
    return Error{ErrorCode::kCorruption, "no list of generations"};
  }
  std::vector<StateGeneration> generations;
  for (const json::Value& value : *list) {
    StateGeneration& generation = generations.emplace_back();
    DATALAKE_TRY_ASSIGN(generation.units, json::GetString(value, "units", where));
    DATALAKE_TRY_ASSIGN(generation.keys, json::GetUint(value, "keys", where));
    DATALAKE_TRY_ASSIGN(generation.offset, json::GetUint(value, "offset", where));
    const json::Value* inputs = json::Find(value, "inputs");
    if (inputs == nullptr || !inputs->is_array()) {
      return Error{ErrorCode::kCorruption, "a generation without inputs"};
    }
    for (const json::Value& input : *inputs) {
      DATALAKE_TRY_ASSIGN(SeenInput parsed, ParseInput(input, where));
      generation.inputs.push_back(std::move(parsed));
    }
  }
  return generations;
}

Result<StateSummary> ParseDescription(std::string_view text, SeenKind kind,
                                      std::string_view where) {
  StateSummary summary;
  summary.kind = kind;
  DATALAKE_TRY_ASSIGN(const json::Value value, json::ParseValue(text, where));
  if (kind == SeenKind::kBloom) {
    const json::Value* bloom = json::Find(value, "bloom");
    if (bloom == nullptr) {
      return Error{ErrorCode::kCorruption, "no shape of the filter"};
    }
    DATALAKE_TRY_ASSIGN(summary.bloom.blocks, json::GetUint(*bloom, "blocks", where));
    DATALAKE_TRY_ASSIGN(const std::uint64_t bits, json::GetUint(*bloom, "lane_bits", where));
    summary.bloom.lane_bits = static_cast<std::uint32_t>(std::min<std::uint64_t>(bits, 1000));
    DATALAKE_TRY(summary.bloom.Validate());
  }
  DATALAKE_TRY_ASSIGN(summary.generations, ParseGenerations(value, where));
  return summary;
}

// The payload must fill the file from the header to the description without gap or overlap.
Status CheckExtent(const StateSummary& summary, std::uint64_t end, std::string_view path) {
  std::uint64_t at = sizeof(Header);
  const auto advance = [&](std::uint64_t bytes) {
    const std::uint64_t stored = StoredBytes(bytes);
    if (stored > end - at) {
      return false;
    }
    at += stored;
    return true;
  };
  if (summary.kind == SeenKind::kBloom) {
    if (!advance(summary.bloom.bytes())) {
      return Damaged("truncated filter", path);
    }
  } else {
    for (const StateGeneration& generation : summary.generations) {
      if (generation.offset != at || generation.keys > end / sizeof(Hash128) ||
          !advance(generation.keys * sizeof(Hash128))) {
        return Damaged("truncated keys", path);
      }
    }
  }
  return at == end ? Status() : Damaged("bytes that nothing describes", path);
}

bool Less(const Hash128& a, const Hash128& b) {
  return a.high != b.high ? a.high < b.high : a.low < b.low;
}

}  // namespace

Result<Hash128> HashFile(io::FileSystem& fs, std::string_view path) {
  DATALAKE_TRY_ASSIGN(const auto file, fs.OpenRandomAccess(path));
  std::vector<std::byte> piece(kPieceBytes);
  std::string hashes;
  for (std::uint64_t at = 0;; at += kPieceBytes) {
    DATALAKE_TRY_ASSIGN(const std::size_t read, file->ReadAt(at, piece));
    const Hash128 hash =
        Xxh3Hash128(std::string_view(reinterpret_cast<const char*>(piece.data()), read));
    hashes.append(reinterpret_cast<const char*>(&hash), sizeof(hash));
    if (read < kPieceBytes) {
      return Xxh3Hash128(hashes);
    }
  }
}

DedupeStateReader::DedupeStateReader(std::string path, std::unique_ptr<io::RandomAccessFile> file)
    : path_(std::move(path)), file_(std::move(file)) {}

DedupeStateReader::~DedupeStateReader() = default;

Result<std::unique_ptr<DedupeStateReader>> DedupeStateReader::Open(io::FileSystem& fs,
                                                                   std::string_view path) {
  DATALAKE_TRY_ASSIGN(auto file, fs.OpenRandomAccess(path));
  std::unique_ptr<DedupeStateReader> reader(
      new DedupeStateReader(std::string(path), std::move(file)));
  DATALAKE_TRY(reader->ReadDescription());
  return reader;
}

Status DedupeStateReader::ReadDescription() {
  Header header{};
  DATALAKE_TRY_ASSIGN(const std::size_t read, file_->ReadAt(0, WritableBytesOf(header)));
  std::uint32_t first = 0;
  std::memcpy(&first, &header, sizeof(first));
  if (read >= sizeof(first) && first == kToolkitMagic) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("a Bloom filter of the Dolma toolkit, which reads on no other "
                             "program; make it anew under another name: {}",
                             path_)};
  }
  if (read < sizeof(header) || std::string_view(header.magic.data(), 8) != kMagic) {
    return Error{ErrorCode::kCorruption, fmt::format("no saved state of dedupe: {}", path_)};
  }
  if (header.version != kVersion || header.hash_scheme != kHashScheme) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("dedupe state of version {}, scheme {}; this program knows {}, {}: {}",
                             header.version, header.hash_scheme, kVersion, kHashScheme, path_)};
  }
  const auto kind = static_cast<SeenKind>(header.kind);
  if (header.checksum != ChecksumOf(header) || header.piece_bytes != kPieceBytes ||
      (kind != SeenKind::kExact && kind != SeenKind::kBloom)) {
    return Damaged("header", path_);
  }
  const std::uint64_t size = file_->size_bytes();
  if (size < sizeof(Header) + sizeof(Trailer)) {
    return Damaged("truncated", path_);
  }
  Trailer trailer{};
  DATALAKE_TRY(ReadPiece(size - sizeof(Trailer), WritableBytesOf(trailer)));
  if (std::string_view(trailer.magic.data(), 8) != kTrailerMagic ||
      trailer.checksum != ChecksumOf(trailer)) {
    return Damaged("truncated, or its end overwritten", path_);
  }
  const std::uint64_t end = size - sizeof(Trailer);
  if (trailer.description_bytes > std::min(kMaxDescription, end - sizeof(Header)) ||
      trailer.description_offset != end - trailer.description_bytes) {
    return Damaged("trailer", path_);
  }
  std::string text(trailer.description_bytes, '\0');
  DATALAKE_TRY(ReadPiece(trailer.description_offset, std::as_writable_bytes(std::span(text))));
  if (Crc32c(std::as_bytes(std::span(text))) != trailer.description_checksum) {
    return Damaged("description", path_);
  }
  Result<StateSummary> summary = ParseDescription(text, kind, "description");
  if (!summary) {
    return Damaged(summary.error().message, path_);
  }
  summary_ = *std::move(summary);
  return CheckExtent(summary_, trailer.description_offset, path_);
}

Status DedupeStateReader::ReadPiece(std::uint64_t offset, std::span<std::byte> out) const {
  DATALAKE_TRY_ASSIGN(const std::size_t read, file_->ReadAt(offset, out));
  return read == out.size() ? Status() : Damaged("truncated", path_);
}

DedupeStateReader::Keys::Keys(const DedupeStateReader& reader, std::size_t generation)
    : reader_(reader),
      offset_(reader.summary().generations[generation].offset),
      left_(reader.summary().generations[generation].keys) {}

Result<std::span<const Hash128>> DedupeStateReader::Keys::Next() {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, kPieceKeys));
  if (count == 0) {
    return std::span<const Hash128>();
  }
  // One more for the checksum.
  keys_.resize(count + 1);
  const auto bytes = std::as_writable_bytes(std::span(keys_));
  const std::size_t size = count * sizeof(Hash128);
  DATALAKE_TRY(reader_.ReadPiece(offset_, bytes.first(size + kChecksumBytes)));
  std::uint32_t checksum = 0;
  std::memcpy(&checksum, bytes.data() + size, sizeof(checksum));
  if (checksum != PieceChecksum(offset_, bytes.first(size))) {
    return Damaged(fmt::format("keys at offset {}", offset_), reader_.path());
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (has_last_ && !Less(last_, keys_[i])) {
      return Damaged(fmt::format("unsorted keys at offset {}", offset_), reader_.path());
    }
    last_ = keys_[i];
    has_last_ = true;
  }
  left_ -= count;
  offset_ += size + kChecksumBytes;
  return std::span<const Hash128>(keys_).first(count);
}

Status DedupeStateReader::ReadBloom(BloomFilter& filter) const {
  const std::span<std::byte> all = filter.MutableBytes();
  std::uint64_t offset = sizeof(Header);
  for (std::size_t at = 0; at < all.size(); at += kPieceBytes) {
    const auto piece = all.subspan(at, std::min(kPieceBytes, all.size() - at));
    std::uint32_t checksum = 0;
    DATALAKE_TRY(ReadPiece(offset, piece));
    DATALAKE_TRY(ReadPiece(offset + piece.size(), WritableBytesOf(checksum)));
    if (checksum != PieceChecksum(offset, piece)) {
      return Damaged(fmt::format("filter at offset {}", offset), path_);
    }
    offset += piece.size() + kChecksumBytes;
  }
  return {};
}

DedupeStateWriter::DedupeStateWriter(SeenKind kind, std::unique_ptr<io::AtomicFile> file)
    : file_(std::move(file)) {
  summary_.kind = kind;
}

DedupeStateWriter::~DedupeStateWriter() = default;

Result<std::unique_ptr<DedupeStateWriter>> DedupeStateWriter::Make(io::FileSystem& fs,
                                                                   std::string_view path,
                                                                   SeenKind kind) {
  DATALAKE_TRY_ASSIGN(auto file, io::AtomicFile::Make(fs, path, io::PublishMode::kReplace));
  std::unique_ptr<DedupeStateWriter> writer(new DedupeStateWriter(kind, std::move(file)));
  Header header{};
  std::ranges::copy(kMagic, header.magic.begin());
  header.kind = static_cast<std::uint32_t>(kind);
  header.checksum = ChecksumOf(header);
  DATALAKE_TRY(writer->file_->Write(BytesOf(header)));
  writer->new_offset_ = writer->file_->size_bytes();
  return writer;
}

Status DedupeStateWriter::CopyGenerations(const DedupeStateReader& older) {
  summary_.generations = older.summary().generations;
  if (summary_.kind == SeenKind::kExact) {
    for (std::size_t i = 0; i < summary_.generations.size(); ++i) {
      DedupeStateReader::Keys keys(older, i);
      while (true) {
        DATALAKE_TRY_ASSIGN(const std::span<const Hash128> piece, keys.Next());
        if (piece.empty()) {
          break;
        }
        DATALAKE_TRY(WritePiece(std::as_bytes(piece)));
      }
    }
  }
  new_offset_ = file_->size_bytes();
  return {};
}

Status DedupeStateWriter::AppendKeys(std::span<const Hash128> keys) {
  while (!keys.empty()) {
    const std::size_t count = std::min(keys.size(), kPieceKeys - piece_.size());
    piece_.insert(piece_.end(), keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(count));
    keys = keys.subspan(count);
    new_keys_ += count;
    if (piece_.size() == kPieceKeys) {
      DATALAKE_TRY(FlushPiece());
    }
  }
  return {};
}

Status DedupeStateWriter::FlushPiece() {
  DATALAKE_TRY(WritePiece(std::as_bytes(std::span(piece_))));
  piece_.clear();
  return {};
}

Status DedupeStateWriter::WritePiece(std::span<const std::byte> bytes) {
  if (bytes.empty()) {
    return {};
  }
  const std::uint32_t checksum = PieceChecksum(file_->size_bytes(), bytes);
  DATALAKE_TRY(file_->Write(bytes));
  return file_->Write(BytesOf(checksum));
}

Status DedupeStateWriter::WriteBloom(const BloomFilter& filter) {
  summary_.bloom = filter.shape();
  std::span<const std::byte> all = filter.Bytes();
  while (!all.empty()) {
    const auto piece = all.first(std::min(kPieceBytes, all.size()));
    DATALAKE_TRY(WritePiece(piece));
    all = all.subspan(piece.size());
  }
  return {};
}

Status DedupeStateWriter::Publish(StateGeneration generation) {
  DATALAKE_TRY(FlushPiece());
  if (summary_.kind == SeenKind::kExact) {
    generation.keys = new_keys_;
    generation.offset = new_offset_;
  }
  summary_.generations.push_back(std::move(generation));
  const std::string text = json::DumpValue(Describe(summary_));
  Trailer trailer{};
  trailer.description_offset = file_->size_bytes();
  trailer.description_bytes = text.size();
  trailer.description_checksum = Crc32c(std::as_bytes(std::span(text)));
  std::ranges::copy(kTrailerMagic, trailer.magic.begin());
  trailer.checksum = ChecksumOf(trailer);
  DATALAKE_TRY(file_->Write(text));
  DATALAKE_TRY(file_->Write(BytesOf(trailer)));
  return file_->Publish();
}

}  // namespace datalake::curate

// Reader of saved states of dedupe. The first byte chooses: the rest is a whole file; or the
// description of a file that is right otherwise, since no mutation would get past its checksums. A
// file that is read to its end is copied, and the copy holds the same.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/curate/dedupe_state.h"
#include "datalake/io/memory_file_system.h"

namespace datalake::fuzz {
namespace {

using curate::DedupeStateReader;
using curate::DedupeStateWriter;

constexpr std::uint64_t kMostFilterBytes = std::uint64_t{1} << 20;

void Require(bool holds, const char* property) {
  if (!holds) {
    std::fprintf(stderr, "does not hold: %s\n", property);
    std::abort();
  }
}

template <typename T>
void Append(std::string& out, T value) {
  std::array<char, sizeof(T)> bytes;
  std::memcpy(bytes.data(), &value, sizeof(T));
  out.append(bytes.data(), bytes.size());
}

std::uint32_t Checksum(std::string_view bytes, std::uint32_t crc = 0) {
  return Crc32c(std::as_bytes(std::span(bytes.data(), bytes.size())), crc);
}

// docs/formats/dedupe-state.md, with two keys, or 64 bytes of filter.
std::string FileAround(std::string_view description, std::uint32_t kind) {
  std::string file = "DLAKEDUP";
  Append<std::uint32_t>(file, 1);
  Append<std::uint32_t>(file, kind);
  Append<std::uint32_t>(file, 1);
  Append<std::uint32_t>(file, 1 << 20);
  Append<std::uint32_t>(file, 0);
  Append<std::uint32_t>(file, Checksum(file + std::string(4, '\0')));
  const std::uint64_t offset = file.size();
  std::string piece;
  for (const std::uint64_t number : {5, 1, 4, 2}) {
    Append<std::uint64_t>(piece, number);
  }
  piece += kind == 2 ? std::string(32, 'x') : "";
  std::string place;
  Append(place, offset);
  file += piece;
  Append<std::uint32_t>(file, Checksum(piece, Checksum(place)));
  std::string trailer;
  Append<std::uint64_t>(trailer, file.size());
  Append<std::uint64_t>(trailer, description.size());
  Append<std::uint64_t>(trailer, 0);
  Append<std::uint32_t>(trailer, Checksum(description));
  const std::string end = "DLAKEDND";
  const std::uint32_t checksum = Checksum(trailer + std::string(4, '\0') + end);
  Append<std::uint32_t>(trailer, checksum);
  return file + std::string(description) + trailer + end;
}

bool ReadKeys(const DedupeStateReader& reader, std::vector<Hash128>& all) {
  for (std::size_t i = 0; i < reader.summary().generations.size(); ++i) {
    DedupeStateReader::Keys keys(reader, i);
    while (true) {
      const auto piece = keys.Next();
      if (!piece) {
        return false;
      }
      if (piece->empty()) {
        break;
      }
      all.insert(all.end(), piece->begin(), piece->end());
    }
  }
  return true;
}

void CheckExact(io::FileSystem& fs, const DedupeStateReader& reader) {
  std::vector<Hash128> keys;
  if (!ReadKeys(reader, keys)) {
    return;
  }
  const auto writer = DedupeStateWriter::Make(fs, "/copy", curate::SeenKind::kExact);
  Require((*writer)->CopyGenerations(reader).has_value(), "what was read can be copied");
  Require((*writer)->Publish({}).has_value(), "and published");
  const auto copy = DedupeStateReader::Open(fs, "/copy");
  Require(copy.has_value(), "a copy can be opened");
  std::vector<Hash128> copied;
  Require(ReadKeys(**copy, copied) && copied == keys, "a copy has the same keys");
  const auto& old = reader.summary().generations;
  const auto& now = (*copy)->summary().generations;
  Require(now.size() == old.size() + 1, "a copy has the same generations");
  for (std::size_t i = 0; i < old.size(); ++i) {
    Require(now[i].inputs == old[i].inputs && now[i].units == old[i].units,
            "a copy has the same inputs");
  }
}

void CheckBloom(const DedupeStateReader& reader, std::size_t file_bytes) {
  Require(reader.summary().bloom.bytes() <= file_bytes, "a filter is in its file");
  if (reader.summary().bloom.bytes() <= kMostFilterBytes) {
    curate::BloomFilter filter(reader.summary().bloom);
    (void)reader.ReadBloom(filter);
  }
}

void CheckFile(std::string_view bytes) {
  io::MemoryFileSystem fs;
  auto out = fs.Create("/s");
  Require((*out)->Write(bytes).has_value(), "memory takes the input");
  const auto reader = DedupeStateReader::Open(fs, "/s");
  if (!reader) {
    return;
  }
  if ((*reader)->summary().kind == curate::SeenKind::kExact) {
    CheckExact(fs, **reader);
  } else {
    CheckBloom(**reader, bytes.size());
  }
}

}  // namespace
}  // namespace datalake::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      datalake::fuzz::CheckFile(rest);
      break;
    default:
      datalake::fuzz::CheckFile(datalake::fuzz::FileAround(rest, data[0] % 3));
  }
  return 0;
}

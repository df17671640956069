// gzip and zstd readers: reading in small and in large pieces gives the same bytes and the same
// end.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "datalake/io/compression.h"
#include "datalake/io/memory_file_system.h"

namespace datalake::fuzz {
namespace {

void Require(bool holds, const char* property) {
  if (!holds) {
    std::fprintf(stderr, "does not hold: %s\n", property);
    std::abort();
  }
}

constexpr std::size_t kMostOutput = std::size_t{4} << 20;

struct Outcome {
  std::string bytes;
  std::string end;  // "" or the error

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome Read(io::FileSystem& fs, const std::string& path, std::size_t piece_bytes) {
  Outcome outcome;
  auto in = io::OpenCompressed(fs, path);
  if (!in) {
    outcome.end = ToString(in.error());
    return outcome;
  }
  std::vector<std::byte> piece(piece_bytes);
  while (outcome.bytes.size() < kMostOutput) {
    const auto n = (*in)->Read(piece);
    if (!n) {
      outcome.end = FactsOf(n.error().code).name;
      break;
    }
    if (*n == 0) {
      break;
    }
    outcome.bytes.append(reinterpret_cast<const char*>(piece.data()), *n);
  }
  return outcome;
}

}  // namespace

}  // namespace datalake::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  datalake::io::MemoryFileSystem fs;
  const std::string path = data[0] == 'z' ? "/f.zst" : "/f.gz";
  auto file = fs.Create(path);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  datalake::fuzz::Require((*file)->Write(bytes).has_value(), "memory takes the input");
  const datalake::fuzz::Outcome large = datalake::fuzz::Read(fs, path, std::size_t{1} << 20);
  const datalake::fuzz::Outcome small = datalake::fuzz::Read(fs, path, 61);
  const std::size_t both = std::min(large.bytes.size(), small.bytes.size());
  datalake::fuzz::Require(large.bytes.substr(0, both) == small.bytes.substr(0, both), "same bytes");
  datalake::fuzz::Require(large.end.empty() == small.end.empty(), "same end");
  datalake::fuzz::Require(
      !large.end.empty() || large == small || both >= datalake::fuzz::kMostOutput,
      "same bytes when there is no error");
  return 0;
}

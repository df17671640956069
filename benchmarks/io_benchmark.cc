// Inflate rate of io's gzip reader beside that of ISA-L itself on the same bytes in memory, and the
// zstd reader; outputs compared first. io_benchmark FILE.gz
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <isa-l/igzip_lib.h>

#include "datalake/base/hash.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/compression.h"
#include "datalake/io/local_file_system.h"
#include "datalake/testing/temp_dir.h"

#include "benchmarks/machine_facts.h"

namespace datalake::benchmarks {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 30;

// Inflates the one member of `gzip` into `out`, which has room for it; returns its size.
Result<std::size_t> InflateRaw(std::string_view gzip, std::string& out) {
  const auto state = std::make_unique<inflate_state>();
  isal_inflate_init(state.get());
  state->crc_flag = ISAL_GZIP;
  state->next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(gzip.data()));
  state->avail_in = static_cast<std::uint32_t>(gzip.size());
  state->next_out = reinterpret_cast<std::uint8_t*>(out.data());
  state->avail_out = static_cast<std::uint32_t>(out.size());
  if (isal_inflate(state.get()) != ISAL_DECOMP_OK || state->block_state != ISAL_BLOCK_FINISH ||
      state->avail_in != 0) {
    return Error{ErrorCode::kInvalidArgument, "need a gzip file of one member below 1 GiB"};
  }
  return out.size() - state->avail_out;
}

Result<std::string> ReadAll(io::FileSystem& fs, std::string_view path) {
  DATALAKE_TRY_ASSIGN(const auto in, io::OpenCompressed(fs, path));
  std::string text;
  std::vector<std::byte> buffer(std::size_t{512} << 10);
  while (true) {
    DATALAKE_TRY_ASSIGN(const std::size_t n, in->Read(buffer));
    if (n == 0) {
      return text;
    }
    text.append(reinterpret_cast<const char*>(buffer.data()), n);
  }
}

Status Run(const std::string& path) {
  io::LocalFileSystem fs;
  DATALAKE_TRY_ASSIGN(const std::string gzip, io::ReadFile(fs, path, kMostBytes));
  DATALAKE_TRY_ASSIGN(const std::string text, ReadAll(fs, path));
  std::string raw(text.size() + 1, '\0');
  DATALAKE_TRY_ASSIGN(const std::size_t raw_size, InflateRaw(gzip, raw));
  if (Xxh3Hash64(text) != Xxh3Hash64(std::string_view(raw).substr(0, raw_size))) {
    return Error{ErrorCode::kCorruption, "reader and ISA-L differ"};
  }
  const double megabytes = static_cast<double>(text.size()) / 1e6;
  double raw_rate = 0;
  double reader_rate = 0;
  for (int pass = 0; pass < 3; ++pass) {
    const double begin = ProcessCpuSeconds();
    DATALAKE_TRY(InflateRaw(gzip, raw));
    raw_rate = std::max(raw_rate, megabytes / (ProcessCpuSeconds() - begin));
    DATALAKE_TRY_ASSIGN(const double rate, InflateMbps(fs, path));
    reader_rate = std::max(reader_rate, rate);
  }
  fmt::print("text                {:.1f} MB\n", megabytes);
  fmt::print("ISA-L in memory     {:.0f} MB/s\n", raw_rate);
  fmt::print("gzip reader         {:.0f} MB/s, {:.0f} %\n", reader_rate,
             100 * reader_rate / raw_rate);

  const testing::TempDir temp;
  DATALAKE_TRY_ASSIGN(auto sink, fs.Create(temp / "a.zst"));
  DATALAKE_TRY_ASSIGN(const auto out, io::MakeCompressor(std::move(sink), io::Compression::kZstd));
  const double begin = ProcessCpuSeconds();
  DATALAKE_TRY(out->Write(text));
  DATALAKE_TRY(out->Close());
  fmt::print("zstd-1 writer       {:.0f} MB/s\n", megabytes / (ProcessCpuSeconds() - begin));
  DATALAKE_TRY_ASSIGN(const double zstd_rate, InflateMbps(fs, temp / "a.zst"));
  fmt::print("zstd reader         {:.0f} MB/s\n", zstd_rate);
  return {};
}

}  // namespace
}  // namespace datalake::benchmarks

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: io_benchmark FILE.gz\n");
    return 2;
  }
  if (const datalake::Status done = datalake::benchmarks::Run(argv[1]); !done) {
    fmt::print(stderr, "{}\n", datalake::ToString(done.error()));
    return 1;
  }
  return 0;
}

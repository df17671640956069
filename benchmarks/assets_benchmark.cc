// The asset store, one thread: durable puts of 20 KB files in batches, puts of large files against
// the speed of SHA-256 alone, look-ups by SHA-256, peak memory. What is put is verified first; the
// exit code is 1 when a floor is not met. assets_benchmark [folder [files [batch]]]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "datalake/assets/asset_store.h"
#include "datalake/base/clock.h"
#include "datalake/base/hash.h"
#include "datalake/base/hex.h"
#include "datalake/base/random.h"
#include "datalake/io/local_file_system.h"
#include "datalake/io/path.h"
#include "datalake/testing/temp_dir.h"

#include "benchmarks/machine_facts.h"

namespace datalake::benchmarks {
namespace {

constexpr std::size_t kFileBytes = 20'000;
constexpr std::size_t kLargeBytes = std::size_t{512} << 20;
constexpr double kLookupFloor = 500'000;  // a second of one core
constexpr double kHashFloor = 0.9;        // of the speed of SHA-256 alone

struct Plan {
  std::string root;
  std::size_t files;
  std::size_t batch;
  std::uint64_t seed;
};

// Puts the files of `plan`; returns files/s. The hashes go to `hashes`.
Result<double> PutAll(io::FileSystem& fs, const Plan& plan, std::vector<std::string>& hashes) {
  SystemRandom ids;
  SeededRandom content(plan.seed);
  std::string bytes(kFileBytes, '\0');
  content.Fill(std::as_writable_bytes(std::span(bytes)));
  const SystemClock clock;
  DATALAKE_TRY_ASSIGN(const auto store, assets::AssetStore::Open(fs, plan.root, ids));
  const std::int64_t begin = clock.SteadyNanos();
  for (std::size_t done = 0; done < plan.files;) {
    DATALAKE_TRY_ASSIGN(const auto batch, store->NewBatch());
    for (std::size_t i = 0; i < plan.batch && done < plan.files; ++i, ++done) {
      content.Fill(std::as_writable_bytes(std::span(bytes).first(16)));
      DATALAKE_TRY_ASSIGN(const auto put, batch->PutBytes(bytes));
      if (!put.was_new) {
        return Error{ErrorCode::kInternal, "a file was not new"};
      }
      hashes.push_back(put.info.sha256);
    }
    DATALAKE_TRY(batch->Commit());
  }
  return static_cast<double>(plan.files) * 1e9 / static_cast<double>(clock.SteadyNanos() - begin);
}

Status Verify(io::FileSystem& fs, const Plan& plan, const std::vector<std::string>& hashes) {
  SystemRandom ids;
  DATALAKE_TRY_ASSIGN(const auto store, assets::AssetStore::Open(fs, plan.root, ids));
  for (const std::string& sha256 : hashes) {
    DATALAKE_TRY(store->Verify(sha256));
  }
  return {};
}

// Bytes from memory, over and over: the source costs nothing.
class RepeatedBytes final : public io::InputStream {
 public:
  RepeatedBytes(std::string_view block, std::size_t size) : block_(block), left_(size) {}

  Result<std::size_t> Read(std::span<std::byte> out) override {
    const std::size_t n = std::min({out.size(), left_, block_.size() - at_});
    std::memcpy(out.data(), block_.data() + at_, n);
    left_ -= n;
    at_ = (at_ + n) % block_.size();
    return n;
  }

 private:
  std::string_view block_;
  std::size_t left_;
  std::size_t at_ = 0;  // in the block
};

// The same bytes into a plain file, synced: what no durable put can beat. Bytes a nanosecond.
Result<double> PlainWriteRate(io::FileSystem& fs, const std::string& path,
                              std::span<const std::byte> block) {
  const SystemClock clock;
  const std::int64_t begin = clock.SteadyNanos();
  DATALAKE_TRY_ASSIGN(const auto file, fs.Create(path));
  for (std::size_t done = 0; done < kLargeBytes; done += block.size()) {
    DATALAKE_TRY(file->Write(block));
  }
  DATALAKE_TRY(file->Sync());
  DATALAKE_TRY(file->Close());
  return static_cast<double>(kLargeBytes) / static_cast<double>(clock.SteadyNanos() - begin);
}

// The speed of a large put beside that of its hash alone, and of a durable one beside that of a
// plain file, the best of three each.
Result<bool> LargePuts(io::FileSystem& fs, const std::string& root) {
  SystemRandom ids;
  SeededRandom content(9);
  std::string block(std::size_t{1} << 20, '\0');
  content.Fill(std::as_writable_bytes(std::span(block)));
  DATALAKE_TRY_ASSIGN(const auto store, assets::AssetStore::Open(fs, root, ids));
  const SystemClock clock;
  double hash_rate = 0;
  double put_rate = 0;
  double durable_rate = 0;
  double plain_rate = 0;
  double cpu_share = 0;  // of one core, during the best put
  for (int i = 0; i < 3; ++i) {
    content.Fill(std::as_writable_bytes(std::span(block).first(16)));
    const auto bytes = std::as_bytes(std::span(block.data(), block.size()));
    std::int64_t begin = clock.SteadyNanos();
    Sha256 hash;
    for (std::size_t done = 0; done < kLargeBytes; done += block.size()) {
      hash.Update(bytes);
    }
    const std::string expected = ToHex(hash.Finish());
    hash_rate = std::max(hash_rate, static_cast<double>(kLargeBytes) /
                                        static_cast<double>(clock.SteadyNanos() - begin));
    const double cpu_begin = ProcessCpuSeconds();
    begin = clock.SteadyNanos();
    DATALAKE_TRY_ASSIGN(const auto batch, store->NewBatch());
    RepeatedBytes source(block, kLargeBytes);
    DATALAKE_TRY_ASSIGN(const auto put, batch->Put(source));
    const auto put_nanos = static_cast<double>(clock.SteadyNanos() - begin);
    if (static_cast<double>(kLargeBytes) / put_nanos > put_rate) {
      put_rate = static_cast<double>(kLargeBytes) / put_nanos;
      cpu_share = (ProcessCpuSeconds() - cpu_begin) * 1e9 / put_nanos;
    }
    DATALAKE_TRY(batch->Commit());
    durable_rate = std::max(durable_rate, static_cast<double>(kLargeBytes) /
                                              static_cast<double>(clock.SteadyNanos() - begin));
    DATALAKE_TRY_ASSIGN(const double plain,
                        PlainWriteRate(fs, io::JoinPath(root, fmt::format("plain-{}", i)), bytes));
    plain_rate = std::max(plain_rate, plain);
    if (put.info.sha256 != expected || put.info.size_bytes != kLargeBytes) {
      return Error{ErrorCode::kInternal, "a large file was put with another hash"};
    }
  }
  fmt::print(
      "large put                     {:.2f} GB/s by {:.2f} cores, SHA-256 alone {:.2f} GB/s: "
      "{:.0f} "
      "%\n",
      put_rate, cpu_share, hash_rate, 100 * put_rate / hash_rate);
  fmt::print(
      "the same, synced              {:.2f} GB/s, a plain file synced {:.2f} GB/s: {:.0f} %\n",
      durable_rate, plain_rate, 100 * durable_rate / plain_rate);
  return put_rate >= kHashFloor * hash_rate;
}

// Existence of assets by their SHA-256, in no order, by a store that has not seen them yet; as many
// that are not there.
Result<bool> LookUps(io::FileSystem& fs, const Plan& plan, std::vector<std::string> hashes) {
  SystemRandom ids;
  DATALAKE_TRY_ASSIGN(const auto store, assets::AssetStore::Open(fs, plan.root, ids));
  const std::size_t present = hashes.size();
  for (std::size_t i = 0; i < present; ++i) {
    hashes.push_back(Sha256Hex(hashes[i]));
  }
  std::mt19937_64 order(5);
  const SystemClock clock;
  double best = 0;
  double best_of_cpu = 0;
  double first = 0;
  for (int round = 0; round < 6; ++round) {
    std::shuffle(hashes.begin(), hashes.end(), order);
    std::size_t found = 0;
    const double cpu_begin = ProcessCpuSeconds();
    const std::int64_t begin = clock.SteadyNanos();
    for (const std::string& sha256 : hashes) {
      DATALAKE_TRY_ASSIGN(const bool is_there, store->Contains(sha256));
      found += is_there ? 1 : 0;
    }
    const double rate =
        static_cast<double>(hashes.size()) * 1e9 / static_cast<double>(clock.SteadyNanos() - begin);
    if (found != present) {
      return Error{ErrorCode::kInternal, fmt::format("{} of {} assets found", found, present)};
    }
    first = round == 0 ? rate : first;
    best = std::max(best, rate);
    best_of_cpu = std::max(best_of_cpu,
                           static_cast<double>(hashes.size()) / (ProcessCpuSeconds() - cpu_begin));
  }
  fmt::print(
      "look-ups                      {:.0f}/s, {:.0f} per second of cpu, first round {:.0f}/s, {} "
      "assets\n",
      best, best_of_cpu, first, present);
  return best_of_cpu >= kLookupFloor;
}

Result<bool> Run(const std::string& folder, std::size_t files, std::size_t batch) {
  io::LocalFileSystem fs;
  DATALAKE_TRY_ASSIGN(const double sync_ms, SyncMillis(fs, folder));
  fmt::print("fdatasync p50 of the machine  {:.3f} ms\n", sync_ms);
  std::vector<std::string> hashes;
  Plan plan{.root = io::JoinPath(folder, "assets"), .files = 500, .batch = 100, .seed = 1};
  DATALAKE_TRY(PutAll(fs, plan, hashes));
  DATALAKE_TRY(Verify(fs, plan, hashes));
  fmt::print("verified                      {} files\n", hashes.size());
  plan.files = files;
  plan.batch = batch;
  for (plan.seed = 2; plan.seed < 5; ++plan.seed) {
    hashes.clear();
    const double cpu_begin = ProcessCpuSeconds();
    DATALAKE_TRY_ASSIGN(const double rate, PutAll(fs, plan, hashes));
    fmt::print(
        "{} files in batches of {}  {:.0f} files/s durable, {:.0f} MB/s, {:.0f} us cpu a "
        "file\n",
        files, batch, rate, rate * kFileBytes / 1e6,
        (ProcessCpuSeconds() - cpu_begin) * 1e6 / static_cast<double>(files));
  }
  DATALAKE_TRY_ASSIGN(const bool is_large_fast, LargePuts(fs, io::JoinPath(folder, "large")));
  std::this_thread::sleep_for(std::chrono::seconds(6));  // younger folders are not remembered
  DATALAKE_TRY_ASSIGN(const bool is_found_fast, LookUps(fs, plan, hashes));
  fmt::print("peak memory                   {:.0f} MB\n",
             static_cast<double>(PeakMemoryBytes()) / 1e6);
  return is_large_fast && is_found_fast;
}

}  // namespace
}  // namespace datalake::benchmarks

int main(int argc, char** argv) {
  const datalake::testing::TempDir temp;
  const auto number = [&](int i, std::size_t fallback) {
    return argc > i ? static_cast<std::size_t>(std::strtoull(argv[i], nullptr, 10)) : fallback;
  };
  const datalake::Result<bool> done = datalake::benchmarks::Run(
      argc > 1 ? argv[1] : temp.path(), number(2, 10'000), number(3, 2'000));
  if (!done) {
    fmt::print(stderr, "{}\n", datalake::ToString(done.error()));
    return 1;
  }
  return *done ? 0 : 1;
}

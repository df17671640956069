// Durable puts of 20 KB files in batches, one thread: files/s, peak memory; every file is verified
// first. assets_benchmark [folder [files [batch]]]
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "datalake/assets/asset_store.h"
#include "datalake/base/clock.h"
#include "datalake/base/random.h"
#include "datalake/io/local_file_system.h"
#include "datalake/io/path.h"
#include "datalake/testing/temp_dir.h"

#include "benchmarks/machine_facts.h"

namespace datalake::benchmarks {
namespace {

constexpr std::size_t kFileBytes = 20'000;

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

Status Run(const std::string& folder, std::size_t files, std::size_t batch) {
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
  fmt::print("peak memory                   {:.0f} MB\n",
             static_cast<double>(PeakMemoryBytes()) / 1e6);
  return {};
}

}  // namespace
}  // namespace datalake::benchmarks

int main(int argc, char** argv) {
  const datalake::testing::TempDir temp;
  const auto number = [&](int i, std::size_t fallback) {
    return argc > i ? static_cast<std::size_t>(std::strtoull(argv[i], nullptr, 10)) : fallback;
  };
  const datalake::Status done = datalake::benchmarks::Run(argc > 1 ? argv[1] : temp.path(),
                                                          number(2, 10'000), number(3, 2'000));
  if (!done) {
    fmt::print(stderr, "{}\n", datalake::ToString(done.error()));
    return 1;
  }
  return 0;
}

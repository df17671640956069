// Durable ingest of chats without HTTP: 64 appends under way at any time, then sealing into the
// table and opening again. The answers and the rows are verified before a rate is printed. Usage:
// feed_benchmark [FOLDER [CHATS]]
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <semaphore>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "datalake/io/local_file_system.h"
#include "datalake/lake/feed.h"
#include "datalake/table/table.h"

#include "benchmarks/machine_facts.h"

namespace datalake::benchmarks {
namespace {

constexpr std::ptrdiff_t kUnderWay = 64;

// About 1 KB, as the desktop client sends it.
std::string Chat(std::size_t number) {
  const std::string text(150, static_cast<char>('a' + number % 26));
  std::string turns;
  for (int turn = 0; turn < 4; ++turn) {
    turns += fmt::format(R"({}{{"content":"{} {}","role":"{}"}})", turn == 0 ? "" : ",", text,
                         number, turn % 2 == 0 ? "user" : "assistant");
  }
  return fmt::format(R"({{"source":"benchmark","submitter_id":"s{}","agent_id":"model.gguf",)"
                     R"("ingest_id":"chat-{:08}","prompt_template":"%1","conversation":[{}]}})",
                     number % 1000, number, turns);
}

void Fail(const Error& error) {
  fmt::print(stderr, "feed_benchmark: {}\n", ToString(error));
  std::exit(1);
}

template <typename T>
T Must(Result<T> result) {
  if (!result) {
    Fail(result.error());
  }
  return std::move(result).value();
}

double Seconds(std::int64_t nanos) {
  return static_cast<double>(nanos) / 1e9;
}

struct Ingested {
  std::vector<std::int64_t> nanos;
  std::uint64_t bytes = 0;
  std::int64_t total_nanos = 0;
  double cpu_seconds = 0;
};

// Every chat once; latency from Append to `done`.
Ingested Ingest(lake::Feed& feed, const Clock& clock, std::size_t chats) {
  Ingested result;
  result.nanos.resize(chats);
  std::counting_semaphore<kUnderWay> room(kUnderWay);
  std::atomic<std::size_t> failed{0};
  std::vector<std::string> bodies(chats);
  for (std::size_t i = 0; i < chats; ++i) {
    bodies[i] = Chat(i);
    result.bytes += bodies[i].size();
  }
  const double cpu = ProcessCpuSeconds();
  const std::int64_t start = clock.SteadyNanos();
  for (std::size_t i = 0; i < chats; ++i) {
    room.acquire();
    const std::int64_t begin = clock.SteadyNanos();
    feed.AppendAsync(
        std::move(bodies[i]), {}, [&, i, begin](const Result<lake::FeedAnswer>& answer) {
          failed += answer && answer->outcome == lake::FeedAnswer::Outcome::kStored ? 0 : 1;
          result.nanos[i] = clock.SteadyNanos() - begin;
          room.release();
        });
  }
  for (std::ptrdiff_t i = 0; i < kUnderWay; ++i) {
    room.acquire();
  }
  result.total_nanos = clock.SteadyNanos() - start;
  result.cpu_seconds = ProcessCpuSeconds() - cpu;
  if (failed > 0) {
    Fail({ErrorCode::kInternal, fmt::format("appends failed: {}", failed.load())});
  }
  std::sort(result.nanos.begin(), result.nanos.end());
  return result;
}

void Run(const std::string& folder, std::size_t chats) {
  io::LocalFileSystem fs;
  const SystemClock clock;
  SystemRandom random;
  const std::string root = folder + "/feed-benchmark-lake";
  if (!fs.RemoveTree(root)) {
    std::exit(1);
  }
  Must(lake::InitLake(fs, clock, random, root));
  const auto lake = Must(lake::Lake::Open(fs, clock, random, root));
  auto feed = Must(lake::Feed::Open(*lake, "chat", {}));
  const Ingested ingested = Ingest(*feed, clock, chats);
  const auto stats = feed->stats();
  std::int64_t start = clock.SteadyNanos();
  const auto sealed = Must(feed->Seal());
  const double seal_seconds = Seconds(clock.SteadyNanos() - start);
  feed.reset();
  start = clock.SteadyNanos();
  feed = Must(lake::Feed::Open(*lake, "chat", {}));
  const double open_seconds = Seconds(clock.SteadyNanos() - start);
  const auto snapshot = Must(Must(lake->OpenTable(lake::FeedTableName("chat")))->Snapshot());
  if (stats.records != chats || feed->stats().records != chats ||
      snapshot->num_rows() != static_cast<std::int64_t>(chats)) {
    Fail({ErrorCode::kInternal, "counts do not add up"});
  }
  const double sync_millis = Must(SyncMillis(fs, folder));
  fmt::print("fdatasync p50 {:.2f} ms; peak memory {} MB\n", sync_millis,
             PeakMemoryBytes() / 1'000'000);
  const double seconds = Seconds(ingested.total_nanos);
  const auto count = static_cast<double>(chats);
  const double megabytes = static_cast<double>(ingested.bytes) / 1e6;
  fmt::print("cpu of ingest: {:.2f} s, {:.0f} chats/s per core\n", ingested.cpu_seconds,
             count / ingested.cpu_seconds);
  fmt::print(
      "ingest: {} chats of {:.0f} B in {:.2f} s: {:.0f} chats/s, {:.1f} MB/s; p50 {:.2f} ms, p99 "
      "{:.2f} ms\n",
      chats, megabytes * 1e6 / count, seconds, count / seconds, megabytes / seconds,
      Seconds(ingested.nanos[chats / 2]) * 1e3, Seconds(ingested.nanos[chats * 99 / 100]) * 1e3);
  fmt::print("seal:   {} records in {:.2f} s: {:.0f} chats/s, {:.1f} MB/s; table {:.1f} MB\n",
             sealed.records, seal_seconds, static_cast<double>(sealed.records) / seal_seconds,
             megabytes / seal_seconds, static_cast<double>(snapshot->size_bytes()) / 1e6);
  fmt::print("open:   {:.2f} s with {} ids: {:.0f} ids/s\n", open_seconds, chats,
             count / open_seconds);
}

}  // namespace
}  // namespace datalake::benchmarks

int main(int argc, char** argv) {
  datalake::benchmarks::Run(argc > 1 ? argv[1] : std::filesystem::temp_directory_path().string(),
                            argc > 2 ? static_cast<std::size_t>(std::atoll(argv[2])) : 200'000);
  return 0;
}

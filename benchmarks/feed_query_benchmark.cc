// Queries over a feed of many records: the table is made with the feed's own columns, a tenth of
// the records replaced by a newer version, some of them on a later day. Counts are compared with
// what was written before a time is printed. Usage: feed_query_benchmark [FOLDER [RECORDS [DAYS]]]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include "datalake/base/random.h"
#include "datalake/io/local_file_system.h"
#include "datalake/lake/feed_columns.h"
#include "datalake/lake/feed_query.h"
#include "datalake/lake/feed_table.h"
#include "datalake/lake/lake.h"
#include "datalake/table/table.h"

#include "benchmarks/machine_facts.h"

namespace datalake::benchmarks {
namespace {

constexpr int kSources = 20;
constexpr int kRounds = 21;
constexpr std::int64_t kDayUs = 86'400'000'000;
constexpr std::int64_t kFirstDayUs = 1'767'225'600'000'000;  // 2026-01-01

template <typename T>
T Must(Result<T> result) {
  if (!result) {
    fmt::print(stderr, "feed_query_benchmark: {}\n", ToString(result.error()));
    std::exit(1);
  }
  return std::move(result).value();
}

void MustBe(bool is_true, const char* what) {
  if (!is_true) {
    fmt::print(stderr, "feed_query_benchmark: {}\n", what);
    std::exit(1);
  }
}

// An id as random as a UUID.
std::string Id(std::uint64_t number) {
  const auto mix = [](std::uint64_t value) {  // splitmix64
    value += 0x9e3779b97f4a7c15;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
  };
  return fmt::format("{:016x}-{:016x}", mix(number), mix(number ^ 0xabcdef));
}

struct Expected {
  std::map<std::pair<std::string, int>, std::int64_t> counts;  // of day and source
};

// Ten records: the first is replaced, every other time on the next day.
void Fill(lake::Lake& lake, std::int64_t records, std::int64_t days, Expected& expected) {
  const auto tables = Must(lake::FeedTables::Open(lake.context(), lake::ChatDefinition()));
  table::Table& table = tables.records();
  const std::int64_t a_day = records / days;
  for (std::int64_t day = 0; day < days; ++day) {
    const auto builder = lake::FeedBatchBuilder::ForFeed(lake::ChatDefinition());
    std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
    std::string day_text;
    const auto add = [&](std::int64_t number, std::int64_t version, std::int64_t second) {
      const Timestamp received(std::chrono::microseconds(kFirstDayUs + day * kDayUs + second));
      const int source = static_cast<int>(number % kSources);
      const std::string body = fmt::format(
          R"({{"source":"s{}","submitter_id":"u{}","agent_id":"m{}","prompt_template":"p",)"
          R"("conversation":[{{"content":"question {}","role":"user"}},{{"content":"answer","role":)"
          R"("assistant"}}]}})",
          source, number % 5000, number % 7, number);
      day_text = FormatDay(received);
      MustBe(builder
                 ->Append({.ingest_id = Id(static_cast<std::uint64_t>(number)),
                           .version = version,
                           .received = received,
                           .body = body})
                 .has_value(),
             "cannot build rows");
      if (builder->body_bytes() > (8U << 20)) {
        batches.push_back(Must(builder->Finish()));
      }
    };
    const std::int64_t step = kDayUs / a_day;
    for (std::int64_t i = 0; i < a_day; ++i) {
      const std::int64_t number = day * a_day + i;
      // What the day before left to be replaced comes first.
      if (day > 0 && i % 20 == 0) {
        add(number - a_day, 2, i * step);
        ++expected.counts[{day_text, static_cast<int>((number - a_day) % kSources)}];
      }
      add(number, 1, i * step);
      const bool replaced_tomorrow = i % 20 == 0 && day + 1 < days;
      expected.counts[{day_text, static_cast<int>(number % kSources)}] += replaced_tomorrow ? 0 : 1;
      if (i % 20 == 10) {
        add(number, 2, i * step + 1);
      }
    }
    batches.push_back(Must(builder->Finish()));
    for (auto& batch : batches) {
      batch = batch->RemoveColumn(batch->num_columns() - 1).ValueOrDie();
    }
    const auto reader = arrow::RecordBatchReader::Make(batches).ValueOrDie();
    Must(table.Append(
        *reader, {{"provider", "feeds"}, {"dataset", "chat"}, {"task", "raw"}, {"day", day_text}},
        {.operation = "feed"}));
  }
}

template <typename Ask>
void Time(const char* what, const Clock& clock, const Ask& ask) {
  std::vector<double> times;
  for (int i = 0; i < kRounds; ++i) {
    const std::int64_t start = clock.SteadyNanos();
    ask(i);
    times.push_back(static_cast<double>(clock.SteadyNanos() - start) / 1e6);
  }
  std::sort(times.begin(), times.end());
  fmt::print("{:44} median {:8.1f} ms  worst {:8.1f} ms\n", what, times[kRounds / 2], times.back());
}

int Run(const std::string& folder, std::int64_t records, std::int64_t days) {
  io::LocalFileSystem fs;
  SystemClock clock;
  SystemRandom random;
  const std::string root = folder + "/lake";
  Expected expected;
  const bool is_new = !std::filesystem::exists(root);
  MustBe(is_new, "the folder holds a lake already");
  Must(lake::InitLake(fs, clock, random, root));
  const auto lake = Must(lake::Lake::Open(fs, clock, random, root));
  Fill(*lake, records, days, expected);
  const auto queries = Must(lake::FeedQueries::Open(*lake));
  const auto day_of = [&](int i) {
    const std::int64_t day = (i * 37 + 1) % days;
    return FormatDay(Timestamp(std::chrono::microseconds(kFirstDayUs + day * kDayUs)));
  };
  for (int i = 0; i < 5; ++i) {  // verify, then time
    const std::string day = day_of(i);
    const auto count = Must(queries->Count("chat", {.from = day, .to = day, .source = "s3"}));
    MustBe(count == expected.counts[{day, 3}], "a count is wrong");
  }
  fmt::print("{} records, {} days, {} files; every tenth replaced\n", records, days,
             Must(Must(lake->OpenTable(lake::FeedTableName("chat")))->Snapshot())->files().size());
  Time("count by day and source", clock, [&](int i) {
    const std::string day = day_of(i);
    const auto source = fmt::format("s{}", i % kSources);
    const auto count = Must(queries->Count("chat", {.from = day, .to = day, .source = source}));
    MustBe(count == expected.counts[{day, i % kSources}], "a count is wrong");
  });
  Time("first page of 100 by day and source", clock, [&](int i) {
    const std::string day = day_of(i);
    const auto page = Must(queries->Page(
        "chat", {.filter = {.from = day, .to = day, .source = fmt::format("s{}", i % kSources)}}));
    MustBe(page.rows.size() == 100, "a page is short");
  });
  Time("first page of 100, no filter", clock,
       [&](int) { MustBe(Must(queries->Page("chat", {})).rows.size() == 100, "a page is short"); });
  std::int64_t all = 0;
  for (const auto& [key, count] : expected.counts) {
    all += count;
  }
  const std::int64_t start = clock.SteadyNanos();
  MustBe(Must(queries->Count("chat", {})) == all, "the count of all is wrong");
  fmt::print("{:44} once   {:8.1f} ms\n", "count of all",
             static_cast<double>(clock.SteadyNanos() - start) / 1e6);
  fmt::print("peak memory {} MB\n", PeakMemoryBytes() >> 20);
  return 0;
}

}  // namespace
}  // namespace datalake::benchmarks

int main(int argc, char** argv) {
  const std::string folder =
      argc > 1 ? argv[1] : (std::filesystem::temp_directory_path() / "feed_query").string();
  const std::int64_t records = argc > 2 ? std::atoll(argv[2]) : 10'000'000;
  return datalake::benchmarks::Run(folder, records, argc > 3 ? std::atoll(argv[3]) : 100);
}

// Search and SQL: latency over many tables, and scan and result rates of one large table.
//
//   query_benchmark [--tables 1000] [--partitions 10] [--partition-rows 1000] [--rows 2000000]
//                   [--rounds 5] [--threads 1]
//
// `--tables` of `--partitions` variants of `--partition-rows` rows each are searched by hierarchy
// (floor: the first rows of 10,000 partitions and 10 million rows in 100 ms); one table of `--rows`
// rows is scanned.
// Every answer is compared with what the tables were filled with before it is timed.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/base/clock.h"
#include "datalake/base/random.h"
#include "datalake/format/arrow_status.h"
#include "datalake/io/local_file_system.h"
#include "datalake/lake/lake.h"
#include "datalake/lake/queries.h"
#include "datalake/table/table.h"
#include "datalake/testing/temp_dir.h"

#include "benchmarks/machine_facts.h"

namespace datalake::benchmarks {
namespace {

struct Arguments {
  std::int64_t tables = 1000;
  std::int64_t partitions = 10;
  std::int64_t partition_rows = 1000;
  std::int64_t rows = 2'000'000;
  int rounds = 5;
  std::size_t threads = 1;
};

constexpr double kFirstRowsFloorMs = 100;
constexpr std::int64_t kBatchRows = 100'000;
constexpr std::int64_t kNeedleEvery = 1000;  // one row in so many has the word that is searched

std::string Text(std::int64_t id) {
  const std::string_view needle = id % kNeedleEvery == 7 ? "needle" : "hay";
  return fmt::format(
      "row {} of the benchmark, with {} and {:x} in it, and some more words to reach "
      "about a hundred characters",
      id, needle, static_cast<std::uint64_t>(id) * 0x9E3779B97F4A7C15ULL);
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> MakeBatch(std::int64_t first,
                                                             std::int64_t count) {
  arrow::Int64Builder ids;
  arrow::StringBuilder texts;
  arrow::DoubleBuilder scores;
  for (std::int64_t id = first; id < first + count; ++id) {
    ARROW_RETURN_NOT_OK(ids.Append(id));
    ARROW_RETURN_NOT_OK(texts.Append(Text(id)));
    ARROW_RETURN_NOT_OK(scores.Append(static_cast<double>(id % 1000) / 1000));
  }
  arrow::ArrayVector columns(3);
  ARROW_RETURN_NOT_OK(ids.Finish(&columns[0]));
  ARROW_RETURN_NOT_OK(texts.Finish(&columns[1]));
  ARROW_RETURN_NOT_OK(scores.Finish(&columns[2]));
  return arrow::RecordBatch::Make(
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("text", arrow::utf8()),
                     arrow::field("score", arrow::float64())}),
      count, std::move(columns));
}

// `partitions` variants of `rows` rows each, in one commit.
Status FillTable(lake::Lake& lake, const lake::TableName& name, std::int64_t first,
                 std::int64_t partitions, std::int64_t rows) {
  const lake::LakeContext& context = lake.context();
  const table::TableEnvironment environment{context.fs, context.clock, context.random};
  arrow::FieldVector fields = {arrow::field("id", arrow::int64()),
                               arrow::field("text", arrow::utf8()),
                               arrow::field("score", arrow::float64())};
  for (const char* level : {"provider", "dataset", "task", "variant"}) {
    fields.push_back(arrow::field(level, arrow::utf8()));
  }
  const table::TableSpec spec{.schema = arrow::schema(fields),
                              .partition_columns = {"provider", "dataset", "task", "variant"}};
  DATALAKE_TRY_ASSIGN(const auto table,
                      table::Table::Create(environment, lake.layout().Table(name), spec, {}));
  table::CommitRequest commit{.info = {.operation = "benchmark"}};
  for (std::int64_t partition = 0; partition < partitions; ++partition) {
    std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
    for (std::int64_t at = 0; at < rows; at += kBatchRows) {
      DATALAKE_TRY_ASSIGN(auto batch, format::FromArrow(MakeBatch(first + partition * rows + at,
                                                                  std::min(kBatchRows, rows - at)),
                                                        "cannot make rows"));
      batches.push_back(std::move(batch));
    }
    DATALAKE_TRY_ASSIGN(const auto reader,
                        format::FromArrow(arrow::RecordBatchReader::Make(batches), "no rows"));
    DATALAKE_TRY_ASSIGN(auto files,
                        table->WriteFiles(*reader, {{"provider", name.provider},
                                                    {"dataset", name.dataset},
                                                    {"task", name.task},
                                                    {"variant", fmt::format("v{}", partition)}}));
    std::move(files.begin(), files.end(), std::back_inserter(commit.adds));
  }
  DATALAKE_TRY(table->Commit(commit));
  return {};
}

// Rows of the first batch alone.
Result<std::int64_t> CountFirstRows(Result<lake::QueryAnswer> answer) {
  if (!answer) {
    return answer.error();
  }
  std::shared_ptr<arrow::RecordBatch> batch;
  DATALAKE_TRY(format::FromArrow(answer->rows->ReadNext(&batch), "cannot read rows"));
  return batch == nullptr ? 0 : batch->num_rows();
}

// Rows of an answer, read to its end.
Result<std::int64_t> CountRows(Result<lake::QueryAnswer> answer) {
  if (!answer) {
    return answer.error();
  }
  std::int64_t rows = 0;
  std::shared_ptr<arrow::RecordBatch> batch;
  do {
    DATALAKE_TRY(format::FromArrow(answer->rows->ReadNext(&batch), "cannot read rows"));
    rows += batch == nullptr ? 0 : batch->num_rows();
  } while (batch != nullptr);
  return rows;
}

struct Timing {
  double wall_s = 1e9;
  double cpu_s = 1e9;
};

using Query = std::function<Result<lake::QueryAnswer>()>;
using Count = std::function<Result<std::int64_t>(Result<lake::QueryAnswer>)>;

// The best of some rounds; each must give `expected` rows.
Result<Timing> Measure(int rounds, std::int64_t expected, const Query& query,
                       const Count& count = CountRows) {
  Timing best;
  const SystemClock clock;
  for (int round = 0; round <= rounds; ++round) {
    const double cpu = ProcessCpuSeconds();
    const std::int64_t wall = clock.SteadyNanos();
    DATALAKE_TRY_ASSIGN(const std::int64_t rows, count(query()));
    if (rows != expected) {
      return Error{ErrorCode::kInternal, fmt::format("wrong rows: {}, not {}", rows, expected)};
    }
    if (round > 0) {  // the first verifies
      best.wall_s = std::min(best.wall_s, static_cast<double>(clock.SteadyNanos() - wall) * 1e-9);
      best.cpu_s = std::min(best.cpu_s, ProcessCpuSeconds() - cpu);
    }
  }
  return best;
}

void ReportLatency(std::string_view what, const Timing& timing) {
  fmt::print("query: {:<52} {:8.1f} ms wall, {:8.1f} ms CPU\n", what, timing.wall_s * 1e3,
             timing.cpu_s * 1e3);
}

// Searches by hierarchy until their first rows, which are those of one partition.
Status MeasureFirstRows(const Arguments& arguments, lake::Lake& lake) {
  const lake::QueryOptions options{.threads = arguments.threads};
  const std::vector<std::pair<std::string, lake::SearchRequest>> searches = {
      {"everything", {}},
      {"a glob of datasets", {.providers = {"many"}, .datasets = {"d*7"}}},
      {"a variant of every table", {.providers = {"many"}, .variants = {"v0"}}},
      {"one dataset", {.providers = {"many"}, .datasets = {"d7"}, .tasks = {"raw"}}},
      {"everything, one row that holds a word",
       {.filter = {.text = query::TextSearch{"text", "needle"}, .limit = 1}}},
  };
  DATALAKE_TRY_ASSIGN(const auto queries, lake::Queries::Open(lake, options));
  fmt::print("query: first rows of {} partitions, {} rows (floor {} ms)\n",
             arguments.tables * arguments.partitions,
             arguments.tables * arguments.partitions * arguments.partition_rows, kFirstRowsFloorMs);
  for (const auto& [name, request] : searches) {
    const std::int64_t expected =
        request.filter.text ? 1 : std::min<std::int64_t>(arguments.partition_rows, 2048);
    const Query open = [&]() -> Result<lake::QueryAnswer> {
      DATALAKE_TRY_ASSIGN(const auto fresh, lake::Queries::Open(lake, options));
      return fresh->Search(request);
    };
    DATALAKE_TRY_ASSIGN(
        const Timing warm,
        Measure(
            arguments.rounds, expected, [&] { return queries->Search(request); }, CountFirstRows));
    ReportLatency(name, warm);
    DATALAKE_TRY_ASSIGN(const Timing cold, Measure(1, expected, open, CountFirstRows));
    ReportLatency(name + ", new program", cold);
  }
  return {};
}

Status MeasureLatency(const Arguments& arguments, lake::Lake& lake) {
  const lake::QueryOptions options{.threads = arguments.threads};
  const std::int64_t of_table = arguments.partitions * arguments.partition_rows;
  const lake::SearchRequest everything{.providers = {"many"}};
  const lake::SearchRequest one{.providers = {"many"}, .datasets = {"d7"}, .tasks = {"raw"}};
  DATALAKE_TRY_ASSIGN(const auto queries, lake::Queries::Open(lake, options));
  DATALAKE_TRY_ASSIGN(const Timing all, Measure(1, arguments.tables * of_table,
                                                [&] { return queries->Search(everything); }));
  ReportLatency(fmt::format("all rows of {} tables", arguments.tables), all);
  DATALAKE_TRY_ASSIGN(const Timing single,
                      Measure(arguments.rounds, of_table, [&] { return queries->Search(one); }));
  ReportLatency("all rows of one of them", single);
  DATALAKE_TRY_ASSIGN(const Timing sql, Measure(arguments.rounds, of_table, [&] {
                        return queries->Sql("select * from data.\"many/d7/raw\"");
                      }));
  ReportLatency("the same in SQL", sql);
  DATALAKE_TRY_ASSIGN(
      const Timing catalog, Measure(arguments.rounds, arguments.tables * arguments.partitions, [&] {
        return queries->Sql("select dataset, rows from catalog where provider = 'many'");
      }));
  ReportLatency("sql on catalog", catalog);
  return {};
}

Status MeasureScan(const Arguments& arguments, lake::Lake& lake) {
  DATALAKE_TRY_ASSIGN(const auto queries,
                      lake::Queries::Open(lake, {.threads = arguments.threads}));
  const auto report = [&](std::string_view what, const Timing& timing) {
    const auto rows = static_cast<double>(arguments.rows);
    fmt::print("query: {:<46} {:8.2f} M rows/s per core of CPU, {:8.2f} wall\n", what,
               rows * 1e-6 / timing.cpu_s, rows * 1e-6 / timing.wall_s);
  };
  std::int64_t needles = 0;
  for (std::int64_t id = 0; id < arguments.rows; ++id) {
    needles += id % kNeedleEvery == 7 ? 1 : 0;
  }
  const lake::SearchRequest text{.providers = {"zlarge"},
                                 .filter = {.text = query::TextSearch{"text", "needle"}}};
  DATALAKE_TRY_ASSIGN(const Timing search,
                      Measure(arguments.rounds, needles, [&] { return queries->Search(text); }));
  report("text search in 120 characters a row", search);
  DATALAKE_TRY_ASSIGN(const Timing stream, Measure(arguments.rounds, arguments.rows, [&] {
                        return queries->Search({.providers = {"zlarge"}});
                      }));
  report("all rows as Arrow, 3 columns and 4 levels", stream);
  DATALAKE_TRY_ASSIGN(
      const Timing sum, Measure(arguments.rounds, 1, [&] {
        return queries->Sql("select sum(score), max(id) from data.\"zlarge/d/raw\"");
      }));
  report("sum and max in SQL", sum);
  return {};
}

Status Run(const Arguments& arguments) {
  const testing::TempDir folder;
  io::LocalFileSystem fs;
  const SystemClock clock;
  SystemRandom random;
  DATALAKE_TRY(lake::InitLake(fs, clock, random, folder / "lake"));
  DATALAKE_TRY_ASSIGN(const auto lake, lake::Lake::Open(fs, clock, random, folder / "lake"));
  for (std::int64_t i = 0; i < arguments.tables; ++i) {
    DATALAKE_TRY(FillTable(*lake, {"many", fmt::format("d{}", i), "raw"},
                           i * arguments.partitions * arguments.partition_rows,
                           arguments.partitions, arguments.partition_rows));
  }
  DATALAKE_TRY(FillTable(*lake, {"zlarge", "d", "raw"}, 0, 1, arguments.rows));
  fmt::print("query: threads {}, results verified\n", arguments.threads);
  DATALAKE_TRY(MeasureFirstRows(arguments, *lake));
  DATALAKE_TRY(MeasureLatency(arguments, *lake));
  DATALAKE_TRY(MeasureScan(arguments, *lake));
  fmt::print("query: peak memory {:.0f} MB, making the tables included\n",
             static_cast<double>(PeakMemoryBytes()) * 1e-6);
  return {};
}

}  // namespace
}  // namespace datalake::benchmarks

int main(int argc, char** argv) {
  datalake::benchmarks::Arguments arguments;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const int value = std::max(std::atoi(argv[i + 1]), 1);
    if (name == "--tables") {
      arguments.tables = value;
    } else if (name == "--partitions") {
      arguments.partitions = value;
    } else if (name == "--partition-rows") {
      arguments.partition_rows = value;
    } else if (name == "--rows") {
      arguments.rows = value;
    } else if (name == "--rounds") {
      arguments.rounds = value;
    } else if (name == "--threads") {
      arguments.threads = static_cast<std::size_t>(value);
    }
  }
  if (const datalake::Status status = datalake::benchmarks::Run(arguments); !status) {
    fmt::print(stderr, "query_benchmark: {}\n", status.error().message);
    return 1;
  }
  return 0;
}

// Makes Delta tables for other readers, and reads or extends tables of other writers: the C++ half
// of test_delta.py.
//   make_tables write FOLDER                a folder a table, for every rule that readers differ in
//   make_tables read ROOT [VERSION]         rows as JSON lines
//   make_tables append ROOT FILE [P=V …]    appends the rows of a file (OpenRows), P=V partition
//   values
//   make_tables checkpoint ROOT
//   make_tables compact ROOT
//   make_tables fsck ROOT                   what CheckTable finds, reading every row
//   make_tables remove ROOT                 removes the first file
//   make_tables hf FOLDER FILE              writes the rows of a file as a Hugging Face dataset
//   make_tables rows FILE                   rows of a file or folder as JSON lines
#include <cstdio>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <arrow/api.h>
#include <arrow/json/from_string.h>
#include <fmt/format.h>

#include "datalake/base/clock.h"
#include "datalake/base/random.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/hf_dataset.h"
#include "datalake/format/row_json.h"
#include "datalake/format/rows.h"
#include "datalake/io/file_system.h"
#include "datalake/io/local_file_system.h"
#include "datalake/io/path.h"
#include "datalake/table/compact.h"
#include "datalake/table/fsck.h"
#include "datalake/table/log_store.h"
#include "datalake/table/read.h"
#include "datalake/table/table.h"

#include "tests/compat/delta/change_tables.h"

namespace datalake::table {
namespace {

using Fields = arrow::FieldVector;

// Everything that the program works with.
struct Bench {
  io::LocalFileSystem fs;
  SystemClock clock;
  SystemRandom random;
  TableEnvironment environment{fs, clock, random};
  TableOptions options{.partition_values = PartitionValueRule::kAny};
};

std::shared_ptr<arrow::RecordBatchReader> Rows(const Fields& fields, const std::string& json) {
  auto array = arrow::json::ArrayFromJSONString(arrow::struct_(fields), json).ValueOrDie();
  auto batch = arrow::RecordBatch::FromStructArray(array).ValueOrDie();
  return arrow::RecordBatchReader::Make({std::move(batch)}, arrow::schema(fields)).ValueOrDie();
}

Result<std::unique_ptr<Table>> Make(Bench& bench, const std::string& root, Fields fields,
                                    const Fields& partitions = {},
                                    const TableOptions* options = nullptr) {
  TableSpec spec;
  for (const auto& partition : partitions) {
    fields.push_back(partition);
    spec.partition_columns.push_back(partition->name());
  }
  spec.schema = arrow::schema(fields);
  return Table::Create(bench.environment, root, spec, {.operation = "create"},
                       options == nullptr ? bench.options : *options);
}

Status AppendJson(Table& table, const Fields& fields, const std::string& json,
                  const PartitionValues& values = {}) {
  DATALAKE_TRY(table.Append(*Rows(fields, json), values, {.operation = "upload"}));
  return {};
}

const Fields& IdField() {
  static const Fields fields = {arrow::field("id", arrow::int64())};
  return fields;
}

// delta-interop rules 4, 5, 7: every value as a partition, null too.
Status PartitionValuesTable(Bench& bench, const std::string& root) {
  DATALAKE_TRY_ASSIGN(auto table, Make(bench, root, IdField(), {arrow::field("p", arrow::utf8())}));
  const std::vector<std::optional<std::string>> values = {
      "plain",  "with blank", "50%", "%20",  "a=b",   "a/b",       "a:b",         "what?",
      "#1",     "a&b",        "a+b", "it's", "\"q\"", "tab\there", "back\\slash", "ü",
      "日本語", "{x}",        "[y]", "a^b",  "*",     std::nullopt};
  for (std::size_t i = 0; i < values.size(); ++i) {
    DATALAKE_TRY(
        AppendJson(*table, IdField(), fmt::format(R"([{{"id": {}}}])", i), {{"p", values[i]}}));
  }
  return {};
}

// Rule 8.
Status TypedPartitions(Bench& bench, const std::string& root) {
  const Fields partitions = {arrow::field("d", arrow::date32()), arrow::field("l", arrow::int64()),
                             arrow::field("b", arrow::boolean()),
                             arrow::field("n", arrow::decimal128(5, 2)),
                             arrow::field("t", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"))};
  DATALAKE_TRY_ASSIGN(auto table, Make(bench, root, IdField(), partitions));
  DATALAKE_TRY(AppendJson(*table, IdField(), R"([{"id": 1}])",
                          {{"d", "2026-01-01"},
                           {"l", "42"},
                           {"b", "true"},
                           {"n", "1.50"},
                           {"t", "2026-01-01T00:00:00.000000Z"}}));
  return AppendJson(*table, IdField(), R"([{"id": 2}])",
                    {{"d", std::nullopt},
                     {"l", "-1"},
                     {"b", "false"},
                     {"n", std::nullopt},
                     {"t", "2026-06-01T12:30:00.250000Z"}});
}

// Rule 1: the lake's own layout.
Status LakeLayout(Bench& bench, const std::string& folder) {
  const std::string root = io::JoinPath(folder, "provider=p/dataset=d/task=raw");
  const Fields fields = {arrow::field("id", arrow::int64()), arrow::field("text", arrow::utf8())};
  DATALAKE_TRY_ASSIGN(
      auto table,
      Make(bench, root, fields,
           {arrow::field("provider", arrow::utf8()), arrow::field("dataset", arrow::utf8()),
            arrow::field("task", arrow::utf8()), arrow::field("variant", arrow::utf8())}));
  for (const char* variant : {"a", "b"}) {
    DATALAKE_TRY(
        AppendJson(*table, fields, R"([{"id": 1, "text": "one"}, {"id": 2, "text": null}])",
                   {{"provider", "p"}, {"dataset", "d"}, {"task", "raw"}, {"variant", variant}}));
  }
  return {};
}

// Rule 16: removals, a rewrite of the same rows, a column that comes later.
Status Changes(Bench& bench, const std::string& root) {
  DATALAKE_TRY_ASSIGN(auto table, Make(bench, root, IdField(), {arrow::field("p", arrow::utf8())}));
  for (int i = 0; i < 6; ++i) {
    DATALAKE_TRY(AppendJson(*table, IdField(), fmt::format(R"([{{"id": {}}}])", i),
                            {{"p", i % 2 == 0 ? "with blank" : "50%"}}));
  }
  DATALAKE_TRY_ASSIGN(const auto snapshot, table->Snapshot());
  DATALAKE_TRY(table->Remove({snapshot->files()[0]->path, snapshot->files()[1]->path}, {}));
  const Fields wider = {arrow::field("id", arrow::int64()), arrow::field("late", arrow::float64())};
  DATALAKE_TRY_ASSIGN(auto adds, table->WriteFiles(*Rows(wider, R"([{"id": 2, "late": 0.5}])"),
                                                   {{"p", "with blank"}}));
  DATALAKE_TRY(table->Commit(
      {.adds = adds, .removes = {snapshot->files()[2]->path}, .changes_data = false}));
  return {};
}

// Rules 12, 18-23: a filter on each column must find its rows.
Status Statistics(Bench& bench, const std::string& root) {
  const Fields fields = {
      arrow::field("long_text", arrow::utf8()),
      arrow::field("nan", arrow::float64()),
      arrow::field("inf", arrow::float64()),
      arrow::field("at", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")),
      arrow::field("day", arrow::date32()),
      arrow::field("price", arrow::decimal128(10, 2)),
      arrow::field("some_null", arrow::int64()),
      arrow::field("all_null", arrow::int64()),
      arrow::field(
          "nested",
          arrow::struct_({arrow::field("x", arrow::int64()),
                          arrow::field("y", arrow::struct_({arrow::field("z", arrow::utf8())}))})),
      arrow::field("list", arrow::list(arrow::int64())),
      arrow::field("bytes", arrow::binary()),
      arrow::field("flag", arrow::boolean())};
  DATALAKE_TRY_ASSIGN(auto table, Make(bench, root, fields));
  const std::string z(50, 'z');
  const std::string a(50, 'a');
  DATALAKE_TRY(AppendJson(
      *table, fields,
      fmt::format(
          R"([{{"long_text": "{0}", "nan": NaN, "inf": Inf, "at": "2026-01-01 00:00:00.123456", "day": 20454, "price": "1.50", "some_null": 1, "all_null": null, "nested": {{"x": 1, "y": {{"z": "m"}}}}, "list": [1], "bytes": "x", "flag": true}},
              {{"long_text": "{1}", "nan": 1.0, "inf": 2.0, "at": "2026-01-02 00:00:00.999999", "day": 20485, "price": "99999999.99", "some_null": null, "all_null": null, "nested": null, "list": null, "bytes": null, "flag": null}}])",
          z, a)));
  return AppendJson(
      *table, fields,
      R"([{"long_text": "ü日\u0001\"\\", "nan": 5.0, "inf": -1.0, "at": "1960-01-01 00:00:00", "day": -3653, "price": "-1.50", "some_null": 7, "all_null": null, "nested": {"x": null, "y": null}, "list": [], "bytes": "", "flag": false}])");
}

// Rules 11, 24-26: every type that the mapping takes in.
Status Types(Bench& bench, const std::string& root) {
  const Fields fields = {
      arrow::field("i8", arrow::int8()),
      arrow::field("i16", arrow::int16()),
      arrow::field("i32", arrow::int32()),
      arrow::field("i64", arrow::int64()),
      arrow::field("u8", arrow::uint8()),
      arrow::field("u16", arrow::uint16()),
      arrow::field("u32", arrow::uint32()),
      arrow::field("u64", arrow::uint64()),
      arrow::field("half", arrow::float16()),
      arrow::field("f32", arrow::float32()),
      arrow::field("f64", arrow::float64()),
      arrow::field("flag", arrow::boolean()),
      arrow::field("text", arrow::large_utf8()),
      arrow::field("view", arrow::utf8_view()),
      arrow::field("bytes", arrow::large_binary()),
      arrow::field("fixed", arrow::fixed_size_binary(2)),
      arrow::field("day", arrow::date64()),
      arrow::field("naive", arrow::timestamp(arrow::TimeUnit::NANO)),
      arrow::field("berlin", arrow::timestamp(arrow::TimeUnit::MILLI, "Europe/Berlin")),
      arrow::field("price", arrow::decimal128(12, 3)),
      arrow::field("word", arrow::dictionary(arrow::int32(), arrow::utf8())),
      arrow::field("list", arrow::large_list(arrow::int32())),
      arrow::field("pair", arrow::fixed_size_list(arrow::float32(), 2)),
      arrow::field("map", arrow::map(arrow::utf8(), arrow::int64())),
      arrow::field("rec", arrow::struct_({arrow::field("a", arrow::uint8()),
                                          arrow::field("b", arrow::list(arrow::utf8()))})),
      arrow::field("none", arrow::null())};
  DATALAKE_TRY_ASSIGN(auto table, Make(bench, root, fields));
  DATALAKE_TRY(AppendJson(
      *table, fields,
      R"([{"i8": -128, "i16": -32768, "i32": -2147483648, "i64": -9223372036854775808, "u8": 255, "u16": 65535, "u32": 4294967295, "u64": 18446744073709551615, "half": 1.5, "f32": 0.5, "f64": 0.1, "flag": true, "text": "ü", "view": "a view that is longer than twelve bytes", "bytes": "xy", "fixed": "ab", "day": 86400000, "naive": "2026-01-01 10:00:00.123456789", "berlin": "2026-01-01 10:00:00.5", "price": "123.456", "word": "w", "list": [1, null], "pair": [1, 2], "map": [["k", 1], ["l", null]], "rec": {"a": 200, "b": ["x", null]}, "none": null}])"));
  return AppendJson(
      *table, fields,
      R"([{"i8": null, "i16": null, "i32": null, "i64": null, "u8": null, "u16": null, "u32": null, "u64": null, "half": null, "f32": null, "f64": null, "flag": null, "text": null, "view": null, "bytes": null, "fixed": null, "day": null, "naive": null, "berlin": null, "price": null, "word": null, "list": null, "pair": null, "map": null, "rec": null, "none": null}])");
}

// Rules 27-29. `keeps_hint` and `keeps_json` say what is left beside the checkpoint.
enum class Leftovers { kAll, kNoHint, kNoJson };

Status Checkpointed(Bench& bench, const std::string& root, Leftovers leftovers) {
  TableOptions options = bench.options;
  options.checkpoint_interval = 10;
  DATALAKE_TRY_ASSIGN(auto table,
                      Make(bench, root, IdField(), {arrow::field("p", arrow::utf8())}, &options));
  for (int i = 0; i < 12; ++i) {
    DATALAKE_TRY(table->Append(*Rows(IdField(), fmt::format(R"([{{"id": {}}}])", i)),
                               {{"p", i % 3 == 0 ? "with blank" : "x"}}, {.operation = "upload"},
                               Transaction{.app_id = "wal/0", .version = i}));
    if (i == 4) {
      DATALAKE_TRY_ASSIGN(const auto snapshot, table->Snapshot());
      DATALAKE_TRY(table->Remove({snapshot->files().front()->path}, {}));
    }
  }
  if (leftovers == Leftovers::kNoHint) {
    return bench.fs.Remove(CheckpointHintPath(root));
  }
  if (leftovers == Leftovers::kNoJson) {
    for (int version = 0; version < 10; ++version) {
      DATALAKE_TRY(bench.fs.Remove(LogFilePath(root, version)));
    }
  }
  return {};
}

// A seeded history of appends, removals and rewrites, with checkpoints now and then.
Status RandomHistory(Bench& bench, const std::string& root, unsigned seed) {
  std::mt19937 random(seed);
  TableOptions options = bench.options;
  options.checkpoint_interval = 1 + static_cast<int>(random() % 7);
  DATALAKE_TRY_ASSIGN(auto table,
                      Make(bench, root, IdField(), {arrow::field("p", arrow::utf8())}, &options));
  const std::vector<std::optional<std::string>> values = {"a", "b c", "50%", "ü=/", std::nullopt};
  int next_id = 0;
  for (int step = 0; step < 15; ++step) {
    DATALAKE_TRY_ASSIGN(const auto snapshot, table->Snapshot());
    CommitRequest request{.info = {.operation = "step"}};
    if (!snapshot->files().empty() && random() % 3 == 0) {
      request.removes.push_back(snapshot->files()[random() % snapshot->files().size()]->path);
    }
    if (request.removes.empty() || random() % 2 == 0) {
      DATALAKE_TRY_ASSIGN(
          request.adds,
          table->WriteFiles(
              *Rows(IdField(), fmt::format(R"([{{"id": {}}}, {{"id": null}}])", next_id++)),
              {{"p", values[random() % values.size()]}}));
    }
    DATALAKE_TRY(table->Commit(request));
  }
  return {};
}

Status Write(Bench& bench, const std::string& folder) {
  const auto at = [&](std::string_view name) { return io::JoinPath(folder, name); };
  DATALAKE_TRY(PartitionValuesTable(bench, at("partition_values")));
  DATALAKE_TRY(TypedPartitions(bench, at("typed_partitions")));
  DATALAKE_TRY(LakeLayout(bench, at("lake")));
  DATALAKE_TRY(Changes(bench, at("changes")));
  DATALAKE_TRY(Statistics(bench, at("statistics")));
  DATALAKE_TRY(Types(bench, at("types")));
  DATALAKE_TRY(Make(bench, at("empty"), IdField()));
  DATALAKE_TRY(Checkpointed(bench, at("checkpoint"), Leftovers::kAll));
  DATALAKE_TRY(Checkpointed(bench, at("checkpoint_no_hint"), Leftovers::kNoHint));
  DATALAKE_TRY(Checkpointed(bench, at("checkpoint_no_json"), Leftovers::kNoJson));
  for (unsigned seed = 1; seed <= 20; ++seed) {
    DATALAKE_TRY(RandomHistory(bench, at(fmt::format("random_{}", seed)), seed));
  }
  return WriteChangeTables(bench.environment, folder);
}

Status PrintRows(arrow::RecordBatchReader& rows) {
  while (true) {
    DATALAKE_TRY_ASSIGN(const auto batch, format::FromArrow(rows.Next(), "cannot read rows"));
    if (batch == nullptr) {
      return {};
    }
    for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
      std::string line;
      DATALAKE_TRY(format::AppendRowJson(*batch, row, {}, line));
      fmt::print("{}\n", line);
    }
  }
}

Status Read(Bench& bench, const std::string& root, std::optional<std::int64_t> version) {
  DATALAKE_TRY_ASSIGN(auto table, Table::Open(bench.environment, root));
  DATALAKE_TRY_ASSIGN(auto snapshot, table->Snapshot(version));
  DATALAKE_TRY_ASSIGN(const auto rows, ReadTable(bench.fs, snapshot));
  return PrintRows(*rows);
}

Status AppendFile(Bench& bench, const std::string& root, const std::string& file,
                  const std::vector<std::string>& values) {
  DATALAKE_TRY_ASSIGN(auto table, Table::Open(bench.environment, root, bench.options));
  DATALAKE_TRY_ASSIGN(auto source, format::OpenRows(bench.fs, file));
  PartitionValues partition;
  for (const std::string& value : values) {
    const std::size_t equals = value.find('=');
    partition[value.substr(0, equals)] = value.substr(equals + 1);
  }
  DATALAKE_TRY(table->Append(*source.reader, partition, {.operation = "append"}));
  return {};
}

Status RemoveFirst(Bench& bench, const std::string& root) {
  DATALAKE_TRY_ASSIGN(auto table, Table::Open(bench.environment, root, bench.options));
  DATALAKE_TRY_ASSIGN(const auto snapshot, table->Snapshot());
  DATALAKE_TRY(table->Remove({snapshot->files().front()->path}, {.operation = "remove"}));
  return {};
}

// One line a finding.
Status Fsck(Bench& bench, const std::string& root) {
  DATALAKE_TRY_ASSIGN(const FsckReport report,
                      CheckTable(bench.environment, root, FsckDepth::kRows));
  for (const FsckFinding& finding : report.findings) {
    fmt::print("{} {} {}\n", ToString(finding.severity), finding.kind, finding.message);
  }
  return {};
}

Status Run(const std::vector<std::string>& arguments) {
  Bench bench;
  const std::size_t count = arguments.size();
  if (count == 2 && arguments[0] == "write") {
    return Write(bench, arguments[1]);
  }
  if (count >= 2 && arguments[0] == "read") {
    return Read(bench, arguments[1],
                count > 2 ? std::optional(std::stoll(arguments[2])) : std::nullopt);
  }
  if (count >= 3 && arguments[0] == "append") {
    return AppendFile(bench, arguments[1], arguments[2], {arguments.begin() + 3, arguments.end()});
  }
  if (count == 2 && arguments[0] == "checkpoint") {
    DATALAKE_TRY_ASSIGN(auto table, Table::Open(bench.environment, arguments[1], bench.options));
    return table->Checkpoint();
  }
  if (count == 2 && arguments[0] == "compact") {
    DATALAKE_TRY_ASSIGN(auto table, Table::Open(bench.environment, arguments[1], bench.options));
    DATALAKE_TRY(CompactTable(*table, {}, {}));
    return {};
  }
  if (count == 2 && arguments[0] == "fsck") {
    return Fsck(bench, arguments[1]);
  }
  if (count == 2 && arguments[0] == "remove") {
    return RemoveFirst(bench, arguments[1]);
  }
  if (count == 3 && arguments[0] == "hf") {
    DATALAKE_TRY_ASSIGN(auto source, format::OpenRows(bench.fs, arguments[2]));
    DATALAKE_TRY(format::WriteHfDataset(bench.fs, bench.random, arguments[1], *source.reader));
    return {};
  }
  if (count == 2 && arguments[0] == "rows") {
    DATALAKE_TRY_ASSIGN(auto source, format::OpenRows(bench.fs, arguments[1]));
    return PrintRows(*source.reader);
  }
  return Error{ErrorCode::kInvalidArgument, "usage: see the head of make_tables.cc"};
}

}  // namespace
}  // namespace datalake::table

int main(int argc, char** argv) {
  const datalake::Status status = datalake::table::Run({argv + 1, argv + argc});
  if (!status) {
    fmt::print(stderr, "make_tables: {}\n", ToString(status.error()));
    return datalake::FactsOf(status.error().code).exit_code;
  }
  return 0;
}

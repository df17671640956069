// Tables with a past: every operation that rewrites files, on rows with nested types, nulls and odd
// partition values.
#include "tests/compat/delta/change_tables.h"

#include <arrow/api.h>
#include <arrow/json/from_string.h>
#include <fmt/format.h>

#include "datalake/format/arrow_status.h"
#include "datalake/io/path.h"
#include "datalake/table/compact.h"
#include "datalake/table/delete_rows.h"
#include "datalake/table/log_cleanup.h"
#include "datalake/table/read.h"
#include "datalake/table/replace_rows.h"
#include "datalake/table/vacuum.h"

namespace datalake::table {
namespace {

using arrow::field;

constexpr TableOptions kOptions{.partition_values = PartitionValueRule::kAny,
                                .checkpoint_interval = 7};

// Rows whose id is a multiple of `divisor`.
class MultiplesOf final : public RowPredicate {
 public:
  MultiplesOf(io::FileSystem& fs, std::int64_t divisor) : fs_(fs), divisor_(divisor) {}

  bool MayMatch(const TableSnapshot&, const TableFile&) override { return true; }

  Result<std::vector<bool>> Match(const std::shared_ptr<const TableSnapshot>& snapshot,
                                  const TableFilePtr& file) override {
    const std::vector<std::string> columns = {"id"};
    DATALAKE_TRY_ASSIGN(const auto rows,
                        ReadTableFiles(fs_, snapshot, std::span(&file, 1), columns));
    std::vector<bool> is_meant;
    while (true) {
      DATALAKE_TRY_ASSIGN(const auto batch, format::FromArrow(rows->Next(), "cannot read ids"));
      if (batch == nullptr) {
        return is_meant;
      }
      const auto& ids = static_cast<const arrow::Int64Array&>(*batch->column(0));
      for (std::int64_t i = 0; i < ids.length(); ++i) {
        is_meant.push_back(ids.Value(i) % divisor_ == 0);
      }
    }
  }

 private:
  io::FileSystem& fs_;
  const std::int64_t divisor_;
};

const arrow::FieldVector& NestedFields() {
  static const arrow::FieldVector fields = {
      field("id", arrow::int64()), field("text", arrow::utf8()),
      field("tags", arrow::list(arrow::utf8())),
      field("box", arrow::struct_({field("x", arrow::float64()),
                                   field("labels", arrow::list(arrow::struct_(
                                                       {field("name", arrow::utf8()),
                                                        field("score", arrow::float32())})))})),
      field("counts", arrow::map(arrow::utf8(), arrow::int64()))};
  return fields;
}

// Ids first … first + 3; every second cell of a kind is null.
std::string NestedJson(int first) {
  std::string json;
  for (int id = first; id < first + 4; ++id) {
    json += fmt::format(
        R"({}{{"id": {}, "text": {}, "tags": {}, "box": {}, "counts": {}}})",
        json.empty() ? "[" : ",", id, id % 2 == 0 ? "null" : "\"tëxt\"",
        id % 3 == 0 ? "null" : R"(["a", null, ""])",
        id % 4 == 0
            ? "null"
            : R"({"x": 0.5, "labels": [{"name": "n", "score": null}, null, {"name": null, "score": 1.5}]})",
        id % 5 == 0 ? "null" : R"([["k", 1], ["l", null]])");
  }
  return json + "]";
}

// One table under way.
class Maker {
 public:
  Maker(const TableEnvironment& environment, std::string root)
      : environment_(environment), root_(std::move(root)) {}

  Status Create(arrow::FieldVector fields, const std::vector<std::string>& partitions) {
    fields_ = fields;
    for (const std::string& column : partitions) {
      fields.push_back(field(column, arrow::utf8()));
    }
    DATALAKE_TRY_ASSIGN(
        table_, Table::Create(environment_, root_,
                              {.schema = arrow::schema(fields), .partition_columns = partitions},
                              {.operation = "create"}, kOptions));
    return {};
  }

  Table& table() { return *table_; }

  Status Append(const std::string& json, const PartitionValues& values = {}) {
    return AppendAs(fields_, json, values);
  }

  Status AppendAs(const arrow::FieldVector& fields, const std::string& json,
                  const PartitionValues& values = {}) {
    DATALAKE_TRY_ASSIGN(auto rows, Reader(fields, json));
    DATALAKE_TRY(table_->Append(*rows, values, {.operation = "append", .user = "ada"}));
    return {};
  }

  Status Delete(std::int64_t divisor) {
    MultiplesOf predicate(environment_.fs, divisor);
    DATALAKE_TRY(DeleteRows(*table_, predicate, {.user = "ada", .reason = "test"}));
    return {};
  }

  // Nested rows in four partitions, two files each.
  Status Fill() {
    const std::optional<std::string> values[] = {"plain", "with blank", "50%=/ü", std::nullopt};
    for (int i = 0; i < 8; ++i) {
      DATALAKE_TRY(Append(NestedJson(i * 4 + 1), {{"p", values[i % 4]}}));
    }
    return {};
  }

  static Result<std::shared_ptr<arrow::RecordBatchReader>> Reader(const arrow::FieldVector& fields,
                                                                  const std::string& json) {
    auto array = arrow::json::ArrayFromJSONString(arrow::struct_(fields), json).ValueOrDie();
    auto batch = arrow::RecordBatch::FromStructArray(array).ValueOrDie();
    return arrow::RecordBatchReader::Make({std::move(batch)}, arrow::schema(fields)).ValueOrDie();
  }

 private:
  const TableEnvironment& environment_;
  const std::string root_;
  arrow::FieldVector fields_;
  std::unique_ptr<Table> table_;
};

Status Deleted(Maker& maker) {
  DATALAKE_TRY(maker.Create(NestedFields(), {"p"}));
  DATALAKE_TRY(maker.Fill());
  DATALAKE_TRY(maker.Delete(3));
  return maker.Delete(5);
}

Status Compacted(Maker& maker) {
  DATALAKE_TRY(Deleted(maker));
  DATALAKE_TRY(CompactTable(maker.table(), {}, {}));
  return maker.Append(NestedJson(100), {{"p", "with blank"}});
}

Status Replaced(Maker& maker) {
  DATALAKE_TRY(maker.Create(NestedFields(), {"p"}));
  DATALAKE_TRY(maker.Fill());
  DATALAKE_TRY_ASSIGN(const auto rows, Maker::Reader(NestedFields(), NestedJson(200)));
  DATALAKE_TRY(ReplacePartition(maker.table(), *rows, {{"p", std::nullopt}}, {}));
  return {};
}

Status Restored(Maker& maker) {
  DATALAKE_TRY(maker.Create(NestedFields(), {"p"}));
  DATALAKE_TRY(maker.Fill());
  DATALAKE_TRY(maker.Delete(2));
  DATALAKE_TRY(maker.AppendAs({field("id", arrow::int64()), field("late", arrow::utf8())},
                              R"([{"id": 7, "late": "x"}])", {{"p", "plain"}}));
  DATALAKE_TRY(RestoreVersion(maker.table(), 8, {}));
  return {};
}

// Files of narrow types beside files of wide ones.
Status Widened(Maker& maker) {
  const auto columns = [](const std::shared_ptr<arrow::DataType>& number,
                          const std::shared_ptr<arrow::DataType>& real, int precision) {
    return arrow::FieldVector{field("i", number), field("f", real),
                              field("d", arrow::decimal128(precision, 2)),
                              field("l", arrow::list(number)),
                              field("s", arrow::struct_({field("n", number), field("r", real)}))};
  };
  DATALAKE_TRY(maker.Create(columns(arrow::int8(), arrow::float32(), 5), {}));
  DATALAKE_TRY(maker.Append(R"([
      {"i": -5, "f": 0.1, "d": "1.50", "l": [1, null], "s": {"n": 1, "r": 0.1}},
      {"i": null, "f": null, "d": null, "l": null, "s": null}])"));
  DATALAKE_TRY(maker.AppendAs(
      columns(arrow::int32(), arrow::float32(), 9),
      R"([{"i": 70000, "f": 0.5, "d": "1234567.25", "l": [70000], "s": {"n": 70000, "r": 0.5}}])"));
  return maker.AppendAs(columns(arrow::int64(), arrow::float64(), 20),
                        R"([{"i": 5000000000, "f": 1e300, "d": "123456789012.25", "l": [5000000000],
           "s": {"n": 5000000000, "r": 1e300}}])");
}

Status Versions1000(Maker& maker) {
  DATALAKE_TRY(maker.Create({field("id", arrow::int64())}, {"p"}));
  for (int i = 1; i <= 999; ++i) {
    if (i % 100 == 0) {
      DATALAKE_TRY(maker.Delete(i / 100 + 1));
    } else {
      DATALAKE_TRY(maker.Append(fmt::format(R"([{{"id": {}}}])", i),
                                {{"p", i % 2 == 0 ? "even" : "with blank"}}));
    }
  }
  return {};
}

// Only the newest checkpoint and what came after it is left.
Status CleanedUp(Maker& maker) {
  DATALAKE_TRY(Compacted(maker));
  DATALAKE_TRY(maker.table().Checkpoint());
  const std::chrono::milliseconds none(0);
  DATALAKE_TRY(VacuumTable(
      maker.table(), {.mode = VacuumMode::kDelete, .retention = none, .leftover_grace = none}));
  DATALAKE_TRY(CleanUpLog(maker.table(), {.mode = VacuumMode::kDelete, .retention = none}));
  return maker.Append(NestedJson(300), {{"p", "plain"}});
}

}  // namespace

Status WriteChangeTables(const TableEnvironment& environment, const std::string& folder) {
  const std::pair<const char*, Status (*)(Maker&)> tables[] = {
      {"deleted", Deleted},           {"compacted", Compacted}, {"replaced", Replaced},
      {"restored", Restored},         {"widened", Widened},     {"cleaned_up", CleanedUp},
      {"versions_1000", Versions1000}};
  for (const auto& [name, make] : tables) {
    Maker maker(environment, io::JoinPath(folder, name));
    DATALAKE_TRY(make(maker));
  }
  return {};
}

}  // namespace datalake::table

// datalake table history|diff|delete|compact|restore: versions of one table. A table is written
// provider/dataset/task, a version as its number or as a time. vacuum and fsck: table_upkeep.cc.
#include <utility>

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/format/arrow_status.h"
#include "datalake/json/writer.h"
#include "datalake/lake/sql_predicate.h"
#include "datalake/table/compact.h"
#include "datalake/table/diff.h"
#include "datalake/table/replace_rows.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/open_table.h"
#include "apps/datalake/print_facts.h"
#include "apps/datalake/print_rows.h"
#include "apps/datalake/show_collection.h"

namespace datalake::apps {
namespace {

constexpr char kTableHelp[] = "provider/dataset/task";
constexpr char kVersionHelp[] = "a version's number, or a time such as 2026-01-31T12:00:00Z";

class HistoryCommand final : public Command {
 public:
  std::string_view Name() const override { return "table history"; }

  std::string_view Summary() const override {
    return "Lists the versions of a table: when, who, what and why";
  }

  std::string_view Example() const override {
    return "datalake table history aihub/receipts/raw\n"
           "datalake table history aihub/receipts/raw --limit 5 --json";
  }

  void Declare(OptionSet& options) override {
    options.Argument("table", table_, kTableHelp);
    options.Integer("--limit", limit_, "the newest so many");
  }

  Result<int> Run(Context& context) override {
    if (limit_ < 1) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("limit must be 1 or more: {}", limit_)};
    }
    DATALAKE_TRY_ASSIGN(const OpenedTable opened, OpenTable(context, table_));
    DATALAKE_TRY_ASSIGN(const auto history,
                        opened.table->History(static_cast<std::size_t>(limit_)));
    DATALAKE_TRY_ASSIGN(const auto rows,
                        format::FromArrow(MakeRows(history), "cannot list versions"));
    DATALAKE_TRY(PrintRows(context, *rows));
    return 0;
  }

 private:
  static std::string ExtraJson(const table::CommitInfo& info) {
    std::string text;
    json::Writer writer(text);
    writer.BeginObject();
    for (const auto& [key, value] : info.extra) {
      writer.Key(key);
      writer.String(value);
    }
    writer.EndObject();
    return text;
  }

  static arrow::Status AppendOrNull(arrow::StringBuilder& builder, const std::string& text) {
    return text.empty() ? builder.AppendNull() : builder.Append(text);
  }

  static arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> MakeRows(
      const std::vector<table::CommitRecord>& history) {
    arrow::Int64Builder version;
    arrow::StringBuilder time;
    arrow::StringBuilder operation;
    arrow::StringBuilder user;
    arrow::StringBuilder reason;
    arrow::Int64Builder rows_added;
    arrow::Int64Builder files_added;
    arrow::Int64Builder files_removed;
    arrow::StringBuilder extra;
    for (const table::CommitRecord& record : history) {
      ARROW_RETURN_NOT_OK(version.Append(record.version));
      ARROW_RETURN_NOT_OK(time.Append(FormatTimestamp(record.time)));
      ARROW_RETURN_NOT_OK(AppendOrNull(operation, record.info.operation));
      ARROW_RETURN_NOT_OK(AppendOrNull(user, record.info.user));
      ARROW_RETURN_NOT_OK(AppendOrNull(reason, record.info.reason));
      ARROW_RETURN_NOT_OK(record.rows_added < 0 ? rows_added.AppendNull()
                                                : rows_added.Append(record.rows_added));
      ARROW_RETURN_NOT_OK(files_added.Append(record.files_added));
      ARROW_RETURN_NOT_OK(files_removed.Append(record.files_removed));
      ARROW_RETURN_NOT_OK(extra.Append(ExtraJson(record.info)));
    }
    arrow::ArrayBuilder* builders[] = {&version,    &time,        &operation,     &user, &reason,
                                       &rows_added, &files_added, &files_removed, &extra};
    const char* names[] = {"version",    "time",        "operation",     "user",   "reason",
                           "rows_added", "files_added", "files_removed", "details"};
    arrow::FieldVector fields;
    arrow::ArrayVector columns;
    for (std::size_t i = 0; i < std::size(builders); ++i) {
      ARROW_ASSIGN_OR_RAISE(columns.emplace_back(), builders[i]->Finish());
      fields.push_back(arrow::field(names[i], columns.back()->type()));
    }
    auto schema = arrow::schema(std::move(fields));
    const std::int64_t rows = columns.front()->length();
    return arrow::RecordBatchReader::Make(
        {arrow::RecordBatch::Make(schema, rows, std::move(columns))}, schema);
  }

  std::string table_;
  std::int64_t limit_ = 50;
};

class DiffCommand final : public Command {
 public:
  std::string_view Name() const override { return "table diff"; }

  std::string_view Summary() const override {
    return "Shows the rows that differ between two versions of a table";
  }

  std::string_view Example() const override {
    return "datalake table diff aihub/receipts/raw --from 3 --key id\n"
           "datalake table diff aihub/receipts/raw --from 2026-01-31T12:00:00Z --to 9 --summary";
  }

  void Declare(OptionSet& options) override {
    options.Argument("table", table_, kTableHelp);
    options.String("--from", from_, kVersionHelp);
    options.String("--to", to_, "likewise; default: the newest version");
    options.Strings("--key", key_,
                    "columns that tell which rows are the same one; without them a changed row is "
                    "one that went and one that came");
    options.Flag("--summary", only_counts_, "numbers only");
  }

  Result<int> Run(Context& context) override {
    if (from_.empty()) {
      return Error{ErrorCode::kInvalidArgument, "say from which version on: --from"};
    }
    DATALAKE_TRY_ASSIGN(const OpenedTable opened, OpenTable(context, table_));
    DATALAKE_TRY_ASSIGN(const auto from, SnapshotOf(*opened.table, from_));
    DATALAKE_TRY_ASSIGN(const auto to, SnapshotOf(*opened.table, to_));
    DATALAKE_TRY_ASSIGN(const auto diff, table::DiffVersions(context.fs, from, to, {.key = key_}));
    if (only_counts_) {
      while (true) {
        DATALAKE_TRY_ASSIGN(const auto batch,
                            format::FromArrow(diff->rows()->Next(), "cannot compare"));
        if (batch == nullptr) {
          break;
        }
      }
    } else {
      DATALAKE_TRY(PrintRows(context, *diff->rows()));
    }
    return Tell(context, *from, *to, diff->counts());
  }

 private:
  static Result<std::shared_ptr<const table::TableSnapshot>> SnapshotOf(table::Table& table,
                                                                        const std::string& text) {
    if (text.empty()) {
      return table.Snapshot();
    }
    DATALAKE_TRY_ASSIGN(const std::int64_t version, ParseVersion(table, text));
    return table.Snapshot(version);
  }

  Result<int> Tell(const Context& context, const table::TableSnapshot& from,
                   const table::TableSnapshot& to, const table::DiffCounts& counts) const {
    if (only_counts_) {
      DATALAKE_TRY(PrintFacts(context, {{"from", from.version()},
                                        {"to", to.version()},
                                        {"added", counts.added},
                                        {"removed", counts.removed},
                                        {"changed", counts.changed},
                                        {"files_read", counts.files_read},
                                        {"files_skipped", counts.files_skipped}}));
    } else if (!context.options.quiet) {
      fmt::print(stderr, "versions {} to {}: {} added, {} removed, {} changed\n", from.version(),
                 to.version(), counts.added, counts.removed, counts.changed);
    }
    return 0;
  }

  std::string table_;
  std::string from_;
  std::string to_;
  std::vector<std::string> key_;
  bool only_counts_ = false;
};

class DeleteCommand final : public Command {
 public:
  std::string_view Name() const override { return "table delete"; }

  std::string_view Summary() const override {
    return "Deletes the rows of a table for which an expression is true, as a new version";
  }

  std::string_view Example() const override {
    return "datalake table delete aihub/receipts/raw --where \"lang = 'xx'\" --dry-run\n"
           "datalake table delete aihub/receipts/raw --where 'id in (17, 18)' --reason 'bad scans'";
  }

  void Declare(OptionSet& options) override {
    options.Argument("table", table_, kTableHelp);
    options.String("--where", where_, "a SQL expression over the columns, as in `search`");
    options.String("--reason", reason_, "why; kept in the history");
    options.Flag("--dry-run", is_dry_, "only counts the rows");
  }

  Result<int> Run(Context& context) override {
    if (where_.empty()) {
      return Error{ErrorCode::kInvalidArgument, "say which rows: --where"};
    }
    DATALAKE_TRY_ASSIGN(const OpenedTable opened, OpenTable(context, table_));
    DATALAKE_TRY_ASSIGN(const auto engine,
                        query::QueryEngine::Open({.threads = context.Threads()}));
    DATALAKE_TRY_ASSIGN(const auto predicate,
                        lake::SqlPredicate::Make(context.fs, *engine, where_));
    if (is_dry_ || !context.options.yes) {
      DATALAKE_TRY_ASSIGN(const table::DeleteResult counted,
                          table::CountRows(*opened.table, *predicate, ControlOf(context)));
      if (is_dry_ || counted.rows_deleted == 0) {
        return Tell(context, counted);
      }
      DATALAKE_TRY_ASSIGN(
          const bool is_sure,
          context.Confirm(fmt::format("delete {} rows of {}?", counted.rows_deleted, table_)));
      if (!is_sure) {
        return Error{ErrorCode::kCancelled, "nothing was deleted"};
      }
    }
    DATALAKE_TRY_ASSIGN(const table::DeleteResult deleted,
                        table::DeleteRows(*opened.table, *predicate,
                                          {.operation = "DELETE",
                                           .user = CurrentUser(),
                                           .reason = reason_,
                                           .extra = {{"where", where_}}},
                                          ControlOf(context)));
    return Tell(context, deleted);
  }

 private:
  Result<int> Tell(const Context& context, const table::DeleteResult& result) const {
    DATALAKE_TRY(PrintFacts(context, {{"version", result.version},
                                      {"rows_deleted", result.rows_deleted},
                                      {"files_rewritten", result.files_rewritten},
                                      {"files_removed", result.files_removed},
                                      {"files_skipped", result.files_skipped},
                                      {"dry_run", is_dry_}}));
    return 0;
  }

  std::string table_;
  std::string where_;
  std::string reason_;
  bool is_dry_ = false;
};

class CompactCommand final : public Command {
 public:
  std::string_view Name() const override { return "table compact"; }

  std::string_view Summary() const override {
    return "Puts small files of a table together; the rows stay the same";
  }

  std::string_view Example() const override {
    return "datalake table compact aihub/receipts/raw\n"
           "datalake table compact feeds/chat/raw --partition day=2026-01-31";
  }

  void Declare(OptionSet& options) override {
    options.Argument("table", table_, kTableHelp);
    options.Strings("--partition", partition_, "COLUMN=VALUE: only these partitions");
    options.Integer("--small-mb", small_mb_, "files below so many MB are small (0: 128)");
    options.String("--reason", reason_, "why; kept in the history");
  }

  Result<int> Run(Context& context) override {
    if (small_mb_ < 0) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("size must not be negative: {}", small_mb_)};
    }
    table::CompactOptions compact{.small_file_bytes = static_cast<std::uint64_t>(small_mb_) << 20};
    for (const std::string& pair : partition_) {
      const std::size_t equals = pair.find('=');
      if (equals == std::string::npos) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("a partition is written COLUMN=VALUE: {}", pair)};
      }
      compact.scope[pair.substr(0, equals)] = pair.substr(equals + 1);
    }
    DATALAKE_TRY_ASSIGN(const OpenedTable opened, OpenTable(context, table_));
    DATALAKE_TRY_ASSIGN(
        const table::CompactResult result,
        table::CompactTable(*opened.table, compact, {.user = CurrentUser(), .reason = reason_},
                            ControlOf(context)));
    DATALAKE_TRY(PrintFacts(context, {{"version", result.version},
                                      {"partitions", result.partitions},
                                      {"files_removed", result.files_removed},
                                      {"files_added", result.files_added},
                                      {"partitions_skipped", result.partitions_skipped}}));
    return 0;
  }

 private:
  std::string table_;
  std::vector<std::string> partition_;
  std::int64_t small_mb_ = 0;
  std::string reason_;
};

class RestoreCommand final : public Command {
 public:
  std::string_view Name() const override { return "table restore"; }

  std::string_view Summary() const override {
    return "Makes the rows of an old version the newest ones again, as a new version";
  }

  std::string_view Example() const override {
    return "datalake table restore aihub/receipts/raw --to 7 --reason 'bad upload'\n"
           "datalake table restore aihub/receipts/raw --to 2026-01-31T12:00:00Z --yes";
  }

  void Declare(OptionSet& options) override {
    options.Argument("table", table_, kTableHelp);
    options.String("--to", to_, kVersionHelp);
    options.String("--reason", reason_, "why; kept in the history");
  }

  Result<int> Run(Context& context) override {
    if (to_.empty()) {
      return Error{ErrorCode::kInvalidArgument, "say which version: --to"};
    }
    DATALAKE_TRY_ASSIGN(const OpenedTable opened, OpenTable(context, table_));
    DATALAKE_TRY_ASSIGN(const std::int64_t version, ParseVersion(*opened.table, to_));
    DATALAKE_TRY_ASSIGN(const bool is_sure,
                        context.Confirm(fmt::format("restore version {} of {}?", version, table_)));
    if (!is_sure) {
      return Error{ErrorCode::kCancelled, "nothing was restored"};
    }
    DATALAKE_TRY_ASSIGN(
        const table::CommitResult result,
        table::RestoreVersion(*opened.table, version, {.user = CurrentUser(), .reason = reason_}));
    DATALAKE_TRY(PrintFacts(context, {{"version", result.version},
                                      {"restored_version", version},
                                      {"was_the_same", result.already_applied}}));
    return 0;
  }

 private:
  std::string table_;
  std::string to_;
  std::string reason_;
};

}  // namespace

void AddTableCommands(std::vector<std::unique_ptr<Command>>& commands) {
  commands.push_back(std::make_unique<HistoryCommand>());
  commands.push_back(std::make_unique<DiffCommand>());
  commands.push_back(std::make_unique<DeleteCommand>());
  commands.push_back(std::make_unique<RestoreCommand>());
  commands.push_back(std::make_unique<CompactCommand>());
  AddTableUpkeepCommands(commands);
}

}  // namespace datalake::apps

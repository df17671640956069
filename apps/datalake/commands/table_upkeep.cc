// datalake table vacuum|fsck: files that no version needs, and what is wrong with a table.
#include <chrono>
#include <utility>

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/format/arrow_status.h"
#include "datalake/table/fsck.h"
#include "datalake/table/log_cleanup.h"
#include "datalake/table/vacuum.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/open_lake.h"
#include "apps/datalake/open_table.h"
#include "apps/datalake/print_facts.h"
#include "apps/datalake/print_rows.h"
#include "apps/datalake/time_span.h"

namespace datalake::apps {
namespace {

using Columns = std::vector<std::pair<std::string, std::shared_ptr<arrow::Array>>>;

Status PrintColumns(const Context& context, const Columns& columns) {
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (const auto& [name, array] : columns) {
    fields.push_back(arrow::field(name, array->type()));
    arrays.push_back(array);
  }
  auto schema = arrow::schema(std::move(fields));
  const std::int64_t rows = arrays.front()->length();
  DATALAKE_TRY_ASSIGN(
      const auto reader,
      format::FromArrow(arrow::RecordBatchReader::Make(
                            {arrow::RecordBatch::Make(schema, rows, std::move(arrays))}, schema),
                        "cannot list"));
  constexpr std::size_t kPathChars = 500;
  DATALAKE_TRY(PrintRows(context, *reader, {.max_cell_chars = kPathChars}));
  return {};
}

class VacuumCommand final : public Command {
 public:
  std::string_view Name() const override { return "table vacuum"; }

  std::string_view Summary() const override {
    return "Lists, or with --delete removes, files that no kept version of a table needs";
  }

  std::string_view Example() const override {
    return "datalake table vacuum aihub/receipts/raw\n"
           "datalake table vacuum aihub/receipts/raw --retention '30 days' --delete --yes";
  }

  void Declare(OptionSet& options) override {
    options.Argument("table", table_, "provider/dataset/task");
    options.Flag("--delete", deletes_, "removes the files; without it nothing is changed");
    options.String("--retention", retention_,
                   "how long versions stay readable after they were replaced; default: the "
                   "table's own, 7 days");
    options.String("--grace", grace_,
                   "files that belong to no version are left alone for so long: their writer may "
                   "be at work");
    options.String("--log-retention", log_retention_,
                   "how long log files are kept; default: the table's own, 30 days");
    options.Strings("--keep-version", keep_, "versions that stay readable whatever their age");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const OpenedTable opened, OpenTable(context, table_));
    table::VacuumOptions vacuum;
    table::LogCleanupOptions log;
    DATALAKE_TRY_ASSIGN(vacuum.retention, Interval("--retention", retention_));
    DATALAKE_TRY_ASSIGN(log.retention, Interval("--log-retention", log_retention_));
    DATALAKE_TRY_ASSIGN(const auto grace, Interval("--grace", grace_));
    vacuum.leftover_grace = grace.value_or(vacuum.leftover_grace);
    for (const std::string& text : keep_) {
      DATALAKE_TRY_ASSIGN(const std::int64_t version, ParseVersion(*opened.table, text));
      vacuum.keep_versions.push_back(version);
      log.keep_versions.push_back(version);
    }
    const bool asks = deletes_ && !context.options.yes;
    if (!deletes_ || asks) {
      DATALAKE_TRY_ASSIGN(const auto files, table::VacuumTable(*opened.table, vacuum));
      DATALAKE_TRY_ASSIGN(const auto logs, table::CleanUpLog(*opened.table, log));
      if (!asks) {
        return Tell(context, files, logs);
      }
      DATALAKE_TRY_ASSIGN(const bool is_sure,
                          context.Confirm(fmt::format(
                              "delete {} files ({} bytes) and {} log files of {} for good?",
                              files.files.size(), files.size_bytes, logs.paths.size(), table_)));
      if (!is_sure) {
        return Error{ErrorCode::kCancelled, "nothing was deleted"};
      }
    }
    vacuum.mode = table::VacuumMode::kDelete;
    log.mode = table::VacuumMode::kDelete;
    DATALAKE_TRY_ASSIGN(const auto files,
                        table::VacuumTable(*opened.table, vacuum, ControlOf(context)));
    DATALAKE_TRY_ASSIGN(const auto logs, table::CleanUpLog(*opened.table, log));
    return Tell(context, files, logs);
  }

 private:
  static Result<std::optional<std::chrono::milliseconds>> Interval(std::string_view option,
                                                                   const std::string& text) {
    if (text.empty()) {
      return std::optional<std::chrono::milliseconds>();
    }
    DATALAKE_TRY_ASSIGN(const auto span, ParseTimeSpan(option, text));
    return std::optional(span);
  }

  Result<int> Tell(const Context& context, const table::VacuumResult& files,
                   const table::LogCleanupResult& logs) const {
    arrow::StringBuilder paths;
    arrow::StringBuilder reasons;
    arrow::UInt64Builder bytes;
    arrow::Status status;
    const auto append = [&](const std::string& path, std::string_view reason,
                            std::optional<std::uint64_t> size) {
      status &= paths.Append(path);
      status &= reasons.Append(reason);
      status &= size.has_value() ? bytes.Append(*size) : bytes.AppendNull();
    };
    for (const table::VacuumFile& file : files.files) {
      append(file.path, table::ToString(file.reason), file.size_bytes);
    }
    for (const std::string& path : logs.paths) {
      append(path, "log", std::nullopt);
    }
    DATALAKE_TRY(format::FromArrow(status, "cannot list files"));
    if (paths.length() > 0) {
      DATALAKE_TRY_ASSIGN(const auto path, format::FromArrow(paths.Finish(), "cannot list files"));
      DATALAKE_TRY_ASSIGN(const auto why, format::FromArrow(reasons.Finish(), "cannot list files"));
      DATALAKE_TRY_ASSIGN(const auto size, format::FromArrow(bytes.Finish(), "cannot list files"));
      DATALAKE_TRY(PrintColumns(context, {{"path", path}, {"reason", why}, {"bytes", size}}));
    }
    if (!context.options.quiet) {
      fmt::print(stderr, "{} {} files, {} bytes, and {} log files\n",
                 deletes_ ? "deleted" : "would delete (say --delete to do it)", files.files.size(),
                 files.size_bytes, logs.paths.size());
    }
    return 0;
  }

  std::string table_;
  bool deletes_ = false;
  std::string retention_;
  std::string grace_ = "7 days";
  std::string log_retention_;
  std::vector<std::string> keep_;
};

class FsckCommand final : public Command {
 public:
  std::string_view Name() const override { return "table fsck"; }

  std::string_view Summary() const override {
    return "Checks tables: log, checkpoints, files, row counts, types, statistics";
  }

  std::string_view Example() const override {
    return "datalake table fsck\n"
           "datalake table fsck aihub/receipts/raw --deep --json";
  }

  void Declare(OptionSet& options) override {
    options.Arguments("tables", tables_, "provider/dataset/task; none: all tables of the lake");
    options.Flag("--deep", is_deep_, "reads every row and checks statistics against them");
    options.Flag("--log-only", is_log_only_, "opens no data file");
  }

  Result<int> Run(Context& context) override {
    if (is_deep_ && is_log_only_) {
      return Error{ErrorCode::kInvalidArgument, "give --deep or --log-only, not both"};
    }
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    std::vector<lake::TableName> names;
    for (const std::string& text : tables_) {
      DATALAKE_TRY_ASSIGN(names.emplace_back(), lake::ParseTableName(text));
    }
    if (tables_.empty()) {
      DATALAKE_TRY_ASSIGN(names, lake->ListTables());
    }
    const table::FsckDepth depth = is_deep_       ? table::FsckDepth::kRows
                                   : is_log_only_ ? table::FsckDepth::kLog
                                                  : table::FsckDepth::kFooters;
    bool has_findings = false;
    for (const lake::TableName& name : names) {
      DATALAKE_TRY_ASSIGN(const table::FsckReport report,
                          table::CheckTable({context.fs, context.clock, context.random},
                                            lake->layout().Table(name), depth, ControlOf(context)));
      has_findings |= HasFindings(report);
      DATALAKE_TRY(Tell(context, lake::ToString(name), report));
    }
    return has_findings ? 1 : 0;
  }

 private:
  // Notes are no findings: leftovers of a writer that is at work are usual.
  static bool HasFindings(const table::FsckReport& report) {
    for (const table::FsckFinding& finding : report.findings) {
      if (finding.severity != table::FsckSeverity::kNote) {
        return true;
      }
    }
    return false;
  }

  static Status Tell(const Context& context, const std::string& name,
                     const table::FsckReport& report) {
    for (const table::FsckFinding& finding : report.findings) {
      const std::string severity(table::ToString(finding.severity));
      if (context.options.json) {
        DATALAKE_TRY(PrintFacts(context, {{"table", name},
                                          {"severity", severity},
                                          {"kind", finding.kind},
                                          {"path", finding.path},
                                          {"message", finding.message}}));
      } else {
        DATALAKE_TRY(context.Print(fmt::format("{}: {}: {}: {}: {}", name, severity, finding.kind,
                                               finding.path, finding.message)));
      }
    }
    if (!context.options.json) {
      DATALAKE_TRY(context.Print(fmt::format(
          "{}: version {}: {} log files, {} checkpoints, {} data files, {} rows: {}", name,
          report.version, report.log_files, report.checkpoints, report.data_files, report.rows,
          report.findings.empty() ? "good" : fmt::format("{} findings", report.findings.size()))));
    }
    return {};
  }

  std::vector<std::string> tables_;
  bool is_deep_ = false;
  bool is_log_only_ = false;
};

}  // namespace

void AddTableUpkeepCommands(std::vector<std::unique_ptr<Command>>& commands) {
  commands.push_back(std::make_unique<VacuumCommand>());
  commands.push_back(std::make_unique<FsckCommand>());
}

}  // namespace datalake::apps

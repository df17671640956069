// datalake takedown: takes rows or assets out of the lake for good, with a record.
#include "datalake/lake/takedown.h"

#include <fmt/format.h>

#include "datalake/lake/lake.h"
#include "datalake/lake/lake_log.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/open_lake.h"
#include "apps/datalake/show_collection.h"

namespace datalake::apps {
namespace {

class TakedownCommand final : public Command {
 public:
  std::string_view Name() const override { return "takedown"; }

  std::string_view Summary() const override {
    return "Takes assets or rows out of tables, their old versions, collections and the store, for "
           "good";
  }

  std::string_view Example() const override {
    return "datalake takedown --asset 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f0"
           "0a08 --reason 'request 17' --dry-run\n"
           "datalake takedown --table huggingface/coco_2017/raw --where image_id=397133 --reason "
           "'request 18'\n"
           "datalake takedown --list";
  }

  void Declare(OptionSet& options) override {
    options.Strings("--asset", request_.assets, "SHA-256 of what must go");
    options.String("--table", table_, "provider/dataset/task of rows that must go");
    options.String("--where", where_, "COLUMN=VALUE: which rows of --table");
    options.String("--reason", request_.reason,
                   "why; kept for ever, must not quote what is taken down");
    options.Flag("--dry-run", request_.dry_run, "only count what would go");
    options.Flag("--list", lists_, "show the records of all takedowns");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    if (lists_) {
      return List(context, *lake);
    }
    DATALAKE_TRY(Complete());
    if (!request_.dry_run) {
      DATALAKE_TRY_ASSIGN(
          const bool is_sure,
          context.Confirm(
              request_.assets.empty()
                  ? fmt::format("destroy the rows of {} with {}, in all versions?", table_, where_)
                  : fmt::format("destroy {} assets and all rows that link them, in all "
                                "versions?",
                                request_.assets.size())));
      if (!is_sure) {
        return 0;
      }
    }
    DATALAKE_TRY_ASSIGN(const lake::TakedownReport report,
                        lake::TakeDown(*lake, request_, context.progress, context.stop));
    DATALAKE_TRY(context.options.json ? context.Print(lake::TakedownReportJson(report))
                                      : Show(context, report));
    return report.is_complete() ? 0 : 1;
  }

 private:
  Status Complete() {
    if (!table_.empty()) {
      DATALAKE_TRY_ASSIGN(request_.table, lake::ParseTableName(table_));
      const std::size_t equals = where_.find('=');
      if (equals == std::string::npos || equals == 0) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("--where takes COLUMN=VALUE: {}", where_)};
      }
      request_.column = where_.substr(0, equals);
      request_.value = where_.substr(equals + 1);
    }
    request_.user = CurrentUser();
    DATALAKE_TRY(request_.Validate());
    return request_.reason.empty() && !request_.dry_run
               ? Status(Error{ErrorCode::kInvalidArgument, "a takedown needs its --reason"})
               : Status();
  }

  static Status Show(const Context& context, const lake::TakedownReport& report) {
    const std::string_view did = report.dry_run ? "would remove" : "removed";
    if (report.places.empty()) {
      DATALAKE_TRY(context.Print("no rows to remove"));
    }
    for (const lake::TakedownPlace& place : report.places) {
      DATALAKE_TRY(context.Print(fmt::format(
          "{} {} rows ({} current) of {}{}", did, place.rows, place.current_rows, place.where,
          place.version < 0 ? "" : fmt::format(", version {}", place.version))));
    }
    DATALAKE_TRY(context.Print(
        fmt::format("{} {} assets, {} bytes; {} blocked for ever", did,
                    report.dry_run ? report.blocked.size() : report.removed_assets.size(),
                    report.removed_bytes, report.dry_run ? 0 : report.blocked.size())));
    for (const std::string& shared : report.shared_assets) {
      DATALAKE_TRY(context.Print("kept, other rows link it: " + shared));
    }
    for (const std::string& staged : report.staged) {
      DATALAKE_TRY(context.Print("a staged upload holds the bytes, discard it: " + staged));
    }
    if (!report.message.empty()) {
      DATALAKE_TRY(context.Print(report.message));
    }
    return report.dry_run ? Status() : context.Print("takedown " + report.id);
  }

  static Result<int> List(const Context& context, lake::Lake& lake) {
    DATALAKE_TRY_ASSIGN(const auto records, lake::LakeLog(lake.context()).Read());
    for (const lake::LakeLogRecord& record : records) {
      if (record.kind == "takedown") {
        DATALAKE_TRY(context.Print(
            context.options.json
                ? fmt::format(R"({{"number":{},"time":"{}","record":{}}})", record.number,
                              FormatTimestamp(record.time), record.body)
                : fmt::format("{} {} {} {}", record.number, FormatTimestamp(record.time),
                              record.user, record.body)));
      }
    }
    return 0;
  }

  lake::TakedownRequest request_;
  std::string table_;
  std::string where_;
  bool lists_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeTakedownCommand() {
  return std::make_unique<TakedownCommand>();
}

}  // namespace datalake::apps

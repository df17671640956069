#include "datalake/lake/feed_withdrawal.h"

#include <algorithm>
#include <future>
#include <set>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/id.h"
#include "datalake/format/arrow_status.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/value.h"
#include "datalake/json/writer.h"
#include "datalake/lake/feed.h"
#include "datalake/lake/takedown.h"
#include "datalake/lake/wait_for_lock.h"

namespace datalake::lake {
namespace {

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{256} << 20;
constexpr std::size_t kMaxReasonBytes = 200;
constexpr std::size_t kIdsAtOnce = 2000;  // in one question for their days

std::string FolderOf(const Layout& layout) {
  return io::JoinPath(layout.root(), "withdrawals");
}

json::Value ToJson(const PendingWithdrawal& withdrawal) {
  json::Value records = json::Value::array();
  for (const auto& [id, day] : withdrawal.records) {
    records.push_back({id, day});
  }
  return {{"id", withdrawal.id},
          {"feed", withdrawal.feed},
          {"user", withdrawal.user},
          {"reason", withdrawal.reason},
          {"requested", FormatTimestamp(withdrawal.requested)},
          {"records", std::move(records)}};
}

Result<PendingWithdrawal> FromJson(std::string_view text, const std::string& path) {
  DATALAKE_TRY_ASSIGN(const json::Value value, json::ParseValue(text, path));
  PendingWithdrawal withdrawal;
  DATALAKE_TRY_ASSIGN(withdrawal.id, json::GetString(value, "id", path));
  DATALAKE_TRY_ASSIGN(withdrawal.feed, json::GetString(value, "feed", path));
  DATALAKE_TRY_ASSIGN(withdrawal.user, json::GetString(value, "user", path));
  DATALAKE_TRY_ASSIGN(const auto reason, json::FindString(value, "reason", path));
  withdrawal.reason = reason.value_or("");
  DATALAKE_TRY_ASSIGN(const std::string requested, json::GetString(value, "requested", path));
  DATALAKE_TRY_ASSIGN(withdrawal.requested, ParseTimestamp(requested));
  const json::Value* records = json::Find(value, "records");
  if (records == nullptr || !records->is_array()) {
    return Error{ErrorCode::kCorruption, fmt::format("withdrawal without records: {}", path)};
  }
  for (const json::Value& record : *records) {
    if (!record.is_array() || record.size() != 2 || !record[0].is_string() ||
        !record[1].is_string()) {
      return Error{ErrorCode::kCorruption, fmt::format("broken record of a withdrawal: {}", path)};
    }
    withdrawal.records.emplace_back(record[0].get<std::string>(), record[1].get<std::string>());
  }
  return withdrawal;
}

}  // namespace

Result<std::unique_ptr<io::FileLock>> LockSnapshots(const LakeContext& context,
                                                    std::string_view feed,
                                                    const std::stop_token& stop) {
  const std::string folder = FolderOf(context.layout);
  DATALAKE_TRY(context.fs.MakeDirectories(folder));
  return WaitForLock(context.fs, io::JoinPath(folder, fmt::format("{}.lock", feed)), stop);
}

std::string FeedWithdrawals::Folder() const {
  return FolderOf(lake_.layout());
}

Result<std::vector<std::pair<std::string, std::string>>> FeedWithdrawals::FindRecords(
    FeedQueries& queries, std::string_view feed, const FeedFilter& filter) {
  DATALAKE_TRY_ASSIGN(const FeedRows found, queries.Rows(feed, filter, {"ingest_id"}));
  std::vector<std::string> ids;
  std::vector<std::pair<std::string, std::string>> records;
  const auto add_days = [&]() -> Status {
    DATALAKE_TRY_ASSIGN(const auto days, queries.DaysOf(feed, ids));
    records.insert(records.end(), days.begin(), days.end());
    ids.clear();
    return {};
  };
  while (true) {
    DATALAKE_TRY_ASSIGN(const auto batch,
                        format::FromArrow(found.rows->Next(), "cannot read ids of a feed"));
    if (batch == nullptr) {
      DATALAKE_TRY(add_days());
      return records;
    }
    const auto& column = static_cast<const arrow::StringArray&>(*batch->column(0));
    for (std::int64_t row = 0; row < column.length(); ++row) {
      ids.push_back(column.GetString(row));
    }
    DATALAKE_TRY(ids.size() >= kIdsAtOnce ? add_days() : Status());
  }
}

Result<BegunWithdrawal> FeedWithdrawals::Begin(Feed& feed, FeedQueries& queries,
                                               const WithdrawalOrder& order) const {
  if (order.reason.size() > kMaxReasonBytes) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("a reason has at most {} bytes", kMaxReasonBytes)};
  }
  PendingWithdrawal pending;
  pending.feed = order.feed;
  pending.user = order.user;
  pending.reason = order.reason;
  Withdrawal what = order.what;
  FeedFilter filter;
  if (what.scope == WithdrawalScope::kRecord) {
    DATALAKE_TRY_ASSIGN(pending.records, queries.DaysOf(order.feed, {what.ingest_id}));
  } else {
    if (what.scope == WithdrawalScope::kSubmitter) {
      filter.submitter = what.submitter_id;
    } else {
      filter.receipt = ToText(what.receipt);
    }
    DATALAKE_TRY_ASSIGN(pending.records, FindRecords(queries, order.feed, filter));
  }
  DATALAKE_TRY(Add(pending));
  what.reference = pending.id;
  std::promise<Result<WithdrawalAnswer>> promise;
  auto future = promise.get_future();
  feed.Withdraw(std::move(what), [&promise](Result<WithdrawalAnswer> answer) {
    promise.set_value(std::move(answer));
  });
  const auto done = future.get();
  if (!done) {
    DATALAKE_TRY(Cancel(pending.id));
    return done.error();
  }
  return BegunWithdrawal{.id = pending.id, .records = done->records};
}

Status FeedWithdrawals::Add(PendingWithdrawal& withdrawal) const {
  const LakeContext& context = lake_.context();
  withdrawal.id = MakeSortableUuid(context.clock, context.random);
  withdrawal.requested = context.clock.Now();
  DATALAKE_TRY(context.fs.MakeDirectories(Folder()));
  return io::PutIfAbsent(context.fs, io::JoinPath(Folder(), withdrawal.id + ".json"),
                         json::DumpValue(ToJson(withdrawal)) + "\n");
}

Status FeedWithdrawals::Cancel(std::string_view id) const {
  io::FileSystem& fs = lake_.context().fs;
  const Status removed = fs.Remove(io::JoinPath(Folder(), std::string(id) + ".json"));
  if (!removed && removed.error().code != ErrorCode::kNotFound) {
    return removed;
  }
  return fs.SyncDirectory(Folder());
}

Result<std::vector<PendingWithdrawal>> FeedWithdrawals::List() const {
  io::FileSystem& fs = lake_.context().fs;
  std::vector<PendingWithdrawal> pending;
  const auto entries = fs.List(Folder());
  if (!entries) {
    return entries.error().code == ErrorCode::kNotFound
               ? Result<std::vector<PendingWithdrawal>>(std::move(pending))
               : Result<std::vector<PendingWithdrawal>>(entries.error());
  }
  for (const io::DirectoryEntry& entry : *entries) {
    if (entry.is_directory || entry.name.starts_with('.') || !entry.name.ends_with(".json")) {
      continue;
    }
    const std::string path = io::JoinPath(Folder(), entry.name);
    const auto text = io::ReadFile(fs, path, kMaxFileBytes);
    if (!text && text.error().code == ErrorCode::kNotFound) {
      continue;  // done meanwhile
    }
    DATALAKE_TRY(text ? Status() : Status(text.error()));
    DATALAKE_TRY_ASSIGN(PendingWithdrawal withdrawal, FromJson(*text, path));
    pending.push_back(std::move(withdrawal));
  }
  return pending;
}

Result<WithdrawalReport> FeedWithdrawals::Finish(const RemoveCopies& remove_copies,
                                                 ProgressSink& progress,
                                                 std::stop_token stop) const {
  DATALAKE_TRY_ASSIGN(const auto pending, List());
  WithdrawalReport report;
  for (const PendingWithdrawal& withdrawal : pending) {
    DATALAKE_TRY(remove_copies ? remove_copies(withdrawal.feed, withdrawal.records) : Status());
    TakedownRequest request{
        .table = FeedTableName(withdrawal.feed),
        .column = "ingest_id",
        .collections_only = true,
        .reason = fmt::format("withdrawal {}{}{}", withdrawal.id,
                              withdrawal.reason.empty() ? "" : ": ", withdrawal.reason),
        .user = withdrawal.user};
    for (const auto& [id, day] : withdrawal.records) {
      request.values.insert(id);
    }
    if (!request.values.empty()) {
      DATALAKE_TRY_ASSIGN(const auto lock, LockSnapshots(lake_.context(), withdrawal.feed, stop));
      DATALAKE_TRY_ASSIGN(const TakedownReport done, TakeDown(lake_, request, progress, stop));
      if (!done.message.empty()) {
        report.message = done.message;
      }
      for (const TakedownPlace& place : done.places) {
        report.snapshots_amended += place.rows > 0 ? 1 : 0;
        report.rows_removed += place.rows;
      }
    }
    ++report.withdrawals;
    report.records += request.values.size();
    DATALAKE_TRY(Cancel(withdrawal.id));
  }
  return report;
}

std::string WithdrawalReportJson(const WithdrawalReport& report) {
  std::string text;
  json::Writer writer(text);
  writer.BeginObject();
  for (const auto& [key, value] :
       {std::pair("withdrawals", report.withdrawals), std::pair("records", report.records),
        std::pair("snapshots_amended", report.snapshots_amended),
        std::pair("rows_removed", report.rows_removed)}) {
    writer.Key(key);
    writer.Uint(value);
  }
  if (!report.message.empty()) {
    writer.Key("message");
    writer.String(report.message);
  }
  writer.EndObject();
  return text;
}

}  // namespace datalake::lake

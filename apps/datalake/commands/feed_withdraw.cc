// datalake feed withdraw: contributors take back what they gave.
#include <chrono>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/json/value.h"
#include "datalake/json/writer.h"
#include "datalake/lake/feed.h"
#include "datalake/lake/feed_query.h"
#include "datalake/lake/feed_withdrawal.h"
#include "datalake/lake/publish_plan.h"
#include "datalake/server/http_client.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/open_lake.h"
#include "apps/datalake/print_facts.h"

namespace datalake::apps {
namespace {

constexpr std::chrono::milliseconds kJobPause{100};

class WithdrawCommand final : public Command {
 public:
  std::string_view Name() const override { return "feed withdraw"; }

  std::string_view Summary() const override {
    return "Takes records away: from the feed at once, then from all that was published of it";
  }

  std::string_view Example() const override {
    return "datalake --server http://127.0.0.1:8091 feed withdraw chat --id 5f0c21 --receipt "
           "TOKEN\n"
           "datalake feed withdraw chat --submitter 4c1d --reason 'request 17'\n"
           "datalake --yes feed withdraw chat --receipt TOKEN";
  }

  void Declare(OptionSet& options) override {
    options.Argument("feed", feed_, "the feed");
    options.Strings("--id", ids_, "ingest_id of a record; any number");
    options.String("--submitter", submitter_, "all records of this submitter_id (admins)");
    options.String("--receipt", receipt_,
                   "the token shown when records were taken: all of that submission; with --id "
                   "the proof that those are yours");
    options.String("--reason", reason_,
                   "for the lake log, where it stays: a request's number, no content (admins)");
  }

  Result<int> Run(Context& context) override {
    if (ids_.empty() && submitter_.empty() && receipt_.empty()) {
      return Error{ErrorCode::kInvalidArgument,
                   "what to withdraw was not said: --id, --submitter or --receipt"};
    }
    if (!submitter_.empty() && (!ids_.empty() || !receipt_.empty())) {
      return Error{ErrorCode::kInvalidArgument, "--submitter stands alone"};
    }
    DATALAKE_TRY_ASSIGN(const bool is_sure,
                        context.Confirm("withdraw these records? They cannot be brought back."));
    if (!is_sure) {
      return Error{ErrorCode::kCancelled, "nothing was withdrawn"};
    }
    DATALAKE_TRY(context.options.server.empty() ? FromLake(context) : FromServer(context));
    return 0;
  }

 private:
  // What the options name, one withdrawal each.
  std::vector<lake::Withdrawal> Withdrawals() const {
    if (!submitter_.empty()) {
      return {{.scope = lake::WithdrawalScope::kSubmitter, .submitter_id = submitter_}};
    }
    if (ids_.empty()) {
      return {{.scope = lake::WithdrawalScope::kReceipt, .receipt = lake::HashReceipt(receipt_)}};
    }
    std::vector<lake::Withdrawal> all;
    for (const std::string& id : ids_) {
      all.push_back({.scope = lake::WithdrawalScope::kRecord, .ingest_id = id});
    }
    return all;
  }

  Status FromLake(Context& context) const {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    auto opened = lake::Feed::Open(*lake, feed_, {});
    if (!opened && opened.error().code == ErrorCode::kUnavailable) {
      return Error{ErrorCode::kUnavailable,
                   "a server takes the records of this feed, give its address as --server: " +
                       opened.error().message};
    }
    DATALAKE_TRY_ASSIGN(const auto feed, std::move(opened));
    DATALAKE_TRY_ASSIGN(const auto queries,
                        lake::FeedQueries::Open(*lake, {.threads = context.Threads()}));
    const lake::FeedWithdrawals withdrawals(*lake);
    for (const lake::Withdrawal& what : Withdrawals()) {
      if (what.scope == lake::WithdrawalScope::kRecord) {
        DATALAKE_TRY(feed->Find(what.ingest_id));
        if (!receipt_.empty() && !feed->Owns(what.ingest_id, receipt_)) {
          return Error{ErrorCode::kPermissionDenied,
                       "the receipt is not of this record: " + what.ingest_id};
        }
      }
      DATALAKE_TRY_ASSIGN(
          const lake::BegunWithdrawal begun,
          withdrawals.Begin(
              *feed, *queries,
              {.feed = feed_, .what = what, .user = "datalake feed withdraw", .reason = reason_}));
      DATALAKE_TRY(PrintBegun(context, begun.id, static_cast<std::int64_t>(begun.records)));
    }
    DATALAKE_TRY(feed->Seal());
    DATALAKE_TRY_ASSIGN(const lake::PublishPlan plan, lake::ReadPublishPlan(lake->context()));
    for (const lake::CopyPlan& copy : plan.copies) {
      if (copy.feed == feed_) {
        fmt::print(stderr,
                   "datalake: gone from the feed; the server of this lake takes the records out of "
                   "snapshots and of the copy {} when it runs\n",
                   copy.to);
        return {};
      }
    }
    DATALAKE_TRY_ASSIGN(const lake::WithdrawalReport report,
                        withdrawals.Finish({}, context.progress, context.stop));
    return PrintFacts(context,
                      {{"snapshots_amended", static_cast<std::int64_t>(report.snapshots_amended)},
                       {"rows_removed", static_cast<std::int64_t>(report.rows_removed)}});
  }

  Status FromServer(Context& context) const {
    DATALAKE_TRY_ASSIGN(const auto client, server::HttpClient::Make({.url = context.options.server,
                                                                     .token = context.options.token,
                                                                     .attempts = 1}));
    const std::string target = fmt::format("/v1/feeds/{}/withdrawals", feed_);
    const std::vector<std::string> ids = ids_.empty() ? std::vector<std::string>{""} : ids_;
    for (const std::string& id : ids) {
      const std::string body = Body(id);
      DATALAKE_TRY_ASSIGN(
          const json::Value answer,
          Ask(context, *client, {.method = "POST", .target = target, .body = body}));
      DATALAKE_TRY_ASSIGN(const std::string name, json::GetString(answer, "withdrawal", "answer"));
      DATALAKE_TRY_ASSIGN(const std::uint64_t records, json::GetUint(answer, "records", "answer"));
      DATALAKE_TRY_ASSIGN(const std::string job, json::GetString(answer, "job_id", "answer"));
      DATALAKE_TRY(WaitForJob(context, *client, job));
      DATALAKE_TRY(PrintBegun(context, name, static_cast<std::int64_t>(records)));
    }
    return {};
  }

  static Result<json::Value> Ask(Context& context, server::HttpClient& client,
                                 const server::HttpCall& call) {
    DATALAKE_TRY_ASSIGN(const server::HttpAnswer answer, client.Call(call, context.stop));
    if (answer.status >= 300) {
      return server::ErrorOfAnswer(context.options.server, answer);
    }
    return json::ParseValue(answer.body, "answer of the server");
  }

  // Until the records are out of what was published.
  static Status WaitForJob(Context& context, server::HttpClient& client, const std::string& id) {
    const std::string target = "/v1/jobs/" + id;
    while (true) {
      DATALAKE_TRY_ASSIGN(const json::Value job, Ask(context, client, {.target = target}));
      DATALAKE_TRY_ASSIGN(const std::string status, json::GetString(job, "status", "job"));
      if (status == "completed") {
        return {};
      }
      if (status != "running") {
        return Error{ErrorCode::kInternal,
                     fmt::format("withdrawn from the feed, but not yet from what was published; "
                                 "the server tries again: job {}: {}",
                                 status, id)};
      }
      std::this_thread::sleep_for(kJobPause);
    }
  }

  std::string Body(const std::string& id) const {
    std::string body;
    json::Writer writer(body);
    writer.BeginObject();
    for (const auto& [key, value] :
         {std::pair<std::string_view, std::string_view>("ingest_id", id),
          std::pair<std::string_view, std::string_view>("submitter_id", submitter_),
          std::pair<std::string_view, std::string_view>("receipt_token", receipt_),
          std::pair<std::string_view, std::string_view>("reason", reason_)}) {
      if (!value.empty()) {
        writer.Key(key);
        writer.String(value);
      }
    }
    writer.EndObject();
    return body;
  }

  static Status PrintBegun(Context& context, const std::string& id, std::int64_t records) {
    return PrintFacts(context, {{"withdrawal", id}, {"records", records}});
  }

  std::string feed_;
  std::vector<std::string> ids_;
  std::string submitter_;
  std::string receipt_;
  std::string reason_;
};

}  // namespace

std::unique_ptr<Command> MakeFeedWithdrawCommand() {
  return std::make_unique<WithdrawCommand>();
}

}  // namespace datalake::apps

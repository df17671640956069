#include "datalake/server/publishing.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "datalake/curate/tagger.h"
#include "datalake/job/feed_curation.h"
#include "datalake/job/job_runner.h"
#include "datalake/job/jobs_view.h"
#include "datalake/json/config_reader.h"
#include "datalake/json/value.h"
#include "datalake/json/writer.h"
#include "datalake/lake/feed.h"
#include "datalake/lake/feed_withdrawal.h"
#include "datalake/server/feeds.h"
#include "datalake/server/publisher.h"

namespace datalake::server {
namespace {

// A server answers many questions at once in little memory; what does not fit spills to index/.
constexpr std::uint64_t kFeedMemoryBytes = std::uint64_t{96} << 20;
constexpr std::uint64_t kQueryMemoryBytes = std::uint64_t{128} << 20;

void ReadFilter(json::ConfigReader& config, lake::FeedFilter& filter) {
  config.Read("from", filter.from);
  config.Read("to", filter.to);
  config.Read("source", filter.source);
  config.Read("agent", filter.agent);
  config.Read("submitter", filter.submitter);
  config.Read("rating", filter.rating);
  config.Read("text", filter.text);
}

Result<std::unique_ptr<lake::SnapshotStage>> MakeStage(const SnapshotJobRequest& request) {
  if (request.kind == lake::SnapshotKind::kRaw) {
    return std::unique_ptr<lake::SnapshotStage>();
  }
  DATALAKE_TRY_ASSIGN(const json::Value curation, json::ParseValue(request.curation, "curation"));
  json::ConfigReader config(curation, "curation");
  DATALAKE_TRY_ASSIGN(const job::FeedCurationOptions options,
                      job::ReadFeedCurationOptions(config, request.kind));
  curate::TaggerRegistry registry;
  DATALAKE_TRY(curate::AddBuiltinTaggers(registry));
  return job::MakeFeedCuration(options, registry);
}

std::string ResultJson(const SnapshotJobRequest& request, const lake::CollectionInfo& made,
                       const lake::SnapshotStage* stage) {
  std::string text;
  json::Writer writer(text);
  writer.BeginObject();
  writer.Key("feed");
  writer.String(request.feed);
  writer.Key("kind");
  writer.String(lake::ToString(request.kind));
  writer.Key("collection");
  writer.String(made.name);
  writer.Key("version");
  writer.String(made.version);
  writer.Key("rows");
  writer.Int(made.num_samples);
  writer.Key("bytes");
  writer.Uint(made.size_bytes);
  if (stage != nullptr) {
    writer.Key("report");
    writer.Raw(stage->ReportJson());
  }
  writer.EndObject();
  return text;
}

Result<std::string> RunSnapshot(lake::Lake& lake, Publishing& publishing,
                                job::JobContext& context) {
  DATALAKE_TRY_ASSIGN(const json::Value value,
                      json::ParseValue(context.parameters(), "parameters"));
  DATALAKE_TRY_ASSIGN(const std::string feed, json::GetString(value, "feed", "parameters"));
  DATALAKE_TRY_ASSIGN(const std::string created_by,
                      json::GetString(value, "created_by", "parameters"));
  json::Value body = value;
  body.erase("feed");
  body.erase("created_by");
  DATALAKE_TRY_ASSIGN(SnapshotJobRequest request,
                      ParseSnapshotRequest(feed, json::DumpValue(body)));
  DATALAKE_TRY_ASSIGN(const auto stage, MakeStage(request));
  DATALAKE_TRY_ASSIGN(
      const lake::CollectionInfo made,
      lake::MakeFeedSnapshot(lake, publishing.feeds(),
                             {.feed = request.feed,
                              .kind = request.kind,
                              .filter = request.filter,
                              .license = request.license,
                              .description = request.description,
                              .created_by = created_by,
                              .stage = stage.get()},
                             {.progress = context.progress(), .stop = context.stop()}));
  return ResultJson(request, made, stage.get());
}

}  // namespace

Result<SnapshotJobRequest> ParseSnapshotRequest(std::string_view feed, std::string_view body) {
  json::Value value = json::Value::object();
  if (!body.empty()) {
    DATALAKE_TRY_ASSIGN(value, json::ParseValue(body, "body"));
  }
  if (!value.is_object()) {
    return Error{ErrorCode::kInvalidArgument, "the body is no JSON object"};
  }
  SnapshotJobRequest request{.feed = std::string(feed)};
  json::ConfigReader config(value, "body");
  std::string kind = "raw";
  config.Read("kind", kind);
  config.Read("license", request.license);
  config.Read("description", request.description);
  if (auto filter = config.Object("filter")) {
    ReadFilter(*filter, request.filter);
    DATALAKE_TRY(filter->Finish());
  }
  static_cast<void>(config.Object("curation"));  // read below, by its own reader
  DATALAKE_TRY(config.Finish());
  DATALAKE_TRY(request.filter.Validate());
  DATALAKE_TRY_ASSIGN(request.kind, lake::ParseSnapshotKind(kind));
  if (const json::Value* curation = json::Find(value, "curation");
      curation != nullptr && !curation->is_null()) {
    if (request.kind == lake::SnapshotKind::kRaw) {
      return Error{ErrorCode::kInvalidArgument,
                   "a raw snapshot has no curation; ask for kind cleaned or curated"};
    }
    request.curation = json::DumpValue(*curation);
    DATALAKE_TRY(CheckCuration(request.kind, request.curation));
  }
  return request;
}

Status CheckCuration(lake::SnapshotKind kind, std::string_view curation) {
  DATALAKE_TRY_ASSIGN(const json::Value rules, json::ParseValue(curation, "curation"));
  if (kind == lake::SnapshotKind::kRaw && !rules.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "a raw snapshot has no curation; ask for kind cleaned or curated"};
  }
  json::ConfigReader config(rules, "curation");
  const auto options = job::ReadFeedCurationOptions(config, kind);
  return options ? Status() : Status(options.error());
}

std::string SnapshotJobParameters(const SnapshotJobRequest& request) {
  std::string text;
  json::Writer writer(text);
  writer.BeginObject();
  for (const auto& [key, value] :
       {std::pair<std::string_view, std::string_view>("feed", request.feed),
        std::pair<std::string_view, std::string_view>("kind", lake::ToString(request.kind)),
        std::pair<std::string_view, std::string_view>("license", request.license),
        std::pair<std::string_view, std::string_view>("description", request.description),
        std::pair<std::string_view, std::string_view>("created_by", request.created_by)}) {
    writer.Key(key);
    writer.String(value);
  }
  writer.Key("filter");
  writer.Raw(lake::FeedFilterJson(request.filter));
  if (request.kind != lake::SnapshotKind::kRaw) {
    writer.Key("curation");
    writer.Raw(request.curation);
  }
  writer.EndObject();
  return text;
}

Result<std::unique_ptr<Publishing>> Publishing::Open(lake::Lake& lake, const job::JobStore& store) {
  DATALAKE_TRY_ASSIGN(auto feeds,
                      lake::FeedQueries::Open(lake, {.memory_limit_bytes = kFeedMemoryBytes}));
  DATALAKE_TRY_ASSIGN(
      auto queries,
      lake::Queries::Open(lake, {.memory_limit_bytes = kQueryMemoryBytes,
                                 .jobs = [&store]() { return job::JobsView(store); }}));
  return std::unique_ptr<Publishing>(  // NOLINT: private constructor
      new Publishing(std::move(feeds), std::move(queries)));
}

Status RegisterSnapshotJob(job::JobRunner& runner, lake::Lake& lake, Publishing& publishing) {
  return runner.Register(kSnapshotJob, [&lake, &publishing](job::JobContext& context) {
    return RunSnapshot(lake, publishing, context);
  });
}

Status RegisterWithdrawalJob(job::JobRunner& runner, lake::Lake& lake, Feeds& feeds,
                             std::function<std::shared_ptr<Publisher>()> publisher) {
  return runner.Register(
      kWithdrawalJob, [&lake, &feeds, publisher](job::JobContext& context) -> Result<std::string> {
        const lake::FeedWithdrawals withdrawals(lake);
        DATALAKE_TRY_ASSIGN(const auto pending, withdrawals.List());
        for (const lake::PendingWithdrawal& withdrawal : pending) {
          // The rows leave the table's newest version.
          if (const auto feed = feeds.Get(withdrawal.feed)) {
            const auto sealed = (*feed)->Seal();
            DATALAKE_TRY(sealed ? Status() : Status(sealed.error()));
          }
        }
        const auto remove_copies =
            [&](std::string_view feed,
                const std::vector<std::pair<std::string, std::string>>& records) {
              const std::shared_ptr<Publisher> copies = publisher();
              return copies == nullptr ? Status()
                                       : copies->RemoveFromCopies(feed, records, context.stop());
            };
        DATALAKE_TRY_ASSIGN(const lake::WithdrawalReport report,
                            withdrawals.Finish(remove_copies, context.progress(), context.stop()));
        return lake::WithdrawalReportJson(report);
      });
}

}  // namespace datalake::server

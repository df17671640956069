// /v1/feeds/{feed}/snapshots: what a feed has published; made as jobs, downloaded by ranges.
#include <array>
#include <string>

#include <arrow/record_batch.h>

#include "datalake/base/name.h"
#include "datalake/format/arrow_status.h"
#include "datalake/job/job_runner.h"
#include "datalake/json/writer.h"
#include "datalake/lake/chat_training.h"
#include "datalake/lake/collections.h"
#include "datalake/lake/feed_snapshot.h"
#include "datalake/lake/feed_view.h"
#include "datalake/server/file_response.h"
#include "datalake/server/handlers/feed_filter.h"
#include "datalake/server/handlers/handlers.h"
#include "datalake/server/publishing.h"

namespace datalake::server {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{256} << 10;

constexpr std::string_view kRequestSchema =
    R"({"type":"object","additionalProperties":false,"properties":{"kind":{"enum":["raw",)"
    R"("cleaned","curated"]},"license":{"type":"string"},"description":{"type":"string"},)"
    R"("filter":{"type":"object"},"curation":{"type":"object","description":"rules, see )"
    R"(docs/publishing.md"}}})";

constexpr std::string_view kStartedSchema =
    R"({"type":"object","required":["job_id","status"],"properties":{"job_id":)"
    R"({"type":"string"},"status":{"enum":["started","already_running"]}}})";

constexpr std::string_view kListSchema =
    R"({"type":"object","required":["snapshots"],"properties":{"snapshots":{"type":"array",)"
    R"("items":{"type":"object","properties":{"kind":{"type":"string"},"version":)"
    R"({"type":"string"},"collection":{"type":"string"},"rows":{"type":"integer"},"bytes":)"
    R"({"type":"integer"},"created_at":{"type":"string"},"license":{"type":"string"}}}}}})";

Parameter KindParameter() {
  return {.name = "kind",
          .description = "what was published",
          .place = Parameter::Place::kPath,
          .values = {"raw", "cleaned", "curated"},
          .required = true};
}

Status CheckFeed(Service& service, const std::string& feed) {
  DATALAKE_TRY_ASSIGN(const auto feeds, lake::ListFeeds(service.lake));
  return std::find(feeds.begin(), feeds.end(), feed) != feeds.end()
             ? Status()
             : Status(UnknownNameError("feed", feed, feeds));
}

Result<Response> List(Service& service, const Request& request) {
  const std::string& feed = request.path_parameters.at("feed");
  DATALAKE_TRY(CheckFeed(service, feed));
  DATALAKE_TRY_ASSIGN(const auto snapshots, lake::ListFeedSnapshots(service.lake, feed));
  Response response;
  json::Writer writer(response.body);
  writer.BeginObject();
  writer.Key("snapshots");
  writer.BeginArray();
  for (const lake::SnapshotInfo& snapshot : snapshots) {
    const lake::CollectionInfo& info = snapshot.collection;
    writer.BeginObject();
    for (const auto& [key, text] :
         {std::pair<std::string_view, std::string>("kind", lake::ToString(snapshot.kind)),
          std::pair<std::string_view, std::string>("version", info.version),
          std::pair<std::string_view, std::string>("collection", info.name),
          std::pair<std::string_view, std::string>("license", info.license),
          std::pair<std::string_view, std::string>("created_at",
                                                   FormatTimestamp(info.created_at))}) {
      writer.Key(key);
      writer.String(text);
    }
    writer.Key("rows");
    writer.Int(info.num_samples);
    writer.Key("bytes");
    writer.Uint(info.size_bytes);
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
  return response;
}

Result<Response> Start(Service& service, const Request& request) {
  const std::string& feed = request.path_parameters.at("feed");
  DATALAKE_TRY(CheckFeed(service, feed));
  DATALAKE_TRY_ASSIGN(SnapshotJobRequest wanted, ParseSnapshotRequest(feed, request.body));
  wanted.created_by = request.caller == nullptr || request.caller->name.empty()
                          ? "datalake-server"
                          : request.caller->name;
  const std::string parameters = SnapshotJobParameters(wanted);
  DATALAKE_TRY_ASSIGN(const job::StartedJob started, service.jobs.Start(kSnapshotJob, parameters));
  if (started.already_running) {
    DATALAKE_TRY_ASSIGN(const job::JobRecord running, service.jobs.Get(started.id));
    if (running.parameters != parameters) {
      return Error{ErrorCode::kConflict,
                   "another snapshot is being made; wait for its job: " + started.id};
    }
  }
  Response response{.status = 202, .headers = {{"Location", "/jobs/" + started.id}}};
  json::Writer writer(response.body);
  writer.BeginObject();
  writer.Key("job_id");
  writer.String(started.id);
  writer.Key("status");
  writer.String(started.already_running ? "already_running" : "started");
  writer.EndObject();
  return response;
}

Result<lake::SnapshotInfo> Find(Service& service, const Request& request) {
  const std::string& feed = request.path_parameters.at("feed");
  DATALAKE_TRY(CheckFeed(service, feed));
  DATALAKE_TRY_ASSIGN(const lake::SnapshotKind kind,
                      lake::ParseSnapshotKind(request.path_parameters.at("kind")));
  return lake::FindFeedSnapshot(service.lake, feed, kind, request.path_parameters.at("version"));
}

Result<Response> File(Service& service, const Request& request, std::string_view name) {
  DATALAKE_TRY_ASSIGN(const lake::SnapshotInfo snapshot, Find(service, request));
  DATALAKE_TRY_ASSIGN(const lake::SnapshotDownload file,
                      lake::FindSnapshotFile(service.lake, snapshot, name));
  return FileResponse(request, service.lake.context().fs, file.path,
                      {.content_type = file.media_type, .etag = "\"" + file.sha256 + "\""});
}

// The lines that a snapshot's rows become, made as they are sent.
class LineSource final : public BodySource {
 public:
  LineSource(std::shared_ptr<arrow::RecordBatchReader> rows, lake::TrainingFormat format)
      : rows_(std::move(rows)), format_(format) {}

  void Next(PieceDone done) override { done(Piece()); }

 private:
  Result<std::string> Piece() {
    std::string text;
    while (text.size() < kPieceBytes) {
      DATALAKE_TRY_ASSIGN(const auto batch, format::FromArrow(rows_->Next(), "cannot read rows"));
      if (batch == nullptr) {
        break;
      }
      DATALAKE_TRY_ASSIGN(const lake::ChatRows chats, lake::ChatRows::Make(batch));
      for (std::int64_t row = 0; row < chats.size(); ++row) {
        lake::AppendTrainingLines(chats, row, format_, text);
      }
    }
    return text;
  }

  std::shared_ptr<arrow::RecordBatchReader> rows_;
  const lake::TrainingFormat format_;
};

Result<Response> Lines(Service& service, const Request& request) {
  DATALAKE_TRY_ASSIGN(const lake::TrainingFormat format,
                      lake::ParseTrainingFormat(request.Query("layout")));
  DATALAKE_TRY_ASSIGN(const lake::SnapshotInfo snapshot, Find(service, request));
  const std::string etag =
      "\"" + snapshot.collection.content_sha256 + "-" + std::string(request.Query("layout")) + "\"";
  Response response{.content_type = "application/x-ndjson", .headers = {{"ETag", etag}}};
  if (MatchesEtag(request.Header("if-none-match"), etag)) {
    response.status = 304;
    return response;
  }
  DATALAKE_TRY_ASSIGN(
      auto rows,
      lake::Collections(service.lake).Open(snapshot.collection.name, snapshot.collection.version));
  response.stream = std::make_shared<LineSource>(std::move(rows), format);
  return response;
}

}  // namespace

Status AddSnapshotRoutes(Router& router, Service& service) {
  const Access read = Access::ToFeed(Role::kRead, "{feed}");
  DATALAKE_TRY(router.Add({.method = "GET",
                           .path = "/v1/feeds/{feed}/snapshots",
                           .summary = "What the feed has published, oldest first in each kind",
                           .tag = "Snapshots",
                           .access = read,
                           .answers = {{200, "the snapshots", kListSchema}, {404, "no such feed"}},
                           .handle = [&service](const Request& request, const Responder& respond) {
                             respond(AnswerOf(List(service, request), request));
                           }}));
  DATALAKE_TRY(router.Add(
      {.method = "POST",
       .path = "/v1/feeds/{feed}/snapshots",
       .summary = "Starts a job that publishes the feed's current records as the next version",
       .tag = "Snapshots",
       .access = Access::ToFeed(Role::kWrite, "{feed}"),
       .request_schema = kRequestSchema,
       .max_body_bytes = std::uint64_t{1} << 20,
       .answers = {{202, "the job; its result names the version", kStartedSchema},
                   {400, "a key or value that is none"},
                   {404, "no such feed"},
                   {409, "another snapshot is being made"}},
       .handle = [&service](const Request& request, const Responder& respond) {
         respond(AnswerOf(Start(service, request), request));
       }}));
  const std::vector<RouteAnswer> answers = {
      {200, "the bytes", "", "application/octet-stream"},
      {206, "the range asked for", "", "application/octet-stream"},
      {304, "unchanged since the ETag named in If-None-Match"},
      {404, "no such feed, snapshot or file"},
      {416, "no byte of that range is there"}};
  DATALAKE_TRY(router.Add({.method = "GET",
                           .path = "/v1/feeds/{feed}/snapshots/{kind}/{version}",
                           .summary = "The manifest of a snapshot; version `latest` is the newest",
                           .tag = "Snapshots",
                           .access = read,
                           .parameters = {KindParameter()},
                           .answers = {{200, "the manifest", R"({"type":"object"})"},
                                       {206, "the range asked for"},
                                       {304, "unchanged since the ETag named in If-None-Match"},
                                       {404, "no such feed or snapshot"},
                                       {416, "no byte of that range is there"}},
                           .handle = [&service](const Request& request, const Responder& respond) {
                             respond(AnswerOf(File(service, request, "manifest.json"), request));
                           }}));
  DATALAKE_TRY(router.Add(
      {.method = "GET",
       .path = "/v1/feeds/{feed}/snapshots/{kind}/{version}/files/{file}",
       .summary = "A file of a snapshot: ranges, ETag (its SHA-256), If-None-Match",
       .tag = "Snapshots",
       .access = read,
       .parameters = {KindParameter()},
       .answers = answers,
       .handle = [&service](const Request& request, const Responder& respond) {
         respond(AnswerOf(File(service, request, request.path_parameters.at("file")), request));
       }}));
  return router.Add(
      {.method = "GET",
       .path = "/v1/feeds/{feed}/snapshots/{kind}/{version}/export",
       .summary = "The chats of a snapshot as lines for training",
       .tag = "Snapshots",
       .access = read,
       .parameters = {KindParameter(),
                      {.name = "layout",
                       .description = "sft: messages; pairs: edited answers preferred; sharegpt; "
                                      "text: a document a chat",
                       .values = {"sft", "pairs", "sharegpt", "text"},
                       .required = true}},
       .answers = {{200, "JSON lines", "", "application/x-ndjson"},
                   {304, "unchanged since the ETag named in If-None-Match"},
                   {400, "no such layout"},
                   {404, "no such feed or snapshot"}},
       .handle = [&service](const Request& request, const Responder& respond) {
         respond(AnswerOf(Lines(service, request), request));
       }});
}

}  // namespace datalake::server

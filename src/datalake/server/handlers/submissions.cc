// POST /v1/feeds/{feed}/records: one record, a JSON array or JSON lines for any feed.
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "datalake/io/compression.h"
#include "datalake/json/writer.h"
#include "datalake/lake/feed.h"
#include "datalake/lake/record_split.h"
#include "datalake/server/feeds.h"
#include "datalake/server/handlers/handlers.h"

namespace datalake::server {
namespace {

using Outcome = lake::FeedAnswer::Outcome;

constexpr std::uint64_t kMaxBodyBytes = std::uint64_t{32} << 20;  // as sent, and uncompressed
constexpr std::size_t kMaxRecords = 100'000;
// Answers for more records are put together on the pool, not on the log's thread.
constexpr std::size_t kFewRecords = 64;

constexpr std::string_view kAnswerSchema =
    R"({"type":"object","required":["stored","replayed","quarantined","refused","records"],)"
    R"("properties":{"stored":{"type":"integer"},"replayed":{"type":"integer"},)"
    R"("quarantined":{"type":"integer"},"refused":{"type":"integer"},)"
    R"("receipt_token":{"type":"string","description":"shown once: who has it may withdraw or )"
    R"(replace the new records of this request"},)"
    R"("records":{"type":"array","items":{"type":"object","required":["record","status"],)"
    R"("properties":{"record":{"type":"integer","description":"number in the request, from 0"},)"
    R"("status":{"enum":["stored","replaced","replayed","quarantined","refused","left_out"]},)"
    R"("ingest_id":{"type":"string"},"version":{"type":"integer"},)"
    R"("flags":{"type":"array","items":{"type":"string"}},)"
    R"("reasons":{"type":"array","items":{"type":"string"}},)"
    R"("code":{"type":"string"},"detail":{}}}}}})";

struct Counts {
  std::size_t stored = 0;  // replaced ones too
  std::size_t replayed = 0;
  std::size_t quarantined = 0;
  std::size_t refused = 0;  // left out ones too
  std::size_t conflicts = 0;
  std::optional<Error> fatal = {};  // of the server's side: nothing to do with the record
  bool busy = false;
};

Counts Count(const lake::SubmissionAnswer& answer) {
  Counts counts;
  for (const Result<lake::FeedAnswer>& record : answer.records) {
    if (!record) {
      const ErrorCode code = record.error().code;
      const bool is_theirs = code == ErrorCode::kInvalidArgument || code == ErrorCode::kConflict;
      counts.conflicts += code == ErrorCode::kConflict ? 1 : 0;
      counts.refused += is_theirs ? 1 : 0;
      if (!is_theirs) {
        counts.fatal = record.error();
      }
      continue;
    }
    switch (record->outcome) {
      case Outcome::kStored:
      case Outcome::kReplaced:
        ++counts.stored;
        break;
      case Outcome::kReplayed:
        ++counts.replayed;
        break;
      case Outcome::kQuarantined:
        ++counts.quarantined;
        break;
      case Outcome::kInvalid:
      case Outcome::kLeftOut:
        ++counts.refused;
        break;
      case Outcome::kBusy:
        counts.busy = true;
        break;
    }
  }
  return counts;
}

std::string_view WordOf(Outcome outcome) {
  switch (outcome) {
    case Outcome::kStored:
      return "stored";
    case Outcome::kReplaced:
      return "replaced";
    case Outcome::kReplayed:
      return "replayed";
    case Outcome::kQuarantined:
      return "quarantined";
    case Outcome::kLeftOut:
      return "left_out";
    case Outcome::kInvalid:
    case Outcome::kBusy:
      break;
  }
  return "refused";
}

void WriteTexts(json::Writer& writer, std::string_view key, const std::vector<std::string>& texts) {
  if (texts.empty()) {
    return;
  }
  writer.Key(key);
  writer.BeginArray();
  for (const std::string& text : texts) {
    writer.String(text);
  }
  writer.EndArray();
}

void WriteRecord(json::Writer& writer, std::size_t number, const Result<lake::FeedAnswer>& record) {
  writer.BeginObject();
  writer.Key("record");
  writer.Uint(number);
  writer.Key("status");
  if (!record) {
    writer.String("refused");
    writer.Key("code");
    writer.String(FactsOf(record.error().code).name);
    writer.Key("detail");
    writer.String(record.error().message);
    writer.EndObject();
    return;
  }
  writer.String(WordOf(record->outcome));
  if (record->outcome == Outcome::kInvalid) {
    writer.Key("code");
    writer.String("invalid");
    // {"detail":[…]} without its braces.
    const std::string problems = lake::ValidationProblemsJson(record->problems);
    constexpr std::string_view kBegin = R"({"detail":)";
    writer.Key("detail");
    writer.Raw(
        std::string_view(problems).substr(kBegin.size(), problems.size() - kBegin.size() - 1));
  } else if (record->outcome != Outcome::kLeftOut) {
    writer.Key("ingest_id");
    writer.String(record->ingest_id);
    writer.Key("version");
    writer.Int(record->version);
    WriteTexts(writer, "flags", record->flags);
    WriteTexts(writer, "reasons", record->reasons);
  }
  writer.EndObject();
}

// Which records the answer lists.
enum class Listing : std::uint8_t { kAll, kProblems };

// `bytes`: of the first record.
Response Render(const lake::SubmissionAnswer& answer, const lake::Feed& feed, std::size_t bytes,
                Listing listing, const std::string& request_id) {
  const Counts counts = Count(answer);
  if (counts.fatal) {
    // A part may be stored: the same request again, with the same ids or key, is safe.
    return feed.health()
               ? ErrorResponse(*counts.fatal, ErrorForm::kProblem, request_id)
               : StatusResponse(503, counts.fatal->message, ErrorForm::kProblem, request_id);
  }
  if (answer.records.size() == 1 && !answer.records[0] &&
      answer.records[0].error().code == ErrorCode::kInvalidArgument &&
      bytes > feed.definition()->limits.max_record_bytes) {
    return StatusResponse(413, answer.records[0].error().message, ErrorForm::kProblem, request_id);
  }
  if (counts.busy) {
    Response busy = StatusResponse(429, "too many records wait to be stored; try again",
                                   ErrorForm::kProblem, request_id);
    busy.headers.emplace_back("Retry-After", "1");
    return busy;
  }
  Response response;
  if (counts.refused > 0) {
    const bool some = counts.stored + counts.replayed + counts.quarantined > 0;
    const bool only_conflicts = counts.conflicts == counts.refused;
    response.status = some ? 207 : only_conflicts ? 409 : 422;
  }
  json::Writer writer(response.body);
  writer.BeginObject();
  writer.Key("stored");
  writer.Uint(counts.stored);
  writer.Key("replayed");
  writer.Uint(counts.replayed);
  writer.Key("quarantined");
  writer.Uint(counts.quarantined);
  writer.Key("refused");
  writer.Uint(counts.refused);
  if (!answer.receipt_token.empty()) {
    writer.Key("receipt_token");
    writer.String(answer.receipt_token);
  }
  writer.Key("records");
  writer.BeginArray();
  for (std::size_t i = 0; i < answer.records.size(); ++i) {
    const Result<lake::FeedAnswer>& record = answer.records[i];
    const bool is_fine =
        record && (record->outcome == Outcome::kStored || record->outcome == Outcome::kReplaced ||
                   record->outcome == Outcome::kReplayed);
    if (listing == Listing::kAll || !is_fine) {
      WriteRecord(writer, i, record);
    }
  }
  writer.EndArray();
  writer.EndObject();
  return response;
}

Response Refusal(int status, std::string_view detail, const Request& request) {
  return StatusResponse(status, detail, ErrorForm::kProblem, request.request_id);
}

// The media type without its parameters.
std::string_view MediaType(const Request& request) {
  std::string_view type = request.Header("content-type");
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ')) {
    type.remove_suffix(1);
  }
  return type;
}

std::optional<lake::RecordFraming> FramingOf(std::string_view media_type) {
  if (media_type == "application/x-ndjson" || media_type == "application/jsonl" ||
      media_type == "application/ndjson" || media_type == "application/json-lines") {
    return lake::RecordFraming::kLines;
  }
  if (media_type.empty() || media_type == "application/json") {
    return lake::RecordFraming::kValue;
  }
  return std::nullopt;
}

// Puts the body, uncompressed, in place; or says why not.
std::optional<Response> Uncompress(Request& request) {
  const std::string_view coding = request.Header("content-encoding");
  if (coding.empty() || coding == "identity") {
    return std::nullopt;
  }
  io::Compression compression = io::Compression::kNone;
  if (coding == "gzip" || coding == "x-gzip") {
    compression = io::Compression::kGzip;
  } else if (coding == "zstd") {
    compression = io::Compression::kZstd;
  } else {
    return Refusal(415, "Content-Encoding must be gzip, zstd or identity", request);
  }
  auto body = io::Inflate(request.body, compression, kMaxBodyBytes, "request body");
  if (!body) {
    const int status = body.error().code == ErrorCode::kResourceExhausted ? 413 : 400;
    return Refusal(status, body.error().message, request);
  }
  request.body = *std::move(body);
  return std::nullopt;
}

void Handle(Service& service, Request request, const Responder& respond) {
  const auto feed = service.feeds.Open(request.path_parameters.at("feed"));
  if (!feed) {
    return respond(ErrorResponse(feed.error(), ErrorForm::kProblem, request.request_id));
  }
  const auto framing = FramingOf(MediaType(request));
  if (!framing) {
    return respond(Refusal(415, "send application/json or application/x-ndjson", request));
  }
  if (auto refused = Uncompress(request)) {
    return respond(*std::move(refused));
  }
  auto ranges = lake::SplitRecords(request.body, *framing, kMaxRecords);
  if (!ranges) {
    const bool too_many = ranges.error().code == ErrorCode::kResourceExhausted;
    return respond(Refusal(too_many ? 413 : 422, ranges.error().message, request));
  }
  const bool to_store = request.Query("ack") == "store";
  const Listing listing =
      request.Query("results") == "problems" ? Listing::kProblems : Listing::kAll;
  lake::Submission submission{
      .text = std::move(request.body),
      .records = *std::move(ranges),
      .mode = request.Query("mode") == "all" ? lake::SubmissionMode::kAll
                                             : lake::SubmissionMode::kPartial,
      .from = {.receipt_token = std::string(request.Header("receipt-token")),
               .idempotency_key = std::string(request.Header("idempotency-key"))}};
  if (!submission.from.idempotency_key.empty()) {
    // Keys of different callers are different keys.
    submission.from.idempotency_key += "\n" + request.caller->token_id;
  }
  lake::Feed* const open = feed->get();  // closed after the last request
  const std::size_t bytes = submission.records.empty() ? 0 : submission.records.front().second;
  if (submission.records.size() <= kFewRecords && !to_store) {
    open->SubmitAsync(std::move(submission),
                      [respond, open, bytes, listing,
                       id = request.request_id](const lake::SubmissionAnswer& answer) {
                        respond(Render(answer, *open, bytes, listing, id));
                      });
    return;
  }
  const lake::SubmissionAnswer answer = open->Submit(std::move(submission));
  if (to_store) {
    if (const auto sealed = open->Seal(); !sealed) {
      return respond(Refusal(
          503, "the records are on the disk, but not in the table yet: " + sealed.error().message,
          request));
    }
  }
  respond(Render(answer, *open, bytes, listing, request.request_id));
}

}  // namespace

Status AddSubmissionRoutes(Router& router, Service& service) {
  return router.Add(
      {.method = "POST",
       .path = "/v1/feeds/{feed}/records",
       .summary = "Takes records of a feed: one, a JSON array, or JSON lines",
       .tag = "Feeds",
       .access = Access::ToFeed(Role::kContribute, "{feed}"),
       .parameters =
           {{.name = "mode",
             .description = "all: all records or none; partial: those that are fine",
             .values = {"all", "partial"}},
            {.name = "ack",
             .description = "disk: answered when durable in the log; store: when in the table",
             .values = {"disk", "store"}},
            {.name = "results",
             .description = "all: one result a record; problems: only those not stored",
             .values = {"all", "problems"}},
            {.name = "Idempotency-Key",
             .description = "the same key with the same body stores nothing twice; another body "
                            "is refused with 409",
             .place = Parameter::Place::kHeader,
             .maximum = 255},
            {.name = "Receipt-Token",
             .description = "a secret of your own: the receipt of new records, and the proof that "
                            "older ones are yours",
             .place = Parameter::Place::kHeader,
             .minimum = 16,
             .maximum = 255},
            {.name = "Content-Encoding",
             .description = "gzip, zstd or identity",
             .place = Parameter::Place::kHeader}},
       .request_schema =
           R"({"anyOf":[{"type":"object"},{"type":"array","items":{"type":"object"}}],)"
           R"("description":"see /v1/feeds/{feed}/schema"})",
       .request_media_types = {"application/json", "application/x-ndjson"},
       .max_body_bytes = kMaxBodyBytes,
       .answers = {{200, "all records are durable (or were there already)", kAnswerSchema},
                   {207, "some records are durable, others were refused", kAnswerSchema},
                   {400, "the compressed body is damaged"},
                   {404, "no such feed"},
                   {409, "another record has this id, or the key was used with another body"},
                   {413, "the body, as sent or uncompressed, or its only record is too large"},
                   {415, "neither JSON nor JSON lines, or an unknown Content-Encoding"},
                   {422, "no record was taken", kAnswerSchema},
                   {429, "too much waits to be stored; see Retry-After"},
                   {503, "another server takes the records of this feed, or its log has failed"},
                   {507, "the disk is almost full"}},
       .handle = [&service](Request request, const Responder& respond) {
         Handle(service, std::move(request), respond);
       }});
}

}  // namespace datalake::server

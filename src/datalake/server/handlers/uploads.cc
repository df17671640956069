// /v1/uploads: uploads in parts, resumable, from clients that do not see the lake's disk; what is
// staged; retry and discard.
#include <charconv>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/json/value.h"
#include "datalake/lake/upload.h"
#include "datalake/lake/upload_receiver.h"
#include "datalake/lake/upload_record.h"
#include "datalake/server/handlers/handlers.h"

namespace datalake::server {
namespace {

constexpr std::string_view kWhere = "body";
// 100,000 files with paths of some 200 bytes.
constexpr std::uint64_t kMaxBeginBytes = std::uint64_t{32} << 20;
constexpr std::string_view kBeginSchema =
    R"({"type":"object","required":["provider","dataset","files"],"properties":{)"
    R"("provider":{"type":"string"},"dataset":{"type":"string"},)"
    R"("task":{"type":"string","default":"raw"},"variant":{"type":"string"},)"
    R"("source":{"type":"string","default":".","description":"path of one of the files, a glob )"
    R"(over them, or . for their folder"},)"
    R"("fields":{"type":"object","additionalProperties":{"type":"string"}},)"
    R"("description":{"type":"string"},"original_source":{"type":"string"},)"
    R"("user":{"type":"string"},"on_bad_asset":{"enum":["keep","null","reject"]},)"
    R"("perceptual_hash":{"type":"boolean"},"thumbnails":{"type":"integer","description":)"
    R"("pixels of the longer side, 8 to 2048; 0: none"},)"
    R"("nested":{"enum":["keep","json"]},"overwrite":{"type":"boolean"},)"
    R"("strict_files":{"type":"boolean"},"check":{"type":"boolean","description":"only tells )"
    R"(whether the request is in order, of no files: before they are hashed"},)"
    R"("image_columns":{"type":"array","items":{"type":"string"}},)"
    R"("file_columns":{"type":"array","items":{"type":"string"}},)"
    R"("files":{"type":"array","items":{"type":"object","required":["path","bytes","sha256"],)"
    R"("properties":{"path":{"type":"string"},"bytes":{"type":"integer"},)"
    R"("sha256":{"type":"string"}}}}}})";
constexpr std::string_view kReceivingSchema =
    R"({"type":"object","properties":{"upload":{"type":"string"},)"
    R"("part_bytes":{"type":"integer"},"files":{"type":"array","items":{"type":"object",)"
    R"("properties":{"path":{"type":"string"},"bytes":{"type":"integer"},)"
    R"("missing":{"type":"array","items":{"type":"integer"}}}}}}})";
constexpr std::string_view kUploadSchema =
    R"({"type":"object","properties":{"upload":{"type":"string"},"state":{"type":"string"},)"
    R"("rows":{"type":"integer"},"variant":{"type":"string"}}})";

json::Value ReceivingValue(const lake::Receiving& receiving) {
  json::Value files = json::Value::array();
  for (const lake::FileProgress& file : receiving.files) {
    files.push_back({{"path", file.file.path},
                     {"bytes", file.file.size_bytes},
                     {"missing", file.missing_parts}});
  }
  return {
      {"upload", receiving.id}, {"part_bytes", receiving.part_bytes}, {"files", std::move(files)}};
}

json::Value UploadValue(const lake::UploadInfo& info) {
  json::Value bad_files = json::Value::array();
  for (const lake::BadFile& file : info.bad_files) {
    bad_files.push_back({{"file", file.path}, {"problem", file.problem}});
  }
  json::Value value = {{"upload", info.id},
                       {"state", lake::ToString(info.state)},
                       {"provider", info.table.provider},
                       {"dataset", info.table.dataset},
                       {"task", info.table.task},
                       {"variant", info.variant},
                       {"rows", info.rows},
                       {"problem_rows", info.problem_rows},
                       {"known_assets", info.known_assets},
                       {"bad_files", std::move(bad_files)},
                       {"uploaded_by", info.user},
                       {"uploaded_at", FormatTimestamp(info.uploaded_at)}};
  value["error"] = info.error ? json::Value(ToString(*info.error)) : json::Value();
  return value;
}

void Answer(const Request& request, const Responder& respond, const Result<json::Value>& value,
            int status = 200) {
  if (!value) {
    respond(ErrorResponse(value.error(), ErrorForm::kProblem, request.request_id));
    return;
  }
  respond({.status = status, .body = json::DumpValue(*value)});
}

Status ReadNames(const json::Value& body, std::string_view key, std::vector<std::string>& names) {
  const json::Value* list = json::Find(body, key);
  if (list == nullptr) {
    return {};
  }
  for (const json::Value& name : *list) {
    if (!list->is_array() || !name.is_string()) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("{} must be a list of texts", key)};
    }
    names.push_back(name.get<std::string>());
  }
  return {};
}

// What the routes work with, for as long as the router lives.
struct Context {
  explicit Context(lake::Lake& the_lake) : lake(the_lake), receiver(the_lake) {}

  lake::Lake& lake;
  lake::UploadReceiver receiver;
};

struct BeginBody {
  lake::UploadRequest request;
  std::vector<lake::AnnouncedFile> files;
  bool only_checks = false;
};

Status ReadWords(const json::Value& body, lake::UploadRequest& request) {
  const auto text = [&body](std::string_view key, std::string& target) -> Status {
    DATALAKE_TRY_ASSIGN(const auto found, json::FindString(body, key, kWhere));
    target = found.value_or(target);
    return {};
  };
  const auto flag = [&body](std::string_view key, bool& target) -> Status {
    DATALAKE_TRY_ASSIGN(const auto found, json::FindBool(body, key, kWhere));
    target = found.value_or(target);
    return {};
  };
  request.source_path = std::string(1, '.');  // GCC 12 warns wrongly of a literal here
  std::string on_bad_asset = "keep";
  std::string nested = "keep";
  DATALAKE_TRY(text("task", request.task));
  DATALAKE_TRY(text("variant", request.variant));
  DATALAKE_TRY(text("source", request.source_path));
  DATALAKE_TRY(text("description", request.description));
  DATALAKE_TRY(text("original_source", request.original_source));
  DATALAKE_TRY(text("user", request.user));
  DATALAKE_TRY(text("on_bad_asset", on_bad_asset));
  DATALAKE_TRY(text("nested", nested));
  DATALAKE_TRY(flag("overwrite", request.overwrite));
  DATALAKE_TRY(flag("strict_files", request.strict_files));
  DATALAKE_TRY_ASSIGN(request.derived, lake::DerivedColumnsIn(body, kWhere));
  DATALAKE_TRY_ASSIGN(request.on_bad_asset, lake::ParseOnBadAsset(on_bad_asset));
  DATALAKE_TRY_ASSIGN(request.nested, lake::ParseNestedValues(nested));
  DATALAKE_TRY(ReadNames(body, "image_columns", request.image_columns));
  return ReadNames(body, "file_columns", request.file_columns);
}

Result<BeginBody> ParseBegin(const std::string& text) {
  DATALAKE_TRY_ASSIGN(const json::Value body, json::ParseValue(text, kWhere));
  BeginBody begin;
  DATALAKE_TRY_ASSIGN(begin.request.provider, json::GetString(body, "provider", kWhere));
  DATALAKE_TRY_ASSIGN(begin.request.dataset, json::GetString(body, "dataset", kWhere));
  DATALAKE_TRY(ReadWords(body, begin.request));
  DATALAKE_TRY_ASSIGN(const auto only_checks, json::FindBool(body, "check", kWhere));
  begin.only_checks = only_checks.value_or(false);
  if (const json::Value* fields = json::Find(body, "fields")) {
    if (!fields->is_object()) {
      return Error{ErrorCode::kInvalidArgument, "fields must be an object"};
    }
    for (const auto& [key, unused] : fields->items()) {
      DATALAKE_TRY_ASSIGN(begin.request.fields[key], json::GetString(*fields, key, kWhere));
    }
  }
  const json::Value* files = json::Find(body, "files");
  if (files == nullptr || !files->is_array()) {
    return Error{ErrorCode::kInvalidArgument, "body has no list of files"};
  }
  for (const json::Value& file : *files) {
    lake::AnnouncedFile one;
    DATALAKE_TRY_ASSIGN(one.path, json::GetString(file, "path", kWhere));
    DATALAKE_TRY_ASSIGN(one.size_bytes, json::GetUint(file, "bytes", kWhere));
    DATALAKE_TRY_ASSIGN(one.sha256, json::GetString(file, "sha256", kWhere));
    begin.files.push_back(std::move(one));
  }
  return begin;
}

Result<json::Value> Begin(Context& context, const Request& request) {
  DATALAKE_TRY_ASSIGN(const BeginBody body, ParseBegin(request.body));
  if (body.only_checks) {
    DATALAKE_TRY(lake::CheckUploadRequest(context.lake, body.request));
    return json::Value{{"checked", true}};
  }
  DATALAKE_TRY_ASSIGN(const lake::Receiving receiving,
                      context.receiver.Begin(body.request, body.files));
  return ReceivingValue(receiving);
}

Result<std::uint64_t> NumberOf(const Request& request, std::string_view name) {
  const std::string& text = request.path_parameters.find(name)->second;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("not a number: {}", text)};
  }
  return number;
}

Result<json::Value> PutPart(Context& context, const Request& request) {
  DATALAKE_TRY_ASSIGN(const std::uint64_t file, NumberOf(request, "file"));
  DATALAKE_TRY_ASSIGN(const std::uint64_t part, NumberOf(request, "part"));
  DATALAKE_TRY(context.receiver.PutPart(request.path_parameters.at("upload"), file, part,
                                        request.body, request.Header("x-content-sha256")));
  return json::Value{{"received", true}};
}

Result<json::Value> Complete(Context& context, const Request& request) {
  NullProgress progress;
  DATALAKE_TRY_ASSIGN(
      const lake::UploadInfo info,
      context.receiver.Complete(request.path_parameters.at("upload"), progress, {}));
  return UploadValue(info);
}

Result<json::Value> List(Context& context) {
  json::Value uploads = json::Value::array();
  for (const lake::UploadState state :
       {lake::UploadState::kPending, lake::UploadState::kProcessing, lake::UploadState::kFailed}) {
    DATALAKE_TRY_ASSIGN(const auto infos, lake::Uploads(context.lake).List(state));
    for (const lake::UploadInfo& info : infos) {
      uploads.push_back(UploadValue(info));
    }
  }
  return json::Value{{"uploads", std::move(uploads)}};
}

// What is being received, or staged.
Result<json::Value> Show(Context& context, const Request& request) {
  const std::string& id = request.path_parameters.at("upload");
  DATALAKE_TRY_ASSIGN(const json::Value list, List(context));
  for (const json::Value& upload : list.at("uploads")) {
    if (upload.at("upload") == id) {
      return upload;
    }
  }
  DATALAKE_TRY_ASSIGN(const lake::Receiving receiving, context.receiver.Get(id));
  return ReceivingValue(receiving);
}

Result<json::Value> Retry(Context& context, const Request& request) {
  DATALAKE_TRY(lake::Uploads(context.lake).Retry(request.path_parameters.at("upload")));
  return json::Value{{"state", "pending"}};
}

Result<json::Value> Discard(Context& context, const Request& request) {
  const std::string& id = request.path_parameters.at("upload");
  const Status aborted = context.receiver.Abort(id);
  if (!aborted && aborted.error().code != ErrorCode::kNotFound) {
    return aborted.error();
  }
  const Status discarded = lake::Uploads(context.lake).Discard(id);
  if (!discarded && !(aborted && discarded.error().code == ErrorCode::kNotFound)) {
    return discarded.error();
  }
  return json::Value{{"discarded", true}};
}

using Work = Result<json::Value> (*)(Context&, const Request&);

struct Resource {
  std::string_view method;
  std::string_view path;
  std::string_view summary;
  std::vector<RouteAnswer> answers;
  Work work;
  std::string_view body{};
  int status = 200;
  std::uint64_t max_body_bytes = 0;
};

}  // namespace

Status AddUploadRoutes(Router& router, Service& service) {
  const RouteAnswer unknown{404, "no such upload"};
  const auto context = std::make_shared<Context>(service.lake);
  std::vector<Resource> resources = {
      {"GET",
       "/v1/uploads",
       "What waits, is processed, or failed, oldest first of each",
       {{200, "the uploads"}},
       [](Context& the_context, const Request&) { return List(the_context); }},
      {"POST",
       "/v1/uploads",
       "Begins an upload in parts, or finds the one of the same request and files",
       {{201, "what to send", kReceivingSchema}, {400, "the request is not valid"}},
       &Begin,
       kBeginSchema,
       201,
       kMaxBeginBytes},
      {"GET",
       "/v1/uploads/{upload}",
       "One upload: what is missing of it, or where it is",
       {{200, "the upload", kReceivingSchema}, unknown},
       &Show},
      {"PUT",
       "/v1/uploads/{upload}/files/{file}/parts/{part}",
       "Takes one part; X-Content-SHA256 is the hexadecimal SHA-256 of its bytes",
       {{200, "it is on the disk"}, {400, "its bytes are not those of the checksum"}, unknown},
       &PutPart,
       R"({"type":"string","format":"binary"})"},
      {"POST",
       "/v1/uploads/{upload}/complete",
       "Checks what was sent and stages it; again is fine",
       {{200, "it waits to be processed", kUploadSchema}, {409, "parts are missing"}, unknown},
       &Complete},
      {"POST",
       "/v1/uploads/{upload}/retry",
       "Puts a failed upload back in the queue",
       {{200, "it waits"}, unknown},
       &Retry},
      {"DELETE",
       "/v1/uploads/{upload}",
       "Drops an upload that is received, pending or failed",
       {{200, "it is gone"}, {409, "it is being processed"}, unknown},
       &Discard}};
  for (Resource& resource : resources) {
    DATALAKE_TRY(
        router.Add({.method = resource.method,
                    .path = resource.path,
                    .summary = resource.summary,
                    .tag = "Uploads",
                    .access = Access::To(resource.method == "GET" ? Role::kRead : Role::kWrite),
                    .request_schema = resource.body,
                    .max_body_bytes = resource.max_body_bytes,
                    .answers = std::move(resource.answers),
                    .handle = [context, work = resource.work, status = resource.status](
                                  const Request& request, const Responder& respond) {
                      Answer(request, respond, work(*context, request), status);
                    }}));
  }
  return {};
}

}  // namespace datalake::server

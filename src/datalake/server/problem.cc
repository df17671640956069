#include "datalake/server/problem.h"

#include <fmt/format.h>

#include "datalake/base/log.h"
#include "datalake/json/writer.h"

namespace datalake::server {
namespace {

Response Render(int status, std::string_view type, std::string_view detail, ErrorForm form,
                std::string_view request_id) {
  Response response;
  response.status = status;
  json::Writer writer(response.body);
  writer.BeginObject();
  if (form == ErrorForm::kDetail) {
    writer.Key("detail");
    writer.String(detail);
  } else {
    response.content_type = "application/problem+json";
    writer.Key("type");
    writer.String(type);
    writer.Key("title");
    writer.String(ReasonPhrase(status));
    writer.Key("status");
    writer.Int(status);
    writer.Key("detail");
    writer.String(detail);
    writer.Key("request_id");
    writer.String(request_id);
  }
  writer.EndObject();
  return response;
}

}  // namespace

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 304:
      return "Not Modified";
    case 207:
      return "Multi-Status";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 422:
      return "Unprocessable Content";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 499:
      return "Client Closed Request";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 507:
      return "Insufficient Storage";
    default:
      return "Error";
  }
}

Response ErrorResponse(const Error& error, ErrorForm form, std::string_view request_id) {
  const ErrorCodeFacts& facts = FactsOf(error.code);
  std::string detail = error.message;
  if (facts.http_status >= 500) {
    LogError(fmt::format("request {} failed: {}", request_id, ToString(error)));
  }
  if (error.code == ErrorCode::kInternal) {
    detail = fmt::format("internal error; the server's log has it under request id {}", request_id);
  }
  return Render(facts.http_status, fmt::format("urn:datalake:error:{}", facts.name), detail, form,
                request_id);
}

Response StatusResponse(int status, std::string_view detail, ErrorForm form,
                        std::string_view request_id) {
  return Render(status, "about:blank", detail, form, request_id);
}

}  // namespace datalake::server

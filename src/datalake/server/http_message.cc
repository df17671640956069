#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include <boost/asio/error.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <fmt/format.h>

#include "datalake/server/http_message_internal.h"
#include "datalake/server/problem.h"
#include "datalake/server/router.h"
#include "datalake/server/target.h"

namespace datalake::server {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::size_t kMaxHeaders = 100;

std::string_view View(beast::string_view text) {
  return {text.data(), text.size()};
}

bool IsHeaderValue(std::string_view value) {
  return value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

bool HasHeader(const Response& response, std::string_view name) {
  return std::any_of(response.headers.begin(), response.headers.end(), [name](const auto& header) {
    return beast::iequals({header.first.data(), header.first.size()}, {name.data(), name.size()});
  });
}

void AppendHeader(std::string& out, std::string_view name, std::string_view value) {
  out.append(name);
  out.append(": ");
  out.append(value);
  out.append("\r\n");
}

void AppendUnlessGiven(std::string& out, const Response& response, std::string_view name,
                       std::string_view value) {
  if (response.headers.empty() || !HasHeader(response, name)) {
    AppendHeader(out, name, value);
  }
}

std::string_view Number(std::uint64_t value, std::array<char, 24>& digits) {
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return {digits.data(), static_cast<std::size_t>(end - digits.data())};
}

}  // namespace

RequestReader::RequestReader(std::uint32_t max_header_bytes) {
  parser_.header_limit(max_header_bytes);
  parser_.body_limit(boost::none);  // Content-Length is checked when the route is known
}

RequestReader::State RequestReader::Read(beast::flat_buffer& buffer) {
  while (true) {
    if (parser_.is_header_done() && !header_seen_) {
      header_seen_ = true;
      return State::kHeader;
    }
    if (parser_.is_done()) {
      return State::kDone;
    }
    if (buffer.size() == 0) {
      return State::kNeedMore;
    }
    error_.clear();
    const std::size_t used = parser_.put(buffer.data(), error_);
    buffer.consume(used);
    if (error_ == http::error::need_more) {
      error_.clear();
      return State::kNeedMore;
    }
    if (error_) {
      return State::kFailed;
    }
    if (used == 0 && !parser_.is_header_done()) {
      return State::kNeedMore;
    }
  }
}

void RequestReader::AllowBody(std::uint64_t max_bytes) {
  parser_.body_limit(max_bytes);
}

std::optional<std::uint64_t> RequestReader::content_length() const {
  const auto length = parser_.content_length();
  return length ? std::optional<std::uint64_t>(*length) : std::nullopt;
}

std::uint64_t RequestReader::BodyBound(std::uint64_t limit) const {
  if (const auto length = parser_.content_length()) {
    return std::min<std::uint64_t>(*length, limit);
  }
  return parser_.chunked() ? limit : 0;
}

bool RequestReader::has_body() const {
  return parser_.chunked() || content_length().value_or(0) > 0;
}

bool RequestReader::expects_continue() const {
  return beast::iequals(parser_.get()[http::field::expect], "100-continue");
}

std::string_view RequestReader::target() const {
  return parser_.is_header_done() ? View(parser_.get().target()) : std::string_view();
}

Result<Request> RequestReader::TakeHeader() {
  const auto& message = parser_.get();
  Request request;
  request.method = View(message.method_string());
  SplitTarget(View(message.target()), request.path, request.query);
  std::size_t hosts = 0;
  for (const auto& field : message.base()) {
    if (request.headers.size() == kMaxHeaders) {
      return Error{ErrorCode::kResourceExhausted,
                   fmt::format("more than {} header fields", kMaxHeaders)};
    }
    std::string name(View(field.name_string()));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    hosts += name == "host" ? 1 : 0;
    request.headers.emplace_back(std::move(name), View(field.value()));
  }
  if (hosts > 1 || (hosts == 0 && !http_1_0())) {
    return Error{ErrorCode::kInvalidArgument, "a request needs exactly one Host header"};
  }
  return request;
}

void AppendHead(std::string& out, const Response& response, const HeadOptions& options) {
  std::array<char, 24> digits{};
  out.reserve(out.size() + 512);
  out.append("HTTP/1.1 ");
  out.append(Number(static_cast<std::uint64_t>(response.status), digits));
  out.push_back(' ');
  out.append(ReasonPhrase(response.status));
  out.append("\r\n");
  AppendHeader(out, "Date", options.date);
  AppendHeader(out, "Server", "datalake");
  const bool no_content = response.status == 204 || response.status == 304;
  if (!no_content) {
    AppendHeader(out, "Content-Type", response.content_type);
  }
  AppendHeader(out, "X-Request-Id", options.request_id);
  out.append("X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n");
  AppendUnlessGiven(out, response, "Referrer-Policy", "no-referrer");
  AppendUnlessGiven(out, response, "Content-Security-Policy",
                    "default-src 'none'; frame-ancestors 'none'");
  AppendUnlessGiven(out, response, "Cache-Control", "no-store");
  for (const auto& [name, value] : response.headers) {
    if (IsHeaderValue(name) && IsHeaderValue(value)) {
      AppendHeader(out, name, value);
    }
  }
  if (options.content_length) {
    if (!no_content) {
      AppendHeader(out, "Content-Length", Number(*options.content_length, digits));
    }
  } else if (!options.http_1_0) {
    out.append("Transfer-Encoding: chunked\r\n");
  }
  if (!options.keep_alive) {
    out.append("Connection: close\r\n");
  } else if (options.http_1_0) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
}

std::string HttpDate(std::int64_t epoch_seconds) {
  constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed",
                                                     "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = epoch_seconds;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT",
                     kDays[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
                     kMonths[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::optional<Response> ReadErrorResponse(const RequestReader& reader,
                                          std::string_view request_id) {
  const auto& code = reader.error();
  std::string path;
  std::vector<std::pair<std::string, std::string>> query;
  SplitTarget(reader.target(), path, query);
  const ErrorForm form = ErrorFormOfPath(path);
  if (code == http::error::body_limit || code == http::error::buffer_overflow) {
    return StatusResponse(413, "the body is too large", form, request_id);
  }
  if (code == http::error::header_limit) {
    return StatusResponse(431, "the header is too large", form, request_id);
  }
  if (!code || code == http::error::end_of_stream || code == http::error::partial_message) {
    return std::nullopt;
  }
  return StatusResponse(400, "not a valid HTTP/1.1 request: " + code.message(), form, request_id);
}

}  // namespace datalake::server

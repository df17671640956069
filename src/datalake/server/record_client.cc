#include "datalake/server/record_client.h"

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/json/value.h"

namespace datalake::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::uint64_t kMaxAnswerBytes = std::uint64_t{64} << 20;

// Host and port of "http://host:port".
struct Address {
  std::string host;
  std::string port;
};

Result<Address> ParseUrl(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (url.starts_with("https://")) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("this command speaks http only, use the Python client's ingest for "
                             "https: {}",
                             url)};
  }
  if (!url.starts_with(kScheme)) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("not an http URL: {}", url)};
  }
  std::string_view rest = url.substr(kScheme.size());
  rest = rest.substr(0, rest.find('/'));
  const std::size_t colon = rest.rfind(':');
  const bool has_port = colon != std::string_view::npos && rest.find(']', colon) == rest.npos;
  Address address{.host = std::string(rest.substr(0, has_port ? colon : rest.size())),
                  .port = has_port ? std::string(rest.substr(colon + 1)) : "80"};
  if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']') {
    address.host = address.host.substr(1, address.host.size() - 2);
  }
  if (address.host.empty() || address.port.empty()) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("not an http URL: {}", url)};
  }
  return address;
}

ErrorCode CodeOfStatus(unsigned status) {
  switch (status) {
    case 401:
    case 403:
      return ErrorCode::kPermissionDenied;
    case 404:
      return ErrorCode::kNotFound;
    case 409:
      return ErrorCode::kConflict;
    case 413:
    case 507:
      return ErrorCode::kResourceExhausted;
    case 429:
    case 503:
      return ErrorCode::kUnavailable;
    default:
      return status >= 500 ? ErrorCode::kInternal : ErrorCode::kInvalidArgument;
  }
}

Result<SentRecords> ReadAnswer(const std::string& text) {
  DATALAKE_TRY_ASSIGN(const json::Value value, json::ParseValue(text, "answer of the server"));
  SentRecords sent;
  DATALAKE_TRY_ASSIGN(sent.stored, json::GetUint(value, "stored", "answer"));
  DATALAKE_TRY_ASSIGN(sent.replayed, json::GetUint(value, "replayed", "answer"));
  DATALAKE_TRY_ASSIGN(sent.quarantined, json::GetUint(value, "quarantined", "answer"));
  DATALAKE_TRY_ASSIGN(sent.refused, json::GetUint(value, "refused", "answer"));
  DATALAKE_TRY_ASSIGN(const auto token, json::FindString(value, "receipt_token", "answer"));
  sent.receipt_token = token.value_or("");
  if (const json::Value* records = json::Find(value, "records")) {
    sent.problems = json::DumpValue(*records);
  }
  return sent;
}

class BeastClient final : public RecordClient {
 public:
  BeastClient(const RecordClientOptions& options, Address address)
      : options_(options), address_(std::move(address)) {}

  Result<SentRecords> Send(std::string_view lines) override {
    std::chrono::milliseconds pause(100);
    Error last{ErrorCode::kUnavailable, "no answer from " + options_.url};
    for (int attempt = 0; attempt < options_.attempts; ++attempt) {
      if (attempt > 0) {
        std::this_thread::sleep_for(pause);
        pause = std::min(2 * pause, std::chrono::milliseconds(5000));
      }
      beast::error_code code;
      const auto answer = Call(lines, code);
      if (code) {
        stream_.reset();
        last.message = fmt::format("no answer from {}: {}", options_.url, code.message());
        continue;
      }
      const unsigned status = answer.result_int();
      if (!answer.keep_alive()) {
        stream_.reset();
      }
      const bool has_counts = status == 200 || status == 207 || status == 422 || status == 409;
      if (has_counts && answer.body().find("\"records\"") != std::string::npos) {
        return ReadAnswer(answer.body());
      }
      last = {CodeOfStatus(status),
              fmt::format("{} answered {}: {}", options_.url, status, answer.body())};
      if (status != 429 && status != 503) {
        return last;
      }
    }
    return last;
  }

 private:
  void Connect(beast::error_code& code) {
    asio::ip::tcp::resolver resolver(io_);
    const auto endpoints = resolver.resolve(address_.host, address_.port, code);
    if (code) {
      return;
    }
    stream_.emplace(io_);
    stream_->expires_after(options_.timeout);
    stream_->connect(endpoints, code);
    if (!code) {
      stream_->socket().set_option(asio::ip::tcp::no_delay(true), code);
    }
  }

  http::response<http::string_body> Call(std::string_view lines, beast::error_code& code) {
    if (!stream_) {
      Connect(code);
    }
    if (code) {
      return {};
    }
    http::request<http::span_body<const char>> request(
        http::verb::post, fmt::format("/v1/feeds/{}/records?results=problems", options_.feed), 11);
    request.set(http::field::host, fmt::format("{}:{}", address_.host, address_.port));
    request.set(http::field::content_type, "application/x-ndjson");
    if (!options_.token.empty()) {
      request.set(http::field::authorization, "Bearer " + options_.token);
    }
    request.body() = {lines.data(), lines.size()};
    request.prepare_payload();
    stream_->expires_after(options_.timeout);
    http::write(*stream_, request, code);
    http::response_parser<http::string_body> parser;
    parser.body_limit(kMaxAnswerBytes);
    if (!code) {
      http::read(*stream_, buffer_, parser, code);
    }
    return parser.release();
  }

  const RecordClientOptions options_;
  const Address address_;
  asio::io_context io_{1};
  std::optional<beast::tcp_stream> stream_;
  beast::flat_buffer buffer_;
};

}  // namespace

Result<std::unique_ptr<RecordClient>> RecordClient::Make(const RecordClientOptions& options) {
  DATALAKE_TRY_ASSIGN(Address address, ParseUrl(options.url));
  return std::unique_ptr<RecordClient>(std::make_unique<BeastClient>(options, std::move(address)));
}

}  // namespace datalake::server

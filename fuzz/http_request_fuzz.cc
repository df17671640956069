// Requests as they come from the network, read by the server's own reader: in one piece and in many
// they are the same, nothing of them can add a header to an answer, and what the router, the
// parameters and the ranges make of them stays within its promises.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "datalake/server/file_response.h"
#include "datalake/server/http_message_internal.h"
#include "datalake/server/router.h"
#include "datalake/server/target.h"

namespace datalake::fuzz {
namespace {

using server::RequestReader;

constexpr std::uint32_t kMaxHeader = 64U << 10;
constexpr std::uint64_t kMaxBody = 1U << 20;
constexpr std::size_t kMaxRequests = 16;

void Require(bool holds, const char* property) {
  if (!holds) {
    std::fprintf(stderr, "does not hold: %s\n", property);
    std::abort();
  }
}

// What one request came to.
struct Seen {
  RequestReader::State state{};
  bool keep_alive = false;
  server::Request request{};

  // What is no whole request may be seen as such earlier or later, depending on the pieces.
  friend bool operator==(const Seen& a, const Seen& b) {
    const bool done = a.state == RequestReader::State::kDone;
    if (!done || b.state != RequestReader::State::kDone) {
      return done == (b.state == RequestReader::State::kDone);
    }
    return a.keep_alive == b.keep_alive && a.request.method == b.request.method &&
           a.request.path == b.request.path && a.request.query == b.request.query &&
           a.request.headers == b.request.headers && a.request.body == b.request.body;
  }
};

// Reads requests out of `bytes`, given in pieces of `piece` bytes, as a connection does.
std::vector<Seen> ReadAll(std::string_view bytes, std::size_t piece) {
  std::vector<Seen> all;
  boost::beast::flat_buffer buffer;
  bool more = true;
  while (more && all.size() < kMaxRequests) {
    RequestReader reader(kMaxHeader);
    Seen seen;
    while (true) {
      seen.state = reader.Read(buffer);
      if (seen.state == RequestReader::State::kHeader) {
        auto header = reader.TakeHeader();
        if (!header) {
          more = false;
          break;
        }
        seen.request = *std::move(header);
        seen.keep_alive = reader.keep_alive();
        if (reader.content_length().value_or(0) > kMaxBody) {
          more = false;
          break;
        }
        reader.AllowBody(kMaxBody);
        continue;
      }
      if (seen.state != RequestReader::State::kNeedMore) {
        break;
      }
      if (bytes.empty()) {
        more = false;
        break;
      }
      const std::string_view next = bytes.substr(0, piece);
      bytes.remove_prefix(next.size());
      const auto space = buffer.prepare(next.size());
      std::copy(next.begin(), next.end(), static_cast<char*>(space.data()));
      buffer.commit(next.size());
    }
    if (seen.state == RequestReader::State::kDone) {
      seen.request.body = reader.TakeBody();
      Require(seen.request.body.size() <= kMaxBody, "a body is within its limit");
      more = more && seen.keep_alive;
    } else if (seen.state == RequestReader::State::kFailed) {
      static_cast<void>(server::ReadErrorResponse(reader, "id"));
      more = false;
    }
    all.push_back(std::move(seen));
  }
  return all;
}

const server::Router& Routes() {
  static const server::Router router = [] {
    server::Router made;
    for (const char* path : {"/v1/feeds/{feed}/records", "/v1/feeds/{feed}/records/{id}",
                             "/v1/feeds/chat/records/latest", "/jobs", "/{any}"}) {
      Require(made.Add({.method = "GET",
                        .path = path,
                        .summary = "",
                        .tag = "",
                        .parameters = {{.name = "limit",
                                        .description = "",
                                        .type = server::Parameter::Type::kInteger,
                                        .minimum = 1,
                                        .maximum = 100},
                                       {.name = "day",
                                        .description = "",
                                        .type = server::Parameter::Type::kDay}}})
                  .has_value(),
              "routes differ");
    }
    return made;
  }();
  return router;
}

void CheckUse(server::Request& request) {
  auto match = Routes().Find(request.method, request.path);
  request.path_parameters = std::move(match.parameters);
  for (const auto& [name, value] : request.path_parameters) {
    Require(!value.empty() && value.find('/') == std::string::npos,
            "a path parameter is one segment");
  }
  if (match.route != nullptr && server::CheckParameters(*match.route, request)) {
    const std::string_view limit = request.Query("limit");
    Require(limit.empty() || std::atoi(std::string(limit).c_str()) <= 100, "limits hold");
  }
  constexpr std::uint64_t kTotal = 1000;
  const auto range = server::ParseRange(request.Header("range"), kTotal);
  if (range && *range) {
    Require((*range)->size > 0 && (*range)->first < kTotal &&
                (*range)->size <= kTotal - (*range)->first,
            "a range is within the file");
  }
  static_cast<void>(server::MatchesEtag(request.Header("if-none-match"), "\"a\""));
  static_cast<void>(server::IsLoopbackHost(request.Header("host")));
  static_cast<void>(server::IsLoopbackOrigin(request.Header("origin")));
}

// Nothing that a client sends can end a header line of an answer.
void CheckHead(const server::Request& request) {
  server::Response response;
  response.headers.emplace_back("X-Path", request.path);
  for (const auto& [name, value] : request.query) {
    response.headers.emplace_back(name.empty() ? "X" : name, value);
  }
  std::string head;
  server::AppendHead(head, response,
                     {.request_id = "id", .date = "now", .content_length = 0, .keep_alive = true});
  const auto lines = static_cast<std::size_t>(std::count(head.begin(), head.end(), '\n'));
  Require(lines <= 12 + response.headers.size(), "an answer has its own headers alone");
  Require(head.find("\r\n\r\n") == head.size() - 4, "the head ends once");
}

}  // namespace
}  // namespace datalake::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::size_t piece = 1 + data[0] % 32;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  auto whole = datalake::fuzz::ReadAll(bytes, bytes.size() + 1);
  const auto pieces = datalake::fuzz::ReadAll(bytes, piece);
  datalake::fuzz::Require(whole == pieces, "pieces do not matter");
  for (auto& seen : whole) {
    datalake::fuzz::CheckUse(seen.request);
    datalake::fuzz::CheckHead(seen.request);
  }
  return 0;
}

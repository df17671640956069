#include "datalake/server/http_server.h"

#include <atomic>
#include <latch>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/server/socket_client_test_support.h"
#include "datalake/testing/matchers.h"

namespace datalake::server {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class HttpServerTest : public ::testing::Test {
 protected:
  HttpServerTest() {
    EXPECT_THAT(
        router_.Add({.method = "POST",
                     .path = "/echo",
                     .summary = "",
                     .tag = "",
                     .execution = Execution::kInline,
                     .handle =
                         [](Request request, const Responder& respond) {
                           respond({.content_type = "text/plain", .body = request.body + "!"});
                         }}),
        IsOk());
    EXPECT_THAT(router_.Add({.method = "GET",
                             .path = "/slow",
                             .summary = "",
                             .tag = "",
                             .handle =
                                 [this](const Request&, const Responder& respond) {
                                   slow_begun_.count_down();
                                   std::this_thread::sleep_for(std::chrono::milliseconds(100));
                                   respond({.body = "slept"});
                                 }}),
                IsOk());
    EXPECT_THAT(
        router_.Add({.method = "GET",
                     .path = "/throws",
                     .summary = "",
                     .tag = "",
                     .handle = [](const Request&,
                                  const Responder&) { throw std::runtime_error("secret"); }}),
        IsOk());
  }

  // Pieces "0", "1" … of a streamed answer, `pieces` of them.
  class Counting final : public BodySource {
   public:
    Counting(int pieces, bool sized) : pieces_(pieces), sized_(sized) {}

    std::optional<std::uint64_t> size_bytes() const override {
      return sized_ ? std::optional<std::uint64_t>(static_cast<std::uint64_t>(pieces_))
                    : std::nullopt;
    }

    void Next(PieceDone done) override {
      done(next_ == pieces_ ? std::string() : std::to_string(next_++ % 10));
    }

   private:
    const int pieces_;
    const bool sized_;
    int next_ = 0;
  };

  void AddStream() {
    EXPECT_THAT(router_.Add({.method = "GET",
                             .path = "/stream/{kind}",
                             .summary = "",
                             .tag = "",
                             .parameters = {{.name = "pieces",
                                             .description = "",
                                             .type = Parameter::Type::kInteger,
                                             .maximum = 100}},
                             .handle =
                                 [](const Request& request, const Responder& respond) {
                                   const bool sized = request.path_parameters.at("kind") == "sized";
                                   respond({.content_type = "text/plain",
                                            .stream = std::make_shared<Counting>(12, sized)});
                                 }}),
                IsOk());
  }

  void Start(HttpServerOptions options = {}) {
    options.port = 0;
    auto server = HttpServer::Start(options, parts_);
    ASSERT_THAT(server, IsOk());
    server_ = *std::move(server);
  }

  std::string Ask(std::string_view text) {  // one request, whole connection
    const SocketClient client(server_->port());
    client.Send(text);
    return client.ReadAll();
  }

  Router router_;
  SystemRandom random_;
  SystemClock clock_;
  std::unique_ptr<Gate> gate_ = *MakeGate({}, nullptr, clock_, random_);
  HttpServerParts parts_{.router = router_, .gate = *gate_, .random = random_};
  std::latch slow_begun_{1};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, KeepsTheConnectionForManyRequests) {
  Start();
  const SocketClient client(server_->port());
  for (int i = 0; i < 3; ++i) {
    client.Send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi");
    const std::string answer = client.ReadUntil("hi!");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK"));
    EXPECT_THAT(answer, HasSubstr("X-Request-Id: "));
    EXPECT_THAT(answer, HasSubstr("X-Content-Type-Options: nosniff"));
  }
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  Start();
  const SocketClient client(server_->port());
  client.Send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\na"
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nb");
  const std::string answers = client.ReadUntil("b!");
  EXPECT_LT(answers.find("a!"), answers.find("b!"));
}

TEST_F(HttpServerTest, RefusesABodyOverTheLimitBeforeReadingIt) {
  Start({.max_body_bytes = 10});
  EXPECT_THAT(Ask("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n"),
              StartsWith("HTTP/1.1 413 Content Too Large"));
  EXPECT_THAT(Ask("POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "20\r\n01234567890123456789012345678901\r\n0\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
}

TEST_F(HttpServerTest, RefusesBodiesThatTogetherPassTheirLimit) {
  Start({.max_body_bytes = 1000, .max_bodies_bytes = 1500});
  const SocketClient first(server_->port());
  first.Send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n" +
             std::string(999, 'x'));
  std::string second;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!second.starts_with("HTTP/1.1 503") &&  // until the first is read
         std::chrono::steady_clock::now() < deadline) {
    second =
        Ask("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
            "Connection: close\r\n\r\n" +
            std::string(1000, 'y'));
  }
  EXPECT_THAT(second, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(second, HasSubstr("Retry-After: 1"));
  first.Send("x");
  EXPECT_THAT(first.ReadUntil("x!"), HasSubstr("200 OK"));
  EXPECT_THAT(Ask("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
                  "Connection: close\r\n\r\nz"),
              HasSubstr("z!"));
}

TEST_F(HttpServerTest, RefusesHugeHeadersAndGarbage) {
  Start({.max_header_bytes = 1024});
  EXPECT_THAT(
      Ask("GET /slow HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(5000, 'x') + "\r\n\r\n"),
      StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(Ask("\x16\x03\x01 not http\r\n\r\n"), StartsWith("HTTP/1.1 400"));
}

TEST_F(HttpServerTest, CutsASlowClientOff) {
  Start({.read_timeout = std::chrono::seconds(1)});
  const SocketClient client(server_->port());
  client.Send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nab");
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(client.ReadAll(), "");
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
}

TEST_F(HttpServerTest, UnknownPathsAndMethodsGetProblems) {
  Start();
  EXPECT_THAT(Ask("GET /v1/nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
              HasSubstr("application/problem+json"));
  const std::string wrong =
      Ask("GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(wrong, StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(wrong, HasSubstr("Allow: POST"));
}

TEST_F(HttpServerTest, RefusesForeignHostsAndOrigins) {
  Start();
  EXPECT_THAT(Ask("GET /slow HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(Ask("POST /echo HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n"
                  "Content-Length: 0\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 403"));
}

TEST_F(HttpServerTest, AHandlerThatThrowsFailsItsRequestOnly) {
  Start();
  const std::string answer =
      Ask("GET /throws HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 500"));
  EXPECT_EQ(answer.find("secret"), std::string::npos);
  EXPECT_THAT(Ask("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nConnection: "
                  "close\r\n\r\nx"),
              HasSubstr("x!"));
}

TEST_F(HttpServerTest, StopLetsARunningRequestEndAndCutsIdleConnections) {
  Start();
  const SocketClient idle(server_->port());
  const SocketClient busy(server_->port());
  busy.Send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
  slow_begun_.wait();
  const auto before = std::chrono::steady_clock::now();
  server_->Stop(std::chrono::seconds(10));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
  EXPECT_THAT(busy.ReadAll(), HasSubstr("slept"));
  EXPECT_EQ(idle.ReadAll(), "");
}

TEST_F(HttpServerTest, StreamsInChunksOrWithALength) {
  AddStream();
  Start();
  const SocketClient client(server_->port());
  client.Send("GET /stream/open HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string chunked = client.ReadUntil("0\r\n\r\n");
  EXPECT_THAT(chunked, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(chunked, HasSubstr("\r\n\r\n1\r\n0\r\n1\r\n1\r\n"));
  client.Send("GET /stream/sized HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string sized = client.ReadUntil("012345678901");
  EXPECT_THAT(sized, HasSubstr("Content-Length: 12\r\n"));
  EXPECT_THAT(sized, ::testing::EndsWith("\r\n\r\n012345678901"));
  const std::string head =
      Ask("HEAD /stream/sized HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("Content-Length: 12\r\n"));
  EXPECT_THAT(head, ::testing::EndsWith("\r\n\r\n"));
  const std::string old = Ask("GET /stream/open HTTP/1.0\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(old, ::testing::EndsWith("\r\n\r\n012345678901"));
}

TEST_F(HttpServerTest, ChecksParametersBeforeTheHandler) {
  AddStream();
  Start();
  const std::string wrong =
      Ask("GET /stream/open?pieces=ten HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(wrong, StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(wrong, HasSubstr("query parameter pieces not a whole number"));
}

TEST_F(HttpServerTest, RefusesBytesThatCanBeReadInTwoWays) {
  Start();
  const std::string post = "POST /echo HTTP/1.1\r\nHost: localhost\r\n";
  for (const char* rest :
       {"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "Content-Length: 1, 2\r\n\r\nab",
        "Content-Length: -1\r\n\r\n", "Content-Length: 99999999999999999999999\r\n\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nab", "Host: localhost\r\n\r\n"}) {
    EXPECT_THAT(Ask(post + rest), StartsWith("HTTP/1.1 400")) << rest;
  }
  EXPECT_THAT(Ask("GET /slow HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 400"));
}

TEST_F(HttpServerTest, RefusesAFloodOfHeaders) {
  Start({.max_header_bytes = 64U << 10});
  std::string flood = "GET /slow HTTP/1.1\r\nHost: localhost\r\n";
  for (int i = 0; i < 200; ++i) {
    flood += "a: b\r\n";
  }
  EXPECT_THAT(Ask(flood + "\r\n"), StartsWith("HTTP/1.1 431"));
}

TEST_F(HttpServerTest, ARefusedRequestLeavesTheConnectionUsable) {
  Start();
  const SocketClient client(server_->port());
  client.Send("POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_THAT(client.ReadUntil("}"), StartsWith("HTTP/1.1 404"));
  client.Send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx");
  EXPECT_THAT(client.ReadUntil("x!"), HasSubstr("200 OK"));
}

TEST_F(HttpServerTest, CutsIdleConnections) {
  Start({.idle_timeout = std::chrono::seconds(1)});
  const SocketClient idle(server_->port());
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(idle.ReadAll(), "");
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
}

TEST_F(HttpServerTest, RefusesAPortThatIsTakenAndWhatIsNoAddress) {
  Start();
  EXPECT_THAT(HttpServer::Start({.port = server_->port()}, parts_),
              IsError(ErrorCode::kUnavailable, "choose another --port"));
  EXPECT_THAT(HttpServer::Start({.bind = "here"}, parts_),
              IsError(ErrorCode::kInvalidArgument, "not an IP address: here"));
}

}  // namespace
}  // namespace datalake::server

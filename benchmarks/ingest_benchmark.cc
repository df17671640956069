// Durable ingest over HTTP: 64 keep-alive connections post chats of about 1 KB to a server in this
// process; a 200 counts only when the chat is on the disk. Prints chats/s, latency, and CPU of the
// server's threads alone (process minus client).
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "datalake/io/local_file_system.h"
#include "datalake/lake/feed.h"
#include "datalake/lake/lake.h"
#include "datalake/server/serve.h"
#include "datalake/testing/temp_dir.h"

#include "benchmarks/machine_facts.h"

namespace datalake::benchmarks {
namespace {

constexpr std::size_t kConnections = 64;
constexpr std::size_t kChats = 200'000;
constexpr std::size_t kWarmUp = 10'000;

double Seconds(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::string ChatRequest(std::size_t number) {
  const std::string body = fmt::format(
      R"({{"source":"gpt4all-chat","agent_id":"ggml-model-q4.bin","submitter_id":"c0ffee00-0000-4000-8000-{:012}",)"
      R"("ingest_id":"chat-{:08}","prompt_template":"### Human:\n%1\n### Assistant:\n","conversation":[)"
      R"({{"content":"Please explain in plain words how question number {} is answered. {}","role":"user"}},)"
      R"({{"content":"{}","role":"assistant","rating":"positive","stopped":"true"}}]}})",
      number % 1000, number, number, std::string(180, 'q'), std::string(480, 'a'));
  return fmt::format(
      "POST /v1/ingest/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
      "Content-Length: {}\r\n\r\n{}",
      body.size(), body);
}

struct Connection {
  int fd = -1;
  std::string received;
  double sent_at = 0;
};

// Posts `count` chats numbered from `first`; returns the latencies in seconds. Any other answer
// than 200 ends the program.
std::vector<double> Post(std::uint16_t port, std::size_t first, std::size_t count) {
  const int poll = ::epoll_create1(0);
  std::vector<Connection> connections(kConnections);
  std::size_t next = first;
  std::vector<double> latencies;
  latencies.reserve(count);
  const auto send_next = [&](Connection& connection) {
    if (next == first + count) {
      return;
    }
    const std::string request = ChatRequest(next++);
    connection.sent_at = Seconds(CLOCK_MONOTONIC);
    if (::send(connection.fd, request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size())) {
      std::abort();
    }
  };
  for (Connection& connection : connections) {
    connection.fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    epoll_event event{.events = EPOLLIN, .data = {.ptr = &connection}};
    if (::connect(connection.fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
        ::epoll_ctl(poll, EPOLL_CTL_ADD, connection.fd, &event) != 0) {
      std::abort();
    }
    send_next(connection);
  }
  std::array<epoll_event, kConnections> events;
  std::array<char, 4096> buffer;
  while (latencies.size() < count) {
    const int ready = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), 10'000);
    if (ready <= 0) {
      std::fprintf(stderr, "no answer within 10 s\n");
      std::abort();
    }
    for (int i = 0; i < ready; ++i) {
      auto& connection = *static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
      const ssize_t got = ::recv(connection.fd, buffer.data(), buffer.size(), 0);
      connection.received.append(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
      if (connection.received.find("\"}") == std::string::npos && got > 0) {
        continue;
      }
      if (!connection.received.starts_with("HTTP/1.1 200")) {
        std::fprintf(stderr, "not acknowledged: %s\n", connection.received.c_str());
        std::abort();
      }
      connection.received.clear();
      latencies.push_back(Seconds(CLOCK_MONOTONIC) - connection.sent_at);
      send_next(connection);
    }
  }
  for (const Connection& connection : connections) {
    ::close(connection.fd);
  }
  ::close(poll);
  return latencies;
}

double Percentile(std::vector<double>& values, double share) {
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

// Verifies the promise before anything is timed: what was acknowledged is in the lake, once each.
bool Verify(io::FileSystem& fs, const std::string& lake_path, std::size_t expected) {
  const SystemClock clock;
  SystemRandom random;
  const auto lake = lake::Lake::Open(fs, clock, random, lake_path);
  if (!lake) {
    return false;
  }
  const auto feed = lake::Feed::Open(**lake, "chat", {});
  if (!feed) {
    return false;
  }
  const auto record = (*feed)->Get(fmt::format("chat-{:08}", expected - 1));
  return (*feed)->stats().records == expected && record &&
         record->find(fmt::format("number {} is", expected - 1)) != std::string::npos;
}

int Run() {
  io::LocalFileSystem fs;
  const SystemClock clock;
  SystemRandom random;
  const testing::TempDir folder;
  const Result<double> sync_before = SyncMillis(fs, folder.path());
  std::stop_source stop;
  std::promise<std::string> address;
  server::ServeOptions options;
  options.lake_path = folder / "lake";
  options.create_lake = true;
  options.version = "bench";
  options.http.port = 0;
  std::jthread serving([&] {
    const Status served = server::Serve(
        fs, clock, random, options, [&](const std::string& at) { address.set_value(at); },
        stop.get_token());
    if (!served) {
      std::fprintf(stderr, "server: %s\n", served.error().message.c_str());
      std::abort();
    }
  });
  const std::string at = address.get_future().get();
  const auto port = static_cast<std::uint16_t>(std::atoi(at.substr(at.rfind(':') + 1).c_str()));
  Post(port, 0, kWarmUp);
  const double wall = Seconds(CLOCK_MONOTONIC);
  const double process_cpu = Seconds(CLOCK_PROCESS_CPUTIME_ID);
  const double client_cpu = Seconds(CLOCK_THREAD_CPUTIME_ID);
  std::vector<double> latencies = Post(port, kWarmUp, kChats);
  const double client_spent = Seconds(CLOCK_THREAD_CPUTIME_ID) - client_cpu;
  const double server_spent = Seconds(CLOCK_PROCESS_CPUTIME_ID) - process_cpu - client_spent;
  const double elapsed = Seconds(CLOCK_MONOTONIC) - wall;
  stop.request_stop();
  serving.join();
  if (!Verify(fs, options.lake_path, kWarmUp + kChats)) {
    std::fprintf(stderr, "wrong: the lake does not hold every acknowledged chat once\n");
    return 1;
  }
  const auto chats = static_cast<double>(kChats);
  fmt::print(
      "ingest: {:.0f} chats/s wall, {:.0f} chats/s per core of server CPU, p50 {:.2f} ms, p99 "
      "{:.2f} ms, "
      "peak {} MB (server and client); fdatasync p50 {:.2f} ms before, {:.2f} ms after\n",
      chats / elapsed, chats / server_spent, Percentile(latencies, 0.5) * 1e3,
      Percentile(latencies, 0.99) * 1e3, PeakMemoryBytes() >> 20, sync_before.value_or(-1),
      SyncMillis(fs, folder.path()).value_or(-1));
  return 0;
}

}  // namespace
}  // namespace datalake::benchmarks

int main() {
  return datalake::benchmarks::Run();
}

// Durable ingest over HTTP: keep-alive connections post chats of about 1 KB to a server in this
// process; a 200 counts only when the chat is on the disk. First 64 connections, then 1,000, then
// JSON lines in bodies of 1 MB, then the same log without HTTP, and sealing it alone. The client is
// a process of its own, so that CPU and memory of each side are known. Prints rates, the latency's
// distribution, CPU of both sides and the server's peak memory. The lake is verified before a
// figure is printed. Usage: ingest_benchmark [CHATS]
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <future>
#include <semaphore>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "datalake/base/process_memory.h"
#include "datalake/io/local_file_system.h"
#include "datalake/lake/feed.h"
#include "datalake/lake/lake.h"
#include "datalake/server/serve.h"
#include "datalake/testing/temp_dir.h"

#include "benchmarks/machine_facts.h"

namespace datalake::benchmarks {
namespace {

constexpr std::size_t kWarmUp = 10'000;
constexpr std::size_t kMostConnections = 1000;
constexpr std::size_t kBulkLines = 1000;  // of a body, about 1 MB
constexpr std::size_t kBulkConnections = 4;

double Seconds(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::string ChatBody(std::size_t number) {
  return fmt::format(
      R"({{"source":"gpt4all-chat","agent_id":"ggml-model-q4.bin","submitter_id":"c0ffee00-0000-4000-8000-{:012}",)"
      R"("ingest_id":"chat-{:08}","prompt_template":"### Human:\n%1\n### Assistant:\n","conversation":[)"
      R"({{"content":"Please explain in plain words how question number {} is answered. {}","role":"user"}},)"
      R"({{"content":"{}","role":"assistant","rating":"positive","stopped":"true"}}]}})",
      number % 1000, number, number, std::string(180, 'q'), std::string(480, 'a'));
}

// Request number `number` of a run.
using MakeRequest = std::string (*)(std::size_t number);

std::string ChatRequest(std::size_t number) {
  const std::string body = ChatBody(number);
  return fmt::format(
      "POST /v1/ingest/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
      "Content-Length: {}\r\n\r\n{}",
      body.size(), body);
}

// JSON lines; the chats of request n begin at n * kBulkLines.
std::string BulkRequest(std::size_t number) {
  std::string body;
  for (std::size_t i = 0; i < kBulkLines; ++i) {
    body += ChatBody(number * kBulkLines + i) + "\n";
  }
  return fmt::format(
      "POST /v1/feeds/chat/records?results=problems HTTP/1.1\r\nHost: 127.0.0.1\r\n"
      "Content-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n{}",
      body.size(), body);
}

struct Connection {
  int fd = -1;
  std::string received;
  double sent_at = 0;
};

// Posts `count` chats numbered from `first`; returns the latencies in seconds. Any other answer
// than 200 ends the program.
std::vector<double> Post(std::uint16_t port, std::size_t open, MakeRequest make, std::size_t first,
                         std::size_t count) {
  const int poll = ::epoll_create1(0);
  std::vector<Connection> connections(open);
  std::size_t next = first;
  std::vector<double> latencies;
  latencies.reserve(count);
  const auto send_next = [&](Connection& connection) {
    if (next == first + count) {
      return;
    }
    const std::string request = make(next++);
    connection.sent_at = Seconds(CLOCK_MONOTONIC);
    for (std::size_t sent = 0; sent < request.size();) {  // blocks: the server reads on
      const ssize_t n =
          ::send(connection.fd, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) {
        std::abort();
      }
      sent += static_cast<std::size_t>(n);
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
  std::array<epoll_event, kMostConnections> events;
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
      if (!connection.received.ends_with('}') && got > 0) {
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

// Verifies the promise before anything is printed: what was acknowledged is in the lake, once.
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

struct Measured {
  std::vector<double> latencies;
  double seconds = 0;
  double client_cpu = 0;
  double server_cpu = 0;
  std::uint64_t peak_bytes = 0;  // of the server, so far
};

double CpuSeconds(const rusage& usage) {
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// The client's side, in a process of its own: writes its latencies to `out`.
[[noreturn]] void RunClient(int out, std::uint16_t port, std::size_t open, MakeRequest make,
                            std::size_t first, std::size_t count) {
  const std::vector<double> latencies = Post(port, open, make, first, count);
  const auto bytes = std::as_bytes(std::span(latencies));
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t n = ::write(out, bytes.data() + sent, bytes.size() - sent);
    if (n <= 0) {
      std::abort();
    }
    sent += static_cast<std::size_t>(n);
  }
  ::_exit(0);
}

Measured Measure(std::uint16_t port, std::size_t open, MakeRequest make, std::size_t first,
                 std::size_t count) {
  std::array<int, 2> pipe{};
  if (::pipe(pipe.data()) != 0) {
    std::abort();
  }
  const double wall = Seconds(CLOCK_MONOTONIC);
  const double process = Seconds(CLOCK_PROCESS_CPUTIME_ID);
  const pid_t client = ::fork();
  if (client == 0) {
    RunClient(pipe[1], port, open, make, first, count);
  }
  ::close(pipe[1]);
  Measured measured;
  measured.latencies.resize(count);
  const auto bytes = std::as_writable_bytes(std::span(measured.latencies));
  std::size_t got = 0;
  for (ssize_t n = 1; n > 0 && got < bytes.size(); got += static_cast<std::size_t>(n)) {
    n = std::max<ssize_t>(0, ::read(pipe[0], bytes.data() + got, bytes.size() - got));
  }
  measured.seconds = Seconds(CLOCK_MONOTONIC) - wall;
  measured.server_cpu = Seconds(CLOCK_PROCESS_CPUTIME_ID) - process;
  ::close(pipe[0]);
  rusage usage{};
  int status = 0;
  if (client < 0 || got != bytes.size() || ::wait4(client, &status, 0, &usage) != client ||
      status != 0) {
    std::fprintf(stderr, "the client failed\n");
    std::abort();
  }
  measured.client_cpu = CpuSeconds(usage);
  measured.peak_bytes = PeakMemoryBytes();
  return measured;
}

void Print(const std::string& name, Measured& measured, double chats, double bytes) {
  fmt::print(
      "{}: {:.0f} chats/s, {:.1f} MB/s; per core of server CPU {:.0f} chats/s, {:.1f} MB/s; CPU a "
      "chat: server {:.1f} us, client {:.1f} us; p50 {:.2f} ms, p90 {:.2f}, p99 {:.2f}, p99.9 "
      "{:.2f}, max {:.2f}; the server's peak so far {} MB\n",
      name, chats / measured.seconds, bytes / measured.seconds / 1e6, chats / measured.server_cpu,
      bytes / measured.server_cpu / 1e6, measured.server_cpu / chats * 1e6,
      measured.client_cpu / chats * 1e6, Percentile(measured.latencies, 0.5) * 1e3,
      Percentile(measured.latencies, 0.9) * 1e3, Percentile(measured.latencies, 0.99) * 1e3,
      Percentile(measured.latencies, 0.999) * 1e3, Percentile(measured.latencies, 1) * 1e3,
      measured.peak_bytes >> 20);
}

struct Alone {
  double rate = 0;  // chats a second
  double cpu = 0;   // seconds
  double seal_seconds = 0;
  double seal_cpu = 0;
};

// The same feed without HTTP: 64 appends under way, as many as there are connections. Then all that
// was logged is moved into the table, by nobody else's side.
Alone MeasureAlone(io::FileSystem& fs, const std::string& root, std::size_t chats) {
  const SystemClock clock;
  SystemRandom random;
  if (!lake::InitLake(fs, clock, random, root)) {
    std::abort();
  }
  const auto lake = lake::Lake::Open(fs, clock, random, root);
  const auto feed =
      lake ? lake::Feed::Open(**lake, "chat", {.max_unsealed_bytes = 4ULL << 30}) : lake.error();
  if (!feed) {
    std::abort();
  }
  std::counting_semaphore<> room(64);
  Alone alone;
  const double start = Seconds(CLOCK_MONOTONIC);
  const double cpu = Seconds(CLOCK_PROCESS_CPUTIME_ID);
  for (std::size_t i = 0; i < chats; ++i) {
    room.acquire();
    (*feed)->AppendAsync(ChatBody(i), {}, [&room](const Result<lake::FeedAnswer>& answer) {
      if (!answer || answer->outcome != lake::FeedAnswer::Outcome::kStored) {
        std::abort();
      }
      room.release();
    });
  }
  for (int i = 0; i < 64; ++i) {
    room.acquire();
  }
  const double sealing = Seconds(CLOCK_MONOTONIC);
  const double sealing_cpu = Seconds(CLOCK_PROCESS_CPUTIME_ID);
  alone.rate = static_cast<double>(chats) / (sealing - start);
  alone.cpu = sealing_cpu - cpu;
  const auto sealed = (*feed)->Seal();
  alone.seal_seconds = Seconds(CLOCK_MONOTONIC) - sealing;
  alone.seal_cpu = Seconds(CLOCK_PROCESS_CPUTIME_ID) - sealing_cpu;
  const auto last = (*feed)->Get(fmt::format("chat-{:08}", chats - 1));
  if (!sealed || sealed->records != chats || (*feed)->stats().unsealed_records != 0 || !last ||
      last->find(fmt::format("number {} is", chats - 1)) == std::string::npos) {
    std::fprintf(stderr, "wrong: the table does not hold every sealed chat\n");
    std::abort();
  }
  return alone;
}

int Run(std::size_t chats) {
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
  Post(port, 64, ChatRequest, 0, kWarmUp);
  std::size_t next = kWarmUp;
  Measured few = Measure(port, 64, ChatRequest, next, chats);
  next += chats;
  Measured many = Measure(port, kMostConnections, ChatRequest, next, chats);
  next = (next + chats + kBulkLines - 1) / kBulkLines;  // the bulk's numbers begin behind
  const std::size_t single = kWarmUp + 2 * chats;
  const std::size_t bodies = chats / kBulkLines;
  Measured bulk = Measure(port, kBulkConnections, BulkRequest, next, bodies);
  stop.request_stop();
  serving.join();
  const std::size_t expected = single + bodies * kBulkLines;
  if (single % kBulkLines != 0 || !Verify(fs, options.lake_path, expected)) {
    std::fprintf(stderr, "wrong: the lake does not hold every acknowledged chat once\n");
    return 1;
  }
  const auto count = static_cast<double>(chats);
  const double bytes = count * static_cast<double>(ChatBody(1).size());
  Print("64 connections", few, count, bytes);
  Print("1,000 connections", many, count, bytes);
  Print("JSON lines, 1 MB bodies, 4 connections", bulk, static_cast<double>(bodies * kBulkLines),
        bytes);
  const Alone alone = MeasureAlone(fs, folder / "alone", chats);
  const double over_http = count / few.seconds;
  // What the server would reach if the client's CPU were its own: both share the cores.
  const double without_client = over_http * (few.server_cpu + few.client_cpu) / few.server_cpu;
  fmt::print(
      "without HTTP: {:.0f} chats/s, {:.1f} us of CPU a chat; over HTTP that is {:.0f} %, and "
      "{:.0f} "
      "% with the client's CPU taken out ({:.0f} chats/s)\n",
      alone.rate, alone.cpu / count * 1e6, 100 * over_http / alone.rate,
      100 * without_client / alone.rate, without_client);
  fmt::print("log to Parquet: {:.1f} MB/s, {:.1f} MB/s per core of CPU\n",
             bytes / alone.seal_seconds / 1e6, bytes / alone.seal_cpu / 1e6);
  fmt::print("fdatasync p50 {:.2f} ms before, {:.2f} ms after\n", sync_before.value_or(-1),
             SyncMillis(fs, folder.path()).value_or(-1));
  return 0;
}

}  // namespace
}  // namespace datalake::benchmarks

int main(int argc, char** argv) {
  datalake::ReturnFreedMemory();  // as the server program does
  return datalake::benchmarks::Run(argc > 1 ? static_cast<std::size_t>(std::atoll(argv[1]))
                                            : 200'000);
}

#include "datalake/server/serve.h"

#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "datalake/base/log.h"
#include "datalake/base/mutex.h"
#include "datalake/job/job_runner.h"
#include "datalake/job/job_store.h"
#include "datalake/lake/feed.h"
#include "datalake/lake/lake.h"
#include "datalake/server/chat_feed.h"
#include "datalake/server/jobs.h"
#include "datalake/server/service.h"
#include "datalake/server/target.h"

namespace datalake::server {
namespace {

constexpr std::chrono::milliseconds kSealCheckPeriod{500};
constexpr std::chrono::milliseconds kMaxSealPause{60'000};

void Report(const Result<lake::SealReport>& report) {
  if (!report) {
    // Nothing is lost: the records stay in the write-ahead log and the next round tries again.
    LogError("cannot seal feed chat: " + ToString(report.error()));
  } else if (report->records > 0) {
    LogInfo(fmt::format("sealed {} records of feed chat", report->records));
  }
}

// The feed; one that another server had is taken as soon as that one has gone.
std::shared_ptr<lake::Feed> Taken(ChatFeed& chat) {
  if (auto feed = chat.Get()) {
    return *feed;
  }
  if (const Status taken = chat.Take(); !taken) {
    if (taken.error().code != ErrorCode::kUnavailable) {
      LogError("cannot take feed chat: " + ToString(taken.error()));
    }
    return nullptr;
  }
  LogWarning("records are taken here from now on");
  auto feed = chat.Get();
  return feed ? *feed : nullptr;
}

// Moves records from the log into the table: when a segment is full, else every seal_period. After
// an error it waits, each time twice as long.
class Sealer {
 public:
  Sealer(ChatFeed& chat, const Clock& clock, std::chrono::nanoseconds period)
      : thread_([&chat, &clock, period](const std::stop_token& stop) {
          Mutex mutex;
          CondVar never;
          std::int64_t last = clock.SteadyNanos();
          std::chrono::milliseconds pause = kSealCheckPeriod;
          while (!stop.stop_requested()) {
            {
              MutexLock lock(mutex);
              never.WaitFor(mutex, stop, pause, [] { return false; });
            }
            const auto feed = stop.stop_requested() ? nullptr : Taken(chat);
            if (feed == nullptr) {
              continue;
            }
            const bool due = clock.SteadyNanos() - last >= period.count();
            if (!due && !feed->WantsSeal()) {
              continue;
            }
            const auto sealed = due ? feed->Seal() : feed->SealClosed();
            last = due ? clock.SteadyNanos() : last;
            pause = sealed ? kSealCheckPeriod : std::min(2 * pause, kMaxSealPause);
            Report(sealed);
          }
        }) {}

 private:
  std::jthread thread_;
};

}  // namespace

Status Serve(io::FileSystem& fs, const Clock& clock, Random& random, const ServeOptions& options,
             const std::function<void(const std::string& address)>& ready, std::stop_token stop) {
  DATALAKE_TRY(options.http.Validate());
  if (!IsLoopbackHost(options.http.bind)) {
    return Error{ErrorCode::kUnsupported,
                 "an address that is not loopback needs tokens and TLS: " + options.http.bind};
  }
  if (options.create_lake) {
    DATALAKE_TRY(lake::InitLake(fs, clock, random, options.lake_path));
  }
  DATALAKE_TRY_ASSIGN(const auto lake, lake::Lake::Open(fs, clock, random, options.lake_path));
  ChatFeed chat(*lake);
  if (const Status taken = chat.Take(); !taken) {
    if (taken.error().code != ErrorCode::kUnavailable) {
      return taken.error();
    }
    LogWarning("standing by for records: " + taken.error().message);
  }
  job::JobStore store(fs, clock, lake->layout().jobs());
  DATALAKE_TRY_ASSIGN(const auto jobs, job::JobRunner::Open(store, clock));
  DATALAKE_TRY(RegisterJobs(*jobs, *lake));
  Service service{*lake, chat, *jobs, clock, options.version};
  Router router;
  DATALAKE_TRY(AddRoutes(router, service));
  const std::unique_ptr<Gate> gate = MakeLoopbackGate();
  std::unique_ptr<HttpServer> http;
  {
    const Sealer sealer(chat, clock, options.seal_period);
    DATALAKE_TRY_ASSIGN(http, HttpServer::Start(options.http, {router, *gate, random}));
    ready(http->address());
    Mutex mutex;
    CondVar stopped;
    {
      MutexLock lock(mutex);
      stopped.Wait(mutex, stop, [] { return false; });
    }
    http->Stop(options.drain);
  }
  if (const auto feed = chat.Get()) {
    Report((*feed)->Seal());
  }
  // The feed ends before the server: an append that outlived the drain still answers into it.
  chat.Close();
  return {};
}

}  // namespace datalake::server

#include "datalake/server/serve.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include <fmt/format.h>

#include "datalake/base/log.h"
#include "datalake/base/mutex.h"
#include "datalake/job/content_checker.h"
#include "datalake/job/job_runner.h"
#include "datalake/job/job_store.h"
#include "datalake/lake/feed.h"
#include "datalake/lake/lake.h"
#include "datalake/server/access_log.h"
#include "datalake/server/event_stream.h"
#include "datalake/server/feeds.h"
#include "datalake/server/jobs.h"
#include "datalake/server/metrics.h"
#include "datalake/server/plan_gate.h"
#include "datalake/server/publisher.h"
#include "datalake/server/publishing.h"
#include "datalake/server/server_metrics.h"
#include "datalake/server/service.h"
#include "datalake/server/token_store.h"
#include "datalake/server/upkeep.h"

namespace datalake::server {
namespace {

constexpr std::chrono::milliseconds kSealCheckPeriod{500};
constexpr std::chrono::milliseconds kMaxSealPause{60'000};

// Jobs as events: what a page shows of a job, without its log and result.
class JobEvents final : public job::JobObserver {
 public:
  explicit JobEvents(EventStream& events) : events_(events) {}

  void OnJob(const job::JobRecord& record) override {
    events_.Publish({.topic = "job", .data = job::JobSummaryJson(record)});
  }

 private:
  EventStream& events_;
};

void Report(const std::string& feed, const Result<lake::SealReport>& report) {
  if (!report) {
    // Nothing is lost: the records stay in the write-ahead log and the next round tries again.
    LogError(fmt::format("cannot seal feed {}: {}", feed, ToString(report.error())));
  } else if (report->records + report->quarantined > 0 || report->withdrawn > 0) {
    LogInfo(fmt::format("sealed {} records of feed {}, {} quarantined, {} rows withdrawn",
                        report->records, feed, report->quarantined, report->withdrawn));
  }
}

// When a feed is sealed next. After an error it waits, each time twice as long.
struct SealTurn {
  std::int64_t last_nanos = 0;
  std::int64_t next_nanos = 0;
  std::chrono::milliseconds pause = kSealCheckPeriod;
};

// Moves records of all open feeds from their logs into their tables: when a segment is full, else
// every seal_period. Takes over feeds that another server has let go of, and follows changes of
// their definitions.
class Sealer {
 public:
  Sealer(Feeds& feeds, const Clock& clock, std::chrono::nanoseconds period)
      : feeds_(feeds),
        clock_(clock),
        period_(period),
        thread_([this](const std::stop_token& stop) { Run(stop); }) {}

 private:
  void Run(const std::stop_token& stop) {
    Mutex mutex;
    CondVar never;
    while (!stop.stop_requested()) {
      {
        MutexLock lock(mutex);
        never.WaitFor(mutex, stop, kSealCheckPeriod, [] { return false; });
      }
      if (stop.stop_requested()) {
        return;
      }
      for (const std::string& name : feeds_.TakeOver()) {
        LogWarning("records are taken here from now on: feed " + name);
      }
      for (const auto& [name, feed] : feeds_.All()) {
        if (const Status reloaded = feed->Reload(); !reloaded) {
          LogError(fmt::format("feed {} keeps its older definition: {}", name,
                               ToString(reloaded.error())));
        }
        Turn(name, *feed);
      }
    }
  }

  void Turn(const std::string& name, lake::Feed& feed) {
    const std::int64_t now = clock_.SteadyNanos();
    SealTurn& turn =
        turns_.try_emplace(name, SealTurn{.last_nanos = now, .next_nanos = now}).first->second;
    const bool due = now - turn.last_nanos >= period_.count();
    if (now < turn.next_nanos || (!due && !feed.WantsSeal())) {
      return;
    }
    const auto sealed = due ? feed.Seal() : feed.SealClosed();
    turn.last_nanos = due ? clock_.SteadyNanos() : turn.last_nanos;
    turn.pause = sealed ? kSealCheckPeriod : std::min(2 * turn.pause, kMaxSealPause);
    turn.next_nanos =
        sealed ? now : clock_.SteadyNanos() + std::chrono::nanoseconds(turn.pause).count();
    Report(name, sealed);
  }

  Feeds& feeds_;
  const Clock& clock_;
  const std::chrono::nanoseconds period_;
  std::map<std::string, SealTurn> turns_;
  std::jthread thread_;  // last: it uses the others
};

// As many files and sockets as this user may have: a connection is one.
void RaiseFileLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));  // else connections wait for a socket
  }
}

}  // namespace

Status Serve(io::FileSystem& fs, const Clock& clock, Random& random, const ServeOptions& options,
             const std::function<void(const std::string& address)>& ready, std::stop_token stop) {
  DATALAKE_TRY(options.http.Validate());
  RaiseFileLimit();
  if (options.create_lake) {
    DATALAKE_TRY(lake::InitLake(fs, clock, random, options.lake_path));
  }
  DATALAKE_TRY_ASSIGN(const auto lake, lake::Lake::Open(fs, clock, random, options.lake_path));
  DATALAKE_TRY_ASSIGN(const auto content, job::MakeContentChecker());
  Feeds feeds(*lake, {.content = content.get()});
  if (const auto taken = feeds.Open("chat"); !taken) {
    if (taken.error().code != ErrorCode::kUnavailable) {
      return taken.error();
    }
    LogWarning("standing by for records: " + taken.error().message);
  }
  EventStream events;
  JobEvents job_events(events);
  job::JobStore store(fs, clock, lake->layout().jobs());
  DATALAKE_TRY_ASSIGN(const auto publishing, Publishing::Open(*lake, store));
  DATALAKE_TRY_ASSIGN(const auto jobs, job::JobRunner::Open(store, clock, &job_events));
  DATALAKE_TRY(RegisterJobs(*jobs, *lake));
  DATALAKE_TRY(RegisterSnapshotJob(*jobs, *lake, *publishing));
  // A job that uses the publisher, which is ended before jobs are, keeps it.
  std::atomic<std::shared_ptr<Publisher>> copies;
  DATALAKE_TRY(RegisterWithdrawalJob(*jobs, *lake, feeds, [&copies] { return copies.load(); }));
  TokenFile token_file(fs, clock, random, TokensPath(lake->layout().root()));
  TokenStore tokens(token_file, clock, random);
  DATALAKE_TRY(tokens.Reload());
  DATALAKE_TRY_ASSIGN(const GateOptions gate_options,
                      PlanGate(options.http, options.door, tokens.HasValid(), options.lake_path));
  DATALAKE_TRY_ASSIGN(const auto gate, MakeGate(gate_options, &tokens, clock, random));
  DATALAKE_TRY_ASSIGN(const lake::PublishPlan plan, lake::ReadPublishPlan(lake->context()));
  DATALAKE_TRY_ASSIGN(
      const std::shared_ptr<Publisher> publisher,
      Publisher::Start({*lake, feeds, *publishing, *jobs, clock}, plan, options.bucket));
  copies = publisher;
  std::atomic<bool> draining{false};
  Service service{.lake = *lake,
                  .feeds = feeds,
                  .jobs = *jobs,
                  .clock = clock,
                  .version = options.version,
                  .publishing = publishing.get(),
                  .publisher = publisher.get(),
                  .tokens = &token_file,
                  .token_store = &tokens,
                  .events = &events,
                  .draining = &draining,
                  .image_version = options.image_version};
  Router router;
  DATALAKE_TRY(AddRoutes(router, service));
  Metrics metrics(router, options.http.io_threads);
  service.metrics = &metrics;
  DATALAKE_TRY_ASSIGN(const std::vector<std::string> resumed, jobs->ResumeInterrupted());
  for (const std::string& id : resumed) {
    LogInfo(fmt::format("job {} runs again: the server ended before it", id));
  }
  AccessLog access_log(metrics, options.access_log);
  std::unique_ptr<HttpServer> http;
  {
    const Sealer sealer(feeds, clock, options.seal_period);
    DATALAKE_TRY_ASSIGN(http,
                        HttpServer::Start(options.http, {router, *gate, random, &access_log}));
    AddServerMetrics(metrics, service, *http);
    const Upkeep upkeep(tokens, fs, token_file.path(), *http, options.reload_wanted);
    LogInfo(fmt::format("serving lake {} at {}; version {}, image {}, environment {}",
                        options.lake_path, http->address(), options.version,
                        options.image_version.empty() ? "none" : options.image_version,
                        options.environment.empty() ? "none" : options.environment));
    ready(http->address());
    Mutex mutex;
    CondVar stopped;
    {
      MutexLock lock(mutex);
      stopped.Wait(mutex, stop, [] { return false; });
    }
    draining = true;
    events.Close();
    http->Stop(options.drain);
  }
  for (const auto& [name, feed] : feeds.All()) {
    Report(name, feed->Seal());
  }
  // The feeds end before the server: an append that outlived the drain still answers into it.
  feeds.Close();
  return {};
}

}  // namespace datalake::server

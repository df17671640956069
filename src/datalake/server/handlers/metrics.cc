// GET /metrics: what Prometheus reads.
#include "datalake/server/metrics.h"

#include <map>

#include "datalake/io/file_system.h"
#include "datalake/lake/feed.h"
#include "datalake/lake/lake.h"
#include "datalake/server/event_stream.h"
#include "datalake/server/feeds.h"
#include "datalake/server/handlers/handlers.h"
#include "datalake/server/http_server.h"
#include "datalake/server/publisher.h"
#include "datalake/server/server_metrics.h"

namespace datalake::server {
namespace {

void WriteFeeds(const Feeds& feeds, MetricsWriter& writer) {
  struct Facts {
    std::string label;
    bool up;
    lake::FeedStats stats;
  };

  std::vector<Facts> all;
  for (const auto& [name, feed] : feeds.All()) {
    all.push_back({MetricsWriter::Label("feed", name), feed->health().has_value(), feed->stats()});
  }
  const auto gauge = [&](std::string_view name, std::string_view help, auto value) {
    writer.Begin(name, "gauge", help);
    for (const Facts& facts : all) {
      writer.Value(static_cast<double>(value(facts)), facts.label);
    }
  };
  gauge("datalake_feed_up", "1 while the feed takes records.",
        [](const Facts& facts) { return facts.up ? 1 : 0; });
  gauge("datalake_feed_records", "Records known, quarantined ones included.",
        [](const Facts& facts) { return facts.stats.records; });
  gauge("datalake_feed_unsealed_records", "Acknowledged versions that are not in the table yet.",
        [](const Facts& facts) { return facts.stats.unsealed_records; });
  gauge("datalake_feed_unsealed_bytes", "Their bytes in the log.",
        [](const Facts& facts) { return facts.stats.unsealed_bytes; });
}

void WriteCopies(const std::vector<CopyState>& copies, MetricsWriter& writer) {
  const auto write = [&](std::string_view name, std::string_view type, std::string_view help,
                         auto value) {
    writer.Begin(name, type, help);
    for (const CopyState& copy : copies) {
      writer.Value(static_cast<double>(value(copy)), MetricsWriter::Label("feed", copy.feed) + "," +
                                                         MetricsWriter::Label("to", copy.url));
    }
  };
  write("datalake_copy_caught_up", "gauge", "1 while a copy has all that its feed has.",
        [](const CopyState& copy) { return copy.is_caught_up ? 1 : 0; });
  write("datalake_copy_failures", "gauge", "Attempts that failed since the last one that did not.",
        [](const CopyState& copy) { return copy.failures; });
  write("datalake_copy_written_total", "counter", "Objects written by this server.",
        [](const CopyState& copy) { return copy.copied; });
  write("datalake_copy_removed_total", "counter", "Objects removed by this server.",
        [](const CopyState& copy) { return copy.removed; });
}

}  // namespace

void AddServerMetrics(Metrics& metrics, const Service& service, const HttpServer& http) {
  metrics.AddSource([&service, &http](MetricsWriter& writer) {
    writer.Begin("datalake_info", "gauge", "Version of the server.");
    writer.Value(1, MetricsWriter::Label("version", service.version));
    writer.Begin("datalake_http_connections", "gauge", "Open connections.");
    writer.Value(static_cast<double>(http.connections()));
    if (service.events != nullptr) {
      writer.Begin("datalake_event_clients", "gauge", "Clients of the event stream.");
      writer.Value(static_cast<double>(service.events->clients()));
    }
    const lake::LakeContext& lake = service.lake.context();
    if (const auto free = lake.fs.FreeBytes(lake.layout.root())) {
      writer.Begin("datalake_free_bytes", "gauge", "Bytes that may still be written to the lake.");
      writer.Value(static_cast<double>(*free));
    }
    WriteFeeds(service.feeds, writer);
    if (service.publisher != nullptr) {
      WriteCopies(service.publisher->copies(), writer);
    }
  });
  metrics.AddSource(&WriteProcessMetrics);
}

Status AddMetricsRoutes(Router& router, Service& service) {
  return router.Add(
      {.method = "GET",
       .path = "/metrics",
       .summary = "Counters of this server in the text format of Prometheus",
       .tag = "Operations",
       .access = Access::To(Role::kRead),
       .answers = {{200, "the metrics", R"({"type":"string"})", "text/plain; version=0.0.4"}},
       .handle = [&service](const Request& request, const Responder& respond) {
         if (service.metrics == nullptr) {
           respond(StatusResponse(503, "no metrics here", ErrorForm::kProblem, request.request_id));
           return;
         }
         respond({.content_type = "text/plain; version=0.0.4; charset=utf-8",
                  .body = service.metrics->Render()});
       }});
}

}  // namespace datalake::server

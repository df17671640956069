#pragma once

#include "datalake/server/service.h"

namespace datalake::server {

class HttpServer;
class Metrics;

/// Adds what a running server knows to its metrics: connections, feeds, space, the process. All
/// must outlive the metrics.
void AddServerMetrics(Metrics& metrics, const Service& service, const HttpServer& http);

}  // namespace datalake::server

#pragma once

#include "datalake/server/http_server.h"

namespace datalake::server {

/// Writes one line a request at level info: id, method, route (its pattern: no name or query of the
/// request), status, milliseconds, bytes, client, token id. Nothing that was contributed. Passes
/// all on to another observer. Thread-safe.
class AccessLog final : public RequestObserver {
 public:
  /// `next` must outlive it. Not `enabled`: it only passes on.
  AccessLog(RequestObserver& next, bool enabled) : next_(next), enabled_(enabled) {}

  void OnRequest(const RequestFacts& facts) override;

 private:
  RequestObserver& next_;
  const bool enabled_;
};

}  // namespace datalake::server

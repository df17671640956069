#pragma once

#include <string_view>

#include "datalake/base/result.h"
#include "datalake/server/gate.h"
#include "datalake/server/serve.h"

namespace datalake::server {

/// The gate that a server of these options needs: closed on every address that is not loopback and
/// behind a proxy. `has_tokens`: the lake has a valid token; `lake_path` is for messages. Errors:
/// kInvalidArgument (an unknown role; a public address without TLS or proxy, or that nobody could
/// use).
Result<GateOptions> PlanGate(const HttpServerOptions& http, const DoorOptions& door,
                             bool has_tokens, std::string_view lake_path);

}  // namespace datalake::server

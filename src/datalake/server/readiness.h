#pragma once

#include <string>
#include <vector>

#include "datalake/server/service.h"

namespace datalake::server {

/// One thing that has to work for the server to be ready.
struct ReadinessCheck {
  std::string name;  ///< "storage", "free_space", "feed chat", "draining"
  bool ready = false;
  std::string reason;  ///< why it is not; empty when it is
};

/// Looks at everything that has to work: a file can be made durable in the lake, the disk has room,
/// each open feed takes records or stands by, the server is not stopping. Blocks for a write to the
/// disk.
std::vector<ReadinessCheck> CheckReadiness(const Service& service);

}  // namespace datalake::server

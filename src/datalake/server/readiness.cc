#include "datalake/server/readiness.h"

#include <fmt/format.h>

#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/lake/feed.h"
#include "datalake/lake/lake.h"
#include "datalake/server/feeds.h"

namespace datalake::server {
namespace {

constexpr std::uint64_t kLeastFreeBytes = 64U << 20;

// A small file in the lake's index, whose content may be deleted at any time.
Status ProbeStorage(const lake::LakeContext& lake) {
  const std::string path = io::JoinPath(lake.layout.index(), "ready.probe");
  return io::ReplaceFile(lake.fs, path, FormatTimestamp(lake.clock.Now()));
}

Status CheckSpace(const lake::LakeContext& lake) {
  DATALAKE_TRY_ASSIGN(const std::uint64_t bytes, lake.fs.FreeBytes(lake.layout.root()));
  if (bytes < kLeastFreeBytes) {
    return Error{ErrorCode::kResourceExhausted, fmt::format("only {} bytes are free", bytes)};
  }
  return {};
}

ReadinessCheck Named(std::string name, const Status& status) {
  return {.name = std::move(name),
          .ready = status.has_value(),
          .reason = status ? std::string() : status.error().message};
}

}  // namespace

std::vector<ReadinessCheck> CheckReadiness(const Service& service) {
  const lake::LakeContext& lake = service.lake.context();
  std::vector<ReadinessCheck> checks;
  checks.push_back(Named("storage", ProbeStorage(lake)));
  checks.push_back(Named("free_space", CheckSpace(lake)));
  for (const auto& [name, feed] : service.feeds.All()) {
    checks.push_back(Named("feed " + name, feed->health()));
  }
  if (service.draining != nullptr && service.draining->load()) {
    checks.push_back({.name = "draining", .reason = "the server is stopping"});
  }
  return checks;
}

}  // namespace datalake::server

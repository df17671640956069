#include "datalake/lake/asset_problem.h"

#include <cstdint>

#include <fmt/format.h>

namespace datalake::lake {
namespace {

// Decoded to four bytes a pixel it would take a GiB: it may be there to exhaust who opens it.
constexpr std::int64_t kMostPixels = std::int64_t{1} << 28;

template <typename Facts>
std::string ProblemOf(const Facts& facts, AssetColumnKind kind) {
  if (!facts.problem.empty()) {
    return facts.problem;
  }
  if (kind == AssetColumnKind::kImage && !facts.media_type.starts_with("image/")) {
    return fmt::format("not a picture: {}", facts.media_type);
  }
  if (facts.width && facts.height && std::int64_t{*facts.width} * *facts.height > kMostPixels) {
    return fmt::format("picture of more than {} pixels: {} x {}", kMostPixels, *facts.width,
                       *facts.height);
  }
  return {};
}

}  // namespace

std::string AssetProblem(const assets::AssetInfo& info, AssetColumnKind kind) {
  return ProblemOf(info, kind);
}

std::string AssetProblem(const assets::MediaFacts& facts, AssetColumnKind kind) {
  return ProblemOf(facts, kind);
}

}  // namespace datalake::lake

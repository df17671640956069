#pragma once

#include <cstdint>

namespace datalake::curate {

/// Whose answer counts where ours differs on purpose (docs/dolma-compat.md).
enum class Compatibility : std::uint8_t { kNone, kDolma };

}  // namespace datalake::curate

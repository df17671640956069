#pragma once

#include <cstdint>

namespace datalake {

/// For programs that run for months: memory that is freed goes back to the system at once, instead
/// of being kept for later. Large blocks are mapped one by one, the heap is trimmed early, there
/// are few heaps, and Arrow allocates as everything else does (unless ARROW_DEFAULT_MEMORY_POOL
/// says otherwise). Costs page faults for blocks above 4 MB. Call it first in main: it changes the
/// environment, and Arrow looks only once.
void ReturnFreedMemory();

/// Memory of this process that is in RAM, as the system counts it; 0: unknown.
std::uint64_t ResidentBytes();

}  // namespace datalake

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "datalake/base/cpu_features.h"
#include "datalake/text/words.h"

namespace datalake::text {

/// What FindWordBounds found.
struct WordBounds {
  std::size_t num_words = 0;
  bool is_ascii = true;  ///< no byte of the text is over 7F
};

/// The words of `text` (as SplitWords) into the first elements of `out`, which may stay longer and
/// whose other elements are scribbled on. Thread-safe.
WordBounds FindWordBounds(std::string_view text, CpuLevel level, std::vector<Word>& out);

/// Masks of 64 bytes: bit i belongs to byte i. Without initial values, as arrays of them are
/// written at once.
struct SpaceMasks {
  std::uint64_t space;      ///< ASCII white space
  std::uint64_t candidate;  ///< lead bytes of multi-byte white space: C2, E1, E2, E3
  std::uint64_t high;       ///< bytes over 7F
};

/// The masks of `count` blocks of 64 bytes. Thread-safe.
void FindSpaceMasks(const char* blocks, std::size_t count, CpuLevel level, SpaceMasks* out);

}  // namespace datalake::text

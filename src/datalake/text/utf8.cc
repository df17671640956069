#include "datalake/text/utf8.h"

#include <bit>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace datalake::text {
namespace {

constexpr std::uint64_t kHighs = 0x8080808080808080ULL;

bool IsContinuation(std::string_view text, std::size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
}

// Length of the well-formed sequence at text[at], or 0 (Unicode table 3-7).
std::size_t SequenceBytes(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) {
    return 1;
  }
  if (lead < 0xC2 || lead > 0xF4 || !IsContinuation(text, at + 1)) {
    return 0;
  }
  if (lead < 0xE0) {
    return 2;
  }
  const auto second = static_cast<unsigned char>(text[at + 1]);
  if (lead < 0xF0) {
    const bool overlong = lead == 0xE0 && second < 0xA0;
    const bool surrogate = lead == 0xED && second > 0x9F;
    return !overlong && !surrogate && IsContinuation(text, at + 2) ? 3 : 0;
  }
  const bool overlong = lead == 0xF0 && second < 0x90;
  const bool too_large = lead == 0xF4 && second > 0x8F;
  return !overlong && !too_large && IsContinuation(text, at + 2) && IsContinuation(text, at + 3)
             ? 4
             : 0;
}

// First byte at or after `at` that is not ASCII, or the size.
std::size_t SkipAscii(std::string_view text, std::size_t at) {
#if defined(__AVX2__)
  for (; at + 32 <= text.size(); at += 32) {
    const __m256i bytes =
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text.data() + at));  // NOLINT
    if (const auto high = static_cast<std::uint32_t>(_mm256_movemask_epi8(bytes)); high != 0) {
      return at + static_cast<std::size_t>(std::countr_zero(high));
    }
  }
#endif
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    if ((word & kHighs) != 0) {
      break;
    }
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) {
    ++at;
  }
  return at;
}

bool BeginsCodePoint(char byte) {
  return static_cast<signed char>(byte) > -65;  // not 0b10xxxxxx
}

#if defined(__AVX2__)
__m256i BeginsOf(const char* block) {
  const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block));  // NOLINT
  return _mm256_cmpgt_epi8(bytes, _mm256_set1_epi8(-65));  // the last continuation byte
}

std::uint32_t BeginsMask(const char* block) {
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(BeginsOf(block)));
}

// The bytes that begin a code point in blocks of 32.
std::size_t CountBlocks(std::string_view blocks) {
  constexpr std::size_t kFew = 1024;
  std::size_t count = 0;
  if (blocks.size() <= kFew) {
    for (std::size_t at = 0; at < blocks.size(); at += 32) {
      count += static_cast<std::size_t>(std::popcount(BeginsMask(blocks.data() + at)));
    }
    return count;
  }
  __m256i total = _mm256_setzero_si256();
  for (std::size_t at = 0; at < blocks.size();) {
    // Byte counters hold 255 rounds before they are summed.
    __m256i counters = _mm256_setzero_si256();
    for (int round = 0; round < 255 && at < blocks.size(); ++round, at += 32) {
      counters = _mm256_sub_epi8(counters, BeginsOf(blocks.data() + at));
    }
    total = _mm256_add_epi64(total, _mm256_sad_epu8(counters, _mm256_setzero_si256()));
  }
  alignas(32) std::uint64_t sums[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(sums), total);  // NOLINT
  return sums[0] + sums[1] + sums[2] + sums[3];
}
#endif

}  // namespace

std::size_t FirstInvalidUtf8(std::string_view text) {
  std::size_t at = SkipAscii(text, 0);
  while (at < text.size()) {
    const std::size_t bytes = SequenceBytes(text, at);
    if (bytes == 0) {
      return at;
    }
    at += bytes;
    if (bytes == 1) {  // back in ASCII: a run of it is likely
      at = SkipAscii(text, at);
    }
  }
  return std::string_view::npos;
}

std::string ReplaceInvalidUtf8(std::string_view text) {
  std::string valid;
  while (true) {
    const std::size_t at = FirstInvalidUtf8(text);
    valid.append(text.substr(0, at));
    if (at == std::string_view::npos) {
      return valid;
    }
    valid.append("\xEF\xBF\xBD");
    text.remove_prefix(at + 1);
  }
}

bool IsValidUtf8(std::string_view text) {
  return FirstInvalidUtf8(text) == std::string_view::npos;
}

std::size_t CountCodePoints(std::string_view text) {
#if defined(__AVX2__)
  if (text.size() >= 32) {
    // The last 32 bytes tell of those behind the whole blocks.
    const std::size_t rest = text.size() % 32;
    const std::uint64_t last = BeginsMask(text.data() + text.size() - 32);
    const std::size_t behind = static_cast<std::size_t>(std::popcount(last >> (32 - rest)));
    return CountBlocks(text.substr(0, text.size() - rest)) + behind;
  }
#endif
  std::size_t continuations = 0;
  const auto count = [&](std::uint64_t bytes) {
    continuations += static_cast<std::size_t>(std::popcount(bytes & ~(bytes << 1) & kHighs));
  };
  const auto load = [&](std::size_t at) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, text.data() + at, 8);
    return bytes;
  };
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    count(load(at));
  }
  if (at > 0 && at < text.size()) {  // the last 8 bytes without those counted
    count(load(text.size() - 8) >> (8 * (8 - text.size() % 8)));
    at = text.size();
  }
  for (; at < text.size(); ++at) {
    continuations += BeginsCodePoint(text[at]) ? 0 : 1;
  }
  return text.size() - continuations;
}

}  // namespace datalake::text

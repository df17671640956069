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
  std::size_t count = 0;
  std::size_t at = 0;
#if defined(__AVX2__)
  const __m256i last_continuation = _mm256_set1_epi8(-65);
  __m256i total = _mm256_setzero_si256();
  while (at + 32 <= text.size()) {
    // Byte counters hold 255 rounds before they are summed.
    __m256i counters = _mm256_setzero_si256();
    for (int round = 0; round < 255 && at + 32 <= text.size(); ++round, at += 32) {
      const __m256i bytes =
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text.data() + at));  // NOLINT
      counters = _mm256_sub_epi8(counters, _mm256_cmpgt_epi8(bytes, last_continuation));
    }
    total = _mm256_add_epi64(total, _mm256_sad_epu8(counters, _mm256_setzero_si256()));
  }
  alignas(32) std::uint64_t sums[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(sums), total);  // NOLINT
  count = sums[0] + sums[1] + sums[2] + sums[3];
#endif
  for (; at < text.size(); ++at) {
    count += BeginsCodePoint(text[at]) ? 1 : 0;
  }
  return count;
}

}  // namespace datalake::text

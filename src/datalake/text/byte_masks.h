#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

// One bit for each of 64 bytes of text, for searches that look at many places at once.
namespace datalake::text {

/// Bit i belongs to byte i.
using Mask = std::uint64_t;
/// Of 128 bytes.
using WideMask = unsigned __int128;

/// The lowest `bits` bits.
inline Mask FirstBits(std::size_t bits) {
  return bits >= 64 ? ~Mask{0} : (Mask{1} << bits) - 1;
}

/// A byte of UTF-8 that begins no code point.
inline bool IsContinuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

/// 64 bytes, which must be there, and where in them what is.
#if defined(__AVX2__)
class BlockBytes {
 public:
  explicit BlockBytes(const char* block)
      : low_(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(block))),         // NOLINT
        high_(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(block + 32))) {  // NOLINT
  }

  Mask Equal(char byte) const {
    const __m256i all = _mm256_set1_epi8(byte);
    return Join(_mm256_cmpeq_epi8(low_, all), _mm256_cmpeq_epi8(high_, all));
  }

  /// `first` to `last`, both below 0x7F and `first` above 0: signed compares do.
  Mask Between(char first, char last) const {
    return Join(Within(low_, first, last), Within(high_, first, last));
  }

  Mask Letters() const {
    const __m256i bit = _mm256_set1_epi8(0x20);
    return Join(Within(_mm256_or_si256(low_, bit), 'a', 'z'),
                Within(_mm256_or_si256(high_, bit), 'a', 'z'));
  }

  Mask NotAscii() const { return Join(low_, high_); }

  /// Bytes of UTF-8 that begin no code point.
  Mask Continuations() const {
    const __m256i lead = _mm256_set1_epi8(static_cast<char>(0xC0));  // below it as signed bytes
    return Join(_mm256_cmpgt_epi8(lead, low_), _mm256_cmpgt_epi8(lead, high_));
  }

  /// Bytes that are those of `other` at the same places.
  Mask EqualTo(const BlockBytes& other) const {
    return Join(_mm256_cmpeq_epi8(low_, other.low_), _mm256_cmpeq_epi8(high_, other.high_));
  }

 private:
  static Mask Join(__m256i low, __m256i high) {
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(low)) |
           (static_cast<Mask>(static_cast<std::uint32_t>(_mm256_movemask_epi8(high))) << 32);
  }

  static __m256i Within(__m256i bytes, char first, char last) {
    const __m256i from = _mm256_cmpgt_epi8(bytes, _mm256_set1_epi8(static_cast<char>(first - 1)));
    const __m256i to = _mm256_cmpgt_epi8(_mm256_set1_epi8(static_cast<char>(last + 1)), bytes);
    return _mm256_and_si256(from, to);
  }

  __m256i low_;
  __m256i high_;
};
#else
class BlockBytes {
 public:
  explicit BlockBytes(const char* block) : block_(block) {}

  Mask Equal(char byte) const { return Between(byte, byte); }

  Mask Between(char first, char last) const {
    return Where([&](unsigned i) { return block_[i] >= first && block_[i] <= last; });
  }

  Mask Letters() const {
    return Where([&](unsigned i) {
      const char lower = static_cast<char>(block_[i] | 0x20);
      return lower >= 'a' && lower <= 'z';
    });
  }

  Mask NotAscii() const {
    return Where([&](unsigned i) { return static_cast<unsigned char>(block_[i]) >= 0x80; });
  }

  Mask Continuations() const {
    return Where([&](unsigned i) { return IsContinuation(block_[i]); });
  }

  Mask EqualTo(const BlockBytes& other) const {
    return Where([&](unsigned i) { return block_[i] == other.block_[i]; });
  }

 private:
  template <typename Test>
  Mask Where(Test test) const {
    Mask mask = 0;
    for (unsigned bit = 0; bit < 64; ++bit) {
      mask |= Mask{test(bit)} << bit;
    }
    return mask;
  }

  const char* block_;
};
#endif

/// White space of ASCII as IsSpace of unicode.h has it.
inline Mask AsciiSpaces(const BlockBytes& bytes) {
  return bytes.Between('\t', '\r') | bytes.Between(0x1C, 0x20);
}

/// Bits that are followed by `length` - 1 more of `bits`.
inline WideMask RunsOf(WideMask bits, std::size_t length) {
  std::size_t have = 1;
  while (have < length && bits != 0) {
    const std::size_t step = std::min(have, length - have);
    bits &= bits >> step;
    have += step;
  }
  return bits;
}

/// Whether RunsOf can have one that begins in the low half; all is possible in the other.
inline bool MayHaveRuns(Mask bits, std::size_t length) {
  std::size_t have = 1;
  while (have < length && bits != 0) {
    const std::size_t step = std::min(have, length - have);
    bits &= (bits >> step) | ~(~Mask{0} >> step);
    have += step;
  }
  return bits != 0;
}

}  // namespace datalake::text

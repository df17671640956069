// Bounds of words in two steps, each with a form for AVX-512, for AVX2 and for neither, chosen at
// run time. (1) Masks: 64 bytes at a time become a bit mask of white space. Multi-byte spaces start
// with one of four lead bytes, looked at singly. (2) Bounds: where the mask changes, words begin
// and end in turns, so the places of its changes, one after the other, are the words.
//
// How many words a block has cannot be foretold, so both forms of step 2 write as many places as a
// block of English may have, whatever the count, and branch on larger counts only.
#include "datalake/text/word_bounds.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "datalake/text/utf8.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace datalake::text {
namespace {

constexpr std::size_t kBlock = 64;
constexpr std::size_t kChunkBlocks = 32;  // between the steps: their masks stay in the L1 cache
// Places that step 2 may write for a chunk: as many as there are bytes, and one vector behind.
constexpr std::size_t kChunkPlaces = kChunkBlocks * kBlock + kBlock;

// Words are pairs of places.
static_assert(sizeof(Word) == 2 * sizeof(std::uint32_t));

void PortableMasks(const char* blocks, std::size_t count, SpaceMasks* out) {
  for (std::size_t i = 0; i < count; ++i) {
    SpaceMasks masks{};
    for (unsigned bit = 0; bit < kBlock; ++bit) {
      const auto byte = static_cast<unsigned char>(blocks[i * kBlock + bit]);
      const bool space = (byte >= 0x09 && byte <= 0x0D) || (byte >= 0x1C && byte <= 0x20);
      const bool candidate = byte == 0xC2 || (byte >= 0xE1 && byte <= 0xE3);
      masks.space |= std::uint64_t{space} << bit;
      masks.candidate |= std::uint64_t{candidate} << bit;
      masks.high |= std::uint64_t{byte >= 0x80} << bit;
    }
    out[i] = masks;
  }
}

// `changes` of `count` blocks, the first of which is at `base` of the text. Returns the end.
char* PortableBounds(const std::uint64_t* changes, std::size_t count, std::uint32_t base,
                     char* out) {
  for (std::size_t i = 0; i < count; ++i, base += kBlock) {
    for (std::uint64_t left = changes[i]; left != 0; left &= left - 1) {
      const std::uint32_t place = base + static_cast<std::uint32_t>(std::countr_zero(left));
      std::memcpy(out, &place, sizeof(place));
      out += sizeof(place);
    }
  }
  return out;
}

#if defined(__AVX2__)
std::uint64_t Join(__m256i low, __m256i high) {
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(low)) |
         (static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm256_movemask_epi8(high))) << 32);
}

// By signed compares, which AVX2 has: 09..0D or 1C..20 (no byte over 7F is in either range).
__m256i SpaceBytes(__m256i bytes) {
  const __m256i low = _mm256_and_si256(_mm256_cmpgt_epi8(bytes, _mm256_set1_epi8(0x08)),
                                       _mm256_cmpgt_epi8(_mm256_set1_epi8(0x0E), bytes));
  const __m256i high = _mm256_and_si256(_mm256_cmpgt_epi8(bytes, _mm256_set1_epi8(0x1B)),
                                        _mm256_cmpgt_epi8(_mm256_set1_epi8(0x21), bytes));
  return _mm256_or_si256(low, high);
}

__m256i CandidateBytes(__m256i bytes) {
  const __m256i c2 = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(static_cast<char>(0xC2)));
  const __m256i range =
      _mm256_and_si256(_mm256_cmpgt_epi8(bytes, _mm256_set1_epi8(static_cast<char>(0xE0))),
                       _mm256_cmpgt_epi8(_mm256_set1_epi8(static_cast<char>(0xE4)), bytes));
  return _mm256_or_si256(c2, range);
}

void Avx2Masks(const char* blocks, std::size_t count, SpaceMasks* out) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto* const block = reinterpret_cast<const __m256i*>(blocks + i * kBlock);
    const __m256i low = _mm256_loadu_si256(block);
    const __m256i high = _mm256_loadu_si256(block + 1);
    out[i] = {Join(SpaceBytes(low), SpaceBytes(high)),
              Join(CandidateBytes(low), CandidateBytes(high)), Join(low, high)};
  }
}

char* Avx2Bounds(const std::uint64_t* changes, std::size_t count, std::uint32_t base, char* out) {
  constexpr int kUsual = 24;
  for (std::size_t i = 0; i < count; ++i, base += kBlock) {
    std::uint64_t left = changes[i];
    const int places = std::popcount(left);
    auto* at = reinterpret_cast<std::uint32_t*>(out);
    for (int place = 0; place < kUsual; ++place) {
      at[place] = base + static_cast<std::uint32_t>(_tzcnt_u64(left));
      left = _blsr_u64(left);
    }
    for (int place = kUsual; place < places; ++place) {
      at[place] = base + static_cast<std::uint32_t>(_tzcnt_u64(left));
      left = _blsr_u64(left);
    }
    out += static_cast<std::size_t>(places) * sizeof(std::uint32_t);
  }
  return out;
}

// GCC 12 takes the deliberately undefined operands of its own intrinsics for mistakes.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

DATALAKE_AVX512 void Avx512Masks(const char* blocks, std::size_t count, SpaceMasks* out) {
  const __m512i tab = _mm512_set1_epi8(0x09);
  const __m512i separator = _mm512_set1_epi8(0x1C);
  const __m512i five = _mm512_set1_epi8(5);
  const __m512i c2 = _mm512_set1_epi8(static_cast<char>(0xC2));
  const __m512i e1 = _mm512_set1_epi8(static_cast<char>(0xE1));
  const __m512i three = _mm512_set1_epi8(3);
  for (std::size_t i = 0; i < count; ++i) {
    const __m512i bytes = _mm512_loadu_si512(blocks + i * kBlock);
    out[i] = {_mm512_cmplt_epu8_mask(_mm512_sub_epi8(bytes, tab), five) |
                  _mm512_cmplt_epu8_mask(_mm512_sub_epi8(bytes, separator), five),
              _mm512_cmpeq_epi8_mask(bytes, c2) |
                  _mm512_cmplt_epu8_mask(_mm512_sub_epi8(bytes, e1), three),
              _mm512_movepi8_mask(bytes)};
  }
}

// The bytes of `places` from number `kFirst` on, as 32-bit places of the text.
template <int kFirst>
DATALAKE_AVX512 inline void StorePlaces(__m512i places, __m512i base, char* out) {
  const __m512i wide = _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(places, kFirst / 16));
  _mm512_storeu_si512(out + kFirst * sizeof(std::uint32_t), _mm512_add_epi32(wide, base));
}

DATALAKE_AVX512 char* Avx512Bounds(const std::uint64_t* changes, std::size_t count,
                                   std::uint32_t base, char* out) {
  alignas(64) static constexpr std::array<std::uint8_t, kBlock> kIota = [] {
    std::array<std::uint8_t, kBlock> iota{};
    for (std::size_t i = 0; i < kBlock; ++i) {
      iota[i] = static_cast<std::uint8_t>(i);
    }
    return iota;
  }();
  constexpr int kUsual = 32;
  const __m512i iota = _mm512_load_si512(kIota.data());
  for (std::size_t i = 0; i < count; ++i, base += kBlock) {
    const __m512i places = _mm512_maskz_compress_epi8(changes[i], iota);
    const __m512i bases = _mm512_set1_epi32(static_cast<int>(base));
    StorePlaces<0>(places, bases, out);
    StorePlaces<16>(places, bases, out);
    const int size = std::popcount(changes[i]);
    if (size > kUsual) {
      StorePlaces<32>(places, bases, out);
      StorePlaces<48>(places, bases, out);
    }
    out += static_cast<std::size_t>(size) * sizeof(std::uint32_t);
  }
  return out;
}

#pragma GCC diagnostic pop
#endif

char* FindBounds(const std::uint64_t* changes, std::size_t count, std::uint32_t base,
                 CpuLevel level, char* out) {
#if defined(__AVX2__)
  switch (level) {
    case CpuLevel::kAvx512:
      return Avx512Bounds(changes, count, base, out);
    case CpuLevel::kAvx2:
      return Avx2Bounds(changes, count, base, out);
    case CpuLevel::kPortable:
      break;
  }
#else
  (void)level;
#endif
  return PortableBounds(changes, count, base, out);
}

// IsSpace above U+007F, by hand: it runs for each curly quote of a text.
bool IsWideSpace(char32_t c) {
  return (c >= 0x2000 && c <= 0x200A) || c == 0x00A0 || c == 0x3000 || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x205F || c == 0x0085 || c == 0x1680;
}

// Turns masks of white space into those of its changes, block by block.
class Changes {
 public:
  explicit Changes(std::string_view text) : text_(text) {}

  std::uint64_t Of(const SpaceMasks& masks, std::size_t at) {
    std::uint64_t space = masks.space | spill_;
    spill_ = 0;
    for (std::uint64_t left = masks.candidate; left != 0; left &= left - 1) {
      space |= WideSpace(at, static_cast<unsigned>(std::countr_zero(left)));
    }
    const std::uint64_t changes = space ^ ((space << 1) | before_);
    before_ = space >> 63;
    return changes;
  }

 private:
  // The mask of a multi-byte space whose lead byte is at `bit`; what passes the block goes to
  // spill_. Valid UTF-8: a lead byte is followed by its continuation bytes.
  std::uint64_t WideSpace(std::size_t at, unsigned bit) {
    const DecodedCodePoint decoded = DecodeCodePoint(text_, at + bit);
    if (!IsWideSpace(decoded.value)) {
      return 0;
    }
    const std::uint64_t mask = (std::uint64_t{1} << decoded.bytes) - 1;
    spill_ |= bit + decoded.bytes > kBlock ? mask >> (kBlock - bit) : 0;
    return mask << bit;
  }

  std::string_view text_;
  std::uint64_t spill_ = 0;
  std::uint64_t before_ = 1;  // the last bit of the block before: no word is open
};

}  // namespace

void FindSpaceMasks(const char* blocks, std::size_t count, CpuLevel level, SpaceMasks* out) {
#if defined(__AVX2__)
  switch (level) {
    case CpuLevel::kAvx512:
      return Avx512Masks(blocks, count, out);
    case CpuLevel::kAvx2:
      return Avx2Masks(blocks, count, out);
    case CpuLevel::kPortable:
      break;
  }
#else
  (void)level;
#endif
  PortableMasks(blocks, count, out);
}

WordBounds FindWordBounds(std::string_view text, CpuLevel level, std::vector<Word>& out) {
  std::array<SpaceMasks, kChunkBlocks> masks;
  std::array<std::uint64_t, kChunkBlocks> changes_of;
  Changes changes(text);
  std::size_t places = 0;
  std::uint64_t high = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t whole = std::min((text.size() - at) / kBlock, kChunkBlocks);
    FindSpaceMasks(text.data() + at, whole, level, masks.data());
    std::size_t blocks = whole;
    if (whole < kChunkBlocks && at + whole * kBlock < text.size()) {
      std::array<char, kBlock> tail;  // spaces end its last word
      tail.fill(' ');
      const std::size_t begin = at + whole * kBlock;
      std::memcpy(tail.data(), text.data() + begin, text.size() - begin);
      FindSpaceMasks(tail.data(), 1, level, masks.data() + blocks++);
    }
    for (std::size_t i = 0; i < blocks; ++i) {
      changes_of[i] = changes.Of(masks[i], at + i * kBlock);
      high |= masks[i].high;
    }
    // The vector only grows, so that elements are not cleared chunk by chunk.
    if (places + kChunkPlaces > out.size() * 2) {
      out.resize(std::max(out.size() * 2, (places + 2 * kChunkPlaces) / 2));
    }
    char* const begin = reinterpret_cast<char*>(out.data()) + places * sizeof(std::uint32_t);
    char* const end =
        FindBounds(changes_of.data(), blocks, static_cast<std::uint32_t>(at), level, begin);
    places += static_cast<std::size_t>(end - begin) / sizeof(std::uint32_t);
    at += blocks * kBlock;
  }
  if (places % 2 != 0) {  // the text ends with its last block, in a word
    out[places / 2].end = static_cast<std::uint32_t>(text.size());
    ++places;
  }
  return {places / 2, high == 0};
}

}  // namespace datalake::text

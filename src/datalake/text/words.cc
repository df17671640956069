// Words in two steps. (1) Masks: 64 bytes at a time become a bit mask of white space; its changes
// are the bounds of words. Multi-byte spaces start with one of four lead bytes, looked at singly.
// (2) Numbers: each word is cut into two 8-byte halves, hashed once and looked up in an open table,
// where halves and length (words to 16 bytes) or all bytes (longer ones) are compared.
#include "datalake/text/words.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "datalake/text/unicode.h"
#include "datalake/text/utf8.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace datalake::text {
namespace {

struct BlockMasks {
  std::uint64_t space = 0;      // ASCII white space
  std::uint64_t candidate = 0;  // lead bytes of multi-byte white space: C2, E1, E2, E3
};

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
  const auto equal = [&](int value) {
    return _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(static_cast<char>(value)));
  };
  return _mm256_or_si256(_mm256_or_si256(equal(0xC2), equal(0xE1)),
                         _mm256_or_si256(equal(0xE2), equal(0xE3)));
}

BlockMasks MasksOf(const char* block) {
  const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block));        // NOLINT
  const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block + 32));  // NOLINT
  BlockMasks masks;
  masks.space = Join(SpaceBytes(low), SpaceBytes(high));
  if (_mm256_movemask_epi8(_mm256_or_si256(low, high)) != 0) {
    masks.candidate = Join(CandidateBytes(low), CandidateBytes(high));
  }
  return masks;
}
#else
BlockMasks MasksOf(const char* block) {
  BlockMasks masks;
  for (unsigned bit = 0; bit < 64; ++bit) {
    const auto byte = static_cast<unsigned char>(block[bit]);
    const bool space = (byte >= 0x09 && byte <= 0x0D) || (byte >= 0x1C && byte <= 0x20);
    const bool candidate = byte == 0xC2 || (byte >= 0xE1 && byte <= 0xE3);
    masks.space |= std::uint64_t{space} << bit;
    masks.candidate |= std::uint64_t{candidate} << bit;
  }
  return masks;
}
#endif

// Bounds of words from the changes of the space mask, block by block.
class Splitter {
 public:
  Splitter(std::string_view text, std::vector<Word>& out) : text_(text), out_(out) {}

  // The number of words; the vector may be longer.
  std::size_t Run() {
    std::size_t at = 0;
    for (; at + 64 <= text_.size(); at += 64) {
      Block(at, MasksOf(text_.data() + at));
    }
    if (at < text_.size()) {
      std::array<char, 64> tail;
      tail.fill(' ');
      std::memcpy(tail.data(), text_.data() + at, text_.size() - at);
      Block(at, MasksOf(tail.data()));
    }
    if (in_word_) {
      MakeRoom();
      out_[count_++] = {word_begin_, static_cast<std::uint32_t>(text_.size())};
    }
    return count_;
  }

 private:
  void Block(std::size_t at, const BlockMasks& masks) {
    std::uint64_t space = masks.space | spill_;
    spill_ = 0;
    for (std::uint64_t left = masks.candidate; left != 0; left &= left - 1) {
      space |= WideSpace(at, static_cast<unsigned>(std::countr_zero(left)));
    }
    // A bit of `changes` is set where a word begins or ends, in turns.
    std::uint64_t changes = space ^ ((space << 1) | (in_word_ ? 0 : 1));
    const auto base = static_cast<std::uint32_t>(at);
    MakeRoom();
    Word* word = out_.data() + count_;
    if (in_word_ && changes != 0) {
      *word++ = {word_begin_, base + static_cast<std::uint32_t>(std::countr_zero(changes))};
      changes &= changes - 1;
      in_word_ = false;
    }
    for (int whole = std::popcount(changes) / 2; whole > 0; --whole) {
      const auto begin = static_cast<std::uint32_t>(std::countr_zero(changes));
      changes &= changes - 1;
      const auto end = static_cast<std::uint32_t>(std::countr_zero(changes));
      changes &= changes - 1;
      *word++ = {base + begin, base + end};
    }
    count_ = static_cast<std::size_t>(word - out_.data());
    if (changes != 0) {
      word_begin_ = base + static_cast<std::uint32_t>(std::countr_zero(changes));
      in_word_ = true;
    }
  }

  // For the words that end in a block: one from before and every second byte. The vector only
  // grows, so that elements are not cleared block by block.
  void MakeRoom() {
    constexpr std::size_t kMostWords = 33;
    if (count_ + kMostWords > out_.size()) {
      out_.resize(std::max(out_.size() * 2, count_ + 16 * kMostWords));
    }
  }

  // The mask of a multi-byte space whose lead byte is at `bit`; what passes the block goes to
  // spill_. Valid UTF-8: a lead byte is followed by its continuation bytes.
  std::uint64_t WideSpace(std::size_t at, unsigned bit) {
    const DecodedCodePoint decoded = DecodeCodePoint(text_, at + bit);
    if (!IsWideSpace(decoded.value)) {
      return 0;
    }
    const std::uint64_t mask = (std::uint64_t{1} << decoded.bytes) - 1;
    spill_ |= bit + decoded.bytes > 64 ? mask >> (64 - bit) : 0;
    return mask << bit;
  }

  // IsSpace above U+007F, by hand: it runs for each curly quote of a text.
  static bool IsWideSpace(char32_t c) {
    return (c >= 0x2000 && c <= 0x200A) || c == 0x00A0 || c == 0x3000 || c == 0x2028 ||
           c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x0085 || c == 0x1680;
  }

  std::string_view text_;
  std::vector<Word>& out_;
  std::size_t count_ = 0;
  std::uint64_t spill_ = 0;
  std::uint32_t word_begin_ = 0;
  bool in_word_ = false;
};

// Folded 64x64 -> 128 multiply (the mixing step of wyhash).
std::uint64_t Mix(std::uint64_t a, std::uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

constexpr std::uint64_t kLowKey = 0x9E3779B97F4A7C15ULL;   // 2^64 / golden ratio
constexpr std::uint64_t kHighKey = 0xD6E8FEB86659FD93ULL;  // odd, from a study of Mix constants

std::uint64_t Load(const char* bytes, std::size_t count) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes, count);
  return value;
}

struct Halves {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};

// `value` without its bytes from number `bytes` on; all of it for 8 and more.
std::uint64_t FirstBytes(std::uint64_t value, std::size_t bytes) {
#if defined(__BMI2__)
  return _bzhi_u64(value, static_cast<unsigned>(8 * bytes));
#else
  return bytes >= 8 ? value : value & ((std::uint64_t{1} << (8 * bytes)) - 1);
#endif
}

// The halves of words up to 16 bytes; for longer ones a 128-bit hash.
Halves HalvesOf(std::string_view text, const Word& word) {
  const char* begin = text.data() + word.begin;
  const std::size_t bytes = word.end - word.begin;
  if (bytes <= 16) {
    if (std::size_t{word.begin} + 16 <= text.size()) {
      const std::size_t high_bytes = std::max<std::size_t>(bytes, 8) - 8;
      return {FirstBytes(Load(begin, 8), bytes), FirstBytes(Load(begin + 8, 8), high_bytes)};
    }
    return {Load(begin, std::min<std::size_t>(bytes, 8)),
            bytes > 8 ? Load(begin + 8, bytes - 8) : 0};
  }
  Halves halves{bytes, ~bytes};
  std::size_t at = 0;
  for (; at + 8 <= bytes; at += 8) {
    const std::uint64_t piece = Load(begin + at, 8);
    halves.low = Mix(halves.low ^ piece, kLowKey);
    halves.high = Mix(halves.high ^ piece, kHighKey);
  }
  const std::uint64_t rest = Load(begin + at, bytes - at);
  return {Mix(halves.low ^ rest, kLowKey), Mix(halves.high ^ rest, kHighKey)};
}

constexpr std::size_t kBatch = 32;

// Bytes 10xxxxxx: the high bit set and the next one not.
std::uint32_t Continuations(std::uint64_t bytes) {
  return static_cast<std::uint32_t>(std::popcount(bytes & ~(bytes << 1) & 0x8080808080808080ULL));
}

}  // namespace

struct WordTable::HashedWord {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  std::uint64_t hash = 0;
  std::uint32_t begin = 0;
  std::uint32_t bytes = 0;

  static HashedWord Of(std::string_view text, const Word& word) {
    const Halves halves = HalvesOf(text, word);
    const std::uint32_t bytes = word.end - word.begin;
    return {halves.low, halves.high, Mix(halves.low ^ kLowKey, halves.high ^ (kHighKey + bytes)),
            word.begin, bytes};
  }
};

void SplitWords(std::string_view text, std::vector<Word>& out) {
  out.resize(Splitter(text, out).Run());
}

void WordTable::Assign(std::string_view text) {
  text_ = text;
  num_words_ = Splitter(text, words_).Run();
  Number();
}

// In batches: first hashes, whose loads and multiplications overlap, then look-ups, which only wait
// for the table. Whether a word is new is a coin's toss, so nothing branches on it: a new word
// takes the free slot that ended its search and the next free entry, a known one writes itself to a
// spare entry.
void WordTable::Number() {
  const std::size_t count = num_words_;
  if (entries_.size() < count + 1) {
    entries_.resize(std::max(2 * entries_.size(), count + 1));
    ids_.resize(entries_.size());
  }
  slots_.assign(std::bit_ceil(std::max<std::size_t>(count * 2, 64)), 0);
  num_distinct_ = 0;
  std::array<HashedWord, kBatch> batch;
  for (std::size_t begin = 0; begin < count; begin += kBatch) {
    const std::size_t size = std::min(kBatch, count - begin);
    for (std::size_t i = 0; i < size; ++i) {
      batch[i] = HashedWord::Of(text_, words_[begin + i]);
    }
    NumberBatch(std::span(batch).first(size), begin);
  }
  for (DistinctWord& word : std::span(entries_).first(num_distinct_)) {
    word.chars = word.bytes <= 16 ? word.bytes - Continuations(word.low) - Continuations(word.high)
                                  : static_cast<std::uint32_t>(CountCodePoints(Text(word)));
  }
}

void WordTable::NumberBatch(std::span<const HashedWord> words, std::size_t first) {
  std::uint64_t* const slots = slots_.data();
  DistinctWord* const entries = entries_.data();
  DistinctWord* const spare = entries + num_words_;
  std::uint32_t* const ids = ids_.data() + first;
  const std::uint64_t mask = slots_.size() - 1;
  std::uint64_t distinct = num_distinct_;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const HashedWord& word = words[i];
    for (std::uint64_t at = word.hash & mask;; at = (at + 1) & mask) {
      const std::uint64_t slot = slots[at];
      const bool is_new = slot == 0;
      // Neither free nor of this hash; said with one compare, for one well-foretold branch.
      if (std::min(slot, (slot ^ word.hash) >> 32) != 0) {
        continue;
      }
      const std::uint64_t number = is_new ? distinct : (slot & 0xFFFF'FFFF) - 1;
      DistinctWord* const entry = entries + number;
      *(is_new ? entry : spare) = {word.low, word.high, word.begin, word.bytes, 0, 0};
      const std::uint64_t differs =
          (entry->low ^ word.low) | (entry->high ^ word.high) | (entry->bytes ^ word.bytes);
      if (differs != 0 ||
          (word.bytes > 16 && Text(*entry) != text_.substr(word.begin, word.bytes))) {
        continue;  // another word with the same half of the hash
      }
      ++entry->count;
      slots[at] = (word.hash & 0xFFFF'FFFF'0000'0000ULL) | (number + 1);
      ids[i] = static_cast<std::uint32_t>(number);
      distinct += is_new ? 1 : 0;
      break;
    }
  }
  num_distinct_ = distinct;
}

}  // namespace datalake::text

// Words are cut at the bounds of word_bounds.h and numbered: the first 16 bytes of each,
// zero-padded, its length and, of longer ones, the rest are looked up in an open table.
#include "datalake/text/words.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>

#include "datalake/text/utf8.h"
#include "datalake/text/word_bounds.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace datalake::text {
namespace {

constexpr std::size_t kBatch = 32;
constexpr std::size_t kKeyBytes = 16;

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

// The hash of what is behind the first 16 bytes.
std::uint64_t HashOfRest(std::string_view rest) {
  std::uint64_t hash = rest.size();
  std::size_t at = 0;
  for (; at + 8 <= rest.size(); at += 8) {
    hash = Mix(hash ^ Load(rest.data() + at, 8), kLowKey);
  }
  return Mix(hash ^ Load(rest.data() + at, rest.size() - at), kHighKey);
}

// `value` without its bytes from number `bytes` on; all of it for 8 and more.
std::uint64_t FirstBytes(std::uint64_t value, std::size_t bytes) {
#if defined(__BMI2__)
  return _bzhi_u64(value, static_cast<unsigned>(8 * bytes));
#else
  return bytes >= 8 ? value : value & ((std::uint64_t{1} << (8 * bytes)) - 1);
#endif
}

// Bytes 10xxxxxx: the high bit set and the next one not.
std::uint32_t Continuations(std::uint64_t bytes) {
  return static_cast<std::uint32_t>(std::popcount(bytes & ~(bytes << 1) & 0x8080808080808080ULL));
}

// 0 when both words have equal keys and lengths. Loads of no more than what one store wrote, or a
// word that comes again at once would wait for its last store to reach the cache.
#if defined(__AVX2__)
std::uint32_t Difference(const DistinctWord& a, const DistinctWord& b) {
  const __m128i equal = _mm_cmpeq_epi8(_mm_load_si128(reinterpret_cast<const __m128i*>(&a)),
                                       _mm_load_si128(reinterpret_cast<const __m128i*>(&b)));
  return (static_cast<std::uint32_t>(_mm_movemask_epi8(equal)) ^ 0xFFFF) | (a.bytes ^ b.bytes);
}

void Copy(const DistinctWord& from, DistinctWord& to) {
  _mm256_store_si256(reinterpret_cast<__m256i*>(&to),
                     _mm256_load_si256(reinterpret_cast<const __m256i*>(&from)));
}
#else
std::uint32_t Difference(const DistinctWord& a, const DistinctWord& b) {
  return a.low != b.low || a.high != b.high || a.bytes != b.bytes ? 1 : 0;
}

void Copy(const DistinctWord& from, DistinctWord& to) {
  to = from;
}
#endif

}  // namespace

// Words to look up. First all of their hashes, whose loads and multiplications overlap, then the
// look-ups, which only wait for the table.
struct WordTable::Batch {
  std::array<DistinctWord, kBatch> words;
  std::array<std::uint64_t, kBatch> hashes;
  std::size_t size = 0;
  bool has_long_words = false;

  void Fill(std::string_view text, std::span<const Word> from) {
    size = from.size();
    // Words at the end of the text, behind which no 16 bytes can be read, are read from a copy.
    std::size_t inside = size;
    while (inside > 0 && from[inside - 1].begin + kKeyBytes > text.size()) {
      --inside;
    }
    std::uint32_t most_bytes = 0;
    for (std::size_t i = 0; i < inside; ++i) {
      Set(i, from[i], text.data() + from[i].begin);
      most_bytes = std::max(most_bytes, from[i].end - from[i].begin);
    }
    if (inside < size) {
      std::array<char, 2 * kKeyBytes> tail{};
      const std::uint32_t begin = from[inside].begin;
      std::memcpy(tail.data(), text.data() + begin, text.size() - begin);
      for (std::size_t i = inside; i < size; ++i) {
        Set(i, from[i], tail.data() + (from[i].begin - begin));
      }
    }
    has_long_words = most_bytes > kKeyBytes;
    if (has_long_words) {
      HashRests(text);
    }
  }

 private:
  void HashRests(std::string_view text) {
    for (std::size_t i = 0; i < size; ++i) {
      if (words[i].bytes > kKeyBytes) {
        hashes[i] ^= HashOfRest(text.substr(words[i].begin, words[i].bytes).substr(kKeyBytes));
      }
    }
  }

  // `at` is where the word stands, with 16 bytes to read.
  void Set(std::size_t i, const Word& word, const char* at) {
    const std::uint32_t bytes = word.end - word.begin;
    const std::size_t of_key = std::min<std::size_t>(bytes, kKeyBytes);
    const std::uint64_t low = FirstBytes(Load(at, 8), of_key);
    const std::uint64_t high = FirstBytes(Load(at + 8, 8), std::max<std::size_t>(of_key, 8) - 8);
    words[i] = {low, high, bytes, word.begin, bytes, 0};
    hashes[i] = Mix(low ^ kLowKey, high ^ (kHighKey + bytes));
  }
};

void SplitWords(std::string_view text, std::vector<Word>& out, CpuLevel level) {
  out.resize(FindWordBounds(text, level, out).num_words);
}

void WordTable::Assign(std::string_view text) {
  text_ = text;
  const WordBounds bounds = FindWordBounds(text, level_, words_);
  num_words_ = bounds.num_words;
  num_distinct_ = 0;
  long_words_.clear();
  if (entries_.size() < num_words_ + 2) {
    entries_.resize(std::max(2 * entries_.size(), num_words_ + 2));
    ids_.resize(entries_.size());
  }
  if (num_words_ < std::numeric_limits<std::uint16_t>::max()) {
    Number(narrow_slots_);
  } else {
    Number(wide_slots_);
  }
  if (!bounds.is_ascii) {
    CountChars();
  }
}

template <typename Slot>
void WordTable::Number(std::vector<Slot>& slots) {
  // A quarter full at most: a search seldom meets another word, which no processor foresees.
  slots.assign(std::bit_ceil(std::max<std::size_t>(num_words_ * 4, 64)), 0);
  Batch batch;
  for (std::size_t begin = 0; begin < num_words_; begin += kBatch) {
    batch.Fill(text_, words().subspan(begin, std::min(kBatch, num_words_ - begin)));
    if (batch.has_long_words) {
      NumberBatch<Slot, true>(batch, begin, slots);
    } else {
      NumberBatch<Slot, false>(batch, begin, slots);
    }
  }
}

// Whether a word is new is a coin's toss, so nothing branches on it: each is written to the next
// free entry, which only a new one takes.
template <typename Slot, bool kHasLongWords>
void WordTable::NumberBatch(const Batch& batch, std::size_t first, std::span<Slot> slots) {
  DistinctWord* const entries = entries_.data();
  std::uint32_t* const ids = ids_.data() + first;
  const std::uint64_t mask = slots.size() - 1;
  std::uint32_t next = static_cast<std::uint32_t>(num_distinct_) + 1;
  for (std::size_t i = 0; i < batch.size; ++i) {
    const DistinctWord& word = batch.words[i];
    for (std::uint64_t at = batch.hashes[i] & mask;; at = (at + 1) & mask) {
      const std::uint32_t slot = slots[at];
      // Neither free nor this word; said with one compare, for one well-foretold branch.
      if (std::min(slot, Difference(entries[slot], word)) != 0) {
        continue;
      }
      if constexpr (kHasLongWords) {
        if (word.bytes > kKeyBytes && slot != 0 &&
            Text(entries[slot]) != text_.substr(word.begin, word.bytes)) {
          continue;
        }
        if (word.bytes > kKeyBytes && slot == 0) {
          long_words_.push_back(next - 1);
        }
      }
      const std::uint32_t number = slot == 0 ? next : slot;
      Copy(word, entries[next]);
      ++entries[number].count;
      slots[at] = static_cast<Slot>(number);
      ids[i] = number - 1;
      next += slot == 0 ? 1 : 0;
      break;
    }
  }
  num_distinct_ = next - 1;
}

void WordTable::CountChars() {
  for (DistinctWord& word : std::span(entries_).subspan(1, num_distinct_)) {
    word.chars = word.bytes - Continuations(word.low) - Continuations(word.high);
  }
  for (const std::uint32_t number : long_words_) {
    DistinctWord& word = entries_[number + 1];
    word.chars = static_cast<std::uint32_t>(CountCodePoints(Text(word)));
  }
}

}  // namespace datalake::text

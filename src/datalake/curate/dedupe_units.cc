#include "datalake/curate/dedupe_units.h"

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "datalake/text/lines.h"
#include "datalake/text/trim.h"
#include "datalake/text/utf8.h"
#include "datalake/text/word_segments.h"

namespace datalake::curate {
namespace {

// Bases of the two rolling polynomials, odd and ≡ 3 (mod 8): powers of such differ in their lowest
// bits already, so hardly any bit of a word's hash gets lost modulo 2^64.
constexpr std::uint64_t kLowBase = 0x9e3779b97f4a7c1bU;
constexpr std::uint64_t kHighBase = 0xd6e8feb86659fd93U;
static_assert(kLowBase % 8 == 3 && kHighBase % 8 == 3);

std::uint64_t Power(std::uint64_t base, std::uint64_t exponent) {
  std::uint64_t power = 1;
  for (; exponent > 0; --exponent) {
    power *= base;
  }
  return power;
}

// The finalizer of MurmurHash3 (public domain, Austin Appleby).
std::uint64_t Mix(std::uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdU;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53U;
  return x ^ (x >> 33);
}

// The words' hashes are random already; this spreads the order of the words, which the lowest bits
// of the polynomials hardly know, over each half, one to one. An n-gram of another length is
// another key.
Hash128 Finish(const Hash128& rolled, std::uint64_t length) {
  Hash128 key{.low = rolled.low + length, .high = rolled.high + length};
  key.low = (key.low ^ (key.low >> 32)) * 0xff51afd7ed558ccdU;
  key.high = (key.high ^ (key.high >> 32)) * 0xc4ceb9fe1a85ec53U;
  key.low ^= key.low >> 29;
  key.high ^= key.high >> 29;
  return key;
}

// Both halves of the product of two numbers, mixed (as in wyhash, public domain, Wang Yi).
std::uint64_t Multiply(std::uint64_t a, std::uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

constexpr std::size_t kShortWord = 16;

// A hash of a word: of up to 16 bytes by two multiplications and without a branch on its length,
// which nothing could predict; of longer ones XXH3.
Hash128 HashWord(std::string_view text, const text::Word& word) {
  const std::size_t size = word.end - word.begin;
  if (size > kShortWord) {
    return Xxh3Hash128(text.substr(word.begin, size));
  }
  std::array<std::uint64_t, 2> bytes{};
  if (word.begin + kShortWord <= text.size()) {
    std::memcpy(bytes.data(), text.data() + word.begin, kShortWord);
  } else {
    std::memcpy(bytes.data(), text.data() + word.begin, size);
  }
  // Bytes behind the word count as zeros.
  const auto bits = static_cast<unsigned>(size * 8);
  const std::uint64_t low = _bzhi_u64(bytes[0], bits);
  const std::uint64_t high = _bzhi_u64(bytes[1], std::max(bits, 64U) - 64U);
  const std::uint64_t length = size * 0x9e3779b97f4a7c15U;
  return {.low = Multiply(low ^ 0xa0761d6478bd642fU, (high ^ 0xe7037ed1a0b428dbU) + length),
          .high = Multiply(low ^ 0x8ebc6af09c88c6e3U, (high ^ 0x589965cc75374cc3U) + length)};
}

// Where the next separator begins; the end of the text when none does. An empty separator never
// comes.
std::size_t FindSeparator(std::string_view text, std::string_view separator, std::size_t from) {
  const std::size_t at =
      separator.size() == 1 ? text.find(separator.front(), from) : text.find(separator, from);
  return std::min(at, text.size());
}

}  // namespace

bool IsOwnKey(const Hash128& key, std::uint64_t num_partitions, std::uint64_t partition_index) {
  // Other bits than those that say where the key lies in a table.
  const std::uint64_t spread = Mix(key.low ^ (key.high << 1));
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(spread) * num_partitions) >>
                                    64) == partition_index;
}

UnitMaker::UnitMaker(const DedupeOptions& options)
    : options_(options),
      is_dolma_(options.compatibility == Compatibility::kDolma),
      has_words_(options.unit == DedupeUnitKind::kNgrams || options.min_words > 0),
      is_split_by_lines_(options.paragraph_separator.find_first_not_of('\n') == std::string::npos),
      leaving_{.low = Power(kLowBase, options.ngram_length),
               .high = Power(kHighBase, options.ngram_length)} {}

RowForm UnitMaker::Add(std::string_view key, DedupeBlock& block) {
  return options_.unit == DedupeUnitKind::kDocuments ? AddDocument(key, block)
                                                     : AddParagraphs(key, block);
}

bool UnitMaker::IsOwn(const Hash128& key) const {
  return options_.num_partitions == 1 || options_.IsPartitionOfFiles() ||
         IsOwnKey(key, options_.num_partitions, options_.partition_index);
}

bool UnitMaker::IsLeftAlone(std::string_view text, std::uint64_t size) const {
  return size < options_.min_length || (options_.skip_empty && text::Trim(text).empty());
}

// UAX #29 breaks before and behind every line end (WB3a, WB3b), so where lines are the paragraphs
// the whole text is split at once.
UnitMaker::Words UnitMaker::WordsOf(std::string_view text, std::size_t begin, std::size_t end) {
  if (!has_words_) {
    return {};
  }
  if (!is_split_by_lines_) {
    const std::string_view paragraph = text.substr(begin, end - begin);
    text::SplitNonBlankWordSegments(paragraph, words_);
    return {.base = paragraph, .words = words_};
  }
  if (begin == 0) {
    text::SplitNonBlankWordSegments(text, words_);
    next_word_ = 0;
  }
  const std::size_t first = next_word_;
  while (next_word_ < words_.size() && words_[next_word_].end <= end) {
    ++next_word_;
  }
  return {.base = text, .words = std::span(words_).subspan(first, next_word_ - first)};
}

RowForm UnitMaker::AddDocument(std::string_view key, DedupeBlock& block) {
  DedupeUnit& unit = block.units.emplace_back();
  unit.end = static_cast<std::uint32_t>(key.size());
  if (is_dolma_ && options_.min_words > 0) {
    // The toolkit never looks at anything then, and says so for short ones only.
    text::SplitNonBlankWordSegments(key, words_);
    return words_.size() < options_.min_words ? RowForm::kDocument : RowForm::kAbsent;
  }
  if (options_.min_words > 0) {
    text::SplitNonBlankWordSegments(key, words_);
  }
  if (!IsLeftAlone(key, key.size()) && words_.size() >= options_.min_words) {
    if (const Hash128 hash = Xxh3Hash128(key); IsOwn(hash)) {
      unit.keys = 1;
      block.keys.push_back(hash);
    }
  }
  return RowForm::kDocument;
}

RowForm UnitMaker::AddParagraphs(std::string_view text, DedupeBlock& block) {
  if (text.empty()) {
    return RowForm::kAbsent;
  }
  if (is_dolma_ && options_.min_words > 0) {
    return RowForm::kList;
  }
  const std::string_view separator = options_.paragraph_separator;
  const std::uint64_t separator_chars = text::CountCodePoints(separator);
  const bool is_ascii = text::CountCodePoints(text) == text.size();
  std::uint64_t chars = 0;
  for (std::size_t begin = 0;;) {
    const std::size_t end = FindSeparator(text, separator, begin);
    const std::string_view paragraph = text.substr(begin, end - begin);
    const bool is_last = end == text.size();
    if (is_last && paragraph.empty() && !is_dolma_) {
      break;  // nothing comes behind the last separator
    }
    const std::uint64_t size = is_ascii ? paragraph.size() : text::CountCodePoints(paragraph);
    DedupeUnit unit;
    unit.begin = static_cast<std::uint32_t>(chars);
    chars += size;
    if (is_dolma_) {
      chars += chars < text.size() - 1 ? 1 : 0;  // bytes, and one for any separator
    } else if (!is_last) {
      chars += separator_chars;
    }
    unit.end = static_cast<std::uint32_t>(chars);
    const Words words = WordsOf(text, begin, end);
    if (!IsLeftAlone(paragraph, size) && words.words.size() >= options_.min_words) {
      AddParagraph(paragraph, words, unit, block);
    }
    if (is_last) {
      break;
    }
    begin = end + separator.size();
  }
  return RowForm::kList;
}

void UnitMaker::AddParagraph(std::string_view paragraph, const Words& words, DedupeUnit unit,
                             DedupeBlock& block) {
  if (options_.unit == DedupeUnitKind::kNgrams) {
    AddNgrams(words, unit, block);
    if (unit.tested >= 2 || options_.skip_short_paragraphs) {
      if (unit.tested > 0) {
        unit.rule = UnitRule::kShare;
        block.units.push_back(unit);
      }
      return;
    }
    unit.rule = UnitRule::kLastKey;
  }
  const Hash128 hash = Xxh3Hash128(paragraph);
  // The toolkit compares short paragraphs whole in every partition.
  const bool is_everyones = is_dolma_ && unit.rule == UnitRule::kLastKey;
  if (is_everyones || IsOwn(hash)) {
    ++unit.keys;
    block.keys.push_back(hash);
    block.units.push_back(unit);
  } else if (unit.keys > 0) {
    // Its n-gram is ours though it is not: a unit that leaves its key and marks nothing.
    unit.rule = UnitRule::kShare;
    unit.tested = 0;
    block.units.push_back(unit);
  }
}

void UnitMaker::AddNgrams(const Words& words, DedupeUnit& unit, DedupeBlock& block) {
  const std::uint64_t length = options_.ngram_length;
  const std::uint64_t stride = options_.stride;
  if (words.words.size() < length) {
    return;
  }
  hashes_.clear();
  for (const text::Word& word : words.words) {
    hashes_.push_back(length == 1
                          ? Xxh3Hash128(words.base.substr(word.begin, word.end - word.begin))
                          : HashWord(words.base, word));
  }
  Hash128 rolled;
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < hashes_.size(); ++i) {
    rolled.low = rolled.low * kLowBase + hashes_[i].low;
    rolled.high = rolled.high * kHighBase + hashes_[i].high;
    if (i >= length) {
      rolled.low -= hashes_[i - length].low * leaving_.low;
      rolled.high -= hashes_[i - length].high * leaving_.high;
    }
    if (i + 1 < length) {
      continue;
    }
    // Starts 0, 1, 1 + stride, 1 + 2 stride, ...: the toolkit's, whose documentation is silent.
    const std::uint64_t start = i + 1 - length;
    if (last != 0 && start - last < stride) {
      continue;
    }
    last = start;
    ++unit.tested;
    // One word alone is the paragraph of that word, as in the toolkit.
    const Hash128 key = length == 1 ? hashes_[i] : Finish(rolled, length);
    if (IsOwn(key)) {
      ++unit.keys;
      block.keys.push_back(key);
    }
  }
}

}  // namespace datalake::curate

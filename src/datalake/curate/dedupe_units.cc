#include "datalake/curate/dedupe_units.h"

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

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

// Texts and paragraphs that are longer are split into words piece by piece.
constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

constexpr bool IsAscii(char c) {
  return static_cast<unsigned char>(c) < 0x80;
}

constexpr bool IsWordLike(char c) {
  return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
}

// Whether a word always ends between these two, whatever is around them (UAX #29 section 4.1.1).
// What joins needs a letter, digit or underscore on the left and, but for spaces and CR LF, on the
// right as well, or a character beyond ASCII; nothing joins an ideograph (U+4000 to U+9FFF).
constexpr bool IsSafeCut(char before, char after) {
  if (static_cast<unsigned char>(after) >= 0xE4 && static_cast<unsigned char>(after) <= 0xE9) {
    return true;
  }
  if (!IsAscii(before) || !IsAscii(after)) {
    return false;
  }
  if (before == '\r' || (before == ' ' && after == ' ')) {
    return false;
  }
  return before == '\n' || after == ' ' || (!IsWordLike(before) && !IsWordLike(after));
}

// Bytes of the first piece of a text: the words of the pieces are those of the text.
std::size_t PieceSize(std::string_view text) {
  std::size_t size = std::min(kPieceBytes, text.size());
  while (size < text.size() && !IsSafeCut(text[size - 1], text[size])) {
    ++size;
  }
  return size;
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
      separator_chars_(text::CountCodePoints(options.paragraph_separator)),
      leaving_{.low = Power(kLowBase, options.ngram_length),
               .high = Power(kHighBase, options.ngram_length)} {}

RowForm UnitMaker::Add(std::string_view key, DedupeBlock& block) {
  const RowForm form = Begin(key, block);
  static_cast<void>(More(block, std::numeric_limits<std::size_t>::max()));
  return form;
}

RowForm UnitMaker::Begin(std::string_view key, DedupeBlock& block) {
  return options_.unit == DedupeUnitKind::kDocuments ? AddDocument(key, block)
                                                     : BeginParagraphs(key);
}

bool UnitMaker::More(DedupeBlock& block, std::size_t max_units) {
  while (is_long_ || !is_done_) {
    if (block.units.size() + block.keys.size() >= max_units) {
      LeaveOpen(block);
      return false;
    }
    if (is_long_) {
      ContinueLong(block);
    } else {
      NextParagraph(block);
    }
  }
  return true;
}

bool UnitMaker::IsOwn(const Hash128& key) const {
  return options_.num_partitions == 1 || options_.IsPartitionOfFiles() ||
         IsOwnKey(key, options_.num_partitions, options_.partition_index);
}

bool UnitMaker::IsLeftAlone(std::string_view text, std::uint64_t size) const {
  return size < options_.min_length || (options_.skip_empty && text::Trim(text).empty());
}

bool UnitMaker::HasMinWords(std::string_view text) {
  std::uint64_t words = 0;
  while (words < options_.min_words && !text.empty()) {
    const std::size_t size = PieceSize(text);
    text::SplitNonBlankWordSegments(text.substr(0, size), words_);
    words += words_.size();
    text.remove_prefix(size);
  }
  window_end_ = 0;
  return words >= options_.min_words;
}

// UAX #29 breaks before and behind every line end (WB3a, WB3b), so where lines are the paragraphs
// many of them are split at once.
UnitMaker::Words UnitMaker::WordsOf(std::size_t begin, std::size_t end) {
  if (!is_split_by_lines_) {
    const std::string_view paragraph = text_.substr(begin, end - begin);
    text::SplitNonBlankWordSegments(paragraph, words_);
    return {.base = paragraph, .words = words_};
  }
  if (end > window_end_ || window_end_ == 0) {
    window_begin_ = begin;
    window_end_ = text_.size();
    if (text_.size() - begin > kPieceBytes) {
      window_end_ = std::max(text_.rfind('\n', begin + kPieceBytes) + 1, end);
    }
    text::SplitNonBlankWordSegments(text_.substr(begin, window_end_ - begin), words_);
    next_word_ = 0;
  }
  const std::size_t first = next_word_;
  while (next_word_ < words_.size() && words_[next_word_].end <= end - window_begin_) {
    ++next_word_;
  }
  return {.base = text_.substr(window_begin_),
          .words = std::span(words_).subspan(first, next_word_ - first)};
}

RowForm UnitMaker::AddDocument(std::string_view key, DedupeBlock& block) {
  DedupeUnit& unit = block.units.emplace_back();
  unit.end = static_cast<std::uint32_t>(key.size());
  if (is_dolma_ && options_.min_words > 0) {
    // The toolkit never looks at anything then, and says so for short ones only.
    return HasMinWords(key) ? RowForm::kAbsent : RowForm::kDocument;
  }
  if (!IsLeftAlone(key, key.size()) && HasMinWords(key)) {
    if (const Hash128 hash = Xxh3Hash128(key); IsOwn(hash)) {
      unit.keys = 1;
      block.keys.push_back(hash);
    }
  }
  return RowForm::kDocument;
}

RowForm UnitMaker::BeginParagraphs(std::string_view text) {
  if (text.empty()) {
    return RowForm::kAbsent;
  }
  if (is_dolma_ && options_.min_words > 0) {
    return RowForm::kList;
  }
  text_ = text;
  begin_ = 0;
  chars_ = 0;
  is_ascii_ = text::CountCodePoints(text) == text.size();
  is_done_ = false;
  window_end_ = 0;
  return RowForm::kList;
}

void UnitMaker::NextParagraph(DedupeBlock& block) {
  const std::string_view separator = options_.paragraph_separator;
  const std::size_t begin = begin_;
  const std::size_t end = FindSeparator(text_, separator, begin);
  const std::string_view paragraph = text_.substr(begin, end - begin);
  is_done_ = end == text_.size();
  begin_ = end + separator.size();
  if (is_done_ && paragraph.empty() && !is_dolma_) {
    return;  // nothing comes behind the last separator
  }
  const std::uint64_t size = is_ascii_ ? paragraph.size() : text::CountCodePoints(paragraph);
  DedupeUnit unit;
  unit.begin = static_cast<std::uint32_t>(chars_);
  chars_ += size;
  if (is_dolma_) {
    chars_ += chars_ < text_.size() - 1 ? 1 : 0;  // bytes, and one for any separator
  } else if (!is_done_) {
    chars_ += separator_chars_;
  }
  unit.end = static_cast<std::uint32_t>(chars_);
  AddParagraph(paragraph, begin, size, unit, block);
}

void UnitMaker::AddParagraph(std::string_view paragraph, std::size_t begin, std::uint64_t chars,
                             DedupeUnit unit, DedupeBlock& block) {
  const bool is_long = has_words_ && paragraph.size() > kPieceBytes;
  const Words words = has_words_ && !is_long ? WordsOf(begin, begin + paragraph.size()) : Words{};
  if (IsLeftAlone(paragraph, chars) ||
      (is_long ? !HasMinWords(paragraph) : words.words.size() < options_.min_words)) {
    return;
  }
  if (options_.unit != DedupeUnitKind::kNgrams) {
    FinishParagraph(paragraph, unit, block);
    return;
  }
  rolling_ = {};
  hashes_.clear();
  if (is_long) {
    is_long_ = true;
    whole_long_ = paragraph;
    long_ = paragraph;
    long_unit_ = unit;
    return;
  }
  if (words.words.size() >= options_.ngram_length) {
    AddNgrams(words, unit, block);
  }
  FinishParagraph(paragraph, unit, block);
}

void UnitMaker::ContinueLong(DedupeBlock& block) {
  const std::size_t size = PieceSize(long_);
  text::SplitNonBlankWordSegments(long_.substr(0, size), words_);
  window_end_ = 0;
  AddNgrams({.base = long_, .words = words_}, long_unit_, block);
  long_.remove_prefix(size);
  if (long_.empty()) {
    is_long_ = false;
    FinishParagraph(whole_long_, long_unit_, block);
  }
}

void UnitMaker::LeaveOpen(DedupeBlock& block) {
  if (is_long_ && long_unit_.keys > 0) {
    DedupeUnit& open = block.units.emplace_back(long_unit_);
    open.rule = UnitRule::kOpen;
    long_unit_.keys = 0;
    is_left_open_ = true;
  }
}

// Behind its n-grams, if any.
void UnitMaker::FinishParagraph(std::string_view paragraph, DedupeUnit unit, DedupeBlock& block) {
  const bool is_rest = std::exchange(is_left_open_, false);
  if (options_.unit == DedupeUnitKind::kNgrams) {
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
  } else if (unit.keys > 0 || is_rest) {
    // Its n-gram is ours though it is not: a unit that leaves its key and marks nothing.
    unit.rule = UnitRule::kShare;
    unit.tested = 0;
    block.units.push_back(unit);
  }
}

void UnitMaker::AddNgrams(const Words& words, DedupeUnit& unit, DedupeBlock& block) {
  const std::uint64_t length = options_.ngram_length;
  const std::uint64_t stride = options_.stride;
  // Of the words before, the last ones are still in the n-gram.
  const std::size_t kept = std::min<std::size_t>(hashes_.size(), length);
  hashes_.erase(hashes_.begin(), hashes_.end() - static_cast<std::ptrdiff_t>(kept));
  for (const text::Word& word : words.words) {
    hashes_.push_back(length == 1
                          ? Xxh3Hash128(words.base.substr(word.begin, word.end - word.begin))
                          : HashWord(words.base, word));
  }
  Hash128 rolled = rolling_.hash;
  std::uint64_t last = rolling_.last;
  const std::uint64_t before = rolling_.words - kept;  // words that are in hashes_ no more
  for (std::size_t i = kept; i < hashes_.size(); ++i) {
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
    const std::uint64_t start = before + i + 1 - length;
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
  rolling_ = {.hash = rolled, .words = rolling_.words + words.words.size(), .last = last};
}

}  // namespace datalake::curate

#include "datalake/curate/taggers/gopher_ngrams.h"

#include <algorithm>

namespace datalake::curate {
namespace {

// Fibonacci hashing (Knuth, TAOCP 6.4): the high bits of the product.
constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15ULL;

std::uint64_t KeyOf(std::uint32_t gram, std::uint32_t next) {
  return (std::uint64_t{gram} << 32) | next;
}

double Ratio(std::uint64_t part, std::uint64_t whole) {
  return static_cast<double>(part) / static_cast<double>(std::max<std::uint64_t>(whole, 1));
}

// Room for `size` elements whose values do not matter; it only grows.
template <typename T>
T* Room(std::vector<T>& vector, std::size_t size) {
  if (vector.size() < size) {
    vector.resize(2 * size);
  }
  return vector.data();
}

}  // namespace

void GopherNgrams::KeyCounts::Reset(std::size_t keys) {
  const std::size_t size = std::bit_ceil(std::max<std::size_t>(keys * 2, 16));
  slots_.assign(size, {});
  mask_ = size - 1;
  shift_ = 64 - std::countr_zero(size);
}

// Counts `key` once more. Whether it is new is a coin's toss, so nothing branches on it.
std::uint32_t GopherNgrams::KeyCounts::Count(std::uint64_t key) {
  Slot* const slots = slots_.data();
  std::size_t at = (key * kGolden) >> shift_;
  while (std::min(slots[at].count, slots[at].key ^ key) != 0) {
    at = (at + 1) & mask_;
  }
  slots[at].key = key;
  ++slots[at].count;
  return static_cast<std::uint32_t>(at);
}

void GopherNgrams::Run(const text::WordTable& words, std::uint64_t chars,
                       std::uint64_t document_chars, std::vector<Span>& out) {
  words_ = &words;
  chars_ = chars;
  TakePairs(FilterPairs(FindRepeatedPairs()));
  const std::size_t count = words.ids().size();
  // Code points of all n-grams: word j of an n-gram runs over all words but the first j and the
  // last n - 1 - j. So it is n times all but, n - 1 - i times, those of word i from either end.
  std::uint64_t gram_chars = chars;
  std::uint64_t end_chars = 0;
  for (std::size_t n = kFirst; n <= kLast && n <= count; ++n) {
    end_chars += CharsAt(n - 2) + CharsAt(count + 1 - n);
    gram_chars += chars - end_chars;
    CountGrams(n);
    const double score = n <= kLastMostCommon ? MostCommon(n) : Duplicates(gram_chars);
    out.push_back({static_cast<std::uint32_t>(n - kFirst), 0, document_chars, score});
    KeepRepeated();
  }
}

// Into positions_: two repeated words in a row. Without branches: the outcomes are coins'.
std::size_t GopherNgrams::FindRepeatedPairs() {
  const auto distinct = words_->distinct();
  std::uint8_t* const repeated = Room(repeated_, distinct.size());
  for (std::size_t i = 0; i < distinct.size(); ++i) {
    repeated[i] = distinct[i].count > 1 ? 1 : 0;
  }
  const auto ids = words_->ids();
  std::uint32_t* const positions = Room(positions_, ids.size() + 1);
  std::size_t pairs = 0;
  std::uint8_t before = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::uint8_t now = repeated[ids[i]];
    positions[pairs] = static_cast<std::uint32_t>(i) - 1;
    pairs += before & now;
    before = now;
  }
  return pairs;
}

// Leaves of positions_ those whose pair has the hash of another one.
std::size_t GopherNgrams::FilterPairs(std::size_t pairs) {
  const std::uint32_t* const ids = words_->ids().data();
  std::uint32_t* const positions = positions_.data();
  std::uint32_t* const hashes = Room(hashes_, pairs);
  const std::size_t size = std::bit_ceil(std::max<std::size_t>(pairs * 4, 64));
  const int shift = 64 - std::countr_zero(size);
  seen_.assign(size, 0);
  std::uint8_t* const seen = seen_.data();
  for (std::size_t i = 0; i < pairs; ++i) {
    const std::uint64_t key = KeyOf(ids[positions[i]], ids[positions[i] + 1]);
    const auto hash = static_cast<std::uint32_t>((key * kGolden) >> shift);
    hashes[i] = hash;
    seen[hash] = static_cast<std::uint8_t>(2 * seen[hash] + 1);  // 1, 3, 7 … 255, 255
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < pairs; ++i) {
    positions[kept] = positions[i];
    kept += seen[hashes[i]] > 1 ? 1 : 0;
  }
  return kept;
}

// The candidates for n = 2.
void GopherNgrams::TakePairs(std::size_t pairs) {
  Candidate* const candidates = Room(room_, pairs);
  for (std::size_t i = 0; i < pairs; ++i) {
    const std::uint32_t position = positions_[i];
    candidates[i] = {position, words_->ids()[position], CharsAt(position)};
  }
  candidates_ = std::span(candidates, pairs);
}

void GopherNgrams::CountGrams(std::size_t n) {
  if (candidates_.empty()) {
    return;
  }
  counts_.Reset(candidates_.size());
  const auto ids = words_->ids();
  for (Candidate& candidate : candidates_) {
    const std::uint32_t next = ids[candidate.position + n - 1];
    candidate.gram = counts_.Count(KeyOf(candidate.gram, next));
    candidate.chars += words_->distinct()[next].chars;
  }
}

// count * chars of the n-gram that occurs most often, the first one of those that do.
double GopherNgrams::MostCommon(std::size_t n) const {
  std::uint64_t best_count = 1;
  std::uint64_t best_chars = 0;
  for (const Candidate& candidate : candidates_) {
    // In order of positions, so the first of equal ones stays.
    if (counts_.CountOf(candidate.gram) > best_count) {
      best_count = counts_.CountOf(candidate.gram);
      best_chars = candidate.chars;
    }
  }
  if (best_count == 1) {  // none repeats: the first n-gram of the text
    for (std::size_t i = 0; i < n; ++i) {
      best_chars += CharsAt(i);
    }
  }
  return Ratio(best_count * best_chars, chars_);
}

// Of the code points of all n-grams.
double GopherNgrams::Duplicates(std::uint64_t gram_chars) const {
  std::uint64_t repeated = 0;
  for (const Candidate& candidate : candidates_) {
    repeated += counts_.CountOf(candidate.gram) > 1 ? candidate.chars : 0;
  }
  return Ratio(repeated, gram_chars);
}

// Leaves the candidates for the next n: repeated here and at the next word. Copies always and
// counts when it was right to: branches would be tosses of a coin.
void GopherNgrams::KeepRepeated() {
  std::size_t repeated = 0;
  for (const Candidate& candidate : candidates_) {
    const bool repeats = counts_.CountOf(candidate.gram) > 1;
    candidates_[repeated] = candidate;
    repeated += repeats ? 1 : 0;
  }
  std::size_t kept = 0;
  for (std::size_t c = 0; c + 1 < repeated; ++c) {
    const bool goes_on = candidates_[c + 1].position == candidates_[c].position + 1;
    candidates_[kept] = candidates_[c];
    kept += goes_on ? 1 : 0;
  }
  candidates_ = candidates_.first(kept);
}

}  // namespace datalake::curate

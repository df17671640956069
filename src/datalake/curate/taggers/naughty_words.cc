#include "datalake/curate/taggers/naughty_words.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace datalake::curate {
namespace {

constexpr std::string_view kEntries[] = {
#include "datalake/curate/taggers/naughty_words.inc"
};
constexpr std::string_view kJavascript = "javascript";
constexpr std::string_view kLoremIpsum = "lorem ipsum";

constexpr std::uint64_t kOnes = 0x0101010101010101ULL;

// ASCII letters to lower case, 8 bytes at once.
std::uint64_t Lower(std::uint64_t bytes) {
  const std::uint64_t low = bytes & (kOnes * 0x7F);
  const std::uint64_t from_a = low + kOnes * (0x80 - 'A');
  const std::uint64_t past_z = low + kOnes * (0x80 - 'Z' - 1);
  const std::uint64_t upper = from_a & ~past_z & ~bytes & (kOnes * 0x80);
  return bytes | (upper >> 2);  // 0x80 to 0x20
}

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

std::size_t SlotOf(std::uint64_t low, std::uint64_t high) {
  return static_cast<std::size_t>(((low ^ (high << 7)) * 0x9E3779B97F4A7C15ULL) >> 54);
}

}  // namespace

NaughtyWords::NaughtyWords() {
  for (const std::string_view entry : kEntries) {
    if (entry.find(' ') == std::string_view::npos) {
      AddWord(entry, Found::kNaughty);
    } else {
      AddPhrase(entry);
    }
  }
  AddWord(kJavascript, Found::kJavascript);
  AddPhrase(kLoremIpsum);
  std::sort(phrases_.begin(), phrases_.end(),
            [](const Phrase& a, const Phrase& b) { return a.hash < b.hash; });
}

void NaughtyWords::AddWord(std::string_view word, Found found) {
  Entry entry{.found = found};  // all are of 16 bytes at most
  std::memcpy(&entry.low, word.data(), std::min<std::size_t>(word.size(), 8));
  if (word.size() > 8) {
    std::memcpy(&entry.high, word.data() + 8, word.size() - 8);
  }
  std::size_t slot = SlotOf(entry.low, entry.high);
  while (words_[slot].found != Found::kNothing) {
    slot = (slot + 1) % words_.size();
  }
  words_[slot] = entry;
  const std::uint32_t bit = WordHash(entry.low, entry.high);
  word_bits_[bit / 64] |= std::uint64_t{1} << (bit % 64);
}

// At its first space with two bytes at either side.
void NaughtyWords::AddPhrase(std::string_view phrase) {
  std::size_t space = phrase.find(' ', 2);
  std::uint64_t around = 0;
  std::memcpy(&around, phrase.data() + space - 2, 5);
  const std::uint32_t hash = PhraseHash(around);
  phrases_.push_back({phrase, static_cast<std::uint32_t>(space), hash});
  phrase_bits_[hash / 64] |= std::uint64_t{1} << (hash % 64);
}

NaughtyWords::Found NaughtyWords::FindWord(const text::DistinctWord& word) const {
  if (word.bytes > 16) {
    return Found::kNothing;
  }
  const std::uint64_t low = Lower(word.low);
  const std::uint64_t high = Lower(word.high);
  for (std::size_t slot = SlotOf(low, high);; slot = (slot + 1) % words_.size()) {
    const Entry& entry = words_[slot];
    if (entry.found == Found::kNothing || (entry.low == low && entry.high == high)) {
      return entry.found;
    }
  }
}

NaughtyWords::Found NaughtyWords::FindPhrase(std::string_view text, std::size_t space,
                                             std::uint64_t around) const {
  const std::uint32_t hash = PhraseHash(around);
  auto phrase = std::lower_bound(phrases_.begin(), phrases_.end(), hash,
                                 [](const Phrase& a, std::uint32_t b) { return a.hash < b; });
  for (; phrase != phrases_.end() && phrase->hash == hash; ++phrase) {
    if (phrase->space > space || space - phrase->space + phrase->text.size() > text.size()) {
      continue;
    }
    const std::string_view there = text.substr(space - phrase->space, phrase->text.size());
    if (std::equal(there.begin(), there.end(), phrase->text.begin(),
                   [](char a, char b) { return Lower(a) == b; })) {
      return phrase->text == kLoremIpsum ? Found::kLoremIpsum : Found::kNaughty;
    }
  }
  return Found::kNothing;
}

}  // namespace datalake::curate

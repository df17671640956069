// c4_v1 and c4_v2: the line and word rules of C4 (Raffel et al. 2020, "Exploring the Limits of
// Transfer Learning", 2.2) as the Dolma toolkit computes them.
//
// Everything about whole words is asked once a distinct word; everything else is seen in one walk
// over the gaps between words: a gap of one space may be inside a phrase, another gap may end
// lines, and what stands before it is the end of the stripped line. Nothing is lower-cased but the
// words looked up. The only letters beyond ASCII whose lower case has ASCII in it are U+212A (k)
// and U+0130 (i and U+0307): texts with these are copied with them replaced.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <string>

#include "datalake/curate/taggers/naughty_words.h"
#include "datalake/curate/taggers/taggers.h"
#include "datalake/text/utf8.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace datalake::curate {
namespace {

constexpr std::string_view kKelvin = "\xE2\x84\xAA";
constexpr std::string_view kDottedI = "\xC4\xB0";
constexpr std::string_view kJavascript = "javascript";
constexpr std::size_t kFewestWords = 3;
constexpr std::uint32_t kKeyBytes = 16;  // of a word in low and high
#if !defined(__AVX2__)
constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
constexpr std::uint64_t kHighs = 0x8080808080808080ULL;
#endif

enum class C4Version : std::uint8_t { kV1, kV2 };

// Types of one version, in the order of its results.
struct C4Types {
  std::array<std::string_view, 7> names;
  std::uint32_t no_punctuation = 0;
  std::uint32_t few_words = 0;
  std::uint32_t naughty = 0;
  std::uint32_t javascript = 0;
  std::uint32_t lorem_ipsum = 0;
  std::uint32_t curly_brace = 0;
  std::uint32_t line_count = 0;
};

constexpr C4Types kTypesV1 = {
    .names = {"lines_with_no_ending_punctuation", "lines_with_too_few_words", "has_naughty_word",
              "has_javascript", "has_lorem_ipsum", "has_curly_brace", "line_count"},
    .no_punctuation = 0,
    .few_words = 1,
    .naughty = 2,
    .javascript = 3,
    .lorem_ipsum = 4,
    .curly_brace = 5,
    .line_count = 6};
constexpr C4Types kTypesV2 = {
    .names = {"has_curly_brace", "has_lorem_ipsum", "has_javascript", "has_naughty_word",
              "lines_with_no_ending_punctuation", "lines_with_too_few_words", "line_count"},
    .no_punctuation = 4,
    .few_words = 5,
    .naughty = 3,
    .javascript = 2,
    .lorem_ipsum = 1,
    .curly_brace = 0,
    .line_count = 6};

bool HasJavascript(std::string_view word) {
  for (const char first : {'j', 'J'}) {
    for (std::size_t at = word.find(first); at != std::string_view::npos && at < word.size();
         at = word.find(first, at + 1)) {
      const std::string_view rest = word.substr(at, kJavascript.size());
      if (std::equal(rest.begin(), rest.end(), kJavascript.begin(), kJavascript.end(),
                     [](char a, char b) { return (a | 0x20) == b; })) {
        return true;
      }
    }
  }
  return false;
}

bool MayEndSentence(char c) {
  return c == '.' || c == '?' || c == '!' || c == '"';
}

// Whether, in the first 16 bytes of each of two words, no 'j' is, of either case, nor a byte that
// U+212A or U+0130 begin with.
#if defined(__AVX2__)
bool ArePlain(const text::DistinctWord& first, const text::DistinctWord& second) {
  const __m256i bytes =
      _mm256_loadu2_m128i(reinterpret_cast<const __m128i*>(&second.low),  // NOLINT
                          reinterpret_cast<const __m128i*>(&first.low));  // NOLINT
  const __m256i lower = _mm256_or_si256(bytes, _mm256_set1_epi8(0x20));
  const __m256i signs =
      _mm256_or_si256(_mm256_cmpeq_epi8(lower, _mm256_set1_epi8('j')),
                      _mm256_or_si256(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(kKelvin[0])),
                                      _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(kDottedI[0]))));
  return _mm256_testz_si256(signs, signs) != 0;
}
#else
bool HasByte(std::uint64_t bytes, char byte) {
  const std::uint64_t zero = bytes ^ (kOnes * static_cast<unsigned char>(byte));
  return ((zero - kOnes) & ~zero & kHighs) != 0;
}

bool IsPlain(std::uint64_t bytes) {
  return !HasByte(bytes | (kOnes * 0x20), 'j') && !HasByte(bytes, kKelvin[0]) &&
         !HasByte(bytes, kDottedI[0]);
}

bool ArePlain(const text::DistinctWord& first, const text::DistinctWord& second) {
  return IsPlain(first.low) && IsPlain(first.high) && IsPlain(second.low) && IsPlain(second.high);
}
#endif

// The 5 bytes around text[at], less at the ends of the text.
std::uint64_t BytesAround(std::string_view text, std::size_t at) {
  std::uint64_t bytes = 0;
  if (at >= 2 && at + 6 <= text.size()) {  // one load
    std::memcpy(&bytes, text.data() + at - 2, 8);
  } else if (at >= 2) {
    std::memcpy(&bytes, text.data() + at - 2, text.size() - at + 2);
  }
  return bytes;
}

// What a text has, whatever the line.
struct Findings {
  bool naughty = false;
  bool javascript_word = false;  // as a whole word
  bool javascript = false;       // as a part of one
  bool lorem_ipsum = false;
  bool needs_lower = false;  // has U+212A or U+0130: look again in a copy without

  void Add(NaughtyWords::Found found) {
    naughty = naughty || found == NaughtyWords::Found::kNaughty;
    javascript_word = javascript_word || found == NaughtyWords::Found::kJavascript;
    lorem_ipsum = lorem_ipsum || found == NaughtyWords::Found::kLoremIpsum;
  }
};

struct C4State final : TaggerState {
  std::vector<Span> few_words;
  std::vector<Span> no_punctuation;
  std::string lower;
  text::WordTable lower_words;
};

// How the code points of a line are counted.
enum class LineChars : std::uint8_t { kBytes, kCodePoints, kLowered };

// Lines of one text, ended one after the other.
class LineChecks {
 public:
  LineChecks(std::string_view text, LineChars line_chars, const C4Types& types, C4State& state)
      : text_(text), types_(types), state_(state), line_chars_(line_chars) {
    state_.few_words.clear();
    state_.no_punctuation.clear();
  }

  // The line ends before `end`, which is behind its newline; `words` words of the text end before,
  // the last of them at `last_end`.
  void End(std::size_t end, std::size_t words, std::size_t last_end) {
    const std::size_t of_line = words - words_before_;
    const std::uint64_t chars = Chars(begin_, end);
    if (of_line == 0 || !MayEndSentence(text_[last_end - 1])) {
      state_.no_punctuation.push_back({types_.no_punctuation, char_begin_, char_begin_ + chars, 1});
    }
    if (of_line < kFewestWords) {
      state_.few_words.push_back({types_.few_words, char_begin_, char_begin_ + chars, 1});
    }
    begin_ = end;
    char_begin_ += chars;
    words_before_ = words;
    ++lines_;
  }

  std::size_t lines() const { return lines_; }

 private:
  std::uint64_t Chars(std::size_t begin, std::size_t end) const {
    if (line_chars_ == LineChars::kBytes) {
      return end - begin;
    }
    const std::string_view line = text_.substr(begin, end - begin);
    std::uint64_t chars = text::CountCodePoints(line);
    if (line_chars_ == LineChars::kLowered) {  // U+0130 becomes two
      for (std::size_t at = line.find(kDottedI); at != std::string_view::npos;
           at = line.find(kDottedI, at + kDottedI.size())) {
        ++chars;
      }
    }
    return chars;
  }

  std::string_view text_;
  const C4Types& types_;
  C4State& state_;
  LineChars line_chars_;
  std::size_t begin_ = 0;
  std::uint64_t char_begin_ = 0;
  std::size_t words_before_ = 0;
  std::size_t lines_ = 0;
};

class C4 final : public Tagger {
 public:
  C4(C4Version version, Compatibility compatibility)
      : version_(version),
        types_(version == C4Version::kV1 ? kTypesV1 : kTypesV2),
        counts_lowered_(version == C4Version::kV2 && compatibility == Compatibility::kDolma) {}

  std::span<const std::string_view> types() const override { return types_.names; }

  std::unique_ptr<TaggerState> MakeState() const override { return std::make_unique<C4State>(); }

  void Tag(DocumentView& document, TaggerState* state, std::vector<Span>& out) const override {
    auto& own = static_cast<C4State&>(*state);
    const text::WordTable& words = document.words();
    Findings findings = FindWords(words);
    LineChecks lines(document.text(), CharsOf(document, findings), types_, own);
    WalkGaps(words, findings, &lines);
    if (findings.needs_lower) {
      findings = FindInLower(document.text(), own);
    }
    if (version_ == C4Version::kV1) {
      EmitLines(own.no_punctuation, out);
      EmitLines(own.few_words, out);
      EmitFindings({types_.naughty, types_.javascript, types_.lorem_ipsum, types_.curly_brace},
                   findings, document, out);
    } else {
      EmitFindings({types_.curly_brace, types_.lorem_ipsum, types_.javascript, types_.naughty},
                   findings, document, out);
      EmitLinesByFirst(own, out);
    }
    out.push_back(
        {types_.line_count, 0, document.size_chars(), static_cast<double>(lines.lines())});
  }

 private:
  LineChars CharsOf(DocumentView& document, const Findings& findings) const {
    if (counts_lowered_ && findings.needs_lower) {
      return LineChars::kLowered;
    }
    return document.size_chars() == document.text().size() ? LineChars::kBytes
                                                           : LineChars::kCodePoints;
  }

  Findings FindWords(const text::WordTable& words) const {
    Findings findings;
    const std::span<const text::DistinctWord> distinct = words.distinct();
    for (const text::DistinctWord& word : distinct) {
      if (words_.MayBeWord(word)) {
        findings.Add(words_.FindWord(word));
      }
    }
    for (std::size_t i = 0; i < distinct.size(); i += 2) {
      const text::DistinctWord& first = distinct[i];
      const text::DistinctWord& second = distinct[std::min(i + 1, distinct.size() - 1)];
      if (std::max(first.bytes, second.bytes) > kKeyBytes || !ArePlain(first, second)) {
        LookInto(words.Text(first), findings);
        LookInto(words.Text(second), findings);
      }
    }
    return findings;
  }

  static void LookInto(std::string_view word, Findings& findings) {
    findings.needs_lower = findings.needs_lower || word.find(kKelvin) != std::string_view::npos ||
                           word.find(kDottedI) != std::string_view::npos;
    findings.javascript =
        findings.javascript || (word.size() >= kJavascript.size() && HasJavascript(word));
  }

  // The phrases, and the lines when they are asked for. One step a word, with a branch for the gaps
  // that are no single space.
  void WalkGaps(const text::WordTable& table, Findings& findings, LineChecks* lines) const {
    const std::string_view text = table.text();
    const std::span<const text::Word> words = table.words();
    EndLines(text, 0, words.empty() ? text.size() : words[0].begin, 0, lines);
    for (std::size_t i = 0; i < words.size(); ++i) {
      const std::size_t begin = words[i].end;
      const std::size_t end = i + 1 < words.size() ? words[i + 1].begin : text.size();
      if (end - begin == 1 && text[begin] == ' ') {
        const std::uint64_t around = BytesAround(text, begin);
        if (words_.MayHavePhrase(around)) {
          findings.Add(words_.FindPhrase(text, begin, around));
        }
      } else {
        EndLines(text, begin, end, i + 1, lines);
      }
    }
    if (lines != nullptr) {
      lines->End(text.size(), words.size(), words.empty() ? 0 : words.back().end);
    }
  }

  // Ends a line at each newline of the gap [begin, end), before which `words` words end.
  static void EndLines(std::string_view text, std::size_t begin, std::size_t end, std::size_t words,
                       LineChecks* lines) {
    if (lines == nullptr) {
      return;
    }
    for (std::size_t at = begin; at < end; ++at) {
      if (text[at] == '\n') {
        lines->End(at + 1, words, begin);
      }
    }
  }

  Findings FindInLower(std::string_view text, C4State& state) const {
    state.lower.clear();
    for (std::size_t at = 0; at < text.size();) {
      if (text.substr(at).starts_with(kKelvin)) {
        state.lower += 'k';
        at += kKelvin.size();
      } else if (text.substr(at).starts_with(kDottedI)) {
        state.lower += "i\xCC\x87";
        at += kDottedI.size();
      } else {
        state.lower += text[at++];
      }
    }
    state.lower_words.Assign(state.lower);
    Findings findings = FindWords(state.lower_words);
    WalkGaps(state.lower_words, findings, nullptr);
    return findings;
  }

  void EmitFindings(const std::array<std::uint32_t, 4>& order, const Findings& findings,
                    DocumentView& document, std::vector<Span>& out) const {
    for (const std::uint32_t type : order) {
      if (Has(type, findings, document.text())) {
        out.push_back({type, 0, document.size_chars(), 1});
      }
    }
  }

  bool Has(std::uint32_t type, const Findings& findings, std::string_view text) const {
    if (type == types_.naughty) {
      return findings.naughty;
    }
    if (type == types_.javascript) {
      return version_ == C4Version::kV1 ? findings.javascript_word : findings.javascript;
    }
    if (type == types_.lorem_ipsum) {
      return findings.lorem_ipsum;
    }
    return text.find('{') != std::string_view::npos;
  }

  // Keys come in the order of their first spans.
  static void EmitLinesByFirst(const C4State& state, std::vector<Span>& out) {
    const bool few_first = !state.few_words.empty() &&
                           (state.no_punctuation.empty() ||
                            state.few_words.front().start < state.no_punctuation.front().start);
    if (few_first) {
      EmitLines(state.few_words, out);
    }
    EmitLines(state.no_punctuation, out);
    if (!few_first) {
      EmitLines(state.few_words, out);
    }
  }

  static void EmitLines(std::span<const Span> spans, std::vector<Span>& out) {
    out.insert(out.end(), spans.begin(), spans.end());
  }

  C4Version version_;
  C4Types types_;
  bool counts_lowered_;  // offsets of the lower-cased text, as the toolkit's c4_v2
  NaughtyWords words_;
};

}  // namespace

Result<std::unique_ptr<const Tagger>> MakeC4V1(const TaggerSettings& settings) {
  return std::make_unique<C4>(C4Version::kV1, settings.compatibility);
}

Result<std::unique_ptr<const Tagger>> MakeC4V2(const TaggerSettings& settings) {
  return std::make_unique<C4>(C4Version::kV2, settings.compatibility);
}

}  // namespace datalake::curate

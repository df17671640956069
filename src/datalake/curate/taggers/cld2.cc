// The taggers of languages by the Compact Language Detector 2, as the Dolma toolkit's language.py
// asks it: text taken for HTML, no hints, up to three languages with their part of the text in
// percent, nothing when the detector is not sure. Where ours differ by default
// (docs/dolma-compat.md): types are codes of languages, not the first two letters of their English
// names; unknown languages are no spans; characters that the detector refuses are left out.

// clang-format off: the header of CLD2 does not include what it uses.
#include <cstdio>
#include <cld2/public/compact_lang_det.h>
#include <cld2/public/encodings.h>
// clang-format on

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "datalake/curate/taggers/taggers.h"
#include "datalake/text/utf8.h"

namespace datalake::curate {
namespace {

constexpr std::size_t kMaxTextBytes = std::numeric_limits<int>::max() - 64;

struct Cld2State final : TaggerState {
  std::string clean;
};

struct Detected {
  CLD2::Language language = CLD2::UNKNOWN_LANGUAGE;
  double part = 0;
};

struct Detection {
  std::array<Detected, 3> languages;
  bool is_reliable = false;
};

// False when the text holds what the detector refuses.
bool Detect(std::string_view text, Detection& out) {
  std::array<CLD2::Language, 3> languages{};
  std::array<int, 3> percents{};
  std::array<double, 3> scores{};
  int text_bytes = 0;
  int valid_bytes = 0;
  const CLD2::CLDHints hints = {nullptr, nullptr, CLD2::UNKNOWN_ENCODING, CLD2::UNKNOWN_LANGUAGE};
  CLD2::ExtDetectLanguageSummaryCheckUTF8(
      text.data(), static_cast<int>(text.size()), /*is_plain_text=*/false, &hints, /*flags=*/0,
      languages.data(), percents.data(), scores.data(), /*resultchunkvector=*/nullptr, &text_bytes,
      &out.is_reliable, &valid_bytes);
  for (std::size_t i = 0; i < languages.size(); ++i) {
    out.languages[i] = {languages[i], percents[i] / 100.0};
  }
  return static_cast<std::size_t>(valid_bytes) >= text.size();
}

bool IsControl(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0);
}

bool IsNoCharacter(char32_t c) {
  return (c & 0xFFFE) == 0xFFFE || (c >= 0xFDD0 && c <= 0xFDEF);
}

bool IsLayout(char32_t c) {
  return c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

// `text` without the code points that `drop` is true for.
template <typename Drop>
void CopyWithout(std::string_view text, Drop drop, std::string& out) {
  out.clear();
  for (std::size_t at = 0; at < text.size();) {
    const text::DecodedCodePoint decoded = text::DecodeCodePoint(text, at);
    if (!drop(decoded.value)) {
      out.append(text, at, decoded.bytes);
    }
    at += decoded.bytes;
  }
}

// How the toolkit falls back: a transliteration to ASCII, which keeps ASCII's control characters
// and so often is refused too, then the text without any control characters.
bool DetectAsToolkit(std::string_view text, std::string& clean, Detection& out) {
  if (Detect(text, out)) {
    return true;
  }
  const bool has_ascii_control = std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x80 && IsControl(byte) && !IsLayout(byte);
  });
  if (has_ascii_control) {
    CopyWithout(text, IsControl, clean);
  } else {  // where the toolkit transliterates
    CopyWithout(
        text, [](char32_t c) { return c >= 0x80 && (IsControl(c) || IsNoCharacter(c)); }, clean);
  }
  return Detect(clean, out);
}

bool DetectAnyway(std::string_view text, std::string& clean, Detection& out) {
  if (Detect(text, out)) {
    return true;
  }
  CopyWithout(
      text, [](char32_t c) { return IsNoCharacter(c) || (IsControl(c) && !IsLayout(c)); }, clean);
  return Detect(clean, out);
}

// Which spans a tagger makes, and of what.
enum class Unit : std::uint8_t { kDocument, kParagraph };
enum class Languages : std::uint8_t { kAll, kEnglish, kEnglishOfDocument };

class Cld2 final : public Tagger {
 public:
  Cld2(Unit unit, Languages languages, Compatibility compatibility)
      : unit_(unit), languages_(languages), compatibility_(compatibility) {
    if (languages_ == Languages::kAll) {
      for (int i = 0; i < CLD2::NUM_LANGUAGES; ++i) {
        type_of_language_.push_back(AddName(NameOf(static_cast<CLD2::Language>(i))));
      }
    } else {
      names_ = {"en", "not_en", "doc_en", "doc_not_en"};
      names_.resize(languages_ == Languages::kEnglish ? 2 : 4);
    }
    types_.assign(names_.begin(), names_.end());
  }

  std::span<const std::string_view> types() const override { return types_; }

  std::unique_ptr<TaggerState> MakeState() const override { return std::make_unique<Cld2State>(); }

  void Tag(DocumentView& document, TaggerState* state, std::vector<Span>& out) const override {
    if (document.text().size() > kMaxTextBytes) {
      document.Reject("text is too long for the detector of languages");
      return;
    }
    std::string& clean = static_cast<Cld2State&>(*state).clean;
    const std::size_t first = out.size();
    if (unit_ == Unit::kDocument) {
      Add(document.text(), 0, document.size_chars(), clean, out);
    } else {
      for (const Paragraph& paragraph : document.paragraphs()) {
        if (!paragraph.is_blank) {
          Add(paragraph.text, paragraph.start_char, paragraph.start_char + paragraph.size_chars,
              clean, out);
        }
      }
    }
    if (languages_ != Languages::kAll) {
      AddNegatives(first, out);
    }
    if (languages_ == Languages::kEnglishOfDocument) {
      AddOfDocument(first, document.size_chars(), out);
    }
  }

 private:
  // The type of a language: its code, or what the toolkit takes for one.
  std::string NameOf(CLD2::Language language) const {
    if (compatibility_ != Compatibility::kDolma) {
      return CLD2::LanguageCode(language);
    }
    std::string name = std::string(CLD2::LanguageName(language)).substr(0, 2);
    std::transform(name.begin(), name.end(), name.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    });
    return name;
  }

  std::uint32_t AddName(const std::string& name) {
    const auto known = std::find(names_.begin(), names_.end(), name);
    const auto type = static_cast<std::uint32_t>(known - names_.begin());
    if (known == names_.end()) {
      names_.push_back(name);
    }
    return type;
  }

  void Add(std::string_view text, std::uint64_t start, std::uint64_t end, std::string& clean,
           std::vector<Span>& out) const {
    Detection detection;
    const bool detected = compatibility_ == Compatibility::kDolma
                              ? DetectAsToolkit(text, clean, detection)
                              : DetectAnyway(text, clean, detection);
    const bool is_sure = detected && detection.is_reliable;
    if (languages_ == Languages::kAll) {
      for (const Detected& found : detection.languages) {
        const bool is_known = found.language != CLD2::UNKNOWN_LANGUAGE;
        if (is_sure && (is_known || compatibility_ == Compatibility::kDolma)) {
          out.push_back({type_of_language_[static_cast<std::size_t>(found.language)], start, end,
                         found.part});
        }
      }
      return;
    }
    double english = 0;
    for (const Detected& found : detection.languages) {
      english = is_sure && found.language == CLD2::ENGLISH ? found.part : english;
    }
    out.push_back({0, start, end, english});
  }

  // Behind all spans, one for each.
  static void AddNegatives(std::size_t first, std::vector<Span>& out) {
    const std::size_t last = out.size();
    for (std::size_t i = first; i < last; ++i) {
      out.push_back({1, out[i].start, out[i].end, 1.0 - out[i].score});
    }
  }

  static void AddOfDocument(std::size_t first, std::uint64_t chars, std::vector<Span>& out) {
    double english = 0;
    double other = 0;
    if (chars > 0) {
      for (std::size_t i = first; i < out.size(); ++i) {
        english +=
            out[i].type == 0 ? static_cast<double>(out[i].end - out[i].start) * out[i].score : 0;
      }
      english /= static_cast<double>(chars);
      other = 1 - english;
    }
    out.push_back({2, 0, chars, english});
    out.push_back({3, 0, chars, other});
  }

  Unit unit_;
  Languages languages_;
  Compatibility compatibility_;
  std::vector<std::string> names_;
  std::vector<std::string_view> types_;  // of names_
  std::vector<std::uint32_t> type_of_language_;
};

}  // namespace

Result<std::unique_ptr<const Tagger>> MakeCld2DocV2(const TaggerSettings& settings) {
  return std::make_unique<Cld2>(Unit::kDocument, Languages::kAll, settings.compatibility);
}

Result<std::unique_ptr<const Tagger>> MakeCld2EnDocV2(const TaggerSettings& settings) {
  return std::make_unique<Cld2>(Unit::kDocument, Languages::kEnglish, settings.compatibility);
}

Result<std::unique_ptr<const Tagger>> MakeCld2EnParagraphV2(const TaggerSettings& settings) {
  return std::make_unique<Cld2>(Unit::kParagraph, Languages::kEnglish, settings.compatibility);
}

Result<std::unique_ptr<const Tagger>> MakeCld2EnParagraphWithDocScoreV2(
    const TaggerSettings& settings) {
  return std::make_unique<Cld2>(Unit::kParagraph, Languages::kEnglishOfDocument,
                                settings.compatibility);
}

Result<std::unique_ptr<const Tagger>> MakeCld2ParagraphV2(const TaggerSettings& settings) {
  return std::make_unique<Cld2>(Unit::kParagraph, Languages::kAll, settings.compatibility);
}

}  // namespace datalake::curate

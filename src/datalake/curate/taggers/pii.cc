// The regex taggers of personal data, as the Dolma toolkit's pii.py: e-mail addresses, phone
// numbers, IP addresses. Where ours differs by default (docs/dolma-compat.md): a text without a
// word scores -1 in every version, a phone number may not begin a URL, and doc_frac is the part of
// the text that is personal data.
#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "datalake/curate/taggers/pii_patterns.h"
#include "datalake/curate/taggers/taggers.h"
#include "datalake/text/code_points.h"
#include "datalake/text/lines.h"
#include "datalake/text/unicode.h"
#include "datalake/text/utf8.h"

namespace datalake::curate {
namespace {

enum Type : std::uint32_t { kEmail, kPhone, kAddress, kFirstOfDocument, kSecondOfDocument };

constexpr std::size_t kWindowChars = 100;           // around a number, where an ISBN may be named
constexpr std::size_t kMostQuestionMarks = 10'000;  // more of them: nothing is looked for

struct PiiState final : TaggerState {
  std::vector<EmailMatch> emails;
  std::vector<ByteRange> phones;
  std::vector<ByteRange> addresses;
};

// Code-point offsets, free for ASCII texts.
class Offsets {
 public:
  explicit Offsets(DocumentView& document) : text_(document.text()) {
    if (document.size_chars() != text_.size()) {
      offsets_.emplace(text_);
    }
  }

  std::uint64_t CharOf(std::size_t byte) const { return offsets_ ? offsets_->CharOf(byte) : byte; }

  // The byte `chars` code points before `byte`, and behind it.
  std::size_t Before(std::size_t byte, std::size_t chars) const {
    if (!offsets_) {
      return byte - std::min(byte, chars);
    }
    const std::size_t at = offsets_->CharOf(byte);
    return offsets_->ByteOf(at - std::min(at, chars));
  }

  std::size_t Behind(std::size_t byte, std::size_t chars) const {
    return offsets_ ? offsets_->ByteOf(offsets_->CharOf(byte) + chars)
                    : std::min(byte + chars, text_.size());
  }

 private:
  std::string_view text_;
  std::optional<text::CodePointOffsets> offsets_;
};

std::string_view Slice(std::string_view text, std::size_t begin, std::size_t end) {
  return text.substr(begin, end - begin);
}

// One `(` and white space.
bool IsOpenParenthesis(std::string_view local) {
  const std::size_t open = local.find('(');
  return open != std::string_view::npos && text::IsBlank(local.substr(0, open)) &&
         text::IsBlank(local.substr(open + 1));
}

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// A dot and two to four letters before a slash and more, as in "206-555-1234.com/x".
bool BeginsUrl(std::string_view text, const ByteRange& phone) {
  std::size_t end = phone.end;
  const auto is_letter = [&](std::size_t at) {
    return (text[at] >= 'a' && text[at] <= 'z') || (text[at] >= 'A' && text[at] <= 'Z');
  };
  const auto is_host = [&](std::size_t at) {
    return is_letter(at) || (text[at] >= '0' && text[at] <= '9') || text[at] == '-' ||
           text[at] == '.';
  };
  while (end < text.size() && is_host(end)) {
    ++end;
  }
  std::size_t letters = end;
  while (letters > phone.end && is_letter(letters - 1)) {
    --letters;
  }
  return end - letters >= 2 && end - letters <= 4 && letters > phone.end &&
         text[letters - 1] == '.' && end + 1 < text.size() && text[end] == '/' &&
         !text::IsSpace(static_cast<unsigned char>(text[end + 1]));
}

// What the taggers over the whole text add to their spans.
enum class Summary : std::uint8_t { kFraction, kFractionAndCount };

// pii_regex_v1, pii_regex_v2, pii_regex_with_counts_v2.
class PiiRegex final : public Tagger {
 public:
  enum class WordlessText : std::uint8_t { kScored, kRejected };

  PiiRegex(Summary summary, WordlessText wordless, Compatibility compatibility)
      : summary_(summary), wordless_(wordless), compatibility_(compatibility) {}

  std::span<const std::string_view> types() const override {
    static constexpr std::array<std::string_view, 5> kTypes = {"EMAIL_ADDRESS", "PHONE_NUMBER",
                                                               "IP_ADDRESS", "doc", "doc_count"};
    return std::span(kTypes).first(summary_ == Summary::kFraction ? 4 : 5);
  }

  std::unique_ptr<TaggerState> MakeState() const override { return std::make_unique<PiiState>(); }

  void Tag(DocumentView& document, TaggerState* state, std::vector<Span>& out) const override {
    auto& own = static_cast<PiiState&>(*state);
    const std::string_view text = document.text();
    FindEmails(text, MatchScope::kText, own.emails);
    FindNumbers(text, MatchScope::kText, own.phones, own.addresses);
    const std::size_t first = out.size();
    if (!own.emails.empty() || !own.phones.empty() || !own.addresses.empty()) {
      AddSpans(document, own, out);
    }
    const std::size_t count = out.size() - first;
    const double fraction = Fraction(document, count);
    if (fraction < 0 && wordless_ == WordlessText::kRejected) {
      document.Reject("text without a word: the part of personal data is not defined");
      return;
    }
    out.push_back({kFirstOfDocument, 0, document.size_chars(), fraction});
    if (summary_ == Summary::kFractionAndCount) {
      out.push_back({kSecondOfDocument, 0, document.size_chars(), static_cast<double>(count)});
    }
  }

 private:
  // Spans a word; -1 without words.
  static double Fraction(DocumentView& document, std::size_t count) {
    if (count == 0) {
      return text::IsBlank(document.text()) ? -1 : 0;
    }
    return static_cast<double>(count) / static_cast<double>(document.words().words().size());
  }

  void AddSpans(DocumentView& document, const PiiState& own, std::vector<Span>& out) const {
    const std::string_view text = document.text();
    const Offsets offsets(document);
    const auto add = [&](Type type, const ByteRange& range) {
      out.push_back({type, offsets.CharOf(range.begin), offsets.CharOf(range.end), 1});
    };
    for (const EmailMatch& match : own.emails) {
      if (IsEmail(Slice(text, match.range.begin, match.range.end))) {
        add(kEmail, match.range);
      }
    }
    for (const ByteRange& range : own.phones) {
      if (IsInNumbersContext(text, offsets, range) &&
          (compatibility_ == Compatibility::kDolma || !BeginsUrl(text, range))) {
        add(kPhone, range);
      }
    }
    for (const ByteRange& range : own.addresses) {
      if (IsInNumbersContext(text, offsets, range)) {
        add(kAddress, range);
      }
    }
  }

  // By the parts before the first `@` of the match and before the second, which are not always
  // those that made it one.
  static bool IsEmail(std::string_view match) {
    const std::size_t at = match.find('@');
    const std::size_t second = std::min(match.find('@', at + 1), match.size());
    return Has(Slice(match, at + 1, second), ".") && !IsOpenParenthesis(match.substr(0, at));
  }

  static bool IsInNumbersContext(std::string_view text, const Offsets& offsets,
                                 const ByteRange& range) {
    const std::string_view context = Slice(text, offsets.Before(range.begin, kWindowChars),
                                           offsets.Behind(range.end, kWindowChars));
    return !Has(context, "isbn") && !Has(context, "doi") && !Has(context, "#");
  }

  Summary summary_;
  WordlessText wordless_;
  Compatibility compatibility_;
};

// pii_regex_with_counts_fast_v2: paragraph by paragraph.
class PiiRegexFast final : public Tagger {
 public:
  explicit PiiRegexFast(Compatibility compatibility) : compatibility_(compatibility) {}

  std::span<const std::string_view> types() const override {
    static constexpr std::array<std::string_view, 5> kTypes = {
        "EMAIL_ADDRESS", "PHONE_NUMBER", "IP_ADDRESS", "doc_count", "doc_frac"};
    return kTypes;
  }

  std::unique_ptr<TaggerState> MakeState() const override { return std::make_unique<PiiState>(); }

  void Tag(DocumentView& document, TaggerState* state, std::vector<Span>& out) const override {
    auto& own = static_cast<PiiState&>(*state);
    const std::string_view text = document.text();
    FindEmails(text, MatchScope::kParagraph, own.emails);
    FindNumbers(text, MatchScope::kParagraph, own.phones, own.addresses);
    std::erase_if(own.emails, [&](const EmailMatch& match) {
      return !Has(Slice(text, match.at + 1, match.domain_end), ".") ||
             Slice(text, match.local_begin, match.at) == "(";
    });
    const std::size_t first = out.size();
    if ((!own.emails.empty() || !own.phones.empty() || !own.addresses.empty()) &&
        !HasManyQuestionMarks(text)) {
      AddSpans(document, own, out);
    }
    const std::uint64_t chars = document.size_chars();
    std::uint64_t covered = compatibility_ == Compatibility::kDolma ? chars : 0;
    for (std::size_t i = first; i < out.size(); ++i) {
      covered += out[i].end - out[i].start;
    }
    const auto count = static_cast<double>(out.size() - first);
    out.push_back({kFirstOfDocument, 0, chars, count});
    out.push_back({kSecondOfDocument, 0, chars,
                   chars == 0 ? -1 : static_cast<double>(covered) / static_cast<double>(chars)});
  }

 private:
  static bool HasManyQuestionMarks(std::string_view text) {
    return text.size() > kMostQuestionMarks && std::count(text.begin(), text.end(), '?') >
                                                   static_cast<std::ptrdiff_t>(kMostQuestionMarks);
  }

  // Paragraph after paragraph its e-mails, phones, addresses.
  static void AddSpans(DocumentView& document, const PiiState& own, std::vector<Span>& out) {
    const std::string_view text = document.text();
    const Offsets offsets(document);
    auto email = own.emails.begin();
    auto phone = own.phones.begin();
    auto address = own.addresses.begin();
    const auto add = [&](Type type, const ByteRange& range) {
      out.push_back({type, offsets.CharOf(range.begin), offsets.CharOf(range.end), 1});
    };
    while (true) {
      std::size_t next = text.size();
      next = email != own.emails.end() ? std::min(next, email->range.begin) : next;
      next = phone != own.phones.end() ? std::min(next, phone->begin) : next;
      next = address != own.addresses.end() ? std::min(next, address->begin) : next;
      if (next == text.size()) {
        return;
      }
      const std::size_t paragraph_end = std::min(text.find('\n', next), text.size());
      for (; email != own.emails.end() && email->range.begin <= paragraph_end; ++email) {
        add(kEmail, email->range);
      }
      for (; phone != own.phones.end() && phone->begin <= paragraph_end; ++phone) {
        add(kPhone, *phone);
      }
      for (; address != own.addresses.end() && address->begin <= paragraph_end; ++address) {
        add(kAddress, *address);
      }
    }
  }

  Compatibility compatibility_;
};

PiiRegex::WordlessText RejectedForDolma(const TaggerSettings& settings) {
  return settings.compatibility == Compatibility::kDolma ? PiiRegex::WordlessText::kRejected
                                                         : PiiRegex::WordlessText::kScored;
}

}  // namespace

Result<std::unique_ptr<const Tagger>> MakePiiRegexV1(const TaggerSettings& settings) {
  return std::make_unique<PiiRegex>(Summary::kFraction, RejectedForDolma(settings),
                                    settings.compatibility);
}

Result<std::unique_ptr<const Tagger>> MakePiiRegexV2(const TaggerSettings& settings) {
  return std::make_unique<PiiRegex>(Summary::kFraction, PiiRegex::WordlessText::kScored,
                                    settings.compatibility);
}

Result<std::unique_ptr<const Tagger>> MakePiiRegexWithCountsV2(const TaggerSettings& settings) {
  return std::make_unique<PiiRegex>(Summary::kFractionAndCount, RejectedForDolma(settings),
                                    settings.compatibility);
}

Result<std::unique_ptr<const Tagger>> MakePiiRegexWithCountsFastV2(const TaggerSettings& settings) {
  return std::make_unique<PiiRegexFast>(settings.compatibility);
}

}  // namespace datalake::curate

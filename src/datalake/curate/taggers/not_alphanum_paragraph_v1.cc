// not_alphanum_paragraph_v1: paragraphs of punctuation, white space and emoji only. The toolkit's
// pattern is ([[:punct:]]|\s|[emoji]+)+$, whose nested repetition takes exponential time on emoji;
// what it matches is every text of these characters, so one look at each of them is enough.
#include <array>

#include "datalake/curate/taggers/taggers.h"
#include "datalake/text/regex_classes.h"
#include "datalake/text/utf8.h"

namespace datalake::curate {
namespace {

bool IsEmoji(char32_t c) {
  return (c >= 0x2600 && c <= 0x27BF) || (c >= 0x1F300 && c <= 0x1F64F) ||
         (c >= 0x1F680 && c <= 0x1F6FF);
}

// Letters and digits are none of these, so the toolkit's test for [a-zA-Z0-9] is included.
bool IsAllPunct(std::string_view paragraph) {
  for (std::size_t at = 0; at < paragraph.size();) {
    const text::DecodedCodePoint decoded = text::DecodeCodePoint(paragraph, at);
    if (!text::IsRegexPunct(decoded.value) && !text::IsRegexSpace(decoded.value) &&
        !IsEmoji(decoded.value)) {
      return false;
    }
    at += decoded.bytes;
  }
  return true;
}

class NotAlphanumParagraphV1 final : public Tagger {
 public:
  std::span<const std::string_view> types() const override {
    static constexpr std::array<std::string_view, 1> kTypes = {"all_punct"};
    return kTypes;
  }

  void Tag(DocumentView& document, TaggerState* /*state*/, std::vector<Span>& out) const override {
    const std::size_t begin = out.size();
    for (const Paragraph& paragraph : document.paragraphs()) {
      if (!paragraph.is_blank && IsAllPunct(paragraph.text)) {
        out.push_back({0, paragraph.start_char, paragraph.start_char + paragraph.size_chars, 1});
      }
    }
    if (out.size() == begin) {
      out.push_back({0, 0, document.size_chars(), 0});
    }
  }
};

}  // namespace

Result<std::unique_ptr<const Tagger>> MakeNotAlphanumParagraphV1(
    const TaggerSettings& /*settings*/) {
  return std::make_unique<NotAlphanumParagraphV1>();
}

}  // namespace datalake::curate

// olmo_pretokenizer_v1 and olmo_pretokenizer_with_paragraphs_v1: pieces before tokenization.
#include <array>

#include "datalake/curate/taggers/taggers.h"
#include "datalake/text/pretokenizer.h"

namespace datalake::curate {
namespace {

double Count(std::string_view text) {
  return static_cast<double>(text::CountPretokens(text));
}

class OlmoPretokenizerV1 final : public Tagger {
 public:
  std::span<const std::string_view> types() const override {
    static constexpr std::array<std::string_view, 1> kTypes = {"length"};
    return kTypes;
  }

  void Tag(DocumentView& document, TaggerState* /*state*/, std::vector<Span>& out) const override {
    out.push_back({0, 0, document.size_chars(), Count(document.text())});
  }
};

class OlmoPretokenizerWithParagraphsV1 final : public Tagger {
 public:
  std::span<const std::string_view> types() const override {
    static constexpr std::array<std::string_view, 2> kTypes = {"paragraph", "document"};
    return kTypes;
  }

  void Tag(DocumentView& document, TaggerState* /*state*/, std::vector<Span>& out) const override {
    double sum = 0;
    for (const Paragraph& paragraph : document.paragraphs()) {
      if (!paragraph.is_blank) {
        const double count = Count(paragraph.text);
        out.push_back(
            {0, paragraph.start_char, paragraph.start_char + paragraph.size_chars, count});
        sum += count;
      }
    }
    out.push_back({1, 0, document.size_chars(), sum});
  }
};

}  // namespace

Result<std::unique_ptr<const Tagger>> MakeOlmoPretokenizerV1(const TaggerSettings& /*settings*/) {
  return std::make_unique<OlmoPretokenizerV1>();
}

Result<std::unique_ptr<const Tagger>> MakeOlmoPretokenizerWithParagraphsV1(
    const TaggerSettings& /*settings*/) {
  return std::make_unique<OlmoPretokenizerWithParagraphsV1>();
}

}  // namespace datalake::curate

// whitespace_tokenizer_v1 and whitespace_tokenizer_with_paragraphs_v1: words and runs of symbols,
// the matches of \w+|[^\w\s]+. The toolkit counts the pieces between them instead, one more in each
// text or paragraph: compat dolma does too.
#include <array>

#include "datalake/curate/taggers/taggers.h"
#include "datalake/text/regex_classes.h"

namespace datalake::curate {
namespace {

class PieceCounter {
 public:
  explicit PieceCounter(Compatibility compatibility)
      : extra_(compatibility == Compatibility::kDolma ? 1 : 0) {}

  double Count(std::string_view text) const {
    return static_cast<double>(text::CountWordPieces(text) + extra_);
  }

 private:
  std::uint64_t extra_;
};

class WhitespaceTokenizerV1 final : public Tagger {
 public:
  explicit WhitespaceTokenizerV1(Compatibility compatibility) : counter_(compatibility) {}

  std::span<const std::string_view> types() const override {
    static constexpr std::array<std::string_view, 1> kTypes = {"length"};
    return kTypes;
  }

  void Tag(DocumentView& document, TaggerState* /*state*/, std::vector<Span>& out) const override {
    out.push_back({0, 0, document.size_chars(), counter_.Count(document.text())});
  }

 private:
  PieceCounter counter_;
};

class WhitespaceTokenizerWithParagraphsV1 final : public Tagger {
 public:
  explicit WhitespaceTokenizerWithParagraphsV1(Compatibility compatibility)
      : counter_(compatibility) {}

  std::span<const std::string_view> types() const override {
    static constexpr std::array<std::string_view, 2> kTypes = {"paragraph", "document"};
    return kTypes;
  }

  void Tag(DocumentView& document, TaggerState* /*state*/, std::vector<Span>& out) const override {
    double sum = 0;
    for (const Paragraph& paragraph : document.paragraphs()) {
      if (!paragraph.is_blank) {
        const double count = counter_.Count(paragraph.text);
        out.push_back(
            {0, paragraph.start_char, paragraph.start_char + paragraph.size_chars, count});
        sum += count;
      }
    }
    out.push_back({1, 0, document.size_chars(), sum});
  }

 private:
  PieceCounter counter_;
};

}  // namespace

Result<std::unique_ptr<const Tagger>> MakeWhitespaceTokenizerV1(const TaggerSettings& settings) {
  return std::make_unique<WhitespaceTokenizerV1>(settings.compatibility);
}

Result<std::unique_ptr<const Tagger>> MakeWhitespaceTokenizerWithParagraphsV1(
    const TaggerSettings& settings) {
  return std::make_unique<WhitespaceTokenizerWithParagraphsV1>(settings.compatibility);
}

}  // namespace datalake::curate

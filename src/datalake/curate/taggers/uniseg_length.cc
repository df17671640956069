// The uniseg_length family: word segments of UAX #29 in the text or in its paragraphs. The negative
// types repeat the numbers with a minus: the toolkit's mixer once knew lower bounds only.
#include <array>

#include "datalake/curate/taggers/taggers.h"
#include "datalake/text/trim.h"
#include "datalake/text/word_segments.h"

namespace datalake::curate {
namespace {

text::WordSegmentCounts Count(std::string_view text) {
  return text::CountWordSegments(text::Strip(text), text::SegmentRules::kPython);
}

class UnisegLengthV1 final : public Tagger {
 public:
  std::span<const std::string_view> types() const override {
    static constexpr std::array<std::string_view, 1> kTypes = {"length"};
    return kTypes;
  }

  // Segments of white space count here, as in the toolkit.
  void Tag(DocumentView& document, TaggerState* /*state*/, std::vector<Span>& out) const override {
    out.push_back({0, 0, document.size_chars(), static_cast<double>(Count(document.text()).all)});
  }
};

enum class BlankParagraphs { kDrop, kKeep };
enum class DocumentSum { kNo, kYes };

class UnisegLengthParagraphs final : public Tagger {
 public:
  UnisegLengthParagraphs(BlankParagraphs blank, DocumentSum sum) : blank_(blank), sum_(sum) {}

  std::span<const std::string_view> types() const override {
    static constexpr std::array<std::string_view, 4> kTypes = {"paragraph", "negative_paragraph",
                                                               "document", "negative_document"};
    return std::span(kTypes).first(sum_ == DocumentSum::kYes ? 4 : 2);
  }

  void Tag(DocumentView& document, TaggerState* /*state*/, std::vector<Span>& out) const override {
    const std::size_t begin = out.size();
    double sum = 0;
    for (const Paragraph& paragraph : document.paragraphs()) {
      if (paragraph.is_blank && blank_ == BlankParagraphs::kDrop) {
        continue;
      }
      const auto count = static_cast<double>(Count(paragraph.text).non_blank);
      out.push_back({0, paragraph.start_char, paragraph.start_char + paragraph.size_chars, count});
      sum += count;
    }
    for (std::size_t i = begin, end = out.size(); i < end; ++i) {
      out.push_back({1, out[i].start, out[i].end, 0 - out[i].score});  // never -0.0
    }
    if (sum_ == DocumentSum::kYes) {
      out.push_back({2, 0, document.size_chars(), sum});
      out.push_back({3, 0, document.size_chars(), 0 - sum});
    }
  }

 private:
  BlankParagraphs blank_;
  DocumentSum sum_;
};

}  // namespace

Result<std::unique_ptr<const Tagger>> MakeUnisegLengthV1(const TaggerSettings& /*settings*/) {
  return std::make_unique<UnisegLengthV1>();
}

Result<std::unique_ptr<const Tagger>> MakeUnisegLengthParagraphsV1(
    const TaggerSettings& /*settings*/) {
  return std::make_unique<UnisegLengthParagraphs>(BlankParagraphs::kDrop, DocumentSum::kNo);
}

Result<std::unique_ptr<const Tagger>> MakeUnisegLengthParagraphsWithDocLengthV1(
    const TaggerSettings& /*settings*/) {
  return std::make_unique<UnisegLengthParagraphs>(BlankParagraphs::kDrop, DocumentSum::kYes);
}

Result<std::unique_ptr<const Tagger>> MakeUnisegLengthParagraphsWithEmptyV1(
    const TaggerSettings& /*settings*/) {
  return std::make_unique<UnisegLengthParagraphs>(BlankParagraphs::kKeep, DocumentSum::kNo);
}

}  // namespace datalake::curate

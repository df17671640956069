// Taggers of plain lengths: bytes_length_v1, char_length_strip_ws_v1, doc_count_v1 and
// char_length_with_paragraphs_v1.
#include <array>

#include "datalake/curate/taggers/taggers.h"
#include "datalake/text/trim.h"
#include "datalake/text/utf8.h"

namespace datalake::curate {
namespace {

using Types1 = std::array<std::string_view, 1>;

class BytesLengthV1 final : public Tagger {
 public:
  std::span<const std::string_view> types() const override {
    static constexpr Types1 kTypes = {"bytes"};
    return kTypes;
  }

  void Tag(DocumentView& document, TaggerState* /*state*/, std::vector<Span>& out) const override {
    out.push_back({0, 0, document.size_chars(), static_cast<double>(document.text().size())});
  }
};

class CharLengthStripWsV1 final : public Tagger {
 public:
  std::span<const std::string_view> types() const override {
    static constexpr Types1 kTypes = {"length_no_ws"};
    return kTypes;
  }

  // Only white space at the ends goes: what is left out is short, so that is what is counted.
  void Tag(DocumentView& document, TaggerState* /*state*/, std::vector<Span>& out) const override {
    const std::string_view text = document.text();
    const std::string_view stripped = text::Strip(text);
    const auto begin = static_cast<std::size_t>(stripped.data() - text.data());
    const std::uint64_t chars = document.size_chars() -
                                text::CountCodePoints(text.substr(0, begin)) -
                                text::CountCodePoints(text.substr(begin + stripped.size()));
    out.push_back({0, 0, document.size_chars(), static_cast<double>(chars)});
  }
};

class DocCountV1 final : public Tagger {
 public:
  std::span<const std::string_view> types() const override {
    static constexpr Types1 kTypes = {"docs"};
    return kTypes;
  }

  void Tag(DocumentView& document, TaggerState* /*state*/, std::vector<Span>& out) const override {
    out.push_back({0, 0, document.size_chars(), 1});
  }
};

class CharLengthWithParagraphsV1 final : public Tagger {
 public:
  std::span<const std::string_view> types() const override {
    static constexpr std::array<std::string_view, 2> kTypes = {"paragraph", "document"};
    return kTypes;
  }

  void Tag(DocumentView& document, TaggerState* /*state*/, std::vector<Span>& out) const override {
    for (const Paragraph& paragraph : document.paragraphs()) {
      if (!paragraph.is_blank) {
        out.push_back({0, paragraph.start_char, paragraph.start_char + paragraph.size_chars,
                       static_cast<double>(paragraph.size_chars)});
      }
    }
    const std::uint64_t chars = document.size_chars();
    out.push_back({1, 0, chars, static_cast<double>(chars)});
  }
};

}  // namespace

Result<std::unique_ptr<const Tagger>> MakeBytesLengthV1(const TaggerSettings& /*settings*/) {
  return std::make_unique<BytesLengthV1>();
}

Result<std::unique_ptr<const Tagger>> MakeCharLengthStripWsV1(const TaggerSettings& /*settings*/) {
  return std::make_unique<CharLengthStripWsV1>();
}

Result<std::unique_ptr<const Tagger>> MakeCharLengthWithParagraphsV1(
    const TaggerSettings& /*settings*/) {
  return std::make_unique<CharLengthWithParagraphsV1>();
}

Result<std::unique_ptr<const Tagger>> MakeDocCountV1(const TaggerSettings& /*settings*/) {
  return std::make_unique<DocCountV1>();
}

}  // namespace datalake::curate

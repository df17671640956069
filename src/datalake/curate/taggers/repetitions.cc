// repetitions_v1 and paragraph_repetitions_v1: a unit of text and three or more copies of it.
#include "datalake/text/repetitions.h"

#include <algorithm>
#include <array>

#include "datalake/curate/taggers/taggers.h"
#include "datalake/text/utf8.h"

namespace datalake::curate {
namespace {

enum class Scope : std::uint8_t { kDocument, kParagraphs };

struct RepetitionsState final : TaggerState {
  text::RepetitionFinder finder;
  std::vector<text::Repetition> found;
};

class Repetitions final : public Tagger {
 public:
  explicit Repetitions(Scope scope) : scope_(scope) {}

  std::span<const std::string_view> types() const override {
    static constexpr std::array<std::string_view, 4> kTypes = {
        "repetition", "doc_max_score_repetition", "doc_max_length_repetition",
        "doc_frac_repetition"};
    return kTypes;
  }

  std::unique_ptr<TaggerState> MakeState() const override {
    return std::make_unique<RepetitionsState>();
  }

  void Tag(DocumentView& document, TaggerState* state, std::vector<Span>& out) const override {
    auto& own = static_cast<RepetitionsState&>(*state);
    const std::size_t begin = out.size();
    if (scope_ == Scope::kDocument) {
      Find(document.text(), 0, own, out);
    } else {
      for (const Paragraph& paragraph : document.paragraphs()) {
        Find(paragraph.text, paragraph.start_char, own, out);
      }
    }
    double most = 0;
    std::uint64_t longest = 0;
    std::uint64_t sum = 0;
    for (std::size_t i = begin; i < out.size(); ++i) {
      most = std::max(most, out[i].score);
      longest = std::max(longest, out[i].end - out[i].start);
      sum += out[i].end - out[i].start;
    }
    const std::uint64_t chars = document.size_chars();
    const double part = sum == 0 ? 0 : static_cast<double>(sum) / static_cast<double>(chars);
    out.push_back({1, 0, chars, most});
    out.push_back({2, 0, chars, static_cast<double>(longest)});
    out.push_back({3, 0, chars, part});
  }

 private:
  static void Find(std::string_view text, std::uint64_t start_char, RepetitionsState& state,
                   std::vector<Span>& out) {
    state.finder.Find(text, state.found);
    std::size_t byte = 0;
    std::uint64_t chars = start_char;  // of `byte` in the document
    for (const text::Repetition& found : state.found) {
      const std::uint64_t start =
          chars + text::CountCodePoints(text.substr(byte, found.begin - byte));
      const std::uint64_t end =
          start + text::CountCodePoints(text.substr(found.begin, found.end - found.begin));
      out.push_back({0, start, end, static_cast<double>(found.count)});
      byte = found.end;
      chars = end;
    }
  }

  Scope scope_;
};

}  // namespace

Result<std::unique_ptr<const Tagger>> MakeParagraphRepetitionsV1(
    const TaggerSettings& /*settings*/) {
  return std::make_unique<Repetitions>(Scope::kParagraphs);
}

Result<std::unique_ptr<const Tagger>> MakeRepetitionsV1(const TaggerSettings& /*settings*/) {
  return std::make_unique<Repetitions>(Scope::kDocument);
}

}  // namespace datalake::curate

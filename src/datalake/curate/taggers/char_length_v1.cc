// char_length_v1: the length of the text in code points.
#include <array>

#include "datalake/curate/taggers/taggers.h"

namespace datalake::curate {
namespace {

class CharLengthV1 final : public Tagger {
 public:
  std::span<const std::string_view> types() const override {
    static constexpr std::array<std::string_view, 1> kTypes = {"length"};
    return kTypes;
  }

  void Tag(DocumentView& document, TaggerState* /*state*/, std::vector<Span>& out) const override {
    const std::uint64_t chars = document.size_chars();
    out.push_back({0, 0, chars, static_cast<double>(chars)});
  }
};

}  // namespace

Result<std::unique_ptr<const Tagger>> MakeCharLengthV1(const TaggerSettings& /*settings*/) {
  return std::make_unique<CharLengthV1>();
}

}  // namespace datalake::curate

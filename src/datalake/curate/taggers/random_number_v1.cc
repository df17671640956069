// random_number_v1: a number of [0, 1) for sampling. The toolkit draws it from a generator seeded
// with the process id, another one in each run. Ours is a hash of the text: equally distributed,
// but the same in every run, on every machine and for equal texts, in both modes.
#include <array>

#include "datalake/base/hash.h"
#include "datalake/curate/taggers/taggers.h"

namespace datalake::curate {
namespace {

class RandomNumberV1 final : public Tagger {
 public:
  std::span<const std::string_view> types() const override {
    static constexpr std::array<std::string_view, 1> kTypes = {"random"};
    return kTypes;
  }

  void Tag(DocumentView& document, TaggerState* /*state*/, std::vector<Span>& out) const override {
    const std::uint64_t bits = Xxh3Hash64(document.text()) >> 11;  // the 53 that a double takes
    out.push_back({0, 0, document.size_chars(), static_cast<double>(bits) * 0x1p-53});
  }
};

}  // namespace

Result<std::unique_ptr<const Tagger>> MakeRandomNumberV1(const TaggerSettings& /*settings*/) {
  return std::make_unique<RandomNumberV1>();
}

}  // namespace datalake::curate

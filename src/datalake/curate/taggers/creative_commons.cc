// cc_re and cc_re_fast: links to Creative Commons licences in metadata.html, by the patterns of the
// Dolma toolkit's licenses.py, which come from dkpro-c4corpus. The i-th link scores 0.5 + 0.5 / i.
// RE2 finds what a backtracking engine finds, in linear time.
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <re2/re2.h>

#include "datalake/curate/attribute_writer.h"
#include "datalake/curate/taggers/taggers.h"
#include "datalake/json/tree.h"

namespace datalake::curate {
namespace {

// `\w` and `\s` of Python's package regex: letters with their marks, digits, connectors, and the
// symbols that are Alphabetic; White_Space.
constexpr std::string_view kWord =
    R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169})"
    R"(\x{1f170}-\x{1f189}\x{200c}\x{200d})";
constexpr std::string_view kSpace =
    R"(\t-\r \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";

constexpr std::string_view kLicences = "creativecommons.org/licenses";
constexpr std::string_view kPublicDomain = "creativecommons.org/publicdomain";

std::unique_ptr<const RE2> LinkPattern() {
  return std::make_unique<const RE2>(fmt::format(
      R"re(<(?:a|A|meta)[{1}][{0}\p{{P}}{1}=]*\n*(?:href|HREF|content)=(?:'|"|&quot;)?)re"
      R"re(https*://creativecommons\.org/)re"
      R"re((?:licenses/(by(?:-nc)?(?:-nd)?(?:-sa)?)|(publicdomain/(?:zero|certification|mark))))re"
      R"re((/\p{{Nd}}+\.\p{{Nd}}+)?)re"
      R"re((?:(?:/[{0}]{{2}})?/(?:(?:deed|legalcode)\.)?([{0}]{{2}}))?.*?(?:'|"|&quot;).*?>)re",
      kWord, kSpace));
}

std::unique_ptr<const RE2> FastPattern() {
  return std::make_unique<const RE2>(
      R"re(https?://creativecommons\.org/licenses/)re"
      R"re((by|by-sa|by-nd|by-nc|by-nc-sa|by-nc-nd|publicdomain)["/ >])re");
}

class LicenceState final : public TaggerState {
 public:
  std::span<const std::string> learned_types() const override { return names_; }

  void Clear() {
    names_.clear();
    numbers_.clear();
  }

  std::uint32_t NumberOf(std::string name) {
    const auto [known, is_new] =
        numbers_.try_emplace(std::move(name), static_cast<std::uint32_t>(names_.size()));
    if (is_new) {
      names_.push_back(known->first);
    }
    return known->second;
  }

 private:
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
};

class CreativeCommons final : public Tagger {
 public:
  explicit CreativeCommons(std::unique_ptr<const RE2> pattern) : pattern_(std::move(pattern)) {}

  std::span<const std::string_view> types() const override { return {}; }

  bool has_learned_types() const override { return true; }

  std::unique_ptr<TaggerState> MakeState() const override {
    return std::make_unique<LicenceState>();
  }

  void Tag(DocumentView& document, TaggerState* state, std::vector<Span>& out) const override {
    auto& own = static_cast<LicenceState&>(*state);
    own.Clear();
    const auto html = document.metadata("html");
    if (!html || html->type() != json::NodeType::kString) {
      document.Reject("metadata.html must be a string");
      return;
    }
    const std::string_view text = html->GetString();
    if (text.find(kLicences) == text.npos && text.find(kPublicDomain) == text.npos) {
      return;
    }
    const re2::StringPiece input(text.data(), text.size());
    std::array<re2::StringPiece, 5> groups;
    const int group_count = pattern_->NumberOfCapturingGroups() + 1;
    std::size_t at = 0;
    for (int found = 1;
         pattern_->Match(input, at, input.size(), RE2::UNANCHORED, groups.data(), group_count);
         ++found) {
      at = static_cast<std::size_t>(groups[0].data() - input.data()) + groups[0].size();
      out.push_back({own.NumberOf(TypeOf(groups)), 0, document.size_chars(), 0.5 + 0.5 / found});
    }
  }

 private:
  // "cc_<licence>[_<version>][_<language>]", as keys are written: equal keys are one type.
  static std::string TypeOf(const std::array<re2::StringPiece, 5>& groups) {
    const auto text = [&](std::size_t i) {
      return std::string_view(groups[i].data(), groups[i].size());
    };
    std::string type = "cc_" + std::string(groups[1].data() != nullptr ? text(1) : text(2));
    if (!groups[3].empty()) {
      type.append("_").append(text(3).substr(1));
    }
    if (!groups[4].empty()) {
      type.append("_").append(text(4));
    }
    return *AttributeKeyPart(type);
  }

  std::unique_ptr<const RE2> pattern_;
};

}  // namespace

Result<std::unique_ptr<const Tagger>> MakeCcRe(const TaggerSettings& /*settings*/) {
  return std::make_unique<CreativeCommons>(LinkPattern());
}

Result<std::unique_ptr<const Tagger>> MakeCcReFast(const TaggerSettings& /*settings*/) {
  return std::make_unique<CreativeCommons>(FastPattern());
}

}  // namespace datalake::curate

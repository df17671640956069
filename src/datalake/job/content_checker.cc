#include "datalake/job/content_checker.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "datalake/base/mutex.h"
#include "datalake/curate/document_view.h"
#include "datalake/curate/tagger.h"

namespace datalake::job {
namespace {

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool IsUpperOrDigit(char c) {
  return (c >= 'A' && c <= 'Z') || IsDigit(c);
}

bool IsWord(char c) {
  return IsLetter(c) || IsDigit(c) || c == '_' || c == '-';
}

// A key that begins with `prefix` and goes on with at least `least` characters of `is_body`.
struct KeyForm {
  std::string_view prefix;
  std::size_t least;
  bool (*is_body)(char);
};

// AWS access keys, GitHub, GitLab, Hugging Face, Slack, Google, Stripe, OpenAI and Anthropic, npm:
// the prefixes that the services document for secret scanning.
constexpr std::array<KeyForm, 19> kForms = {{{"AKIA", 16, IsUpperOrDigit},
                                             {"ASIA", 16, IsUpperOrDigit},
                                             {"ghp_", 36, IsWord},
                                             {"gho_", 36, IsWord},
                                             {"ghu_", 36, IsWord},
                                             {"ghs_", 36, IsWord},
                                             {"ghr_", 36, IsWord},
                                             {"github_pat_", 22, IsWord},
                                             {"glpat-", 20, IsWord},
                                             {"hf_", 34, IsWord},
                                             {"xoxb-", 20, IsWord},
                                             {"xoxp-", 20, IsWord},
                                             {"xoxa-", 20, IsWord},
                                             {"AIza", 35, IsWord},
                                             {"sk_live_", 20, IsWord},
                                             {"rk_live_", 20, IsWord},
                                             {"sk-", 32, IsWord},
                                             {"npm_", 36, IsWord},
                                             {"dop_v1_", 64, IsWord}}};

bool HoldsKey(std::string_view text, const KeyForm& form) {
  for (std::size_t at = text.find(form.prefix); at != std::string_view::npos;
       at = text.find(form.prefix, at + 1)) {
    if (at > 0 && IsWord(text[at - 1])) {
      continue;  // the middle of a word
    }
    std::size_t end = at + form.prefix.size();
    while (end < text.size() && form.is_body(text[end])) {
      ++end;
    }
    if (end - at - form.prefix.size() >= form.least) {
      return true;
    }
  }
  return false;
}

// PEM (RFC 7468): "-----BEGIN … PRIVATE KEY-----".
bool HoldsPrivateKey(std::string_view text) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  for (std::size_t at = text.find(kBegin); at != std::string_view::npos;
       at = text.find(kBegin, at + 1)) {
    const std::string_view label = text.substr(at + kBegin.size(), 40);
    const std::size_t end = label.find("-----");
    if (end != std::string_view::npos && label.substr(0, end).ends_with("PRIVATE KEY")) {
      return true;
    }
  }
  return false;
}

// A signed JSON web token (RFC 7519): three base64url parts, the first beginning as {" does.
bool HoldsSignedToken(std::string_view text) {
  constexpr std::size_t kLeastPart = 16;
  for (std::size_t at = text.find("eyJ"); at != std::string_view::npos;
       at = text.find("eyJ", at + 1)) {
    std::size_t end = at;
    int parts = 0;
    while (end < text.size()) {
      const std::size_t begin = end;
      while (end < text.size() && IsWord(text[end])) {
        ++end;
      }
      if (end - begin < kLeastPart) {
        break;
      }
      ++parts;
      if (end == text.size() || text[end] != '.') {
        break;
      }
      ++end;
    }
    if (parts >= 3) {
      return true;
    }
  }
  return false;
}

class TaggerChecker final : public lake::ContentChecker {
 public:
  explicit TaggerChecker(std::unique_ptr<const curate::Tagger> tagger)
      : tagger_(std::move(tagger)) {}

  lake::ContentFindings Check(std::string_view text) const override {
    std::unique_ptr<Scratch> scratch = Take();
    scratch->spans.clear();
    scratch->document.Reset(text);
    tagger_->Tag(scratch->document, scratch->state.get(), scratch->spans);
    // The tagger also scores whole documents; what it found has the name of what it is.
    const bool personal =
        std::any_of(scratch->spans.begin(), scratch->spans.end(), [&](const curate::Span& span) {
          const std::string_view type = tagger_->types()[span.type];
          return type.ends_with("_ADDRESS") || type.ends_with("_NUMBER");
        });
    GiveBack(std::move(scratch));
    return {.secrets = HoldsSecret(text), .personal_data = personal};
  }

 private:
  struct Scratch {
    std::unique_ptr<curate::TaggerState> state;
    curate::DocumentView document;
    std::vector<curate::Span> spans;
  };

  static constexpr std::size_t kMostIdle = 8;

  std::unique_ptr<Scratch> Take() const {
    {
      const MutexLock lock(mutex_);
      if (!idle_.empty()) {
        std::unique_ptr<Scratch> scratch = std::move(idle_.back());
        idle_.pop_back();
        return scratch;
      }
    }
    auto scratch = std::make_unique<Scratch>();
    scratch->state = tagger_->MakeState();
    return scratch;
  }

  void GiveBack(std::unique_ptr<Scratch> scratch) const {
    const MutexLock lock(mutex_);
    if (idle_.size() < kMostIdle) {
      idle_.push_back(std::move(scratch));
    }
  }

  const std::unique_ptr<const curate::Tagger> tagger_;
  mutable Mutex mutex_;
  mutable std::vector<std::unique_ptr<Scratch>> idle_ DATALAKE_GUARDED_BY(mutex_);
};

}  // namespace

bool HoldsSecret(std::string_view text) {
  return std::any_of(kForms.begin(), kForms.end(),
                     [&](const KeyForm& form) { return HoldsKey(text, form); }) ||
         HoldsPrivateKey(text) || HoldsSignedToken(text);
}

Result<std::unique_ptr<lake::ContentChecker>> MakeContentChecker() {
  curate::TaggerRegistry registry;
  DATALAKE_TRY(curate::AddBuiltinTaggers(registry));
  DATALAKE_TRY_ASSIGN(auto tagger, registry.Make("pii_regex_v2", {}));
  return std::unique_ptr<lake::ContentChecker>(std::make_unique<TaggerChecker>(std::move(tagger)));
}

}  // namespace datalake::job

// The taggers of source code, as the Dolma toolkit's code_taggers.py: RedPajama's statistics,
// copyright notices, StarCoder's shares of comments and of visible text. Where ours differ by
// default (docs/dolma-compat.md): the block of leading comments ends where it ends in the text, and
// a program without text has a share of comments of 0.5 like any that cannot be looked at.
#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "datalake/curate/taggers/code_comments.h"
#include "datalake/curate/taggers/taggers.h"
#include "datalake/json/tree.h"
#include "datalake/text/regex_classes.h"
#include "datalake/text/unicode.h"
#include "datalake/text/utf8.h"

namespace datalake::curate {
namespace {

struct CodeLanguage {
  std::string_view extension;
  std::uint8_t language = 0;   // Language
  std::uint16_t comments = 0;  // CommentKind
};

enum Language : std::uint8_t { kAnother, kPython, kJava, kJavaScript, kHtml };

#include "datalake/curate/taggers/code_languages.inc"

double Ratio(std::uint64_t part, std::uint64_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

// Ends of lines for Python's str.splitlines.
bool EndsLine(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

class CodeRedPajamaV1 final : public Tagger {
 public:
  std::span<const std::string_view> types() const override {
    static constexpr std::array<std::string_view, 4> kTypes = {
        "max_line_length_doc", "avg_line_length_doc", "alnum_prop_doc", "alpha_token_prop_doc"};
    return kTypes;
  }

  void Tag(DocumentView& document, TaggerState* /*state*/, std::vector<Span>& out) const override {
    const std::string_view text = document.text();
    const std::uint64_t chars = document.size_chars();
    Counts counts;
    for (std::size_t at = 0; at < text.size();) {
      const text::DecodedCodePoint decoded = text::DecodeCodePoint(text, at);
      at += decoded.bytes;
      const bool splits_crlf = decoded.value == '\r' && at < text.size() && text[at] == '\n';
      counts.Add(decoded.value, splits_crlf);
    }
    counts.EndText();
    const auto tokens = static_cast<double>(text::CountWordPieces(text) + 1);
    const std::array<double, 4> scores = {
        static_cast<double>(counts.longest),
        counts.lines == 0 ? 0 : Ratio(counts.in_lines, counts.lines),
        chars == 0 ? 0 : Ratio(counts.alnum, chars), static_cast<double>(counts.alpha) / tokens};
    for (std::uint32_t i = 0; i < scores.size(); ++i) {
      out.push_back({i, 0, chars, scores[i]});
    }
  }

 private:
  struct Counts {
    std::uint64_t lines = 0;
    std::uint64_t in_lines = 0;  // without what ends them
    std::uint64_t line = 0;      // of the open one
    std::uint64_t longest = 0;
    std::uint64_t alpha = 0;
    std::uint64_t alnum = 0;

    void Add(char32_t c, bool is_first_of_crlf) {
      if (is_first_of_crlf) {
        return;
      }
      if (EndsLine(c)) {
        EndLine();
        return;
      }
      ++line;
      const bool is_letter = text::IsLetter(c);
      alpha += is_letter ? 1 : 0;
      alnum += is_letter || text::IsNumeric(c) ? 1 : 0;
    }

    void EndLine() {
      ++lines;
      in_lines += line;
      longest = std::max(longest, line);
      line = 0;
    }

    void EndText() {
      if (line > 0) {
        EndLine();
      }
    }
  };
};

class CodeCopyrightV1 final : public Tagger {
 public:
  explicit CodeCopyrightV1(Compatibility compatibility) : compatibility_(compatibility) {}

  std::span<const std::string_view> types() const override {
    static constexpr std::array<std::string_view, 3> kTypes = {"copyright_notice", "comment_block",
                                                               "doc"};
    return kTypes;
  }

  void Tag(DocumentView& document, TaggerState* /*state*/, std::vector<Span>& out) const override {
    const std::string_view text = document.text();
    const std::uint64_t chars = document.size_chars();
    const std::size_t first = out.size();
    const std::size_t begin = text.find("/*");
    const std::size_t close = begin == text.npos ? text.npos : text.find("*/", begin + 2);
    if (close == text.npos) {
      AddLeadingComments(text, out);
    } else if (const std::string_view block = text.substr(begin, close + 2 - begin);
               HasCopyright(block)) {
      const std::uint64_t start = text::CountCodePoints(text.substr(0, begin));
      out.push_back({0, start, start + text::CountCodePoints(block), 1});
    }
    double score = chars == 0 ? -1 : 0;
    if (out.size() > first && chars > 0) {
      score = Ratio(out[first].end - out[first].start + 1, chars);
    }
    out.push_back({2, 0, chars, score});
  }

 private:
  // "copyright" in any case, as Python's re takes it: U+0130 and U+0131 are an i too.
  static bool HasCopyright(std::string_view text) {
    for (std::size_t at = text.find_first_of("cC"); at != text.npos;
         at = text.find_first_of("cC", at + 1)) {
      if (BeginsWithCopyright(text.substr(at))) {
        return true;
      }
    }
    return false;
  }

  static bool BeginsWithCopyright(std::string_view text) {
    for (const char letter : std::string_view("copyright")) {
      if (letter == 'i' && (text.starts_with("\xC4\xB0") || text.starts_with("\xC4\xB1"))) {
        text.remove_prefix(2);
      } else if (!text.empty() && (text[0] | 0x20) == letter) {
        text.remove_prefix(1);
      } else {
        return false;
      }
    }
    return true;
  }

  void AddLeadingComments(std::string_view text, std::vector<Span>& out) const {
    std::size_t begin = 0;      // of the line
    std::uint64_t counted = 0;  // as the toolkit adds lengths up
    bool has_lines = false;
    while (begin <= text.size()) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      const std::string_view line = text.substr(begin, end - begin);
      if (!line.empty() && !line.starts_with("//") && line[0] != '#' && !line.starts_with("--")) {
        break;
      }
      has_lines = true;
      counted += line.empty() ? 1 : text::CountCodePoints(line);
      begin = end + 1;
    }
    const std::uint64_t whole = text::CountCodePoints(text.substr(0, begin));
    const std::uint64_t end = compatibility_ == Compatibility::kDolma ? counted : whole;
    if (has_lines && end > 0) {
      out.push_back({1, 0, end, 1});
    }
  }

  Compatibility compatibility_;
};

enum class StarCoderVersion : std::uint8_t { kV1, kV2 };

class CodeStarCoder final : public Tagger {
 public:
  CodeStarCoder(StarCoderVersion version, Compatibility compatibility)
      : version_(version), compatibility_(compatibility) {}

  std::span<const std::string_view> types() const override {
    static constexpr std::array<std::string_view, 4> kTypesV1 = {
        "has_xml_template_doc", "num_github_stars_doc", "nl_ratio_doc",
        "code_to_text_ratio_html_doc"};
    static constexpr std::array<std::string_view, 4> kTypesV2 = {
        "has_xml_template_doc", "num_github_stars_doc", "code_to_comment_ratio_doc",
        "code_to_text_ratio_html_doc"};
    return version_ == StarCoderVersion::kV1 ? kTypesV1 : kTypesV2;
  }

  void Tag(DocumentView& document, TaggerState* /*state*/, std::vector<Span>& out) const override {
    const std::string_view text = document.text();
    const std::uint64_t chars = document.size_chars();
    const CodeLanguage* language = LanguageOf(document);
    const double stars = StarsOf(document);
    Shares shares;
    if (version_ == StarCoderVersion::kV1) {
      shares = SharesV1(text, chars, language);
    } else {
      shares = SharesV2(text, chars, language);
      if (chars == 0 && compatibility_ == Compatibility::kDolma && IsLexed(language)) {
        document.Reject("text is empty: its share of comments is not defined");
        return;
      }
    }
    out.push_back({0, 0, chars, BeginsAsXml(text) ? 1.0 : 0.0});
    out.push_back({1, 0, chars, stars});
    out.push_back({2, 0, chars, shares.comments});
    out.push_back({3, 0, chars, shares.visible});
  }

 private:
  struct Shares {
    double comments = 0;
    double visible = 0;
  };

  static const CodeLanguage* LanguageOf(DocumentView& document) {
    const auto extension = document.metadata("ext");
    if (!extension || extension->type() != json::NodeType::kString) {
      return nullptr;
    }
    const std::string_view name = extension->GetString();
    const auto found = std::lower_bound(kLanguages.begin(), kLanguages.end(), name,
                                        [](const CodeLanguage& language, std::string_view wanted) {
                                          return language.extension < wanted;
                                        });
    return found != kLanguages.end() && found->extension == name ? &*found : nullptr;
  }

  static double StarsOf(DocumentView& document) {
    const auto stars = document.metadata("max_stars_count");
    if (!stars) {
      return 0;
    }
    switch (stars->type()) {
      case json::NodeType::kInt:
        return static_cast<double>(stars->GetInt());
      case json::NodeType::kUint:
        return static_cast<double>(stars->GetUint());
      case json::NodeType::kDouble:
        return stars->GetDouble();
      case json::NodeType::kBool:
        return stars->GetBool() ? 1 : 0;
      case json::NodeType::kNull:
        return 0;
      default:
        document.Reject("metadata.max_stars_count must be a number");
        return 0;
    }
  }

  // Within the first 100 characters.
  static bool BeginsAsXml(std::string_view text) {
    const std::size_t at = text.find("<?xml version=");
    return at != text.npos && text::CountCodePoints(text.substr(0, at)) + 14 <= 100;
  }

  static bool IsLexed(const CodeLanguage* language) {
    return language != nullptr && language->language >= kPython &&
           language->language <= kJavaScript;
  }

  static std::uint64_t CommentsOf(std::string_view text, const CodeLanguage& language) {
    switch (language.language) {
      case kPython:
        return PythonTextChars(text);
      case kJava:
        return JavaCommentChars(text);
      case kJavaScript:
        return JavaScriptCommentChars(text);
      default:
        return CommentChars(text, language.comments);
    }
  }

  static double VisibleShare(std::string_view text, std::uint64_t chars) {
    const std::uint64_t visible = HtmlTextChars(text);
    return visible > 100 ? Ratio(visible, chars) : 0;
  }

  static Shares SharesV1(std::string_view text, std::uint64_t chars, const CodeLanguage* language) {
    if (language == nullptr || (language->comments & kNoLexer) != 0 || chars == 0) {
      return {-1, -1};
    }
    return {Ratio(CommentsOf(text, *language), chars),
            language->language == kHtml ? VisibleShare(text, chars) : 1};
  }

  static Shares SharesV2(std::string_view text, std::uint64_t chars, const CodeLanguage* language) {
    Shares shares = {0.5, 1};
    if (IsLexed(language) && chars > 0) {
      shares.comments = Ratio(CommentsOf(text, *language), chars);
    } else if (language != nullptr && language->language == kHtml) {
      shares.visible = chars == 0 ? -1 : VisibleShare(text, chars);
    }
    return shares;
  }

  StarCoderVersion version_;
  Compatibility compatibility_;
};

}  // namespace

Result<std::unique_ptr<const Tagger>> MakeCodeCopyrightCommentsV1(const TaggerSettings& settings) {
  return std::make_unique<CodeCopyrightV1>(settings.compatibility);
}

Result<std::unique_ptr<const Tagger>> MakeCodeRedPajamaTaggersV1(
    const TaggerSettings& /*settings*/) {
  return std::make_unique<CodeRedPajamaV1>();
}

Result<std::unique_ptr<const Tagger>> MakeCodeStarCoderTaggersV1(const TaggerSettings& settings) {
  return std::make_unique<CodeStarCoder>(StarCoderVersion::kV1, settings.compatibility);
}

Result<std::unique_ptr<const Tagger>> MakeCodeStarCoderTaggersV2(const TaggerSettings& settings) {
  return std::make_unique<CodeStarCoder>(StarCoderVersion::kV2, settings.compatibility);
}

}  // namespace datalake::curate

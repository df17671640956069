// Text of HTML as BeautifulSoup 4.12 with html.parser gives it. Strings are what stands between
// tags, comments and declarations; a tree is not built, as only the elements around a string that
// change how it counts matter: script and style (nothing), template (nothing), pre and textarea.
#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

#include "datalake/curate/taggers/code_comments.h"
#include "datalake/text/utf8.h"

namespace datalake::curate {
namespace {

bool IsAlpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool IsAlnum(char c) {
  return IsAlpha(c) || (c >= '0' && c <= '9');
}

bool IsHtmlSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

class HtmlText {
 public:
  explicit HtmlText(std::string_view html) : html_(html) {}

  std::uint64_t Run() {
    while (at_ < html_.size()) {
      if (html_[at_] == '<' && Markup()) {
        continue;
      }
      if (html_[at_] == '&' && Reference()) {
        continue;
      }
      AddCharacter();
    }
    EndString();
    return chars_;
  }

 private:
  void AddCharacter() {
    const std::size_t bytes = text::DecodeCodePoint(html_, at_).bytes;
    is_blank_ = is_blank_ && IsHtmlSpace(html_[at_]);
    ++string_chars_;
    at_ += bytes;
  }

  void EndString() {
    if (string_chars_ > 0 && template_depth_ == 0) {
      chars_ += is_blank_ && pre_depth_ == 0 ? 1 : string_chars_;
    }
    string_chars_ = 0;
    is_blank_ = true;
  }

  // Ends the string and goes on behind the next `mark`; false when there is none.
  bool SkipBehind(std::string_view mark, std::size_t from) {
    const std::size_t found = html_.find(mark, from);
    if (found == std::string_view::npos) {
      return false;
    }
    EndString();
    at_ = found + mark.size();
    return true;
  }

  // A tag, comment or declaration; false when the `<` is text.
  bool Markup() {
    if (at_ >= no_markup_from_) {
      return false;
    }
    const std::string_view rest = html_.substr(at_);
    bool done = true;
    if (rest.starts_with("<!--")) {
      done = !no_comment_end_ && SkipBehind("-->", at_ + 4);
      no_comment_end_ = !done;
    } else if (rest.starts_with("<!") || rest.starts_with("<?") ||
               (rest.starts_with("</") && rest.size() > 2 && !IsAlpha(rest[2]))) {
      done = SkipBehind(">", at_ + 2);
    } else if (rest.size() > 2 && rest[1] == '/' && IsAlpha(rest[2])) {
      done = EndTag();
    } else if (rest.size() > 1 && IsAlpha(rest[1])) {
      done = StartTag();
    } else {
      return false;
    }
    if (!done && !rest.starts_with("<!--")) {
      no_markup_from_ = at_;  // no `>` is left: the rest is text
    }
    return done;
  }

  std::string NameAt(std::size_t begin) const {
    std::size_t end = begin;
    while (end < html_.size() && !IsHtmlSpace(html_[end]) && html_[end] != '/' &&
           html_[end] != '>') {
      ++end;
    }
    std::string name(html_.substr(begin, end - begin));
    std::transform(name.begin(), name.end(), name.begin(), Lower);
    return name;
  }

  bool EndTag() {
    const std::string name = NameAt(at_ + 2);
    if (!SkipBehind(">", at_ + 2)) {
      return false;
    }
    Count(name, -1);
    return true;
  }

  // The `>` of a tag, past quoted values of attributes.
  std::size_t TagEnd() const {
    std::size_t at = at_ + 1;
    while (at < html_.size() && html_[at] != '>') {
      if (html_[at] != '=') {
        ++at;
        continue;
      }
      do {
        ++at;
      } while (at < html_.size() && IsHtmlSpace(html_[at]));
      if (at < html_.size() && (html_[at] == '"' || html_[at] == '\'')) {
        const std::size_t quote = html_.find(html_[at], at + 1);
        at = quote == std::string_view::npos ? at + 1 : quote + 1;
      }
    }
    return at;
  }

  bool StartTag() {
    const std::string name = NameAt(at_ + 1);
    const std::size_t end = TagEnd();
    if (end >= html_.size()) {
      return false;
    }
    EndString();
    const bool is_closed = html_[end - 1] == '/';
    at_ = end + 1;
    if (is_closed) {
      return true;
    }
    Count(name, 1);
    if (name == "script" || name == "style") {
      SkipElement(name);
    }
    return true;
  }

  // To behind the end tag of an element that holds no markup, or to the end.
  void SkipElement(const std::string& name) {
    for (at_ = html_.find("</", at_); at_ != std::string_view::npos;
         at_ = html_.find("</", at_ + 2)) {
      std::size_t begin = at_ + 2;
      while (begin < html_.size() && IsHtmlSpace(html_[begin])) {
        ++begin;
      }
      if (begin + name.size() <= html_.size() &&
          std::equal(name.begin(), name.end(), html_.begin() + static_cast<std::ptrdiff_t>(begin),
                     [](char a, char b) { return a == Lower(b); })) {
        std::size_t end = begin + name.size();
        while (end < html_.size() && IsHtmlSpace(html_[end])) {
          ++end;
        }
        if (end < html_.size() && html_[end] == '>') {
          at_ = end + 1;
          return;
        }
      }
    }
    at_ = html_.size();
  }

  void Count(std::string_view name, int step) {
    if (name == "pre" || name == "textarea") {
      pre_depth_ = std::max(0, pre_depth_ + step);
    } else if (name == "template") {
      template_depth_ = std::max(0, template_depth_ + step);
    }
  }

  // A character reference, one character; false when the `&` is text.
  bool Reference() {
    constexpr std::size_t kLongestName = 32;
    std::size_t end = at_ + 1;
    if (end < html_.size() && html_[end] == '#') {
      ++end;
    }
    const std::size_t begin = end;
    while (end < html_.size() && end - begin < kLongestName && IsAlnum(html_[end])) {
      ++end;
    }
    if (end == begin || end >= html_.size() || html_[end] != ';') {
      return false;
    }
    ++string_chars_;
    is_blank_ = is_blank_ && IsBlankReference(html_.substr(begin, end - begin));
    at_ = end + 1;
    return true;
  }

  static bool IsBlankReference(std::string_view name) {
    return name == "10" || name == "32" || name == "9" || name == "13" || name == "xA" ||
           name == "x20" || name == "x9" || name == "Tab" || name == "NewLine";
  }

  std::string_view html_;
  std::size_t at_ = 0;
  std::size_t no_markup_from_ = std::string_view::npos;
  bool no_comment_end_ = false;
  std::uint64_t chars_ = 0;
  std::uint64_t string_chars_ = 0;  // of the string not yet ended
  bool is_blank_ = true;
  int pre_depth_ = 0;
  int template_depth_ = 0;
};

}  // namespace

std::uint64_t HtmlTextChars(std::string_view text) {
  return HtmlText(text).Run();
}

}  // namespace datalake::curate

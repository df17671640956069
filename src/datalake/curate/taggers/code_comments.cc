#include "datalake/curate/taggers/code_comments.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "datalake/text/utf8.h"

namespace datalake::curate {
namespace {

constexpr std::string_view kNone = {};

// What pygments lexes: newlines for CR and CRLF, none at the ends but a last one.
std::string Normalized(std::string_view text) {
  constexpr std::string_view kBom = "\xEF\xBB\xBF";
  text.remove_prefix(text.starts_with(kBom) ? kBom.size() : 0);
  std::string out;
  out.reserve(text.size() + 1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r') {
      out.push_back('\n');
      i += i + 1 < text.size() && text[i + 1] == '\n' ? 1 : 0;
    } else {
      out.push_back(text[i]);
    }
  }
  const std::size_t begin = std::min(out.find_first_not_of('\n'), out.size());
  out.erase(0, begin);
  out.resize(out.find_last_not_of('\n') + 1);
  out.push_back('\n');
  return out;
}

bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || static_cast<unsigned char>(c) > 127;
}

bool IsSpaceByte(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Steps through source code and adds comments up.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::uint64_t chars() const { return chars_; }

 protected:
  bool AtEnd() const { return at_ >= text_.size(); }

  bool Begins(std::string_view mark) const { return text_.substr(at_).starts_with(mark); }

  std::size_t Find(std::string_view mark, std::size_t from) const {
    return std::min(text_.find(mark, from), text_.size());
  }

  void AddComment(std::size_t end) {
    chars_ += text::CountCodePoints(text_.substr(at_, end - at_));
    at_ = end;
  }

  // A comment from here to the end of the line.
  void LineComment(bool with_newline = false) {
    AddComment(Find("\n", at_) + (with_newline ? 1 : 0));
  }

  // A comment that `close` ends; false when nothing does, which is remembered.
  bool BlockComment(std::string_view close, std::size_t open_bytes) {
    const std::size_t end = no_close_ ? text_.size() : Find(close, at_ + open_bytes);
    if (end == text_.size()) {
      no_close_ = true;
      return false;
    }
    AddComment(end + close.size());
    return true;
  }

  // The end of a string in quotes that begins here, behind its last quote; the size of the text
  // when it has none.
  std::size_t QuotedEnd(std::string_view stops) const {
    for (std::size_t i = at_ + 1; i < text_.size(); ++i) {
      if (text_[i] == '\\') {
        ++i;
      } else if (text_[i] == text_[at_]) {
        return i + 1;
      } else if (stops.find(text_[i]) != std::string_view::npos) {
        break;
      }
    }
    return text_.size();
  }

  std::string_view text_;
  std::size_t at_ = 0;

 private:
  std::uint64_t chars_ = 0;
  bool no_close_ = false;
};

class JavaLexer : public Lexer {
 public:
  using Lexer::Lexer;

  void Run() {
    constexpr std::string_view kTextBlock = "\"\"\"\n";
    while (!AtEnd()) {
      if (Begins("//")) {
        LineComment();
      } else if (Begins("/*") && BlockComment("*/", 2)) {
      } else if (Begins(kTextBlock)) {
        at_ = std::min(Find("\"\"\"", at_ + kTextBlock.size()) + 3, text_.size());
      } else if (text_[at_] == '"') {
        at_ = QuotedEnd(kNone);
      } else if (text_[at_] == '\'') {
        at_ = CharacterEnd();
      } else {
        ++at_;
      }
    }
  }

 private:
  // '\\.' or '[^\\]'; a quote that begins neither stands alone.
  std::size_t CharacterEnd() const {
    const std::size_t begin = at_ + 1 + (at_ + 1 < text_.size() && text_[at_ + 1] == '\\' ? 1 : 0);
    if (begin >= text_.size()) {
      return at_ + 1;
    }
    const std::size_t end = begin + text::DecodeCodePoint(text_, begin).bytes;
    return end < text_.size() && text_[end] == '\'' ? end + 1 : at_ + 1;
  }
};

class JavaScriptLexer : public Lexer {
 public:
  using Lexer::Lexer;

  void Run() {
    while (!AtEnd()) {
      const char c = text_[at_];
      const bool begins_line = at_ == 0 || text_[at_ - 1] == '\n';
      if (begins_line && (IsSpaceByte(c) || c == '/' || Begins("<!--"))) {
        slash_begins_regex_ = true;
      }
      if (at_ == 0 && Begins("#!")) {
        at_ = Find("\n", at_);
      } else if (IsSpaceByte(c)) {
        ++at_;
      } else if (Begins("//")) {
        LineComment();
      } else if (Begins("/*") && BlockComment("*/", 2)) {
      } else if (c == '/') {
        Slash();
      } else if (c == '"' || c == '\'') {
        Quoted();
      } else if (IsWordByte(c)) {
        Word();
      } else {
        Sign(c);
      }
    }
  }

 private:
  static bool IsBeforeRegex(std::string_view word) {
    constexpr std::array<std::string_view, 39> kWords = {
        "for",      "in",      "while", "do",   "break",    "return", "continue",   "switch",
        "case",     "default", "if",    "else", "throw",    "try",    "catch",      "finally",
        "yield",    "await",   "async", "this", "of",       "static", "export",     "import",
        "debugger", "extends", "super", "new",  "delete",   "typeof", "instanceof", "void",
        "var",      "let",     "const", "with", "function", "class",  "from"};
    return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
  }

  // A regular expression or a division.
  void Slash() {
    if (!slash_begins_regex_) {
      slash_begins_regex_ = true;
      ++at_;
      return;
    }
    slash_begins_regex_ = false;
    bool in_class = false;
    for (std::size_t i = at_ + 1; i < text_.size() && text_[i] != '\n'; ++i) {
      if (text_[i] == '\\') {
        ++i;
      } else if (text_[i] == '/' && !in_class) {
        at_ = i + 1;
        return;
      } else {
        in_class = text_[i] == '[' || (in_class && text_[i] != ']');
      }
    }
    at_ = Find("\n", at_);  // none: the rest of the line is broken
  }

  void Quoted() {
    slash_begins_regex_ = false;
    bool& unclosed = unclosed_[text_[at_] == '"' ? 0 : 1];
    const std::size_t end = unclosed ? text_.size() : QuotedEnd(kNone);
    unclosed = end == text_.size();
    at_ = unclosed ? at_ + 1 : end;
  }

  void Word() {
    const std::size_t begin = at_;
    while (!AtEnd() && IsWordByte(text_[at_])) {
      ++at_;
    }
    const bool is_member = begin > 0 && text_[begin - 1] == '.';
    slash_begins_regex_ = !is_member && IsBeforeRegex(text_.substr(begin, at_ - begin));
  }

  void Sign(char c) {
    ++at_;
    if (c == '`') {
      Template();
    } else if (c == '{') {
      ++braces_;
      slash_begins_regex_ = true;
    } else if (c == '}') {
      slash_begins_regex_ = false;
      if (!templates_.empty() && templates_.back() == braces_) {
        templates_.pop_back();
        Template();
      } else {
        --braces_;
      }
    } else {
      slash_begins_regex_ = c != ')' && c != ']' && c != '.' && c != '#' && c != '@';
    }
  }

  // The rest of a template, up to what is to be computed in it.
  void Template() {
    slash_begins_regex_ = false;
    for (; !AtEnd(); ++at_) {
      if (text_[at_] == '\\') {
        ++at_;
      } else if (text_[at_] == '`') {
        ++at_;
        return;
      } else if (Begins("${")) {
        at_ += 2;
        templates_.push_back(braces_);
        slash_begins_regex_ = true;
        return;
      }
    }
  }

  bool slash_begins_regex_ = true;
  std::array<bool, 2> unclosed_{};  // no more `"`, no more `'`
  std::int64_t braces_ = 0;
  std::vector<std::int64_t> templates_;  // open braces outside of what is computed
};

class AnyLexer : public Lexer {
 public:
  AnyLexer(std::string_view text, std::uint16_t kinds) : Lexer(text), kinds_(kinds) {}

  void Run() {
    const bool with_newline = Has(kWithNewline);
    while (!AtEnd()) {
      const char c = text_[at_];
      if ((Has(kSlashes) && Begins("//")) || (Has(kHash) && c == '#') ||
          (Has(kDashes) && Begins("--")) || (Has(kSemicolon) && c == ';') ||
          (Has(kPercent) && c == '%') || (Has(kApostrophe) && c == '\'')) {
        LineComment(with_newline);
      } else if (Has(kBlock) && Begins("/*") && BlockComment("*/", 2)) {
      } else if (Has(kMarkup) && Begins("<!--") && BlockComment("-->", 4)) {
      } else if (!Has(kMarkup) && (c == '"' || c == '\'')) {
        Quoted(line_end_[c == '"' ? 0 : 1]);
      } else {
        ++at_;
      }
    }
  }

 private:
  bool Has(CommentKind kind) const { return (kinds_ & kind) != 0; }

  // `unclosed_to`: up to there no such string ends on its line.
  void Quoted(std::size_t& unclosed_to) {
    const std::size_t end = at_ < unclosed_to ? text_.size() : QuotedEnd("\n");
    if (end < text_.size()) {
      at_ = end;
      return;
    }
    unclosed_to = at_ < unclosed_to ? unclosed_to : Find("\n", at_);
    ++at_;
  }

  std::uint16_t kinds_;
  std::array<std::size_t, 2> line_end_{};
};

}  // namespace

std::uint64_t JavaCommentChars(std::string_view text) {
  const std::string normalized = Normalized(text);
  JavaLexer lexer(normalized);
  lexer.Run();
  return lexer.chars();
}

std::uint64_t JavaScriptCommentChars(std::string_view text) {
  const std::string normalized = Normalized(text);
  JavaScriptLexer lexer(normalized);
  lexer.Run();
  return lexer.chars();
}

std::uint64_t CommentChars(std::string_view text, std::uint16_t kinds) {
  const std::string normalized = Normalized(text);
  AnyLexer lexer(normalized, kinds);
  lexer.Run();
  return lexer.chars();
}

}  // namespace datalake::curate

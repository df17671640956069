// Comments and docstrings of Python programs. Lines are taken apart as tokenize.py of Python 3.11
// does, as far as comments, strings, brackets and indentation go; everything else is skipped
// character by character, since no other token can hide one of those.
#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "datalake/curate/taggers/code_comments.h"
#include "datalake/text/unicode.h"
#include "datalake/text/utf8.h"

namespace datalake::curate {
namespace {

bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) > 127;
}

bool IsStringPrefix(std::string_view name) {
  constexpr std::string_view kLetters = "rRbBuUfF";
  return name.size() <= 2 && name.find_first_not_of(kLetters) == std::string_view::npos;
}

bool HasLetter(std::string_view prefix, char lower) {
  const char upper = static_cast<char>(lower - ('a' - 'A'));
  return prefix.find(lower) != prefix.npos || prefix.find(upper) != prefix.npos;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::u32string Decode(std::string_view text) {
  std::u32string out;
  for (std::size_t at = 0; at < text.size();) {
    const text::DecodedCodePoint decoded = text::DecodeCodePoint(text, at);
    out.push_back(decoded.value);
    at += decoded.bytes;
  }
  return out;
}

// The value of a string literal's inside (Python reference, 2.4.1).
class Literal {
 public:
  explicit Literal(std::string_view body) : body_(body) {}

  std::u32string Value() {
    while (at_ < body_.size()) {
      if (body_[at_] == '\\' && at_ + 1 < body_.size()) {
        Escape();
      } else {
        const text::DecodedCodePoint decoded = text::DecodeCodePoint(body_, at_);
        out_.push_back(decoded.value);
        at_ += decoded.bytes;
      }
    }
    return std::move(out_);
  }

 private:
  void Escape() {
    constexpr std::string_view kNames = "\\'\"abfnrtv";
    constexpr std::string_view kValues = "\\'\"\a\b\f\n\r\t\v";
    const char c = body_[at_ + 1];
    if (c == '\n') {
      at_ += 2;
    } else if (const std::size_t known = kNames.find(c); known != kNames.npos) {
      out_.push_back(static_cast<unsigned char>(kValues[known]));
      at_ += 2;
    } else if (c >= '0' && c <= '7') {
      Number(at_ + 1, 3, 8);
    } else if (c == 'x') {
      Number(at_ + 2, 2, 16);
    } else if (c == 'u') {
      Number(at_ + 2, 4, 16);
    } else if (c == 'U') {
      Number(at_ + 2, 8, 16);
    } else if (c == 'N' && body_.find('}', at_) != body_.npos) {
      out_.push_back(U'?');  // whichever: one character
      at_ = body_.find('}', at_) + 1;
    } else {
      out_.push_back(U'\\');  // unknown ones stay
      ++at_;
    }
  }

  void Number(std::size_t at, std::size_t most_digits, int base) {
    char32_t value = 0;
    const std::size_t end = std::min(at + most_digits, body_.size());
    for (; at < end && HexDigit(body_[at]) >= 0 && HexDigit(body_[at]) < base; ++at) {
      value = value * static_cast<char32_t>(base) + static_cast<char32_t>(HexDigit(body_[at]));
    }
    out_.push_back(value);
    at_ = at;
  }

  std::string_view body_;
  std::size_t at_ = 0;
  std::u32string out_;
};

bool IsBlankLine(std::u32string_view line) {
  return std::all_of(line.begin(), line.end(), text::IsSpace);
}

std::size_t Indent(std::u32string_view line) {
  return static_cast<std::size_t>(std::find_if_not(line.begin(), line.end(), text::IsSpace) -
                                  line.begin());
}

std::vector<std::u32string> ExpandedLines(std::u32string_view text) {
  std::vector<std::u32string> lines(1);
  for (const char32_t c : text) {
    if (c == U'\n') {
      lines.emplace_back();
    } else if (c == U'\t') {
      lines.back().append(8 - lines.back().size() % 8, U' ');
    } else {
      lines.back().push_back(c);
    }
  }
  return lines;
}

// inspect.cleandoc.
std::u32string CleanDoc(std::u32string_view doc) {
  std::vector<std::u32string> lines = ExpandedLines(doc);
  std::size_t margin = std::u32string::npos;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    margin = IsBlankLine(lines[i]) ? margin : std::min(margin, Indent(lines[i]));
  }
  lines[0].erase(0, Indent(lines[0]));
  for (std::size_t i = 1; i < lines.size() && margin != std::u32string::npos; ++i) {
    lines[i].erase(0, std::min(margin, lines[i].size()));
  }
  while (!lines.empty() && lines.back().empty()) {
    lines.pop_back();
  }
  const auto first = std::find_if(lines.begin(), lines.end(),
                                  [](const std::u32string& line) { return !line.empty(); });
  std::u32string out;
  for (auto line = first; line != lines.end(); ++line) {
    out.append(line == first ? U"" : U"\n").append(*line);
  }
  return out;
}

// In the order in which StarCoder sorts them.
enum class NodeKind : std::uint8_t { kClass, kFunction, kModule };

struct Docstring {
  NodeKind kind = NodeKind::kModule;
  std::string name;
  std::u32string text;
};

// Watches tokens go by and picks docstrings: statements of nothing but strings, first in a body.
class DocstringFinder {
 public:
  void Name(std::string_view name) {
    EndStrings();
    if (place_ == Place::kStatement) {
      place_ = Place::kOther;
      if (name == "class" || name == "def") {
        place_ = Place::kHeader;
        kind_ = name == "class" ? NodeKind::kClass : NodeKind::kFunction;
        name_.reset();
      }
    } else if (place_ == Place::kHeader && !name_) {
      name_ = std::string(name);
    }
  }

  void Sign(char sign, std::int64_t depth) {
    if (sign == ';') {
      return;  // EndStatement comes
    }
    EndStrings();
    if (place_ == Place::kHeader && sign == ':' && depth == 0 && name_) {
      place_ = Place::kStatement;
      owner_ = Owner{kind_, *name_};
    } else if (place_ == Place::kStatement) {
      place_ = Place::kOther;
    }
  }

  void String(std::string_view prefix, std::string_view body) {
    if (place_ != Place::kStatement || !owner_ || HasLetter(prefix, 'b') ||
        HasLetter(prefix, 'f')) {
      EndStrings();
      place_ = place_ == Place::kStatement ? Place::kOther : place_;
      return;
    }
    strings_.append(HasLetter(prefix, 'r') ? Decode(body) : Literal(body).Value());
    has_strings_ = true;
  }

  // A newline that ends a statement, or a semicolon.
  void EndStatement() {
    if (has_strings_) {
      found_.push_back({owner_->kind, owner_->name, CleanDoc(strings_)});
      has_strings_ = false;
      strings_.clear();
      owner_.reset();
    } else if (place_ != Place::kStatement) {
      owner_.reset();  // it began with something else
    }
    place_ = Place::kStatement;
  }

  std::vector<Docstring>& found() { return found_; }

 private:
  enum class Place : std::uint8_t { kStatement, kHeader, kOther };

  struct Owner {
    NodeKind kind = NodeKind::kModule;
    std::string name;
  };

  // Something follows the strings: no docstring.
  void EndStrings() {
    if (has_strings_) {
      has_strings_ = false;
      strings_.clear();
      place_ = Place::kOther;
    }
    if (place_ == Place::kStatement) {
      owner_.reset();
    }
  }

  Place place_ = Place::kStatement;
  std::optional<Owner> owner_ = Owner{};  // whose docstring this statement may be
  NodeKind kind_ = NodeKind::kModule;
  std::optional<std::string> name_;
  bool has_strings_ = false;
  std::u32string strings_;
  std::vector<Docstring> found_;
};

class PythonReader {
 public:
  explicit PythonReader(std::string_view text) : text_(text) {}

  void Run() {
    while (at_ < text_.size() && tokenizes_) {
      const std::size_t newline = text_.find('\n', at_);
      line_end_ = newline == text_.npos ? text_.size() : newline + 1;
      if (!quote_.empty()) {
        FindStringEnd();
      } else if (depth_ == 0 && !continued_ && !BeginStatement()) {
        continue;
      }
      continued_ = false;
      Tokens();
    }
    tokenizes_ = tokenizes_ && quote_.empty() && depth_ == 0 && !continued_;
    if (tokenizes_) {
      docstrings_.EndStatement();
    }
  }

  // Docstrings, a line each, and comments, as one text.
  std::u32string Text() {
    std::u32string out;
    if (tokenizes_ && parses_) {
      std::vector<Docstring>& found = docstrings_.found();
      std::stable_sort(found.begin(), found.end(), [](const Docstring& a, const Docstring& b) {
        return std::tie(a.kind, a.name) < std::tie(b.kind, b.name);
      });
      bool is_first = true;
      for (const Docstring& docstring : found) {
        if (!docstring.text.empty()) {
          out.append(is_first ? U"" : U"\n").append(docstring.text);
          is_first = false;
        }
      }
    }
    out.push_back(U'\n');
    if (tokenizes_) {
      out.append(Decode(comments_));
    }
    return out;
  }

 private:
  void AddComment(std::string_view comment) {
    std::copy_if(comment.begin(), comment.end(), std::back_inserter(comments_),
                 [](char c) { return c != '#'; });
  }

  // Indentation; false when the line holds no statement and is done with.
  bool BeginStatement() {
    std::size_t column = 0;
    std::size_t at = at_;
    for (; at < line_end_; ++at) {
      if (text_[at] == ' ') {
        ++column;
      } else if (text_[at] == '\t') {
        column = (column / 8 + 1) * 8;
      } else if (text_[at] == '\f') {
        column = 0;
      } else {
        break;
      }
    }
    if (at == line_end_) {
      at_ = line_end_;
      return false;
    }
    if (text_[at] == '#' || text_[at] == '\r' || text_[at] == '\n') {
      std::string_view rest = text_.substr(at, line_end_ - at);
      rest = rest.substr(0, rest.find_last_not_of("\r\n") + 1);
      if (text_[at] == '#') {
        AddComment(rest);
      }
      at_ = line_end_;
      return false;
    }
    if (column > indents_.back()) {
      indents_.push_back(column);
    }
    while (column < indents_.back()) {
      if (!std::binary_search(indents_.begin(), indents_.end(), column)) {
        tokenizes_ = false;
        return false;
      }
      indents_.pop_back();
    }
    at_ = at;
    return true;
  }

  void Tokens() {
    while (at_ < line_end_ && quote_.empty()) {
      const char c = text_[at_];
      if (c == '#') {
        const std::size_t end = std::min(text_.find_first_of("\r\n", at_), line_end_);
        AddComment(text_.substr(at_, end - at_));
        at_ = end;
      } else if (c == '\n') {
        ++at_;
        if (depth_ == 0) {
          EndStatement();
        }
      } else if (c == '"' || c == '\'') {
        BeginString({});
      } else if (c == '\\' && at_ + 1 < text_.size() &&
                 (text_[at_ + 1] == '\n' || text_.substr(at_ + 1).starts_with("\r\n"))) {
        at_ = line_end_;
        continued_ = true;
      } else if (IsNameByte(c)) {
        Name();
      } else {
        Sign(c);
      }
    }
  }

  void Name() {
    const std::size_t begin = at_;
    while (at_ < line_end_ && IsNameByte(text_[at_])) {
      ++at_;
    }
    const std::string_view name = text_.substr(begin, at_ - begin);
    const bool quote_follows = at_ < line_end_ && (text_[at_] == '"' || text_[at_] == '\'');
    if (quote_follows && IsStringPrefix(name)) {
      BeginString(name);
    } else {
      CountWord(name);
      docstrings_.Name(name);
    }
  }

  // Statements that are none since Python 3.
  void CountWord(std::string_view word) {
    if (statement_tokens_ == 0) {
      first_word_ = word;
    }
    const bool is_python2 =
        statement_tokens_ == 1 && (first_word_ == "print" || first_word_ == "exec");
    parses_ = parses_ && !is_python2;
    ++statement_tokens_;
  }

  void EndStatement() {
    statement_tokens_ = 0;
    first_word_ = {};
    docstrings_.EndStatement();
  }

  void Sign(char c) {
    ++at_;
    if (c == ' ' || c == '\t' || c == '\f' || c == '\r') {
      return;
    }
    depth_ += c == '(' || c == '[' || c == '{' ? 1 : 0;
    depth_ -= c == ')' || c == ']' || c == '}' ? 1 : 0;
    const bool is_not_equal = c == '!' && at_ < line_end_ && text_[at_] == '=';
    const bool is_python2 =
        c == ',' && depth_ == 0 && (first_word_ == "raise" || first_word_ == "except");
    parses_ = parses_ && !is_python2 &&
              (is_not_equal || std::string_view("$?!`\\").find(c) == std::string_view::npos);
    ++statement_tokens_;
    docstrings_.Sign(c, depth_);
    if (c == ';') {
      EndStatement();
    }
  }

  void BeginString(std::string_view prefix) {
    CountWord({});
    const char quote = text_[at_];
    const std::string three(3, quote);
    quote_ = text_.substr(at_).starts_with(three) ? three : std::string(1, quote);
    prefix_ = prefix;
    at_ += quote_.size();
    body_begin_ = at_;
    FindStringEnd();
  }

  // The end of the open string on this line. One of a single quote that has none goes on only
  // behind a backslash; otherwise its quote stood for nothing.
  void FindStringEnd() {
    bool escaped_newline = false;
    std::size_t& unclosed_to = unclosed_to_[quote_[0] == '"' ? 0 : 1];
    const bool is_unclosed = quote_.size() == 1 && at_ < unclosed_to;
    for (std::size_t i = is_unclosed ? line_end_ : at_; i < line_end_; ++i) {
      if (text_[i] == '\\') {
        escaped_newline =
            i + 1 < line_end_ && (text_[i + 1] == '\n' || text_.substr(i + 1).starts_with("\r\n"));
        ++i;
      } else if (text_.substr(i, quote_.size()) == quote_) {
        docstrings_.String(prefix_, text_.substr(body_begin_, i - body_begin_));
        at_ = i + quote_.size();
        quote_.clear();
        return;
      }
    }
    if (quote_.size() == 3 || escaped_newline) {
      at_ = line_end_;
      return;
    }
    parses_ = false;
    unclosed_to = line_end_;
    at_ = at_ == body_begin_ ? body_begin_ : line_end_;
    quote_.clear();
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_end_ = 0;
  std::int64_t depth_ = 0;  // of brackets
  bool continued_ = false;
  bool tokenizes_ = true;
  bool parses_ = true;
  std::vector<std::size_t> indents_ = {0};
  std::string quote_;  // of a string that is open
  std::string_view prefix_;
  std::size_t body_begin_ = 0;
  std::array<std::size_t, 2> unclosed_to_{};  // up to there no line ends a `"`, a `'`
  std::string_view first_word_;
  std::size_t statement_tokens_ = 0;
  std::string comments_;
  DocstringFinder docstrings_;
};

}  // namespace

std::uint64_t PythonTextChars(std::string_view text) {
  PythonReader reader(text);
  reader.Run();
  const std::u32string all = reader.Text();
  std::u32string_view stripped = all;
  stripped.remove_prefix(Indent(stripped));
  while (!stripped.empty() && text::IsSpace(stripped.back())) {
    stripped.remove_suffix(1);
  }
  return stripped.size();
}

}  // namespace datalake::curate

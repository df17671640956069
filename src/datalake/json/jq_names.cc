// Tokens of jq 1.6 (its lexer.l), as far as it takes to tell names from fields, keys, strings and
// comments. `\(` in a string begins a program within it.
#include "datalake/json/jq_names.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace datalake::json {
namespace {

bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool IsNameChar(char c) {
  return IsNameStart(c) || (c >= '0' && c <= '9');
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  JqNames Scan() {
    while (at_ < text_.size()) {
      if (!open_.empty() && open_.back() == '"') {
        ScanString();
      } else {
        ScanToken();
      }
    }
    return std::move(names_);
  }

 private:
  // Up to the end of the string or of the text, or into a program in it.
  void ScanString() {
    const char c = text_[at_++];
    if (c == '"') {
      open_.pop_back();
      last_ = '"';
    } else if (c == '\\' && at_ < text_.size() && text_[at_++] == '(') {
      open_.push_back('(');
      last_ = '(';
    }
  }

  void ScanToken() {
    const char c = text_[at_];
    if (IsNameStart(c)) {
      ScanName();
      return;
    }
    ++at_;
    switch (c) {
      case ' ':
      case '\t':
      case '\r':
      case '\n':
        return;
      case '#':
        at_ = std::min(text_.find('\n', at_), text_.size());
        return;
      case '.':
        SkipField();
        break;
      case '@':
        SkipNameChars();
        break;
      case '"':
      case '(':
      case '[':
      case '{':
        open_.push_back(c);
        break;
      case ')':
        Close('(');
        break;
      case ']':
        Close('[');
        break;
      case '}':
        Close('{');
        break;
      default:
        break;
    }
    last_ = c;
  }

  void Close(char open) {
    if (!open_.empty() && open_.back() == open) {
      open_.pop_back();
    }
  }

  void SkipNameChars() {
    while (at_ < text_.size() && IsNameChar(text_[at_])) {
      ++at_;
    }
  }

  // `.name`, but neither `..` nor what comes behind it.
  void SkipField() {
    if (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
    } else if (at_ < text_.size() && IsNameStart(text_[at_])) {
      SkipNameChars();
    }
  }

  // A name with the names of modules before it.
  void ScanName() {
    const std::size_t begin = at_;
    SkipNameChars();
    while (text_.substr(at_).starts_with("::") && at_ + 2 < text_.size() &&
           IsNameStart(text_[at_ + 2])) {
      at_ += 2;
      SkipNameChars();
    }
    const std::string_view name = text_.substr(begin, at_ - begin);
    const bool is_key =
        !open_.empty() && open_.back() == '{' && (last_ == '{' || last_ == ',') && !is_defining_;
    if (last_ == '$') {
      names_.variables.push_back(name);
    } else if (!is_key) {
      names_.words.push_back(name);
      if (is_defining_) {
        names_.defined.push_back(name);
      }
    }
    is_defining_ = last_ != '$' && !is_key && name == "def";
    last_ = 'a';
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string open_;  // brackets, and `"` for a string
  char last_ = ' ';   // token: its first character, a name as `a`
  bool is_defining_ = false;
  JqNames names_;
};

struct Refused {
  std::string_view name;
  std::string_view reason;
};

constexpr std::string_view kEnvironment = "the environment";
constexpr std::string_view kFiles = "files";
constexpr std::string_view kInputs = "other inputs";
constexpr std::string_view kClock = "the clock";
constexpr std::string_view kTerminal = "the terminal";
constexpr std::string_view kProgram = "how the program ends";

constexpr Refused kRefusedWords[] = {
    {"env", kEnvironment},    {"get_search_list", kFiles}, {"halt", kProgram},
    {"halt_error", kProgram}, {"import", kFiles},          {"include", kFiles},
    {"input", kInputs},       {"input_filename", kInputs}, {"input_line_number", kInputs},
    {"inputs", kInputs},      {"localtime", kClock},       {"modulemeta", kFiles},
    {"now", kClock},          {"stderr", kTerminal},       {"strflocaltime", kClock},
};

Error Refuse(std::string_view name, std::string_view what, std::string_view program) {
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("bad jq program: a filter has its document alone, not {}: {}: {}", what,
                           name, program)};
}

}  // namespace

JqNames FindJqNames(std::string_view program) {
  return Scanner(program).Scan();
}

Status CheckJqNames(const JqNames& names, std::string_view program) {
  for (const std::string_view word : names.words) {
    for (const Refused& refused : kRefusedWords) {
      if (word == refused.name) {
        return Refuse(word, refused.reason, program);
      }
    }
  }
  for (const std::string_view variable : names.variables) {
    if (variable == "ENV") {
      return Refuse("$ENV", kEnvironment, program);
    }
  }
  return {};
}

}  // namespace datalake::json

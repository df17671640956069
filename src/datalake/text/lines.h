#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace datalake::text {

/// Calls `visit(line)` for each piece of `text` between newlines, as Python's split("\n"): "a\n"
/// has the lines "a" and "", and "" has one. Views into `text`. Thread-safe.
template <typename Visit>
void ForEachLine(std::string_view text, Visit visit) {
  std::size_t begin = 0;
  while (true) {
    const std::size_t end = text.find('\n', begin);
    visit(text.substr(begin, end - begin));
    if (end == std::string_view::npos) {
      return;
    }
    begin = end + 1;
  }
}

/// As ForEachLine, but a run of newlines separates once, as Python's re.split(r"\n+"): there are
/// no empty lines but a first and a last one, where `text` begins or ends with a newline.
template <typename Visit>
void ForEachLineOfRuns(std::string_view text, Visit visit) {
  std::size_t begin = 0;
  while (true) {
    const std::size_t end = text.find('\n', begin);
    visit(text.substr(begin, end - begin));
    if (end == std::string_view::npos) {
      return;
    }
    begin = end + 1;
    while (begin < text.size() && text[begin] == '\n') {
      ++begin;
    }
  }
}

/// True when `text` (valid UTF-8) is empty or white space only (IsSpace of unicode.h).
bool IsBlank(std::string_view text);

/// Calls `visit(paragraph)` for each paragraph of `text`: it runs up to and including a newline, or
/// is the unterminated tail. Views into `text`; "" has none. Thread-safe.
template <typename Visit>
void ForEachParagraph(std::string_view text, Visit visit) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t newline = text.find('\n', begin);
    const std::size_t end = newline == std::string_view::npos ? text.size() : newline + 1;
    visit(text.substr(begin, end - begin));
    begin = end;
  }
}

/// Which paragraphs SplitParagraphs keeps.
enum class BlankParagraphs { kDrop, kKeep };

/// The paragraphs of `text`: each runs up to and including a newline, or is the unterminated tail.
/// kDrop leaves out those of white space only (text::IsSpace). Replaces what `out` held; views into
/// `text`. Thread-safe.
void SplitParagraphs(std::string_view text, BlankParagraphs blank,
                     std::vector<std::string_view>& out);

}  // namespace datalake::text

#pragma once

#include <cstdint>
#include <string_view>

namespace datalake::curate {

/// How a language begins its comments; bits of the table code_languages.inc.
enum CommentKind : std::uint16_t {
  kSlashes = 0x01,       ///< `//` to the end of the line
  kHash = 0x02,          ///< `#`
  kBlock = 0x04,         ///< `/*` to `*/`
  kDashes = 0x08,        ///< `--`
  kSemicolon = 0x10,     ///< `;`
  kPercent = 0x20,       ///< `%`
  kMarkup = 0x40,        ///< `<!--` to `-->`
  kApostrophe = 0x80,    ///< `'`
  kWithNewline = 0x100,  ///< comments of a line take its newline along
  kNoLexer = 0x200,      ///< pygments knows no such language
};

// Code points in the comments of source code, as the pygments lexers of the languages find them:
// not those in strings. Carriage returns are taken for newlines. `text` must be valid UTF-8. Linear
// time. Thread-safe.

std::uint64_t JavaCommentChars(std::string_view text);

/// Knows regular expressions and templates too.
std::uint64_t JavaScriptCommentChars(std::string_view text);

/// Comments of the given kinds in any language whose strings are in quotes and end on their line.
std::uint64_t CommentChars(std::string_view text, std::uint16_t kinds);

/// Code points of the docstrings and comments of a Python program, as StarCoder extracts them:
/// docstrings (inspect.cleandoc) of modules, classes and functions a line apart, then all comments
/// without `#`, stripped. What does not tokenize has no comments; what looks like no program
/// (broken tokens, open brackets) has no docstrings. The grammar is not checked beyond that.
std::uint64_t PythonTextChars(std::string_view text);

/// Code points that BeautifulSoup's get_text gives for HTML, without scripts and styles. Tags are
/// those of Python's html.parser; a string of ASCII white space is one character, but in `pre`.
std::uint64_t HtmlTextChars(std::string_view text);

}  // namespace datalake::curate

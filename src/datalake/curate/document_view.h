#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/json/tree.h"
#include "datalake/text/words.h"

namespace datalake::curate {

/// A paragraph: up to and including a newline, or the unterminated tail.
struct Paragraph {
  std::string_view text;
  std::uint64_t start_char = 0;  ///< of its first code point in the document's text
  std::uint64_t size_chars = 0;  ///< with its newline
  bool is_blank = false;         ///< white space only: most operators pass it over
};

/// One document as operators see it: what more than one of them needs is computed when first asked
/// for, and then shared. Reset for each document keeps the memory. Thread-compatible: one a thread.
class DocumentView {
 public:
  /// Begins with a new text (valid UTF-8) and the JSON text of its metadata ("" when absent), which
  /// must outlive the view's use of them.
  void Reset(std::string_view text, std::string_view metadata_raw = {}) {
    text_ = text;
    metadata_raw_ = metadata_raw;
    has_chars_ = false;
    has_words_ = false;
    has_paragraphs_ = false;
    reject_reason_.clear();
    metadata_.reset();
  }

  std::string_view text() const { return text_; }

  std::string_view metadata_raw() const { return metadata_raw_; }

  /// The member `name` of the metadata, which are parsed when first asked for; nothing when it is
  /// not there. Metadata that are neither an object nor null reject the document. The node views
  /// what the next Reset forgets.
  std::optional<json::Node> metadata(std::string_view name);

  /// Says why the document cannot be tagged: it becomes a rejected line. The first reason stays.
  void Reject(std::string_view reason);

  /// "" when nothing rejected the document.
  std::string_view reject_reason() const { return reject_reason_; }

  /// Code points of the text.
  std::uint64_t size_chars();

  /// Words as Python's str.split(), numbered.
  const text::WordTable& words();

  /// All of them, the blank ones too; together they are the text.
  std::span<const Paragraph> paragraphs();

 private:
  std::string_view text_;
  std::string_view metadata_raw_;
  bool has_chars_ = false;
  bool has_paragraphs_ = false;
  bool has_words_ = false;
  std::uint64_t size_chars_ = 0;
  text::WordTable words_;
  std::vector<Paragraph> paragraphs_;
  std::string reject_reason_;
  std::optional<json::Tree> metadata_;
};

}  // namespace datalake::curate

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "datalake/text/words.h"

namespace datalake::curate {

/// One document as operators see it: what more than one of them needs is computed when first asked
/// for, and then shared. Reset for each document keeps the memory. Thread-compatible: one a thread.
class DocumentView {
 public:
  /// Begins with a new text (valid UTF-8), which must outlive the view's use of it.
  void Reset(std::string_view text) {
    text_ = text;
    has_chars_ = false;
    has_words_ = false;
  }

  std::string_view text() const { return text_; }

  /// Code points of the text.
  std::uint64_t size_chars();

  /// Words as Python's str.split(), numbered.
  const text::WordTable& words();

 private:
  std::string_view text_;
  bool has_chars_ = false;
  bool has_words_ = false;
  std::uint64_t size_chars_ = 0;
  text::WordTable words_;
};

}  // namespace datalake::curate

#include "datalake/curate/document_view.h"

#include "datalake/text/lines.h"
#include "datalake/text/utf8.h"

namespace datalake::curate {

void DocumentView::Reject(std::string_view reason) {
  if (reject_reason_.empty()) {
    reject_reason_ = reason;
  }
}

std::uint64_t DocumentView::size_chars() {
  if (!has_chars_) {
    size_chars_ = text::CountCodePoints(text_);
    has_chars_ = true;
  }
  return size_chars_;
}

const text::WordTable& DocumentView::words() {
  if (!has_words_) {
    words_.Assign(text_);
    has_words_ = true;
  }
  return words_;
}

std::span<const Paragraph> DocumentView::paragraphs() {
  if (!has_paragraphs_) {
    paragraphs_.clear();
    std::uint64_t start_char = 0;
    text::ForEachParagraph(text_, [&](std::string_view paragraph) {
      const std::uint64_t chars = text::CountCodePoints(paragraph);
      paragraphs_.push_back({paragraph, start_char, chars, text::IsBlank(paragraph)});
      start_char += chars;
    });
    has_paragraphs_ = true;
  }
  return paragraphs_;
}

}  // namespace datalake::curate

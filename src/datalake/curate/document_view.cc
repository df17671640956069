#include "datalake/curate/document_view.h"

#include "datalake/text/utf8.h"

namespace datalake::curate {

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

}  // namespace datalake::curate

#include "datalake/curate/document_view.h"

#include <utility>

#include "datalake/text/lines.h"
#include "datalake/text/utf8.h"

namespace datalake::curate {

void DocumentView::Reject(std::string_view reason) {
  if (reject_reason_.empty()) {
    reject_reason_ = reason;
  }
}

std::optional<json::Node> DocumentView::metadata(std::string_view name) {
  if (metadata_raw_.empty()) {
    return std::nullopt;
  }
  if (!metadata_) {
    Result<json::Tree> tree = json::Tree::Parse(metadata_raw_);
    if (!tree) {
      Reject("bad metadata: " + tree.error().message);
      return std::nullopt;
    }
    metadata_ = *std::move(tree);
  }
  const json::Node root = metadata_->root();
  if (root.type() != json::NodeType::kObject) {
    if (root.type() != json::NodeType::kNull) {
      Reject("metadata must be an object");
    }
    return std::nullopt;
  }
  std::optional<json::Node> member;
  root.ForEachMember([&](std::string_view key, json::Node value) {
    if (key == name) {
      member = value;  // the last one, as Python has it
    }
  });
  return member;
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
    const bool is_ascii = size_chars() == text_.size();
    text::ForEachParagraph(text_, [&](std::string_view paragraph) {
      const std::uint64_t chars = is_ascii ? paragraph.size() : text::CountCodePoints(paragraph);
      paragraphs_.push_back({paragraph, start_char, chars, text::IsBlank(paragraph)});
      start_char += chars;
    });
    has_paragraphs_ = true;
  }
  return paragraphs_;
}

}  // namespace datalake::curate

#include "datalake/text/code_points.h"

#include <algorithm>

#include "datalake/text/utf8.h"

namespace datalake::text {
namespace {

bool BeginsCodePoint(char byte) {
  return static_cast<signed char>(byte) > -65;
}

}  // namespace

CodePointOffsets::CodePointOffsets(std::string_view text)
    : text_(text), size_chars_(CountCodePoints(text)) {
  if (size_chars_ == text.size()) {
    return;
  }
  chars_before_.reserve(text.size() / kStride + 1);
  std::size_t chars = 0;
  for (std::size_t at = 0; at <= text.size(); at += kStride) {
    chars_before_.push_back(chars);
    chars += CountCodePoints(text.substr(at, kStride));
  }
}

std::size_t CodePointOffsets::CharOf(std::size_t byte) const {
  byte = std::min(byte, text_.size());
  if (chars_before_.empty()) {
    return byte;
  }
  const std::size_t stride = byte / kStride;
  return chars_before_[stride] +
         CountCodePoints(text_.substr(stride * kStride, byte - stride * kStride));
}

std::size_t CodePointOffsets::ByteOf(std::size_t index) const {
  if (index >= size_chars_) {
    return text_.size();
  }
  if (chars_before_.empty()) {
    return index;
  }
  const auto after = std::upper_bound(chars_before_.begin(), chars_before_.end(), index);
  const auto stride = static_cast<std::size_t>(after - chars_before_.begin()) - 1;
  std::size_t chars = chars_before_[stride];
  for (std::size_t at = stride * kStride; at < text_.size(); ++at) {
    if (BeginsCodePoint(text_[at]) && chars++ == index) {
      return at;
    }
  }
  return text_.size();
}

}  // namespace datalake::text

#include "datalake/text/trim.h"

#include "datalake/text/unicode.h"
#include "datalake/text/utf8.h"

namespace datalake::text {
namespace {

bool IsWhite(char32_t c) {
  return IsSpace(c) && !(c >= 0x1C && c <= 0x1F);
}

bool IsContinuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

}  // namespace

std::string_view Trim(std::string_view text) {
  while (!text.empty()) {
    const DecodedCodePoint first = DecodeCodePoint(text, 0);
    if (!IsWhite(first.value)) {
      break;
    }
    text.remove_prefix(first.bytes);
  }
  while (!text.empty()) {
    std::size_t begin = text.size() - 1;
    while (begin > 0 && IsContinuation(text[begin])) {
      --begin;
    }
    if (!IsWhite(DecodeCodePoint(text, begin).value)) {
      break;
    }
    text.remove_suffix(text.size() - begin);
  }
  return text;
}

}  // namespace datalake::text

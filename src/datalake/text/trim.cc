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

template <typename Test>
std::string_view Without(std::string_view text, Test is_white) {
  while (!text.empty()) {
    const DecodedCodePoint first = DecodeCodePoint(text, 0);
    if (!is_white(first.value)) {
      break;
    }
    text.remove_prefix(first.bytes);
  }
  while (!text.empty()) {
    std::size_t begin = text.size() - 1;
    while (begin > 0 && IsContinuation(text[begin])) {
      --begin;
    }
    if (!is_white(DecodeCodePoint(text, begin).value)) {
      break;
    }
    text.remove_suffix(text.size() - begin);
  }
  return text;
}

}  // namespace

std::string_view Trim(std::string_view text) {
  return Without(text, IsWhite);
}

std::string_view Strip(std::string_view text) {
  return Without(text, IsSpace);
}

}  // namespace datalake::text

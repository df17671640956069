#include "datalake/text/lines.h"

#include "datalake/text/unicode.h"
#include "datalake/text/utf8.h"

namespace datalake::text {
bool IsBlank(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const DecodedCodePoint decoded = DecodeCodePoint(text, at);
    if (!IsSpace(decoded.value)) {
      return false;
    }
    at += decoded.bytes;
  }
  return true;
}

void SplitParagraphs(std::string_view text, BlankParagraphs blank,
                     std::vector<std::string_view>& out) {
  out.clear();
  ForEachParagraph(text, [&](std::string_view paragraph) {
    if (blank == BlankParagraphs::kKeep || !IsBlank(paragraph)) {
      out.push_back(paragraph);
    }
  });
}

}  // namespace datalake::text

#include "datalake/text/lines.h"

#include "datalake/text/unicode.h"
#include "datalake/text/utf8.h"

namespace datalake::text {
namespace {

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

}  // namespace

void SplitParagraphs(std::string_view text, BlankParagraphs blank,
                     std::vector<std::string_view>& out) {
  out.clear();
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t newline = text.find('\n', begin);
    const std::size_t end = newline == std::string_view::npos ? text.size() : newline + 1;
    const std::string_view paragraph = text.substr(begin, end - begin);
    if (blank == BlankParagraphs::kKeep || !IsBlank(paragraph)) {
      out.push_back(paragraph);
    }
    begin = end;
  }
}

}  // namespace datalake::text

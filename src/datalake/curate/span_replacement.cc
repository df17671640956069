#include "datalake/curate/span_replacement.h"

#include <algorithm>

#include "datalake/text/utf8.h"

namespace datalake::curate {
namespace {

constexpr std::string_view kOriginal = "{}";

void AppendReplacement(std::string_view replacement, std::string_view original, std::string& out) {
  std::size_t at = 0;
  for (std::size_t next = 0; (next = replacement.find(kOriginal, at)) != std::string_view::npos;) {
    out.append(replacement, at, next - at);
    out.append(original);
    at = next + kOriginal.size();
  }
  out.append(replacement, at);
}

void SortByStart(std::vector<Replacement>& spans) {
  std::stable_sort(spans.begin(), spans.end(),
                   [](const Replacement& a, const Replacement& b) { return a.start < b.start; });
}

// Goes from code point to byte offsets, forwards only.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  // The byte offset of code point `index`, at most the size of the text.
  std::size_t Seek(std::uint64_t index) {
    while (chars_ < index && byte_ < text_.size()) {
      ++byte_;
      while (byte_ < text_.size() && (static_cast<unsigned char>(text_[byte_]) & 0xC0) == 0x80) {
        ++byte_;
      }
      ++chars_;
    }
    return byte_;
  }

 private:
  std::string_view text_;
  std::size_t byte_ = 0;
  std::uint64_t chars_ = 0;
};

}  // namespace

void ReplaceSpans(std::string_view text, std::vector<Replacement>& spans, std::string& out) {
  SortByStart(spans);
  Cursor cursor(text);
  std::uint64_t done_chars = 0;  // end of the last applied span
  std::size_t done_bytes = 0;
  for (const Replacement& span : spans) {
    if (span.start < done_chars) {
      continue;
    }
    const std::size_t begin = cursor.Seek(span.start);
    const std::size_t end = cursor.Seek(std::max(span.start, span.end));
    out.append(text, done_bytes, begin - done_bytes);
    AppendReplacement(span.replacement, text.substr(begin, end - begin), out);
    done_bytes = end;
    done_chars = std::max(span.start, span.end);
  }
  out.append(text, done_bytes);
}

// One step a code point with one current span. What makes it differ: a span of no length is noticed
// only when its end has come and swallows that code point; the span that is current when the text
// ends is appended with the text from where a span began last.
void ReplaceSpansAsToolkit(std::string_view text, std::vector<Replacement>& spans,
                           std::string& out) {
  SortByStart(spans);
  std::size_t current = 0;
  std::size_t span_byte = 0;
  std::uint64_t index = 0;
  for (std::size_t byte = 0; byte < text.size(); ++index) {
    const std::size_t bytes = text::DecodeCodePoint(text, byte).bytes;
    const std::string_view character = text.substr(byte, bytes);
    if (current == spans.size()) {
      out.append(character);
      byte += bytes;
      continue;
    }
    const bool is_inside = index >= spans[current].start && index < spans[current].end;
    if (index == spans[current].start) {
      span_byte = byte;
    }
    if (!is_inside) {
      if (index == spans[current].end) {
        AppendReplacement(spans[current].replacement, text.substr(span_byte, byte - span_byte),
                          out);
        while (current < spans.size() && spans[current].start < index) {
          ++current;
        }
      }
      if (current < spans.size() && spans[current].start == index) {
        span_byte = byte;
      } else {
        out.append(character);
      }
    }
    byte += bytes;
  }
  if (current < spans.size() && !spans[current].replacement.empty()) {
    AppendReplacement(spans[current].replacement, text.substr(span_byte), out);
  }
}

}  // namespace datalake::curate

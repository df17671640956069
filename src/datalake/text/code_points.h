#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace datalake::text {

/// Maps byte offsets of one text to code-point offsets and back: spans of attributes count code
/// points. ASCII texts cost one scan to build and nothing to ask; others keep one number for each
/// 256 bytes. Thread-compatible; keeps a view of the text, which must outlive it.
class CodePointOffsets {
 public:
  /// `text` must be valid UTF-8. One pass.
  explicit CodePointOffsets(std::string_view text);

  /// Code points of the whole text.
  std::size_t size_chars() const { return size_chars_; }

  /// Code points before byte `byte`; offsets past the end count as the end, and one inside a code
  /// point as its end.
  std::size_t CharOf(std::size_t byte) const;

  /// First byte of code point `index`; the size of the text at or past the end.
  std::size_t ByteOf(std::size_t index) const;

 private:
  static constexpr std::size_t kStride = 256;

  std::string_view text_;
  std::size_t size_chars_ = 0;
  std::vector<std::size_t> chars_before_;  // of byte i * kStride; empty for ASCII
};

}  // namespace datalake::text

// The three steps of the tokenizer's splitting in one pass:
//   1. ` ?[[:punct:]]` and 2. ` ?\d` become pieces of their own;
//   3. in each part between them ` ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+` (GPT-2's
//      contractions begin with an apostrophe, which step 1 has cut off).
// In step 3 white space before something else leaves it its last character: a space joins what
// follows, any other is a piece.
#include "datalake/text/pretokenizer.h"

#include <array>
#include <cstddef>

#include "datalake/text/utf8.h"

namespace datalake::text {
namespace {

#include "datalake/text/pretokenizer_tables.inc"

enum PieceClass : std::uint8_t { kOther, kSpace, kLetter, kNumber, kDigit, kPunct };

class PretokenCounter {
 public:
  void Add(std::uint8_t here, bool is_blank) {
    if (here == kSpace) {
      ++spaces_;
      ends_with_blank_ = is_blank;
      open_ = kSpace;
      return;
    }
    const bool stands_alone = here >= kDigit;
    if (spaces_ > 0) {
      const std::uint64_t before = spaces_ - (ends_with_blank_ ? 1 : 0);
      // Before a digit or punctuation the rest of the run ends its part, else its last one is cut
      // off.
      count_ += before > 0 ? 1 : 0;
      count_ += !stands_alone && !ends_with_blank_ && before > 1 ? 1 : 0;
      spaces_ = 0;
    }
    count_ += stands_alone || open_ != here ? 1 : 0;
    open_ = stands_alone ? std::uint8_t{kSpace} : here;
  }

  std::uint64_t count() const { return count_ + (spaces_ > 0 ? 1 : 0); }

 private:
  std::uint64_t count_ = 0;
  std::uint64_t spaces_ = 0;      // of a run not yet counted
  std::uint8_t open_ = kSpace;    // class of the piece that may go on; kSpace: none
  bool ends_with_blank_ = false;  // the last of them is U+0020
};

}  // namespace

std::uint64_t CountPretokens(std::string_view text) {
  PretokenCounter counter;
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x80) {  // block 0
      counter.Add(kPieceClass[byte], byte == ' ');
      ++at;
    } else {
      const DecodedCodePoint decoded = DecodeCodePoint(text, at);
      const std::size_t block = kPieceBlock[decoded.value >> 7];
      counter.Add(kPieceClass[(block << 7) | (decoded.value & 0x7F)], false);
      at += decoded.bytes;
    }
  }
  return counter.count();
}

}  // namespace datalake::text

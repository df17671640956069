#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <string_view>
#include <vector>

#include "datalake/text/byte_masks.h"

namespace datalake::text {

/// Places 0 to size, some of them marked; finds the last one up to a place that is not.
class Marks {
 public:
  void Reset(std::size_t size) {
    words_.assign(size / 64 + 1, 0);
    full_.assign(words_.size() / 64 + 1, 0);
  }

  bool Has(std::size_t place) const { return ((words_[place / 64] >> (place % 64)) & 1) != 0; }

  Mask Word(std::size_t index) const { return words_[index]; }

  void Mark(std::size_t begin, std::size_t end) {
    while (begin < end) {
      const std::size_t count = std::min(end - begin, 64 - begin % 64);
      MarkWord(begin / 64, FirstBits(count) << (begin % 64));
      begin += count;
    }
  }

  void MarkWord(std::size_t index, Mask bits) {
    words_[index] |= bits;
    if (words_[index] == ~Mask{0}) {
      full_[index / 64] |= Mask{1} << (index % 64);
    }
  }

  /// The last place of [first, last] that is not marked, or npos.
  std::size_t LastFree(std::size_t first, std::size_t last) const {
    std::size_t index = last / 64;
    const Mask free = ~words_[index] & FirstBits(last % 64 + 1);
    if (free != 0) {
      return Checked(index, free, first);
    }
    // Words that are full are passed 64 at a time.
    std::size_t group = index / 64;
    Mask open = ~full_[group] & FirstBits(index % 64);
    while (open == 0) {
      if (group == 0 || group * 64 * 64 <= first) {
        return std::string_view::npos;
      }
      open = ~full_[--group];
    }
    index = group * 64 + 63 - static_cast<std::size_t>(std::countl_zero(open));
    return Checked(index, ~words_[index], first);
  }

 private:
  static std::size_t Checked(std::size_t index, Mask free, std::size_t first) {
    const std::size_t place = index * 64 + 63 - static_cast<std::size_t>(std::countl_zero(free));
    return place >= first ? place : std::string_view::npos;
  }

  std::vector<Mask> words_;
  std::vector<Mask> full_;  // of words_
};

}  // namespace datalake::text

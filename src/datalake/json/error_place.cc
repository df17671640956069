#include "datalake/json/error_place.h"

#include <simdjson.h>

namespace datalake::json {
namespace {

// At most `size`, and not within a character.
std::size_t CharacterBegin(std::string_view text, std::size_t size) {
  for (std::size_t back = 0; back < 4 && back <= size; ++back) {
    const std::size_t at = size - back;
    if (at == text.size() || (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80) {
      return at;
    }
  }
  return size;
}

}  // namespace

std::size_t InvalidUtf8Offset(std::string_view text) {
  const auto is_valid = [&](std::size_t begin, std::size_t end) {
    return simdjson::validate_utf8(text.data() + begin, end - begin);
  };
  if (is_valid(0, text.size())) {
    return text.size();
  }
  // All before `good` is valid, which is where a character begins; something before `bad` is not.
  std::size_t good = 0;
  std::size_t bad = text.size();
  while (bad - good > 8) {
    const std::size_t half = good + (bad - good) / 2;
    const std::size_t middle = CharacterBegin(text, half);
    const bool is_later = is_valid(good, middle);
    (is_later ? good : bad) = is_later ? middle : half;
  }
  for (std::size_t size = 1; size <= 4 && good + size <= text.size(); ++size) {
    if (is_valid(good, good + size)) {
      good += size;
      size = 0;
    }
  }
  return good;
}

std::size_t BadTokenOffset(std::string_view text) {
  std::size_t begin = text.size();  // of the string that is open
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (begin == text.size()) {
      begin = text[i] == '"' ? i : begin;
    } else if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      begin = text.size();
    } else if (static_cast<unsigned char>(text[i]) < 0x20) {
      return i;
    }
  }
  return begin == text.size() ? 0 : begin;
}

}  // namespace datalake::json

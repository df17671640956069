#include "datalake/json/jq_fast_cursor.h"

#include <charconv>
#include <limits>

#include "datalake/json/jq_fast_run.h"

namespace datalake::json {
namespace {

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool IsNameChar(char c) {
  return IsNameStart(c) || IsDigit(c);
}

}  // namespace

bool JqCursor::IsAtName() const {
  return !at_end() && IsNameStart(peek());
}

bool JqCursor::IsAtDigit() const {
  return !at_end() && IsDigit(peek());
}

void JqCursor::SkipBlanks() {
  while (at_ < text_.size() &&
         (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
    ++at_;
  }
}

bool JqCursor::Take(std::string_view token) {
  if (!Rest().starts_with(token)) {
    return false;
  }
  at_ += token.size();
  return true;
}

bool JqCursor::TakeSpaced(std::string_view token) {
  SkipBlanks();
  return Take(token);
}

// `token` unless one of `longer` stands there.
bool JqCursor::TakeOperator(std::string_view token,
                            std::initializer_list<std::string_view> longer) {
  SkipBlanks();
  for (const std::string_view other : longer) {
    if (Rest().starts_with(other)) {
      return false;
    }
  }
  return Take(token);
}

bool JqCursor::TakeWord(std::string_view word) {
  SkipBlanks();
  if (!Rest().starts_with(word) ||
      (at_ + word.size() < text_.size() && IsNameChar(text_[at_ + word.size()]))) {
    return false;
  }
  at_ += word.size();
  return true;
}

std::string_view JqCursor::Name() {
  const std::size_t begin = at_;
  while (at_ < text_.size() && IsNameChar(text_[at_])) {
    ++at_;
  }
  return text_.substr(begin, at_ - begin);
}

// Escapes other than these are libjq's.
bool JqCursor::String(std::string& out) {
  for (++at_; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (c == '"') {
      ++at_;
      return true;
    }
    if (static_cast<unsigned char>(c) < 0x20) {
      return false;
    }
    if (c != '\\') {
      out.push_back(c);
      continue;
    }
    constexpr std::string_view kNames = "\"\\/nrtbf";
    constexpr std::string_view kMeanings = "\"\\/\n\r\t\b\f";
    const std::size_t which = ++at_ < text_.size() ? kNames.find(text_[at_]) : kNames.npos;
    if (which == kNames.npos) {
      return false;
    }
    out.push_back(kMeanings[which]);
  }
  return false;
}

bool JqCursor::Index(std::int64_t& out) {
  const char* const begin = text_.data() + at_;
  const auto read = std::from_chars(begin, text_.data() + text_.size(), out);
  if (read.ec != std::errc() || out > std::numeric_limits<std::int32_t>::max() ||
      out < std::numeric_limits<std::int32_t>::min()) {
    return false;
  }
  at_ += static_cast<std::size_t>(read.ptr - begin);
  return true;
}

bool JqCursor::Number(FlatNode& out) {
  const std::size_t begin = at_;
  Take("-");
  if (!IsAtDigit()) {
    return false;
  }
  const char* const first = text_.data() + begin;
  const char* const last = text_.data() + text_.size();
  const auto integer = std::from_chars(first, last, out.integer);
  const bool is_plain =
      integer.ec == std::errc() &&
      (integer.ptr == last || (*integer.ptr != '.' && *integer.ptr != 'e' && *integer.ptr != 'E'));
  const char* end = integer.ptr;
  out.type = NodeType::kInt;
  if (!is_plain) {
    const auto real = std::from_chars(first, last, out.number);
    if (real.ec != std::errc() || !IsJqNumber(out.number)) {
      return false;  // a whole number beyond 2^53 is written in libjq's own digits
    }
    out.type = NodeType::kDouble;
    end = real.ptr;
  }
  at_ = begin + static_cast<std::size_t>(end - first);
  return at_end() || !(IsNameChar(peek()) || peek() == '.');
}

}  // namespace datalake::json

#include <utility>

#include <fmt/format.h>

#include "datalake/json/path_parser.h"

namespace datalake::json {
namespace {

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

bool PathScanner::Expect(std::string_view what) {
  if (at_ >= farthest_) {
    farthest_ = at_;
    expected_ = what;
  }
  return false;
}

bool PathScanner::Refuse(std::string message, std::size_t at) {
  if (error_.empty()) {
    error_ = std::move(message);
    error_at_ = at;
  }
  return false;
}

Error PathScanner::Failure() const {
  const bool is_refusal = !error_.empty();
  const std::string message = is_refusal ? error_ : fmt::format("expected {}", expected_);
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("bad JSONPath: {} at column {}: {}", message,
                           (is_refusal ? error_at_ : farthest_) + 1, text_)};
}

void PathScanner::SkipBlanks() {
  while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' ||
                                text_.substr(at_, 2) == "\r\n")) {
    ++at_;
  }
}

bool PathScanner::Take(std::string_view token) {
  if (text_.substr(at_, token.size()) == token) {
    at_ += token.size();
    return true;
  }
  return false;
}

bool PathScanner::TakeSpaced(std::string_view token) {
  const std::size_t before = at_;
  SkipBlanks();
  if (Take(token)) {
    return true;
  }
  at_ = before;
  return false;
}

bool PathScanner::Quoted(std::string& out) {
  if (!Take("'")) {
    return Expect("a string in single quotes");
  }
  const std::size_t begin = at_;
  while (at_ < text_.size() && text_[at_] != '\'') {
    if (text_[at_] == '"') {
      return Expect("an escaped quote");
    }
    if (text_[at_] != '\\') {
      ++at_;
      continue;
    }
    if (!Escape()) {
      return Expect("an escape");
    }
  }
  out.assign(text_.substr(begin, at_ - begin));
  return Take("'") || Expect("a closing quote");
}

bool PathScanner::Escape() {
  if (at_ + 1 >= text_.size()) {
    return false;
  }
  if (std::string_view("\"'\\/bfnrt()").find(text_[at_ + 1]) != std::string_view::npos) {
    at_ += 2;
    return true;
  }
  const std::string_view digits = text_.substr(at_ + 2, 4);
  if (text_[at_ + 1] != 'u' || digits.size() < 4 ||
      digits.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos) {
    return false;
  }
  at_ += 6;
  return true;
}

std::string_view PathScanner::Signed() {
  const std::size_t begin = at_;
  Take("-");
  if (Digits().empty()) {
    at_ = begin;
  }
  return text_.substr(begin, at_ - begin);
}

std::string_view PathScanner::Digits() {
  const std::size_t begin = at_;
  if (!Take("0")) {
    while (at_ < text_.size() && IsDigit(text_[at_])) {
      ++at_;
    }
  }
  return text_.substr(begin, at_ - begin);
}

std::string_view PathScanner::Number() {
  const std::size_t begin = at_;
  Take("-");
  if (Digits().empty()) {
    at_ = begin;
    return {};
  }
  const std::size_t integer_end = at_;
  if (Take(".") && !AnyDigits()) {
    at_ = integer_end;
  }
  const std::size_t fraction_end = at_;
  if (Take("e") || Take("E")) {
    if (!Take("+")) {
      Take("-");
    }
    if (!AnyDigits()) {
      at_ = fraction_end;
    }
  }
  return text_.substr(begin, at_ - begin);
}

bool PathScanner::AnyDigits() {
  const std::size_t begin = at_;
  while (at_ < text_.size() && IsDigit(text_[at_])) {
    ++at_;
  }
  return at_ > begin;
}

}  // namespace datalake::json

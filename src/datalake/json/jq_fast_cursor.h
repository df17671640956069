#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "datalake/json/flat_tree.h"

namespace datalake::json {

/// A place in the text of a jq program, and what its tokens are made of. What takes something moves
/// the place behind it; where it says false, the place is anywhere. Single-threaded.
class JqCursor {
 public:
  /// `text` outlives the cursor.
  explicit JqCursor(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ == text_.size(); }

  /// Not at the end.
  char peek() const { return text_[at_]; }

  std::string_view Rest() const { return text_.substr(at_); }

  bool IsAtName() const;
  bool IsAtDigit() const;

  void Skip() { ++at_; }

  void SkipBlanks();

  /// False leaves the place as it is, also of the next three, which skip blanks first.
  bool Take(std::string_view token);
  bool TakeSpaced(std::string_view token);

  /// `token` unless one of `longer` stands there.
  bool TakeOperator(std::string_view token, std::initializer_list<std::string_view> longer);

  /// `word` unless it is a part of a longer one.
  bool TakeWord(std::string_view word);

  /// Letters, digits and `_`, perhaps none.
  std::string_view Name();

  /// A string without interpolation, from its quote on, appended to `out`. False: something else,
  /// or an escape that is libjq's.
  bool String(std::string& out);

  /// A whole number that fits 32 bits.
  bool Index(std::int64_t& out);

  /// A number, perhaps negative.
  bool Number(FlatNode& out);

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace datalake::json

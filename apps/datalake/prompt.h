#pragma once

#include <cstdio>
#include <functional>
#include <istream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"

#include "apps/datalake/command.h"

namespace datalake::apps {

/// Checks an answer; its message is shown before the question is asked again.
using CheckAnswer = std::function<Status(std::string_view answer)>;

/// Questions for what a command was not told. On a terminal a missing value is asked for, elsewhere
/// it is an error, so a script never hangs; with --yes nothing is asked. Questions go to standard
/// error, answers come line by line from standard input, spaces around them do not count. The end
/// of input is kCancelled. Single-threaded.
class Prompt {
 public:
  /// Asks on the terminal of the program, where it has one. `context` must outlive the prompt.
  explicit Prompt(const Context& context);

  /// Reads answers from `in` and writes questions to `out`, both of which outlive it. For tests.
  Prompt(std::istream& in, std::FILE* out);

  /// True when there is someone to ask.
  bool can_ask() const { return can_ask_; }

  /// Fills `value` when it is empty: asks `question` until an answer passes `check`. `option` is
  /// how a script gives the value, such as "NAME" or "--format". Errors: kInvalidArgument naming
  /// `option` when there is nobody to ask, kCancelled.
  Status Require(std::string& value, std::string_view question, std::string_view option,
                 const CheckAnswer& check = {});

  /// A text; an empty answer is `preset`. Errors: kCancelled.
  Result<std::string> Text(std::string_view question, std::string_view preset = "");

  /// Yes or no, asked again until it is one; an empty answer is `preset`. Errors: kCancelled.
  Result<bool> YesOrNo(std::string_view question, bool preset);

  /// One of `names`, by its number or its name. An empty answer is `preset`, unless that is empty.
  /// Errors: kNotFound (no names), kCancelled.
  Result<std::string> One(std::string_view question, std::span<const std::string> names,
                          std::string_view preset = "");

  /// Any of `names`: numbers, names, ranges of numbers (2-4), with commas; `*` or nothing is all of
  /// them. A name counts before a range, so names with a dash can be typed. Errors: as One.
  Result<std::vector<std::string>> Several(std::string_view question,
                                           std::span<const std::string> names);

  /// True when exactly `word` is typed: for what cannot be undone. Errors: kCancelled.
  Result<bool> Typed(std::string_view question, std::string_view word);

 private:
  Result<std::string> Ask(std::string_view question);
  void Say(std::string_view text);
  void ShowList(std::span<const std::string> names);

  std::istream& in_;
  std::FILE* out_;
  bool can_ask_;
};

/// What Prompt::Several makes of an answer. Errors: kInvalidArgument naming the part that fits
/// nothing.
Result<std::vector<std::string>> ParseSelection(std::string_view answer,
                                                std::span<const std::string> names);

}  // namespace datalake::apps

#include "apps/datalake/prompt.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <iostream>
#include <optional>

#include <fmt/format.h>

#include "datalake/base/name.h"

namespace datalake::apps {
namespace {

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

// A number between 1 and `most`.
std::optional<std::size_t> ParseNumber(std::string_view text, std::size_t most) {
  std::size_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
  return is_number && number >= 1 && number <= most ? std::optional(number) : std::nullopt;
}

// The places in `names`, from 0, of one part of a selection.
Result<std::vector<std::size_t>> ParsePart(std::string_view part,
                                           std::span<const std::string> names) {
  std::vector<std::size_t> places;
  const auto named = std::find(names.begin(), names.end(), part);
  if (named != names.end()) {
    places.push_back(static_cast<std::size_t>(named - names.begin()));
    return places;
  }
  if (const auto number = ParseNumber(part, names.size())) {
    places.push_back(*number - 1);
    return places;
  }
  const std::size_t dash = part.find('-');
  if (dash != std::string_view::npos) {
    const auto first = ParseNumber(Trim(part.substr(0, dash)), names.size());
    const auto last = ParseNumber(Trim(part.substr(dash + 1)), names.size());
    if (first && last && *first <= *last) {
      for (std::size_t number = *first; number <= *last; ++number) {
        places.push_back(number - 1);
      }
      return places;
    }
  }
  Error unknown = UnknownNameError("choice", part, {names.begin(), names.end()});
  unknown.code = ErrorCode::kInvalidArgument;
  return unknown;
}

}  // namespace

Result<std::vector<std::string>> ParseSelection(std::string_view answer,
                                                std::span<const std::string> names) {
  answer = Trim(answer);
  if (answer.empty() || answer == "*") {
    return std::vector<std::string>(names.begin(), names.end());
  }
  std::vector<bool> is_chosen(names.size());
  while (!answer.empty()) {
    const std::size_t comma = std::min(answer.find(','), answer.size());
    const std::string_view part = Trim(answer.substr(0, comma));
    answer.remove_prefix(std::min(comma + 1, answer.size()));
    if (part.empty()) {
      continue;
    }
    DATALAKE_TRY_ASSIGN(const std::vector<std::size_t> places, ParsePart(part, names));
    for (const std::size_t place : places) {
      is_chosen[place] = true;
    }
  }
  std::vector<std::string> chosen;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (is_chosen[i]) {
      chosen.push_back(names[i]);
    }
  }
  if (chosen.empty()) {
    return Error{ErrorCode::kInvalidArgument, "nothing was chosen"};
  }
  return chosen;
}

Prompt::Prompt(const Context& context)
    : in_(std::cin),
      out_(stderr),
      can_ask_(!context.options.yes && ::isatty(STDIN_FILENO) == 1 &&
               ::isatty(STDERR_FILENO) == 1) {}

Prompt::Prompt(std::istream& in, std::FILE* out) : in_(in), out_(out), can_ask_(true) {}

void Prompt::Say(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), out_);
  std::fflush(out_);
}

Result<std::string> Prompt::Ask(std::string_view question) {
  Say(question);
  Say(" ");
  std::string line;
  if (!std::getline(in_, line)) {
    Say("\n");
    return Error{ErrorCode::kCancelled, "the questions were not answered"};
  }
  return std::string(Trim(line));
}

Status Prompt::Require(std::string& value, std::string_view question, std::string_view option,
                       const CheckAnswer& check) {
  if (!value.empty()) {
    return {};
  }
  if (!can_ask_) {
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("missing: {}; give it, or run this on a terminal to be asked", option)};
  }
  while (true) {
    DATALAKE_TRY_ASSIGN(std::string answer, Ask(fmt::format("{}:", question)));
    if (answer.empty()) {
      continue;
    }
    if (const Status checked = check ? check(answer) : Status(); !checked) {
      Say(fmt::format("  {}\n", checked.error().message));
      continue;
    }
    value = std::move(answer);
    return {};
  }
}

Result<std::string> Prompt::Text(std::string_view question, std::string_view preset) {
  DATALAKE_TRY_ASSIGN(std::string answer,
                      Ask(preset.empty() ? fmt::format("{}:", question)
                                         : fmt::format("{} [{}]:", question, preset)));
  return answer.empty() ? std::string(preset) : answer;
}

Result<bool> Prompt::YesOrNo(std::string_view question, bool preset) {
  while (true) {
    DATALAKE_TRY_ASSIGN(const std::string answer,
                        Ask(fmt::format("{} [{}]", question, preset ? "Y/n" : "y/N")));
    if (answer.empty()) {
      return preset;
    }
    if (IsOneOf(answer, {"y", "Y", "yes", "Yes", "YES"})) {
      return true;
    }
    if (IsOneOf(answer, {"n", "N", "no", "No", "NO"})) {
      return false;
    }
    Say("  answer y or n\n");
  }
}

void Prompt::ShowList(std::span<const std::string> names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    Say(fmt::format("  {:>3}  {}\n", i + 1, names[i]));
  }
}

Result<std::string> Prompt::One(std::string_view question, std::span<const std::string> names,
                                std::string_view preset) {
  if (names.empty()) {
    return Error{ErrorCode::kNotFound, fmt::format("nothing to choose from: {}", question)};
  }
  ShowList(names);
  while (true) {
    DATALAKE_TRY_ASSIGN(const std::string answer, Text(question, preset));
    const auto named = std::find(names.begin(), names.end(), answer);
    if (named != names.end()) {
      return *named;
    }
    if (const auto number = ParseNumber(answer, names.size())) {
      return names[*number - 1];
    }
    if (!answer.empty()) {
      Say(fmt::format("  {}\n",
                      UnknownNameError("choice", answer, {names.begin(), names.end()}).message));
    }
  }
}

Result<std::vector<std::string>> Prompt::Several(std::string_view question,
                                                 std::span<const std::string> names) {
  if (names.empty()) {
    return Error{ErrorCode::kNotFound, fmt::format("nothing to choose from: {}", question)};
  }
  ShowList(names);
  while (true) {
    DATALAKE_TRY_ASSIGN(const std::string answer, Text(question, "*"));
    auto chosen = ParseSelection(answer, names);
    if (chosen) {
      return chosen;
    }
    Say(fmt::format("  {}\n", chosen.error().message));
  }
}

Result<bool> Prompt::Typed(std::string_view question, std::string_view word) {
  Say(fmt::format("{}\n", question));
  DATALAKE_TRY_ASSIGN(const std::string answer, Ask(fmt::format("type {} to go on:", word)));
  return answer == word;
}

}  // namespace datalake::apps

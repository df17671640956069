#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"

namespace datalake::json {

/// The names that a jq program uses, found by its tokens alone: of a text that is no program, too.
struct JqNames {
  std::vector<std::string_view> words;      ///< functions it calls or defines, and keywords
  std::vector<std::string_view> variables;  ///< without their `$`
  std::vector<std::string_view> defined;    ///< functions it defines
};

/// The names view `program`. Keys of objects and fields of values are none.
JqNames FindJqNames(std::string_view program);

/// Refuses what looks at something else than the document, so that a filter means the same on every
/// machine and on every run: the environment, files, other inputs, the clock, the terminal.
/// Errors: kInvalidArgument naming it.
Status CheckJqNames(const JqNames& names, std::string_view program);

}  // namespace datalake::json

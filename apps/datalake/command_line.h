#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"

#include "apps/datalake/command.h"

namespace datalake::apps {

/// What the words on the command line ask for.
struct ParsedCommandLine {
  Command* command = nullptr;  ///< null: print `text` and end with `exit_code`
  std::string text{};          ///< help or version
  int exit_code = 0;
};

/// Reads `arguments` (without the program's name) into `options` and into the chosen command's own.
/// `commands` and `options` must outlive the result. Single-threaded.
/// Errors: kInvalidArgument with one line that names the nearest known command or option.
Result<ParsedCommandLine> ParseCommandLine(std::span<const std::string> arguments,
                                           std::span<const std::unique_ptr<Command>> commands,
                                           GlobalOptions& options, std::string_view version);

}  // namespace datalake::apps

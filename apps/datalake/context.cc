#include <unistd.h>

#include <filesystem>
#include <iostream>

#include "datalake/base/thread_pool.h"
#include "datalake/io/file_system.h"

#include "apps/datalake/command.h"

namespace datalake::apps {

Result<std::string> Context::LakePath() const {
  if (!options.server.empty()) {
    return Error{ErrorCode::kUnsupported,
                 "this command does not work through a server yet: --server " + options.server +
                     "; leave --server out and name the lake with --lake"};
  }
  if (!options.lake.empty()) {
    return options.lake;
  }
  std::error_code error;
  std::filesystem::path folder = std::filesystem::current_path(error);
  while (!error && !folder.empty()) {
    DATALAKE_TRY_ASSIGN(const bool found, fs.Exists((folder / "lake.json").string()));
    if (found) {
      return folder.string();
    }
    if (folder == folder.parent_path()) {
      break;
    }
    folder = folder.parent_path();
  }
  return Error{
      ErrorCode::kNotFound,
      "no lake here: no lake.json in this folder or above it; name one with --lake PATH or "
      "$DATALAKE, or make one with: datalake init PATH"};
}

std::size_t Context::Threads() const {
  return options.threads > 0 ? static_cast<std::size_t>(options.threads) : AvailableCores();
}

Status Context::Print(std::string_view line) const {
  if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size() ||
      std::fputc('\n', stdout) == EOF) {
    return Error{ErrorCode::kIo, "cannot write to standard output"};
  }
  return {};
}

Result<bool> Context::Confirm(std::string_view question) const {
  if (options.yes) {
    return true;
  }
  if (::isatty(STDIN_FILENO) != 1) {
    return Error{ErrorCode::kInvalidArgument,
                 "this needs a confirmation and there is no terminal to ask on; give --yes"};
  }
  std::fprintf(stderr, "%.*s [y/N] ", static_cast<int>(question.size()), question.data());
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

}  // namespace datalake::apps

// The command line program: reads the words, runs one command, turns its error into one line and an
// exit code.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "datalake/io/atomic_file.h"
#include "datalake/io/local_file_system.h"

#include "apps/datalake/command_line.h"
#include "apps/datalake/commands/commands.h"
#include "apps/datalake/stop_signals.h"
#include "apps/datalake/terminal_progress.h"

namespace datalake::apps {
namespace {

constexpr int kUsageExitCode = 2;
constexpr std::uint64_t kMaxTokenBytes = 4096;

void SetFromEnvironment(std::string& option, const char* variable) {
  const char* value = std::getenv(variable);
  if (option.empty() && value != nullptr) {
    option = value;
  }
}

int Fail(const Error& error, int exit_code) {
  std::fflush(stdout);
  std::fprintf(stderr, "datalake: %s\n", error.message.c_str());
  return exit_code;
}

// --token, else what --token-file holds, else $DATALAKE_TOKEN.
Status FindToken(io::FileSystem& fs, GlobalOptions& options) {
  if (!options.token_file.empty() && !options.token.empty()) {
    return Error{ErrorCode::kInvalidArgument, "--token and --token-file exclude each other"};
  }
  if (!options.token_file.empty()) {
    DATALAKE_TRY_ASSIGN(const std::string text,
                        io::ReadFile(fs, options.token_file, kMaxTokenBytes));
    const std::size_t end = text.find_last_not_of(" \t\r\n");
    options.token = text.substr(0, end == std::string::npos ? 0 : end + 1);
    if (options.token.empty() || options.token.find_first_of(" \t\r\n") != std::string::npos) {
      return Error{ErrorCode::kInvalidArgument,
                   "file does not hold one token and nothing else: " + options.token_file};
    }
  }
  SetFromEnvironment(options.token, "DATALAKE_TOKEN");
  return {};
}

int Run(const std::vector<std::string>& arguments) {
  const StopSignals signals;
  GlobalOptions options;
  const auto commands = AllCommands();
  auto parsed = ParseCommandLine(arguments, commands, options, DATALAKE_VERSION);
  if (!parsed) {
    return Fail(parsed.error(), kUsageExitCode);
  }
  if (parsed->command == nullptr) {
    std::fputs(parsed->text.c_str(), parsed->exit_code == 0 ? stdout : stderr);
    return parsed->exit_code;
  }
  SetFromEnvironment(options.lake, "DATALAKE");
  SetFromEnvironment(options.server, "DATALAKE_SERVER");
  const SystemClock clock;
  SystemRandom random;
  io::LocalFileSystem fs;
  if (const Status found = FindToken(fs, options); !found) {
    return Fail(found.error(), FactsOf(found.error().code).exit_code);
  }
  NullProgress silent;
  TerminalProgress shown(clock);
  ProgressSink& progress = options.quiet ? static_cast<ProgressSink&>(silent) : shown;
  Context context{options, fs, clock, random, progress, signals.token()};
  Result<int> result = parsed->command->Run(context);
  if (!result) {
    return Fail(result.error(), FactsOf(result.error().code).exit_code);
  }
  if (std::fflush(stdout) != 0) {
    return Fail({ErrorCode::kIo, "cannot write to standard output"},
                FactsOf(ErrorCode::kIo).exit_code);
  }
  return *result;
}

}  // namespace
}  // namespace datalake::apps

int main(int argc, char** argv) {
  try {
    return datalake::apps::Run({argv + 1, argv + argc});
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "datalake: internal error: %s\n", exception.what());
    return datalake::FactsOf(datalake::ErrorCode::kInternal).exit_code;
  }
}

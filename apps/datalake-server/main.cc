// The server program, with the options that the seed's server had. One line on standard output when
// it is ready.
#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>

#include "datalake/base/log.h"
#include "datalake/base/thread_pool.h"
#include "datalake/io/local_file_system.h"
#include "datalake/server/serve.h"

#include "apps/datalake/stop_signals.h"

namespace {

int Run(int argc, char** argv) {
  const datalake::apps::StopSignals signals;
  datalake::server::ServeOptions options;
  options.version = DATALAKE_VERSION;
  options.http.io_threads = datalake::AvailableCores();
  CLI::App app("Serves a lake over HTTP until SIGTERM; unsealed records wait in the lake.",
               "datalake-server");
  app.set_version_flag("--version", std::string("datalake-server ") + DATALAKE_VERSION);
  app.set_config("--config", "", "TOML or INI file with these options");
  app.add_option("--base-path", options.lake_path, "the lake's folder")->required();
  app.add_option("--port", options.http.port, "port (0: a free one)")->capture_default_str();
  app.add_option("--bind,--host", options.http.bind, "address to listen on; loopback only for now")
      ->capture_default_str();
  app.add_option("--num-proc", options.http.io_threads, "threads that serve connections")
      ->capture_default_str();
  app.add_flag("--create-dirs", options.create_lake, "make the lake when there is none");
  bool verbose = false;
  app.add_flag("--verbose", verbose, "log what is done, not only what fails");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  datalake::SetLogLevel(verbose ? datalake::LogLevel::kInfo : datalake::LogLevel::kWarning);
  const datalake::SystemClock clock;
  datalake::SystemRandom random;
  datalake::io::LocalFileSystem fs;
  const auto ready = [](const std::string& address) {
    std::printf("datalake-server ready at %s\n", address.c_str());
    std::fflush(stdout);
  };
  const auto served = datalake::server::Serve(fs, clock, random, options, ready, signals.token());
  if (!served) {
    std::fprintf(stderr, "datalake-server: %s\n", served.error().message.c_str());
    return datalake::FactsOf(served.error().code).exit_code;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Run(argc, argv);
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "datalake-server: internal error: %s\n", exception.what());
    return datalake::FactsOf(datalake::ErrorCode::kInternal).exit_code;
  }
}

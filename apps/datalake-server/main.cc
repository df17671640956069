// The server program, with the options that the seeds' servers had. One line on standard output
// when it is ready; logs go to standard error.
#include <cstdio>
#include <cstdlib>
#include <exception>

#include <CLI/CLI.hpp>

#include "datalake/base/log.h"
#include "datalake/base/process_memory.h"
#include "datalake/io/local_file_system.h"
#include "datalake/server/serve.h"

#include "apps/datalake-server/settings.h"
#include "apps/datalake/stop_signals.h"

namespace {

using datalake::apps::ServerFlags;

void AddOptions(CLI::App& app, ServerFlags& flags) {
  app.set_version_flag("--version", std::string("datalake-server ") + DATALAKE_VERSION);
  app.add_option("--config", flags.config, "YAML file with these options and more");
  app.add_option("--base-path", flags.base_path, "the lake's folder");
  app.add_option("--port", flags.port, "port, 8091 unless given (0: a free one)");
  app.add_option("--bind,--host", flags.bind, "IP address to listen on, 127.0.0.1 unless given");
  app.add_option("--num-proc", flags.num_proc, "threads that serve connections, one a core");
  app.add_flag("--create-dirs", flags.create_dirs, "make the lake when there is none");
  app.add_option("--tls-cert", flags.tls_certificate,
                 "PEM file with the certificate and its chain");
  app.add_option("--tls-key", flags.tls_key, "PEM file with its private key");
  app.add_flag("--behind-proxy", flags.behind_proxy, "a proxy before this server speaks TLS");
  app.add_option("--trusted-proxy", flags.trusted_proxies,
                 "network whose X-Forwarded-For is believed (loopback behind a proxy)");
  app.add_flag("--require-tokens", flags.require_tokens, "also on a loopback address");
  app.add_option("--anonymous-role", flags.anonymous_roles,
                 "what callers without a token may do where tokens are required");
  app.add_option("--cors-origin", flags.cors_origins, "web pages that may call, or *");
  app.add_option("--allowed-host", flags.hosts, "names of this server in Host");
  app.add_option("--address-rate", flags.address_rate, "requests a minute of one address");
  app.add_option("--token-rate", flags.token_rate, "requests a minute of one token");
  app.add_flag("--access-log", flags.access_log, "log one line a request");
  app.add_option("--log-level", flags.log_level, "debug, info, warning, error");
  app.add_option("--log-format", flags.log_format, "text, json (an object a line)");
  app.add_flag("--verbose", flags.verbose, "log what is done, not only what fails");
}

std::optional<std::string> FromEnvironment(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

int Fail(const datalake::Error& error) {
  std::fprintf(stderr, "datalake-server: %s\n", error.message.c_str());
  return datalake::FactsOf(error.code).exit_code;
}

int Run(int argc, char** argv) {
  datalake::apps::StopSignals signals(datalake::apps::StopSignals::Hangup::kNoted);
  ServerFlags flags;
  CLI::App app(
      "Serves a lake over HTTP until SIGTERM; SIGHUP reads certificate and tokens again.\n"
      "Example: datalake-server --base-path /srv/lake --create-dirs",
      "datalake-server");
  AddOptions(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  datalake::io::LocalFileSystem fs;
  auto settings = datalake::apps::ReadServerSettings(fs, flags, FromEnvironment);
  if (!settings) {
    return Fail(settings.error());
  }
  datalake::SetLogLevel(settings->log_level);
  datalake::SetLogFormat(settings->log_format);
  for (const std::string& warning : settings->warnings) {
    datalake::LogWarning(warning);
  }
  settings->serve.version = DATALAKE_VERSION;
  settings->serve.reload_wanted = [&signals] { return signals.TakeHangup(); };
  const datalake::SystemClock clock;
  datalake::SystemRandom random;
  const auto ready = [](const std::string& address) {
    std::printf("datalake-server ready at %s\n", address.c_str());
    std::fflush(stdout);
  };
  const auto served =
      datalake::server::Serve(fs, clock, random, settings->serve, ready, signals.token());
  return served ? 0 : Fail(served.error());
}

}  // namespace

int main(int argc, char** argv) {
  datalake::ReturnFreedMemory();
  try {
    return Run(argc, argv);
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "datalake-server: internal error: %s\n", exception.what());
    return datalake::FactsOf(datalake::ErrorCode::kInternal).exit_code;
  }
}

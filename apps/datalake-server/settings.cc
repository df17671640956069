#include "apps/datalake-server/settings.h"

#include <charconv>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/thread_pool.h"
#include "datalake/json/config_reader.h"

#include "apps/datalake/config_file.h"

namespace datalake::apps {
namespace {

constexpr std::uint64_t kMaxPort = 65535;

// Settings as they are read, before they are put where they belong.
struct Raw {
  ServerSettings settings{};
  std::uint64_t port = 8091;
  std::uint64_t num_proc = AvailableCores();
  std::string certificate{};
  std::string private_key{};
  std::string log_level = "warning";
  std::string log_format = "text";
};

void ReadSeconds(json::ConfigReader& reader, std::string_view key, std::chrono::seconds& target) {
  auto seconds = static_cast<std::uint64_t>(target.count());
  reader.Read(key, seconds);
  target = std::chrono::seconds(seconds);
}

void ReadLimit(json::ConfigReader& reader, std::string_view key,
               std::optional<std::uint64_t>& target) {
  constexpr std::uint64_t kAbsent = UINT64_MAX;
  std::uint64_t value = target.value_or(kAbsent);
  reader.Read(key, value);
  if (value != kAbsent) {
    target = value;
  }
}

template <typename Small>
void ReadSmall(json::ConfigReader& reader, std::string_view key, Small& target) {
  std::uint64_t value = target;
  reader.Read(key, value);
  target = static_cast<Small>(value);
}

void ReadLimits(json::ConfigReader& reader, server::ServeOptions& serve) {
  server::HttpServerOptions& http = serve.http;
  ReadLimit(reader, "address_requests_per_minute", serve.door.address_requests_per_minute);
  ReadLimit(reader, "token_requests_per_minute", serve.door.token_requests_per_minute);
  reader.Read("token_bytes_per_day", serve.door.token_bytes_per_day);
  reader.Read("anonymous_bytes_per_day", serve.door.anonymous_bytes_per_day);
  reader.Read("max_body_bytes", http.max_body_bytes);
  reader.Read("max_bodies_bytes", http.max_bodies_bytes);
  reader.Read("min_bytes_per_second", http.min_bytes_per_second);
  ReadSmall(reader, "max_header_bytes", http.max_header_bytes);
  ReadSmall(reader, "max_connections", http.max_connections);
  ReadSmall(reader, "blocking_threads", http.blocking_threads);
  ReadSeconds(reader, "read_timeout_seconds", http.read_timeout);
  ReadSeconds(reader, "write_timeout_seconds", http.write_timeout);
  ReadSeconds(reader, "idle_timeout_seconds", http.idle_timeout);
}

Status ReadFile(io::FileSystem& fs, const std::string& path, Raw& raw) {
  DATALAKE_TRY_ASSIGN(const json::Value config, ReadConfig(fs, path, {}));
  json::ConfigReader reader(config, path);
  server::ServeOptions& serve = raw.settings.serve;
  server::DoorOptions& door = serve.door;
  for (const std::string_view key : {"base_path", "ROOT_FILESYSTEM_PATH"}) {
    reader.Read(key, serve.lake_path);
  }
  for (const std::string_view key : {"bucket", "GPT4ALL_DATALAKE_BUCKET"}) {
    reader.Read(key, serve.bucket);
  }
  for (const std::string_view key : {"environment", "APP_ENVIRONMENT"}) {
    reader.Read(key, serve.environment);
  }
  for (const std::string_view key : {"image_version", "IMAGE_VERSION"}) {
    reader.Read(key, serve.image_version);
  }
  for (const std::string_view key : {"host", "bind"}) {
    reader.Read(key, serve.http.bind);
  }
  reader.Read("port", raw.port);
  reader.Read("num_proc", raw.num_proc);
  reader.Read("create_dirs", serve.create_lake);
  reader.Read("log_level", raw.log_level);
  reader.Read("log_format", raw.log_format);
  reader.Read("access_log", serve.access_log);
  reader.Read("require_tokens", door.require_tokens);
  reader.Read("behind_proxy", door.behind_proxy);
  reader.Read("trusted_proxies", door.trusted_proxies);
  reader.Read("anonymous_roles", door.anonymous_roles);
  reader.Read("cors_origins", door.cors_origins);
  reader.Read("hosts", door.hosts);
  ReadSeconds(reader, "seal_period_seconds", serve.seal_period);
  auto drain = std::chrono::duration_cast<std::chrono::seconds>(serve.drain);
  ReadSeconds(reader, "drain_seconds", drain);
  serve.drain = drain;
  if (auto tls = reader.Object("tls")) {
    tls->Require("certificate", raw.certificate);
    tls->Require("private_key", raw.private_key);
    tls->WarnOfUnknown(raw.settings.warnings);
    reader.Merge(*tls);
  }
  if (auto limits = reader.Object("limits")) {
    ReadLimits(*limits, serve);
    limits->WarnOfUnknown(raw.settings.warnings);
    reader.Merge(*limits);
  }
  std::uint64_t batch_size = 0;
  reader.Read("batch_size", batch_size);
  if (batch_size != 0) {
    raw.settings.warnings.emplace_back(
        "batch_size has no effect: rows are written in files of "
        "even size");
  }
  reader.WarnOfUnknown(raw.settings.warnings);
  return reader.Finish();
}

Status ReadNumber(std::string_view name, std::string_view text, std::uint64_t& target) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), target);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("{} is no number: {}", name, text)};
  }
  return {};
}

Status ReadEnvironment(const Environment& environment, Raw& raw) {
  server::ServeOptions& serve = raw.settings.serve;
  const auto text = [&environment](std::string_view name, std::string& target) {
    if (auto value = environment(name)) {
      target = *std::move(value);
    }
  };
  text("BASE_PATH", serve.lake_path);
  text("ROOT_FILESYSTEM_PATH", serve.lake_path);
  text("GPT4ALL_DATALAKE_BUCKET", serve.bucket);
  text("APP_ENVIRONMENT", serve.environment);
  text("IMAGE_VERSION", serve.image_version);
  text("LOG_LEVEL", raw.log_level);
  if (const auto value = environment("NUM_PROC")) {
    DATALAKE_TRY(ReadNumber("NUM_PROC", *value, raw.num_proc));
  }
  if (const auto value = environment("CREATE_DIRS")) {
    serve.create_lake = *value == "true" || *value == "True" || *value == "1";
  }
  for (const std::string_view unused : {"EFS_ROOT_PATH", "CLIENT_HOSTNAME", "BATCH_SIZE"}) {
    if (environment(unused)) {
      raw.settings.warnings.push_back(
          fmt::format("the environment variable {} has no effect", unused));
    }
  }
  return {};
}

template <typename Value, typename Target>
void Put(const std::optional<Value>& value, Target& target) {
  if (value) {
    target = *value;
  }
}

void PutList(const std::vector<std::string>& values, std::vector<std::string>& target) {
  if (!values.empty()) {
    target = values;
  }
}

void ApplyFlags(const ServerFlags& flags, Raw& raw) {
  server::ServeOptions& serve = raw.settings.serve;
  Put(flags.base_path, serve.lake_path);
  Put(flags.bind, serve.http.bind);
  Put(flags.port, raw.port);
  Put(flags.num_proc, raw.num_proc);
  Put(flags.tls_certificate, raw.certificate);
  Put(flags.tls_key, raw.private_key);
  Put(flags.log_level, raw.log_level);
  Put(flags.log_format, raw.log_format);
  if (flags.address_rate) {
    serve.door.address_requests_per_minute = flags.address_rate;
  }
  if (flags.token_rate) {
    serve.door.token_requests_per_minute = flags.token_rate;
  }
  PutList(flags.trusted_proxies, serve.door.trusted_proxies);
  PutList(flags.anonymous_roles, serve.door.anonymous_roles);
  PutList(flags.cors_origins, serve.door.cors_origins);
  PutList(flags.hosts, serve.door.hosts);
  serve.door.behind_proxy = serve.door.behind_proxy || flags.behind_proxy;
  serve.door.require_tokens = serve.door.require_tokens || flags.require_tokens;
  serve.create_lake = serve.create_lake || flags.create_dirs;
  serve.access_log = serve.access_log || flags.access_log;
  if (flags.verbose) {
    raw.log_level = "info";
  }
}

Result<LogLevel> ParseLevel(std::string_view name) {
  const std::pair<std::string_view, LogLevel> levels[] = {
      {"debug", LogLevel::kDebug}, {"DEBUG", LogLevel::kDebug},     {"info", LogLevel::kInfo},
      {"INFO", LogLevel::kInfo},   {"warning", LogLevel::kWarning}, {"WARNING", LogLevel::kWarning},
      {"error", LogLevel::kError}, {"ERROR", LogLevel::kError}};
  for (const auto& [word, level] : levels) {
    if (word == name) {
      return level;
    }
  }
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("unknown log level: {}; known: debug, info, warning, error", name)};
}

Result<ServerSettings> Finish(Raw raw) {
  ServerSettings& settings = raw.settings;
  server::ServeOptions& serve = settings.serve;
  if (serve.lake_path.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "no lake; give --base-path, or base_path in the file of --config"};
  }
  if (raw.port > kMaxPort) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("not a port: {}", raw.port)};
  }
  serve.http.port = static_cast<std::uint16_t>(raw.port);
  serve.http.io_threads = raw.num_proc;
  if (raw.certificate.empty() != raw.private_key.empty()) {
    return Error{ErrorCode::kInvalidArgument, "TLS needs both, a certificate and its private key"};
  }
  if (!raw.certificate.empty()) {
    serve.http.tls =
        server::TlsFiles{.certificate_chain = raw.certificate, .private_key = raw.private_key};
  }
  // As in the seed: a development server makes what it needs.
  serve.create_lake = serve.create_lake || serve.environment == "dev";
  DATALAKE_TRY_ASSIGN(settings.log_level, ParseLevel(raw.log_level));
  if (serve.access_log && settings.log_level > LogLevel::kInfo) {
    settings.log_level = LogLevel::kInfo;
  }
  if (raw.log_format != "text" && raw.log_format != "json") {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("unknown log format: {}; known: text, json", raw.log_format)};
  }
  settings.log_format = raw.log_format == "json" ? LogFormat::kJson : LogFormat::kText;
  return std::move(settings);
}

}  // namespace

Result<ServerSettings> ReadServerSettings(io::FileSystem& fs, const ServerFlags& flags,
                                          const Environment& environment) {
  Raw raw;
  if (!flags.config.empty()) {
    DATALAKE_TRY(ReadFile(fs, flags.config, raw));
  }
  DATALAKE_TRY(ReadEnvironment(environment, raw));
  ApplyFlags(flags, raw);
  return Finish(std::move(raw));
}

}  // namespace datalake::apps

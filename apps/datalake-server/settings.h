#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/log_record.h"
#include "datalake/base/result.h"
#include "datalake/server/serve.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::apps {

/// What the server program was told, from all sides.
struct ServerSettings {
  server::ServeOptions serve{};
  LogLevel log_level = LogLevel::kWarning;
  LogFormat log_format = LogFormat::kText;
  std::vector<std::string> warnings{};  ///< settings that have no effect, to be logged
};

/// What stands on the command line; what does not is nothing and leaves the setting as it was.
struct ServerFlags {
  std::string config{};
  std::optional<std::string> base_path{};
  std::optional<std::string> bind{};
  std::optional<std::uint16_t> port{};
  std::optional<std::size_t> num_proc{};
  std::optional<std::string> tls_certificate{};
  std::optional<std::string> tls_key{};
  std::optional<std::string> log_level{};
  std::optional<std::string> log_format{};
  std::vector<std::string> trusted_proxies{};
  std::vector<std::string> anonymous_roles{};
  std::vector<std::string> cors_origins{};
  std::vector<std::string> hosts{};
  std::optional<std::uint64_t> address_rate{};
  std::optional<std::uint64_t> token_rate{};
  bool behind_proxy = false;
  bool require_tokens = false;
  bool create_dirs = false;
  bool access_log = false;
  bool verbose = false;
};

/// Reads an environment variable; nothing when it is not set or empty.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

/// Defaults, then the YAML file `flags.config` (docs/operate.md lists its keys; the seeds' own
/// words are among them), then the seeds' environment variables, then the flags. Errors:
/// kInvalidArgument (an unknown key, naming the nearest one; a value that makes no sense; no path
/// of a lake), kNotFound (the file).
Result<ServerSettings> ReadServerSettings(io::FileSystem& fs, const ServerFlags& flags,
                                          const Environment& environment);

}  // namespace datalake::apps

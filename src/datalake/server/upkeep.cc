#include "datalake/server/upkeep.h"

#include <chrono>
#include <optional>
#include <utility>

#include "datalake/base/log.h"
#include "datalake/base/mutex.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/server/http_server.h"
#include "datalake/server/token_store.h"

namespace datalake::server {
namespace {

constexpr std::chrono::seconds kPeriod{1};
constexpr std::uint64_t kMaxTokensBytes = 16U << 20;

// The text of the file: times of files are too coarse to see two changes in one moment.
std::string TextOf(io::FileSystem& fs, const std::string& path) {
  auto text = io::ReadFile(fs, path, kMaxTokensBytes);
  return text ? *std::move(text) : std::string();
}

}  // namespace

Upkeep::Upkeep(TokenStore& tokens, io::FileSystem& fs, std::string tokens_path, HttpServer& http,
               std::function<bool()> reload_wanted)
    : thread_([&tokens, &fs, &http, path = std::move(tokens_path),
               wanted = std::move(reload_wanted)](const std::stop_token& stop) {
        Mutex mutex;
        CondVar never;
        std::optional<std::string> seen;  // nothing: the first round reads them once more
        while (!stop.stop_requested()) {
          const bool reload = wanted && wanted();
          std::string text = TextOf(fs, path);
          if (reload || seen != text) {
            if (const Status read = tokens.Reload(); !read) {
              LogError("cannot read the tokens again; the old ones stay: " +
                       ToString(read.error()));
            }
            seen = std::move(text);
          }
          if (reload) {
            if (const Status loaded = http.ReloadCertificate(); !loaded) {
              LogError("cannot read the certificate again; the old one stays: " +
                       ToString(loaded.error()));
            } else {
              LogInfo("read certificate and tokens again");
            }
          }
          const MutexLock lock(mutex);
          never.WaitFor(mutex, stop, kPeriod, [] { return false; });
        }
      }) {}

}  // namespace datalake::server

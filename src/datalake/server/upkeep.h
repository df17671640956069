#pragma once

#include <functional>
#include <string>
#include <thread>

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::server {

class HttpServer;
class TokenStore;

/// Once a second: reads the tokens again when their file has changed, and certificate and tokens
/// when that is asked for. Its thread ends with it.
class Upkeep {
 public:
  /// All must outlive it. `reload_wanted` may be empty.
  Upkeep(TokenStore& tokens, io::FileSystem& fs, std::string tokens_path, HttpServer& http,
         std::function<bool()> reload_wanted);
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;

 private:
  std::jthread thread_;
};

}  // namespace datalake::server

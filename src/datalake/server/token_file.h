#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/clock.h"
#include "datalake/base/random.h"
#include "datalake/base/result.h"
#include "datalake/server/caller.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::server {

/// A token as the lake knows it: everything but its secret.
struct Token {
  std::string id;  ///< eight hexadecimal digits, part of the token itself
  std::string name;
  Roles roles{};
  std::vector<std::string> feeds{};  ///< with `providers` both empty: the whole lake
  std::vector<std::string> providers{};
  Timestamp created{};
  std::optional<Timestamp> expires{};
  std::optional<Timestamp> revoked{};
  std::uint64_t requests_per_minute = 0;  ///< 0: the server's limit
  std::uint64_t bytes_per_day = 0;        ///< of request bodies; 0: the server's limit
  std::string hash{};                     ///< of the secret, see HashSecret

  bool Valid(Timestamp now) const { return !revoked && (!expires || now < *expires); }
};

/// What is asked of a new token.
struct NewToken {
  std::string name{};
  Roles roles{};
  std::vector<std::string> feeds{};
  std::vector<std::string> providers{};
  std::optional<Timestamp> expires{};
  std::uint64_t requests_per_minute = 0;
  std::uint64_t bytes_per_day = 0;
};

struct CreatedToken {
  Token token;
  std::string secret;  ///< "dl_<id>_<64 hexadecimal digits>": shown once, kept nowhere
};

/// The two parts of a presented token; nothing when it has not their form.
struct PresentedToken {
  std::string_view id;
  std::string_view secret;
};

std::optional<PresentedToken> ParsePresented(std::string_view text);

/// The tokens of a lake, config/tokens.json (docs/formats/tokens.md): replaced whole, mode 0600,
/// changes under a lock. Thread-safe; any number of processes may use it. Blocks.
class TokenFile {
 public:
  /// All must outlive it. `path` is that of the file.
  TokenFile(io::FileSystem& fs, const Clock& clock, Random& random, std::string path);

  const std::string& path() const { return path_; }

  /// All tokens, oldest first, revoked ones too; none without a file. Errors: kCorruption, kIo.
  Result<std::vector<Token>> List() const;

  /// Durable when it returns. Errors: kInvalidArgument (name, no role, feed or provider names),
  /// kAlreadyExists (a valid token has that name), those of List.
  Result<CreatedToken> Create(const NewToken& wanted);

  /// Durable when it returns; running servers see it within two seconds. `id_or_name`: a name
  /// means the valid token of that name. Errors: kNotFound, those of List.
  Result<Token> Revoke(std::string_view id_or_name);

 private:
  Status Save(const std::vector<Token>& tokens) const;

  io::FileSystem& fs_;
  const Clock& clock_;
  Random& random_;
  const std::string path_;
};

/// "config/tokens.json" below the lake's root.
std::string TokensPath(std::string_view lake_root);

/// The token as JSON without its hash: for lists and answers.
std::string TokenJson(const Token& token);

}  // namespace datalake::server

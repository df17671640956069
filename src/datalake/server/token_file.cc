#include "datalake/server/token_file.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/hex.h"
#include "datalake/base/name.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/value.h"
#include "datalake/lake/wait_for_lock.h"
#include "datalake/server/token_hash.h"

namespace datalake::server {
namespace {

constexpr std::uint64_t kMaxFileBytes = 16U << 20;
constexpr std::int64_t kFormat = 1;
constexpr std::size_t kIdDigits = 8;
constexpr std::size_t kSecretBytes = 32;
constexpr std::string_view kPrefix = "dl_";

std::string RandomHex(Random& random, std::size_t bytes) {
  std::vector<std::byte> buffer(bytes);
  random.Fill(buffer);
  return ToHex(buffer);
}

bool IsHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return IsHexDigit(c); });
}

json::Value TokenValue(const Token& token) {
  json::Value roles = json::Value::array();
  for (const Role role : kAllRoles) {
    if (token.roles.Has(role)) {
      roles.push_back(ToString(role));
    }
  }
  const auto time = [](const std::optional<Timestamp>& when) {
    return when ? json::Value(FormatTimestamp(*when)) : json::Value();
  };
  return {{"id", token.id},
          {"name", token.name},
          {"roles", std::move(roles)},
          {"feeds", token.feeds},
          {"providers", token.providers},
          {"created", FormatTimestamp(token.created)},
          {"expires", time(token.expires)},
          {"revoked", time(token.revoked)},
          {"requests_per_minute", token.requests_per_minute},
          {"bytes_per_day", token.bytes_per_day}};
}

Result<std::vector<std::string>> ReadNames(const json::Value& value, std::string_view key,
                                           std::string_view where) {
  std::vector<std::string> names;
  if (const json::Value* list = json::Find(value, key)) {
    if (!list->is_array()) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("{}: {} must be a list", where, key)};
    }
    for (const json::Value& name : *list) {
      if (!name.is_string()) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{}: {} must be a list of texts", where, key)};
      }
      names.push_back(name.get<std::string>());
    }
  }
  return names;
}

Result<std::optional<Timestamp>> ReadTime(const json::Value& value, std::string_view key,
                                          std::string_view where) {
  DATALAKE_TRY_ASSIGN(const auto text, json::FindString(value, key, where));
  if (!text) {
    return std::optional<Timestamp>();
  }
  DATALAKE_TRY_ASSIGN(const Timestamp time, ParseTimestamp(*text));
  return std::optional<Timestamp>(time);
}

Result<Token> ReadToken(const json::Value& value, std::string_view where) {
  Token token;
  DATALAKE_TRY_ASSIGN(token.id, json::GetString(value, "id", where));
  DATALAKE_TRY_ASSIGN(token.name, json::GetString(value, "name", where));
  DATALAKE_TRY_ASSIGN(token.hash, json::GetString(value, "hash", where));
  DATALAKE_TRY_ASSIGN(const auto roles, ReadNames(value, "roles", where));
  for (const std::string& name : roles) {
    const auto role = ParseRole(name);
    if (!role) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("{}: unknown role: {}", where, name)};
    }
    token.roles.Add(*role);
  }
  DATALAKE_TRY_ASSIGN(token.feeds, ReadNames(value, "feeds", where));
  DATALAKE_TRY_ASSIGN(token.providers, ReadNames(value, "providers", where));
  DATALAKE_TRY_ASSIGN(const auto created, ReadTime(value, "created", where));
  token.created = created.value_or(Timestamp());
  DATALAKE_TRY_ASSIGN(token.expires, ReadTime(value, "expires", where));
  DATALAKE_TRY_ASSIGN(token.revoked, ReadTime(value, "revoked", where));
  DATALAKE_TRY_ASSIGN(const auto rate, json::FindUint(value, "requests_per_minute", where));
  DATALAKE_TRY_ASSIGN(const auto bytes, json::FindUint(value, "bytes_per_day", where));
  token.requests_per_minute = rate.value_or(0);
  token.bytes_per_day = bytes.value_or(0);
  return token;
}

Result<std::vector<Token>> ReadTokens(std::string_view text, std::string_view where) {
  DATALAKE_TRY_ASSIGN(const json::Value file, json::ParseValue(text, where));
  DATALAKE_TRY_ASSIGN(const std::int64_t format, json::GetInt(file, "format", where));
  const json::Value* list = json::Find(file, "tokens");
  if (format != kFormat || list == nullptr || !list->is_array()) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{}: not a token file of format 1", where)};
  }
  std::vector<Token> tokens;
  for (const json::Value& value : *list) {
    DATALAKE_TRY_ASSIGN(Token token, ReadToken(value, where));
    tokens.push_back(std::move(token));
  }
  return tokens;
}

// As io::ReplaceFile, readable by the owner alone before the first byte is in it. Storage that
// knows no modes keeps its own.
Status ReplacePrivateFile(io::FileSystem& fs, const std::string& path, std::string_view bytes) {
  const std::string temporary = io::TemporaryPath(path);
  const auto write = [&]() -> Status {
    DATALAKE_TRY_ASSIGN(const auto file, fs.Create(temporary));
    std::error_code code;
    if (std::filesystem::exists(temporary, code)) {
      std::filesystem::permissions(
          temporary, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write,
          code);
      if (code) {
        return Error{ErrorCode::kIo,
                     fmt::format("cannot make a file private: {}: {}", temporary, code.message())};
      }
    }
    DATALAKE_TRY(file->Write(bytes));
    DATALAKE_TRY(file->Sync());
    DATALAKE_TRY(file->Close());
    DATALAKE_TRY(fs.Rename(temporary, path));
    return fs.SyncDirectory(io::ParentPath(path));
  };
  Status written = write();
  if (!written) {
    static_cast<void>(fs.Remove(temporary));  // gone already, or left for RemoveDeadTemporaries
  }
  return written;
}

Status CheckNew(const NewToken& wanted, const std::vector<Token>& tokens, Timestamp now) {
  DATALAKE_TRY(CheckName("token name", wanted.name));
  if (wanted.roles.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "a token needs a role: contribute, read, write or admin"};
  }
  for (const std::string& feed : wanted.feeds) {
    DATALAKE_TRY(CheckName("feed", feed));
  }
  for (const std::string& provider : wanted.providers) {
    DATALAKE_TRY(CheckName("provider", provider));
  }
  if (wanted.expires && *wanted.expires <= now) {
    return Error{ErrorCode::kInvalidArgument, "the token would have expired already"};
  }
  for (const Token& token : tokens) {
    if (token.name == wanted.name && token.Valid(now)) {
      return Error{ErrorCode::kAlreadyExists,
                   fmt::format("a token has this name; revoke it first: {}", wanted.name)};
    }
  }
  return {};
}

}  // namespace

std::optional<PresentedToken> ParsePresented(std::string_view text) {
  if (text.size() != kPrefix.size() + kIdDigits + 1 + 2 * kSecretBytes ||
      !text.starts_with(kPrefix)) {
    return std::nullopt;
  }
  text.remove_prefix(kPrefix.size());
  const std::string_view id = text.substr(0, kIdDigits);
  const std::string_view secret = text.substr(kIdDigits + 1);
  if (text[kIdDigits] != '_' || !IsHex(id) || !IsHex(secret)) {
    return std::nullopt;
  }
  return PresentedToken{.id = id, .secret = secret};
}

TokenFile::TokenFile(io::FileSystem& fs, const Clock& clock, Random& random, std::string path)
    : fs_(fs), clock_(clock), random_(random), path_(std::move(path)) {}

Result<std::vector<Token>> TokenFile::List() const {
  const auto text = io::ReadFile(fs_, path_, kMaxFileBytes);
  if (!text) {
    return text.error().code == ErrorCode::kNotFound
               ? Result<std::vector<Token>>(std::vector<Token>())
               : Result<std::vector<Token>>(text.error());
  }
  auto tokens = ReadTokens(*text, path_);
  if (!tokens) {
    return Error{ErrorCode::kCorruption, tokens.error().message};
  }
  return tokens;
}

Result<CreatedToken> TokenFile::Create(const NewToken& wanted) {
  DATALAKE_TRY(fs_.MakeDirectories(io::ParentPath(path_)));
  DATALAKE_TRY_ASSIGN(const auto lock, lake::WaitForLock(fs_, path_ + ".lock"));
  DATALAKE_TRY_ASSIGN(std::vector<Token> tokens, List());
  const Timestamp now = clock_.Now();
  DATALAKE_TRY(CheckNew(wanted, tokens, now));
  CreatedToken created;
  Token& token = created.token;
  const auto taken = [&tokens](const std::string& id) {
    return std::any_of(tokens.begin(), tokens.end(),
                       [&id](const Token& other) { return other.id == id; });
  };
  do {
    token.id = RandomHex(random_, kIdDigits / 2);
  } while (taken(token.id));
  const std::string secret = RandomHex(random_, kSecretBytes);
  token.name = wanted.name;
  token.roles = wanted.roles;
  token.feeds = wanted.feeds;
  token.providers = wanted.providers;
  token.created = now;
  token.expires = wanted.expires;
  token.requests_per_minute = wanted.requests_per_minute;
  token.bytes_per_day = wanted.bytes_per_day;
  DATALAKE_TRY_ASSIGN(token.hash, HashSecret(secret, random_));
  created.secret = fmt::format("{}{}_{}", kPrefix, token.id, secret);
  tokens.push_back(token);
  DATALAKE_TRY(Save(tokens));
  return created;
}

Result<Token> TokenFile::Revoke(std::string_view id_or_name) {
  DATALAKE_TRY(fs_.MakeDirectories(io::ParentPath(path_)));
  DATALAKE_TRY_ASSIGN(const auto lock, lake::WaitForLock(fs_, path_ + ".lock"));
  DATALAKE_TRY_ASSIGN(std::vector<Token> tokens, List());
  const auto found = std::find_if(tokens.begin(), tokens.end(), [id_or_name](const Token& token) {
    return token.id == id_or_name || (token.name == id_or_name && !token.revoked);
  });
  if (found == tokens.end()) {
    std::vector<std::string> names;
    for (const Token& token : tokens) {
      if (!token.revoked) {
        names.push_back(token.name);
      }
    }
    return UnknownNameError("token", id_or_name, names);
  }
  if (!found->revoked) {
    found->revoked = clock_.Now();
    DATALAKE_TRY(Save(tokens));
  }
  return *found;
}

Status TokenFile::Save(const std::vector<Token>& tokens) const {
  json::Value list = json::Value::array();
  for (const Token& token : tokens) {
    json::Value value = TokenValue(token);
    value["hash"] = token.hash;
    list.push_back(std::move(value));
  }
  const json::Value file = {{"format", kFormat}, {"tokens", std::move(list)}};
  return ReplacePrivateFile(fs_, path_, json::DumpValueIndented(file) + "\n");
}

std::string TokensPath(std::string_view lake_root) {
  return io::JoinPath(lake_root, "config/tokens.json");
}

std::string TokenJson(const Token& token) {
  return json::DumpValue(TokenValue(token));
}

}  // namespace datalake::server

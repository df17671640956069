// datalake token …: who may use a server of this lake.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "datalake/json/writer.h"
#include "datalake/server/token_audit.h"
#include "datalake/server/token_file.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/open_lake.h"
#include "apps/datalake/show_collection.h"

namespace datalake::apps {
namespace {

server::TokenFile OpenTokens(Context& context, const lake::Lake& lake) {
  return server::TokenFile(context.fs, context.clock, context.random,
                           server::TokensPath(lake.layout().root()));
}

// "30d", "12h", "15m" from now, or a time as 2026-12-31T00:00:00Z.
Result<Timestamp> ParseExpiry(std::string_view text, Timestamp now) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  constexpr std::int64_t kMost = 36'500;
  if (error == std::errc() && count > 0 && count <= kMost) {
    if (unit == "d") {
      return now + std::chrono::hours(24 * count);
    }
    if (unit == "h") {
      return now + std::chrono::hours(count);
    }
    if (unit == "m") {
      return now + std::chrono::minutes(count);
    }
  }
  auto time = ParseTimestamp(text);
  if (!time) {
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("not a time or span, such as 30d, 12h or 2026-12-31T00:00:00Z: {}", text)};
  }
  return time;
}

std::string StateOf(const server::Token& token, Timestamp now) {
  if (token.revoked) {
    return "revoked";
  }
  return token.Valid(now) ? "valid" : "expired";
}

std::string RolesText(const server::Token& token) {
  std::string text;
  for (const server::Role role : server::kAllRoles) {
    if (token.roles.Has(role)) {
      text += (text.empty() ? "" : ",") + std::string(server::ToString(role));
    }
  }
  return text;
}

std::string ScopeText(const server::Token& token) {
  std::vector<std::string> parts;
  for (const std::string& feed : token.feeds) {
    parts.push_back("feed " + feed);
  }
  for (const std::string& provider : token.providers) {
    parts.push_back("provider " + provider);
  }
  return parts.empty() ? "whole lake" : fmt::format("{}", fmt::join(parts, ", "));
}

class CreateToken final : public Command {
 public:
  std::string_view Name() const override { return "token create"; }

  std::string_view Summary() const override {
    return "Makes a token for a server of this lake; its secret is shown once";
  }

  std::string_view Example() const override {
    return "datalake token create desktop-app --role contribute --feed chat --expires 365d";
  }

  void Declare(OptionSet& options) override {
    options.Argument("name", name_, "a name for people, free again once the token is revoked");
    options.Strings("--role", roles_, "what it may do: contribute, read, write, admin");
    options.Strings("--feed", feeds_, "only these feeds (and providers)");
    options.Strings("--provider", providers_, "only these providers (and feeds)");
    options.String("--expires", expires_, "30d, 12h, or a time as 2026-12-31T00:00:00Z");
    options.Integer("--rate", rate_, "requests a minute (0: the server's limit)");
    options.Integer("--quota", quota_, "bytes of bodies a day (0: the server's limit)");
  }

  Result<int> Run(Context& context) override {
    if (rate_ < 0 || quota_ < 0) {
      return Error{ErrorCode::kInvalidArgument, "--rate and --quota must not be negative"};
    }
    server::NewToken wanted{.name = name_,
                            .feeds = feeds_,
                            .providers = providers_,
                            .requests_per_minute = static_cast<std::uint64_t>(rate_),
                            .bytes_per_day = static_cast<std::uint64_t>(quota_)};
    for (const std::string& name : roles_) {
      const auto role = server::ParseRole(name);
      if (!role) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("unknown role: {}; known: contribute, read, write, admin", name)};
      }
      wanted.roles.Add(*role);
    }
    if (!expires_.empty()) {
      DATALAKE_TRY_ASSIGN(const Timestamp time, ParseExpiry(expires_, context.clock.Now()));
      wanted.expires = time;
    }
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY_ASSIGN(const auto created, OpenTokens(context, *lake).Create(wanted));
    DATALAKE_TRY(
        server::AuditToken(*lake, server::TokenChange::kCreated, CurrentUser(), created.token));
    if (context.options.json) {
      std::string line;
      json::Writer writer(line);
      writer.BeginObject();
      writer.Key("secret");
      writer.String(created.secret);
      writer.Key("token");
      writer.Raw(server::TokenJson(created.token));
      writer.EndObject();
      DATALAKE_TRY(context.Print(line));
    } else {
      DATALAKE_TRY(context.Print(created.secret));
    }
    return 0;
  }

 private:
  std::string name_;
  std::vector<std::string> roles_;
  std::vector<std::string> feeds_;
  std::vector<std::string> providers_;
  std::string expires_;
  std::int64_t rate_ = 0;
  std::int64_t quota_ = 0;
};

class ListTokens final : public Command {
 public:
  std::string_view Name() const override { return "token list"; }

  std::string_view Summary() const override {
    return "Shows the tokens without their secrets, revoked ones too";
  }

  std::string_view Example() const override { return "datalake token list"; }

  void Declare(OptionSet&) override {}

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY_ASSIGN(const auto tokens, OpenTokens(context, *lake).List());
    for (const server::Token& token : tokens) {
      DATALAKE_TRY(context.Print(
          context.options.json
              ? server::TokenJson(token)
              : fmt::format("{}  {:<8} {:<24} {:<24} {}, expires {}", token.id,
                            StateOf(token, context.clock.Now()), token.name, RolesText(token),
                            ScopeText(token),
                            token.expires ? FormatTimestamp(*token.expires) : "never")));
    }
    return 0;
  }
};

class RevokeToken final : public Command {
 public:
  std::string_view Name() const override { return "token revoke"; }

  std::string_view Summary() const override {
    return "Makes a token worthless; running servers see it within two seconds";
  }

  std::string_view Example() const override { return "datalake token revoke desktop-app"; }

  void Declare(OptionSet& options) override {
    options.Argument("token", token_, "its id or name in `datalake token list`");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY_ASSIGN(const auto token, OpenTokens(context, *lake).Revoke(token_));
    DATALAKE_TRY(server::AuditToken(*lake, server::TokenChange::kRevoked, CurrentUser(), token));
    DATALAKE_TRY(context.Print(context.options.json
                                   ? server::TokenJson(token)
                                   : fmt::format("revoked: {} {}", token.id, token.name)));
    return 0;
  }

 private:
  std::string token_;
};

}  // namespace

void AddTokenCommands(std::vector<std::unique_ptr<Command>>& commands) {
  commands.push_back(std::make_unique<CreateToken>());
  commands.push_back(std::make_unique<ListTokens>());
  commands.push_back(std::make_unique<RevokeToken>());
}

}  // namespace datalake::apps

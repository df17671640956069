#include "datalake/server/access_log.h"

#include <fmt/format.h>

#include "datalake/base/log.h"
#include "datalake/base/log_record.h"
#include "datalake/json/writer.h"

namespace datalake::server {

void AccessLog::OnRequest(const RequestFacts& facts) {
  next_.OnRequest(facts);
  if (!enabled_) {
    return;
  }
  constexpr double kNanosPerMilli = 1e6;
  const std::string_view route = facts.route != nullptr ? facts.route->path : "none";
  const std::string_view token = facts.caller == nullptr || facts.caller->anonymous()
                                     ? std::string_view("none")
                                     : std::string_view(facts.caller->token_id);
  const double milliseconds = static_cast<double>(facts.nanos) / kNanosPerMilli;
  // The method comes from outside; one that no route has is not repeated.
  const std::string_view method = facts.route != nullptr ? facts.route->method : "none";
  std::string members;
  json::Writer writer(members);
  const auto text = [&writer](std::string_view key, std::string_view value) {
    writer.Key(key);
    writer.String(value);
  };
  text("request_id", facts.request_id);
  text("method", method);
  text("route", route);
  writer.Key("status");
  writer.Int(facts.status);
  writer.Key("milliseconds");
  writer.Double(milliseconds);
  writer.Key("bytes_in");
  writer.Uint(facts.bytes_in);
  writer.Key("bytes_out");
  writer.Uint(facts.bytes_out);
  text("client", facts.peer);
  text("token", token);
  LogRecord(LogLevel::kInfo,
            fmt::format("request {} {} {} {} {:.3f} ms in {} out {} client {} token {}",
                        facts.request_id, method, route, facts.status, milliseconds, facts.bytes_in,
                        facts.bytes_out, facts.peer, token),
            members);
}

}  // namespace datalake::server

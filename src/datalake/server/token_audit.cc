#include "datalake/server/token_audit.h"

#include "datalake/lake/lake.h"
#include "datalake/lake/lake_log.h"

namespace datalake::server {

Status AuditToken(lake::Lake& lake, TokenChange change, std::string_view user, const Token& token) {
  const std::string_view kind = change == TokenChange::kCreated ? "token_created" : "token_revoked";
  const auto appended = lake::LakeLog(lake.context()).Append(kind, user, TokenJson(token));
  return appended ? Status() : Status(appended.error());
}

}  // namespace datalake::server

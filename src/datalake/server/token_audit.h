#pragma once

#include <cstdint>
#include <string_view>

#include "datalake/base/result.h"
#include "datalake/server/token_file.h"

namespace datalake::lake {
class Lake;
}  // namespace datalake::lake

namespace datalake::server {

enum class TokenChange : std::uint8_t { kCreated, kRevoked };

/// Appends a record "token_created" or "token_revoked" to the lake's log: who did it, and the token
/// without its secret and hash. Durable when it returns. Errors: those of LakeLog::Append.
Status AuditToken(lake::Lake& lake, TokenChange change, std::string_view user, const Token& token);

}  // namespace datalake::server

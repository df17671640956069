#pragma once

#include <string_view>

#include "datalake/base/error.h"
#include "datalake/server/http.h"

namespace datalake::server {

/// How an error is written: RFC 9457 problem+json everywhere, `{"detail": …}` on the seeds' paths.
enum class ErrorForm : std::uint8_t { kProblem, kDetail };

/// An answer for `error`: the status of the one table of codes; an internal error says only its
/// request id, the text goes to the log.
Response ErrorResponse(const Error& error, ErrorForm form, std::string_view request_id);

/// An answer for a status that no error code stands for (404 of the router, 405, 413, 408).
Response StatusResponse(int status, std::string_view detail, ErrorForm form,
                        std::string_view request_id);

/// "Not Found" for 404 and so on (RFC 9110 §15).
std::string_view ReasonPhrase(int status);

}  // namespace datalake::server

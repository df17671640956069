#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "datalake/server/router.h"

namespace datalake::server {

/// The OpenAPI 3.1 description of all routes (https://spec.openapis.org/oas/v3.1.0), JSON text.
/// Every status that a route can give is in it; there is no `default`.
std::string OpenApiDocument(const Router& router, std::string_view version);

/// The answers of a route with those that the server itself gives, by status.
std::vector<RouteAnswer> AllAnswers(const Route& route);

}  // namespace datalake::server

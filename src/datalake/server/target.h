#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace datalake::server {

/// Decodes percent escapes (RFC 3986 §2.1); a broken escape stays as it is. With `plus_is_space`,
/// also "+" (query strings of HTML forms).
std::string PercentDecode(std::string_view text, bool plus_is_space);

/// Splits a request target into its decoded path and its decoded query values, in order.
void SplitTarget(std::string_view target, std::string& path,
                 std::vector<std::pair<std::string, std::string>>& query);

/// True for a Host header (or bind address) that names this machine: localhost, 127.0.0.0/8, [::1],
/// with or without a port.
bool IsLoopbackHost(std::string_view host);

/// True for an Origin header "http(s)://<loopback host>".
bool IsLoopbackOrigin(std::string_view origin);

}  // namespace datalake::server

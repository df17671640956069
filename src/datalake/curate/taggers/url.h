#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "datalake/base/result.h"

namespace datalake::curate {

/// The parts of a URL that lists of URLs and domains speak of, normalised.
struct Url {
  std::string scheme;               ///< lower case; "" when the text has none
  std::optional<std::string> host;  ///< lower case, in ASCII (punycode); IPv6 in brackets
  std::uint32_t port = 0;           ///< 0: none
  std::string path;                 ///< without dot segments, percent-encoded; may be ""
};

/// Reads a URL, or the rest of one that begins with its host, as urllib3.util.parse_url 1.26 does
/// (RFC 3986). International names become punycode (RFC 3492) of what is written: neither is their
/// validity checked nor, past ASCII, their case changed. `text` must be valid UTF-8. Thread-safe.
/// Errors: kInvalidArgument (host or port).
Result<Url> ParseUrl(std::string_view text);

}  // namespace datalake::curate

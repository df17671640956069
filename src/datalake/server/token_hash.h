#pragma once

#include <string>
#include <string_view>

#include "datalake/base/random.h"
#include "datalake/base/result.h"

namespace datalake::server {

/// Argon2id (RFC 9106) of a secret with a random salt, in the encoding of its reference
/// implementation ("$argon2id$v=19$m=19456,t=2,p=1$…"): 19 MiB and two passes, OWASP's advice for
/// passwords; ours are 256 random bits, so guessing is out of reach anyway. Takes about 20 ms.
/// Errors: kResourceExhausted (memory).
Result<std::string> HashSecret(std::string_view secret, Random& random);

/// True when `encoded` is the hash of `secret`. Costs what the encoding says, at most 64 MiB and
/// four passes: a dearer one, or a broken one, is never right.
bool VerifySecret(std::string_view encoded, std::string_view secret);

}  // namespace datalake::server

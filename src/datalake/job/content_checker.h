#pragma once

#include <memory>

#include "datalake/base/result.h"
#include "datalake/lake/record_checker.h"

namespace datalake::job {

/// Looks for personal data with the curation's tagger pii_regex_v2, and for secrets by the forms
/// that their makers document (cloud and code hosting keys, private keys, signed tokens); for the
/// rules `personal_data` and `secrets` of feeds. Thread-safe, linear in the text. Errors: those of
/// the tagger registry.
Result<std::unique_ptr<lake::ContentChecker>> MakeContentChecker();

/// True when `text` holds a secret. Thread-safe.
bool HoldsSecret(std::string_view text);

}  // namespace datalake::job

#pragma once

#include <string_view>

#include "datalake/base/result.h"
#include "datalake/json/value.h"

namespace datalake::lake {

/// A YAML document (JSON is one) as JSON: plain true, false, null and numbers are themselves, all
/// else is text. `where` names it in messages. Thread-safe. Errors: kInvalidArgument with the line
/// (bad YAML, a key twice, nested too deeply).
Result<json::Value> ParseYaml(std::string_view text, std::string_view where);

}  // namespace datalake::lake

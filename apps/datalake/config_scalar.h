#pragma once

#include <string>

#include "datalake/json/value.h"

namespace datalake::apps {

/// The value of a plain scalar of YAML by its form: null, true, yes, 12, 1_000, 1e-9, else the
/// text.
json::Value ScalarValue(const std::string& text);

}  // namespace datalake::apps

#pragma once

#include <string_view>

#include "datalake/base/result.h"
#include "datalake/json/jq_names.h"

namespace datalake::json {

/// libjq 1.6 puts the definitions of `<home>/.jq` before every program, and there is no way to keep
/// it from that. Refuses a program that would mean something else by them; of any other they change
/// nothing. `home` may be empty: nothing is read then.
/// Errors: kInvalidArgument naming the file and the function.
Status CheckJqHome(const JqNames& names, std::string_view home);

}  // namespace datalake::json

#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "datalake/base/result.h"

#include "apps/datalake/command.h"

namespace datalake::apps {

/// One named fact of a result.
struct Fact {
  std::string name;
  std::variant<std::int64_t, std::string, bool> value;
};

/// Writes a result that is one thing: with --json one object on one line, else a line a fact.
/// Errors: kIo.
Status PrintFacts(const Context& context, const std::vector<Fact>& facts);

}  // namespace datalake::apps

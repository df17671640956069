#pragma once

#include <string>
#include <string_view>

#include "datalake/base/result.h"
#include "datalake/lake/schema_registry.h"

namespace datalake::lake {

/// The text of schema.yaml with one provider or task more or less. Only the lines of that entry
/// change, so comments and order stay; where the file's form does not allow that (flow style), the
/// whole file is written anew without comments. The result is parsed and compared before it is
/// returned. Pure, Thread-safe. Errors: kInvalidArgument (`yaml` is broken), kInternal.
Result<std::string> YamlWithProvider(std::string_view yaml, const ProviderInfo& provider);
Result<std::string> YamlWithTask(std::string_view yaml, const TaskInfo& task);
Result<std::string> YamlWithoutProvider(std::string_view yaml, std::string_view name);
Result<std::string> YamlWithoutTask(std::string_view yaml, std::string_view name);

}  // namespace datalake::lake

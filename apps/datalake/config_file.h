#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/json/value.h"

namespace datalake::io {
class FileSystem;
}

namespace datalake::apps {

/// One key given on the command line: "dedupe.name" and its text.
struct ConfigOverride {
  std::string key;  ///< dotted
  std::vector<std::string> values;
  bool is_list = false;
};

/// The config of a command: the YAML (or JSON) file `path`, none when empty, with `overrides` put
/// over it and interpolations replaced (ResolveInterpolations). Plain scalars get types as in YAML
/// 1.1's usual forms (`1_000`, `1e-9`, yes, null), those of the command line too.
/// Errors: kNotFound, kInvalidArgument (bad YAML, naming file and line; no set of keys at the top;
/// an override below a scalar), kIo; those of ResolveInterpolations.
Result<json::Value> ReadConfig(io::FileSystem& fs, std::string_view path,
                               const std::vector<ConfigOverride>& overrides);

/// `config` as YAML, which reads back as the same.
std::string ConfigAsYaml(const json::Value& config);

}  // namespace datalake::apps

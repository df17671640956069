#pragma once

#include <string_view>

#include "datalake/base/result.h"
#include "datalake/json/value.h"

namespace datalake::io {
class FileSystem;
}

namespace datalake::apps {

/// `config` with its `${…}` replaced, in OmegaConf's own forms (docs: omegaconf 2.3, "Variable
/// interpolation") and those that the Dolma toolkit adds:
///
///     ${key.other} ${list[0]}         a value of this config, from the top
///     ${.sibling} ${..parents_key}    the same, from the value's own place
///     ${oc.env:NAME} ${oc.env:NAME,default}
///     ${d.glob:pattern}               the list of files; must match
///     ${d.processes:n}                cores less n, at least 1
///     ${d.cache:path}                 a local path as it is
///
/// They may stand inside each other. A text that is one of them and no more takes the value's type;
/// in a longer text the value becomes text. `\${` is a plain `${`.
/// `where` names the config in messages. Errors: kInvalidArgument (unknown key, a value that refers
/// to itself, a variable that is not set, no file, bad form), kUnsupported (other resolvers, remote
/// paths), kIo.
Result<json::Value> ResolveInterpolations(io::FileSystem& fs, const json::Value& config,
                                          std::string_view where);

}  // namespace datalake::apps

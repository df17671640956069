#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/curate/validate_findings.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::curate {

/// A file of documents and the files of attributes that must have the same rows.
struct ValidateUnit {
  struct Beside {
    std::string name;  ///< the folder below attributes/
    std::string path;
  };

  std::string documents;
  std::vector<Beside> attributes;
};

struct ValidateInputs {
  std::vector<ValidateUnit> units;  ///< each file once, sorted by path within an argument
  std::vector<FindingGroup> findings;
};

/// Finds what `paths` (dataset folders, files, globs) name, and what is wrong with its folders and
/// names. Folders behind symbolic links are not followed; names that begin with a dot are passed
/// over. Errors: kInvalidArgument (nothing there), kIo.
Result<ValidateInputs> FindValidateInputs(io::FileSystem& fs, const std::vector<std::string>& paths,
                                          std::uint64_t max_shown);

}  // namespace datalake::curate

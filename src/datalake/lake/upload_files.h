#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/lake/upload.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::lake {

/// The files of an upload's source, for sending them to where the lake is.
struct UploadFiles {
  std::string root;                ///< folder that they lie below
  std::string source;              ///< of UploadRequest::source_path there: a name, a glob, or "."
  std::vector<std::string> names;  ///< from `root`, sorted, each once
};

/// Finds what staging would read of `request.source_path`: of a folder all files below it (of one
/// of media without rows, the media), of a file or glob the files of rows and those that the rows
/// name. Hidden files and symbolic links below the folder are left out, as staging leaves them.
/// Reads the rows, where they may name files. Errors: those of OpenUploadSource and PlanColumns;
/// kCancelled, kIo.
Result<UploadFiles> FindUploadFiles(io::FileSystem& fs, const UploadRequest& request,
                                    const std::stop_token& stop);

}  // namespace datalake::lake

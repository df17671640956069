#pragma once

#include <string>

#include "datalake/base/result.h"
#include "datalake/lake/download.h"

#include "apps/datalake/command.h"

namespace datalake::apps {

/// The options of rows that leave the lake, shared by `download` and `collections export`.
class OutgoingArguments {
 public:
  void Declare(OptionSet& options);

  /// Errors: kInvalidArgument.
  Result<lake::DownloadOptions> ToOptions(std::string output) const;

  /// Asks for the format, and for pictures where the format can hold them.
  Status Ask(class Prompt& prompt);

 private:
  std::string format_ = "auto";
  std::string on_missing_ = "keep";
  bool relative_paths_ = false;
  bool include_images_ = false;
};

/// Prints what was written, and warns of missing files. Returns the exit code: 1 when files were
/// missing or pictures broken. Errors: kIo.
Result<int> ShowDownload(const Context& context, const lake::DownloadReport& report);

}  // namespace datalake::apps

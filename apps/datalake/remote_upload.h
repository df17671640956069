#pragma once

#include <cstdint>

#include "datalake/base/result.h"
#include "datalake/lake/upload.h"

#include "apps/datalake/command.h"

namespace datalake::apps {

struct RemoteUploadOptions {
  std::int64_t connections = 4;
  std::int64_t attempts = 8;
};

/// Sends what `request.source_path` names to the server of the context and has it staged there
/// (server/upload_client.h). The ids of uploads under way are kept in
/// $XDG_STATE_HOME/datalake/uploads, else below ~/.local/state. Tells on standard error what was
/// there already. Errors: those of FindUploadFiles and SendUpload; kInvalidArgument (options).
Result<lake::UploadInfo> UploadToServer(Context& context, const lake::UploadRequest& request,
                                        const RemoteUploadOptions& options);

}  // namespace datalake::apps

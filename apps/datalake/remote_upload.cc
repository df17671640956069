#include "apps/datalake/remote_upload.h"

#include <cstdlib>
#include <string>

#include <fmt/format.h>

#include "datalake/io/path.h"
#include "datalake/lake/upload_files.h"
#include "datalake/server/upload_client.h"

namespace datalake::apps {
namespace {

constexpr std::int64_t kMostConnections = 64;

std::string StateFolder() {
  for (const auto& [variable, below] : {std::pair("XDG_STATE_HOME", "datalake/uploads"),
                                        std::pair("HOME", ".local/state/datalake/uploads")}) {
    const char* folder = std::getenv(variable);
    if (folder != nullptr && *folder == '/') {
      return io::JoinPath(folder, below);
    }
  }
  return {};
}

}  // namespace

Result<lake::UploadInfo> UploadToServer(Context& context, const lake::UploadRequest& request,
                                        const RemoteUploadOptions& options) {
  if (options.connections < 1 || options.connections > kMostConnections || options.attempts < 1) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("--connections is 1 to {}, --attempts at least 1", kMostConnections)};
  }
  DATALAKE_TRY_ASSIGN(const lake::UploadFiles files,
                      lake::FindUploadFiles(context.fs, request, context.stop));
  const server::UploadClientOptions client{
      .http = {.url = context.options.server,
               .token = context.options.token,
               .attempts = static_cast<int>(options.attempts)},
      .connections = static_cast<std::size_t>(options.connections),
      .hash_threads = context.Threads(),
      .state_folder = StateFolder()};
  DATALAKE_TRY_ASSIGN(
      server::SentUpload sent,
      server::SendUpload(context.fs, request, files, client, context.progress, context.stop));
  if (!context.options.quiet) {
    fmt::print(stderr, "datalake: sent {} parts of {} files, {} were there already\n",
               sent.parts_sent, files.names.size(), sent.parts_there);
  }
  return std::move(sent.info);
}

}  // namespace datalake::apps

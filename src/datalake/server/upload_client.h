#pragma once

#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>

#include "datalake/base/progress.h"
#include "datalake/base/result.h"
#include "datalake/lake/upload.h"
#include "datalake/lake/upload_files.h"
#include "datalake/server/http_client.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::server {

struct UploadClientOptions {
  HttpClientOptions http = {};
  std::size_t connections = 4;    ///< parts under way at once
  std::size_t hash_threads = 1;   ///< files hashed at once
  std::string state_folder = {};  ///< for ids of uploads under way; empty: none are kept
};

/// An upload that a server has staged, and what it took to send it.
struct SentUpload {
  lake::UploadInfo info;  ///< as the server told it
  std::uint64_t parts_sent = 0;
  std::uint64_t parts_there = 0;  ///< were there already, from an earlier call that was cut
};

/// Sends the files of an upload to a server, in parts and in parallel, each part and each file with
/// its SHA-256, and has it staged there. The server keeps what it confirmed, so the same call again
/// (from any machine) goes on after a cut and sends nothing twice. An id in `state_folder` tells a
/// call that was cut before it heard that all was done from one that uploads the same again.
/// `fs` has the files. Errors: kUnavailable (no answer after all attempts), kPermissionDenied (the
/// token), kConflict (files change while they are sent), kCorruption (parts arrive damaged, again
/// and again), what the server says of the request, kCancelled, kIo.
Result<SentUpload> SendUpload(io::FileSystem& fs, const lake::UploadRequest& request,
                              const lake::UploadFiles& files, const UploadClientOptions& options,
                              ProgressSink& progress, const std::stop_token& stop);

}  // namespace datalake::server

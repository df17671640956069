// What client and server say to each other about an upload in parts, seen from the client.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/io/file_system.h"
#include "datalake/lake/upload.h"

namespace datalake::server {

/// A file as it was when it was hashed.
struct SentFile {
  std::string path;
  std::string sha256;
  io::FileInfo info;
};

/// One part that the server lacks.
struct Part {
  std::size_t file = 0;
  std::uint64_t number = 0;
};

/// What the server answers to the begin of an upload.
struct Begun {
  std::string id;
  std::uint64_t part_bytes = 0;
  std::vector<Part> missing;
};

/// How many parts a file has.
std::uint64_t PartsOf(const SentFile& file, std::uint64_t part_bytes);

/// The body of POST /v1/uploads; equal for equal arguments. `source` is that of UploadFiles. Pure.
std::string BeginMessage(const lake::UploadRequest& request, const std::string& source,
                         const std::vector<SentFile>& files);

/// The same of no files, for the server to say whether it would take them. Pure.
std::string CheckMessage(const lake::UploadRequest& request, const std::string& source);

/// Reads the answer to BeginMessage and checks it against `files`. Errors: kInvalidArgument (no
/// such JSON), kInternal (numbers that do not fit).
Result<Begun> ParseBegun(std::string_view text, const std::vector<SentFile>& files);

/// Reads the answer of POST /v1/uploads/{upload}/complete. Errors: kInvalidArgument.
Result<lake::UploadInfo> ParseStaged(std::string_view text);

}  // namespace datalake::server

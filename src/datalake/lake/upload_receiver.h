#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/progress.h"
#include "datalake/base/result.h"
#include "datalake/lake/lake.h"
#include "datalake/lake/upload.h"

namespace datalake::lake {

/// A file that a client is going to send.
struct AnnouncedFile {
  std::string path;  ///< below the upload's folder, as its rows name it
  std::uint64_t size_bytes = 0;
  std::string sha256;  ///< of the whole file, 64 lower-case hexadecimal digits

  friend bool operator==(const AnnouncedFile&, const AnnouncedFile&) = default;
};

/// One file on its way: the numbers of the parts that are not there yet.
struct FileProgress {
  AnnouncedFile file;
  std::vector<std::uint64_t> missing_parts;
};

/// An upload that is being received.
struct Receiving {
  std::string id;
  std::uint64_t part_bytes = 0;  ///< of every part but a file's last
  std::vector<FileProgress> files;
};

/// Takes uploads from clients that do not see the lake's disk: files in parts, each with its
/// checksum, in any order and in parallel, again and again until all are there; then the whole is
/// checked and staged as if it had been a folder here. What was received survives restarts of both
/// sides; what nobody finishes is removed after a week. Layout: docs/formats/lake.md. Thread-safe;
/// several servers may receive parts of one upload.
class UploadReceiver {
 public:
  /// `lake` must outlive it. Keep one: it remembers what it has read of uploads under way, as every
  /// part needs the list of all files.
  explicit UploadReceiver(Lake& lake);
  ~UploadReceiver();

  /// Begins an upload, or finds the one with the same request and files that is not complete yet:
  /// so a client that starts again goes on where it was. `request.source_path` is the path of one
  /// of the files, a glob over them, or "." for their folder. Durable. Errors: kInvalidArgument
  /// (names, fields, paths that lead out, repeated or beyond 1,000 bytes; more than 100,000 files),
  /// kNotFound (provider, task), kResourceExhausted (more than the disk has free), kIo.
  Result<Receiving> Begin(const UploadRequest& request, const std::vector<AnnouncedFile>& files);

  /// What is missing. Errors: kNotFound, kInvalidArgument (id), kIo.
  Result<Receiving> Get(std::string_view id);

  /// Takes one part; durable when it returns. The same part again is fine. Errors: kNotFound
  /// (upload, file, part), kInvalidArgument (size), kCorruption (its bytes are not those of
  /// `sha256`), kIo, kResourceExhausted.
  Status PutPart(std::string_view id, std::uint64_t file, std::uint64_t part,
                 std::string_view bytes, std::string_view sha256);

  /// Puts the files together, checks their hashes and stages them; again after it was done, it
  /// gives the same upload. Errors: kConflict (parts are missing, named), kCorruption (a file is
  /// not that of its hash: its parts are dropped, to be sent again), and those of Uploads::Stage.
  Result<UploadInfo> Complete(std::string_view id, ProgressSink& progress, std::stop_token stop);

  /// Drops what was received. Errors: kNotFound, kInvalidArgument (id), kUnavailable (being
  /// completed), kIo.
  Status Abort(std::string_view id);

 private:
  struct Known;

  Lake& lake_;
  const std::unique_ptr<Known> known_;
};

}  // namespace datalake::lake

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/curate/mix.h"
#include "datalake/curate/output_file.h"

namespace datalake {
class ThreadPool;
}  // namespace datalake

namespace datalake::curate {

/// The output files of one shard: one, or a new one whenever the next line would make it larger
/// than max_size_bytes. Each is published when it is full, so an error leaves whole files behind.
/// Where they are cut depends on the lines alone. Single-threaded.
class MixOutputs {
 public:
  /// What is passed must outlive the outputs. `is_cut`: by the size that stream.size_by says, else
  /// one file. Sizes of compressed files are known only when the writing thread compresses them
  /// itself, so the threads of `pool` do not help with these.
  MixOutputs(io::FileSystem& fs, ThreadPool& pool, const MixStream& stream, const MixShard& shard,
             bool is_cut)
      : fs_(fs), pool_(pool), stream_(stream), shard_(shard), is_cut_(is_cut) {}

  /// Errors: kIo, kResourceExhausted.
  Status Open();

  /// `lines` are whole. Errors: as Open.
  Status Write(std::string_view lines);

  /// Publishes the last file. Errors: as Open.
  Status Publish();

  /// Drops the file that is being written, after an error.
  void Discard() { file_.reset(); }

  /// The files so far, in order.
  const std::vector<std::string>& paths() const { return paths_; }

 private:
  Status WriteCut(std::string_view lines);
  std::size_t Fitting(std::string_view lines) const;
  std::uint64_t FileSize() const;
  Status WriteToFile(std::string_view lines);

  io::FileSystem& fs_;
  ThreadPool& pool_;
  const MixStream& stream_;
  const MixShard& shard_;
  bool is_cut_;
  std::optional<OutputFile> file_;
  std::uint64_t size_bytes_ = 0;  // written to file_, uncompressed
  std::vector<std::string> paths_;
};

/// Adds a warning for each file in the stream's output folder that looks like an output of it but
/// is none of `outputs`: one of an earlier run would be taken for part of this one.
void WarnOfOtherOutputs(io::FileSystem& fs, const MixStream& stream,
                        const std::vector<std::string>& outputs,
                        std::vector<std::string>& warnings);

}  // namespace datalake::curate

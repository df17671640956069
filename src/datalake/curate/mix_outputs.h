#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/curate/mix.h"
#include "datalake/curate/mix_manifest.h"
#include "datalake/curate/output_file.h"
#include "datalake/curate/unit_manifest.h"

namespace datalake {
class ThreadPool;
}  // namespace datalake

namespace datalake::io {
class AtomicFile;
}  // namespace datalake::io

namespace datalake::curate {

/// Where rejected rows of an output go: `<output.path>/rejects/<name of the output>.jsonl`.
std::string MixRejectsPath(const MixStream& stream, std::string_view output);

/// True when the outputs of a stream are cut by their own size.
bool IsCutByOutput(const MixOptions& options, const MixStream& stream);

/// The output files of one shard, each with its rejects and its note (UnitManifest): one, or a new
/// one whenever the next line would make it larger than max_size_bytes. Where they are cut depends
/// on the lines alone. Each is published when it is full, and its note says where the next one
/// begins, so an error or a kill leaves whole files from which a later run goes on.
/// Single-threaded.
class MixOutputs {
 public:
  /// What is passed must outlive the outputs. Sizes of compressed files are known only when the
  /// writing thread compresses them itself, so the threads of `pool` do not help where these count.
  MixOutputs(io::FileSystem& fs, ThreadPool& pool, const MixOptions& options,
             const MixShard& shard);
  ~MixOutputs();

  /// Takes the outputs for done that an earlier run made by the same work, from the first on as far
  /// as they are there. What it noted of the last of them, `next` being where to go on; null: none
  /// is done. Call it first. Errors: kNotFound (an input), kIo.
  Result<std::optional<MixShardFacts>> FindDone();

  /// Begins the next file. Errors: kIo, kResourceExhausted.
  Status Open();

  /// `lines` are whole, of one block. `before`: the facts without the block, `next` being the place
  /// of the lines in it. Errors: as Open.
  Status Write(std::string_view lines, MixShardFacts before);

  /// Appends a line to the rejects of the current file. Errors: as Open.
  Status Reject(std::string_view line);

  /// Publishes the last file; `facts` are those of all blocks. Errors: as Open.
  Status Finish(const MixShardFacts& facts);

  /// After an error: drops the file that is being written.
  void Abandon();

  /// True when outputs are cut by their own size.
  bool is_cut() const { return is_cut_; }

  /// The files so far, in order.
  const std::vector<std::string>& paths() const { return paths_; }

  /// Where the rejects of an output are.
  std::string RejectsPathOf(std::string_view output) const;

 private:
  std::string NextPath() const;
  Status WriteCut(std::string_view lines, MixShardFacts& before);
  Status Publish(const MixShardFacts& facts);
  Status PublishRejects();
  std::size_t Fitting(std::string_view lines) const;
  std::uint64_t FileSize() const;
  Status WriteToFile(std::string_view lines);

  io::FileSystem& fs_;
  ThreadPool& pool_;
  const MixOptions& options_;
  const MixStream& stream_;
  const MixShard& shard_;
  const bool is_cut_;
  std::optional<UnitManifest> manifest_;  // by FindDone
  std::optional<OutputFile> file_;
  std::unique_ptr<io::AtomicFile> rejects_;  // of file_, from the first one on
  std::uint64_t size_bytes_ = 0;             // written to file_, uncompressed
  std::vector<std::string> paths_;
};

/// Adds a warning for each file in the stream's output folder that looks like an output of it but
/// is none of `outputs`: one of an earlier run would be taken for part of this one.
void WarnOfOtherOutputs(io::FileSystem& fs, const MixStream& stream,
                        const std::vector<std::string>& outputs,
                        std::vector<std::string>& warnings);

}  // namespace datalake::curate

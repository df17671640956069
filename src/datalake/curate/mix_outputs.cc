#include "datalake/curate/mix_outputs.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/thread_pool.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"

namespace datalake::curate {
namespace {

// A compressor holds back at most one frame of what was written to it.
constexpr std::uint64_t kHeldBackBytes = std::uint64_t{2} << 20;
constexpr std::size_t kChunkBytes = std::size_t{64} << 10;

}  // namespace

std::string MixShardPath(const MixStream& stream, std::size_t number) {
  const std::string suffix =
      stream.compression == "none" ? std::string() : fmt::format(".{}", stream.compression);
  return io::JoinPath(stream.output_path,
                      fmt::format("{}-{:04}.jsonl{}", stream.name, number, suffix));
}

std::string MixRejectsPath(const MixStream& stream, std::string_view output) {
  return io::JoinPath(stream.output_path, "rejects", fmt::format("{}.jsonl", output));
}

bool IsCutByOutput(const MixOptions& options, const MixStream& stream) {
  return options.is_sharded && stream.size_by != SizeBy::kInputCompressed;
}

MixOutputs::MixOutputs(io::FileSystem& fs, ThreadPool& pool, const MixOptions& options,
                       const MixShard& shard)
    : fs_(fs),
      pool_(pool),
      options_(options),
      stream_(options.streams[shard.stream]),
      shard_(shard),
      is_cut_(IsCutByOutput(options, stream_)) {}

MixOutputs::~MixOutputs() = default;

std::string MixOutputs::NextPath() const {
  return paths_.empty() ? shard_.output : MixShardPath(stream_, paths_.size());
}

std::string MixOutputs::RejectsPathOf(std::string_view output) const {
  return output == shard_.output ? shard_.rejects_path
                                 : MixRejectsPath(stream_, io::BaseName(output));
}

Result<std::optional<MixShardFacts>> MixOutputs::FindDone() {
  DATALAKE_TRY_ASSIGN(manifest_, MakeMixManifest(fs_, options_, shard_));
  std::optional<MixShardFacts> facts;
  while (!options_.ignore_existing) {
    const std::string path = NextPath();
    DATALAKE_TRY_ASSIGN(const FoundOutput found, manifest_->Find(path));
    if (found.state != OutputState::kDone) {
      break;
    }
    DATALAKE_TRY_ASSIGN(facts, ReadMixFacts(found.facts));
    paths_.push_back(path);
    if (!facts->next.has_value()) {
      break;
    }
  }
  return facts;
}

// The note first: it removes what a killed run has left of the file.
Status MixOutputs::Open() {
  const std::string path = NextPath();
  DATALAKE_TRY(manifest_->Begin(path));
  paths_.push_back(path);
  const bool is_measured = is_cut_ && stream_.size_by == SizeBy::kCompressed;
  DATALAKE_TRY_ASSIGN(file_, OutputFile::Make(fs_, path,
                                              {.level = stream_.compression_level,
                                               .pool = is_measured ? nullptr : &pool_}));
  size_bytes_ = 0;
  return {};
}

Status MixOutputs::Write(std::string_view lines, MixShardFacts before) {
  return is_cut_ ? WriteCut(lines, before) : WriteToFile(lines);
}

Status MixOutputs::WriteCut(std::string_view lines, MixShardFacts& before) {
  while (!lines.empty()) {
    std::size_t fitting = Fitting(lines);
    if (fitting == 0) {
      if (size_bytes_ > 0) {
        DATALAKE_TRY(Publish(before));
        DATALAKE_TRY(Open());
        continue;
      }
      fitting = lines.find('\n') + 1;  // a line that is larger than a file may be
    }
    DATALAKE_TRY(WriteToFile(lines.substr(0, fitting)));
    lines.remove_prefix(fitting);
    before.next->bytes += fitting;
  }
  return {};
}

// The bytes of whole lines that the file has room for; not all of them need be told at once.
std::size_t MixOutputs::Fitting(std::string_view lines) const {
  const std::uint64_t size = FileSize();
  if (size >= stream_.max_size_bytes) {
    return 0;
  }
  const std::uint64_t room = stream_.max_size_bytes - size;
  // Compressed, they take less room: how much is seen chunk by chunk.
  const std::size_t most = stream_.size_by == SizeBy::kCompressed
                               ? std::max(lines.find('\n') + 1, kChunkBytes)
                               : lines.size();
  lines = lines.substr(0, most);
  const std::size_t fitting = static_cast<std::size_t>(std::min<std::uint64_t>(room, lines.size()));
  return lines.substr(0, fitting).rfind('\n') + 1;
}

std::uint64_t MixOutputs::FileSize() const {
  return stream_.size_by == SizeBy::kCompressed
             ? file_->size_bytes() + std::min(size_bytes_, kHeldBackBytes)
             : size_bytes_;
}

Status MixOutputs::WriteToFile(std::string_view lines) {
  size_bytes_ += lines.size();
  return file_->Write(lines);
}

Status MixOutputs::Reject(std::string_view line) {
  if (rejects_ == nullptr) {
    DATALAKE_TRY_ASSIGN(rejects_, io::AtomicFile::Make(fs_, RejectsPathOf(paths_.back()),
                                                       io::PublishMode::kReplace));
  }
  return rejects_->Write(line);
}

Status MixOutputs::Finish(const MixShardFacts& facts) {
  return Publish(facts);
}

// Rejects first: an output is never there without the list of what it lacks.
Status MixOutputs::Publish(const MixShardFacts& facts) {
  DATALAKE_TRY(PublishRejects());
  DATALAKE_TRY(file_->Publish());
  file_.reset();
  return manifest_->Finish(paths_.back(), MixFactsJson(facts));
}

Status MixOutputs::PublishRejects() {
  if (const auto rejects = std::move(rejects_); rejects != nullptr) {
    return rejects->Publish();
  }
  Status removed = fs_.Remove(RejectsPathOf(paths_.back()));
  if (!removed && removed.error().code == ErrorCode::kNotFound) {
    return {};  // of an earlier run, when the input was bad
  }
  return removed;
}

void MixOutputs::Abandon() {
  rejects_.reset();
  if (file_.has_value()) {
    file_.reset();
  }
  if (!paths_.empty()) {
    manifest_->Abandon(paths_.back());
  }
}

void WarnOfOtherOutputs(io::FileSystem& fs, const MixStream& stream,
                        const std::vector<std::string>& outputs,
                        std::vector<std::string>& warnings) {
  const Result<std::vector<io::DirectoryEntry>> entries = fs.List(stream.output_path);
  if (!entries) {
    return;  // not there yet
  }
  for (const io::DirectoryEntry& entry : *entries) {
    const std::string path = io::JoinPath(stream.output_path, entry.name);
    if (entry.name.starts_with(stream.name + "-") &&
        entry.name.find(".json") != std::string::npos &&
        std::find(outputs.begin(), outputs.end(), path) == outputs.end()) {
      warnings.push_back(
          fmt::format("an output that this run does not write is there already: {}", path));
    }
  }
}

}  // namespace datalake::curate

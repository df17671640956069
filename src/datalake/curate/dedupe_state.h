#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/hash.h"
#include "datalake/base/result.h"
#include "datalake/curate/bloom_filter.h"

namespace datalake::io {
class AtomicFile;
class FileSystem;
class RandomAccessFile;
}  // namespace datalake::io

namespace datalake::curate {

/// What remembers the keys: all of them, or a Bloom filter. The numbers are those of the file.
enum class SeenKind : std::uint32_t { kExact = 1, kBloom = 2 };

/// A document file whose keys are in a state.
struct SeenInput {
  std::string path;      ///< as the run named it
  std::string mirrored;  ///< below documents/
  std::uint64_t size_bytes = 0;
  std::int64_t modified_us = 0;
  Hash128 hash;  ///< HashFile of its bytes

  friend bool operator==(const SeenInput&, const SeenInput&) = default;
};

/// What one run added to a state.
struct StateGeneration {
  std::string units;              ///< the options that say what a key is, as JSON
  std::vector<SeenInput> inputs;  ///< in the order in which they were read
  std::uint64_t keys = 0;         ///< exact: new ones of this run; Bloom: inserted by it
  std::uint64_t offset = 0;       ///< exact: of its keys in the file
};

/// The file's own description.
struct StateSummary {
  SeenKind kind = SeenKind::kExact;
  BloomShape bloom;  ///< kBloom only
  std::vector<StateGeneration> generations;
};

/// A hash of a file's bytes, as a state keeps it: XXH3-128 over the XXH3-128 of each MiB. Errors:
/// kNotFound, kIo.
Result<Hash128> HashFile(io::FileSystem& fs, std::string_view path);

/// Reads saved state of `dedupe` (docs/formats/dedupe-state.md). Single-threaded.
class DedupeStateReader {
 public:
  /// Reads and checks the description; the keys are checked when they are read. `fs` must outlive
  /// the reader. Errors: kNotFound, kUnsupported (another version; a filter of the Dolma toolkit),
  /// kCorruption (no such file, truncated, damaged), kIo.
  static Result<std::unique_ptr<DedupeStateReader>> Open(io::FileSystem& fs, std::string_view path);
  ~DedupeStateReader();

  const StateSummary& summary() const { return summary_; }

  const std::string& path() const { return path_; }

  /// The sorted keys of one generation, piece by piece. `reader` must outlive it.
  class Keys {
   public:
    Keys(const DedupeStateReader& reader, std::size_t generation);

    /// The next keys, valid until the next call; empty at the end. Errors: kCorruption, kIo.
    Result<std::span<const Hash128>> Next();

   private:
    const DedupeStateReader& reader_;
    std::uint64_t offset_;
    std::uint64_t left_;
    Hash128 last_;
    bool has_last_ = false;
    std::vector<Hash128> keys_;
  };

  /// Fills `filter`, whose shape is that of the summary. Errors: kCorruption, kIo.
  Status ReadBloom(BloomFilter& filter) const;

 private:
  DedupeStateReader(std::string path, std::unique_ptr<io::RandomAccessFile> file);

  Status ReadDescription();
  Status ReadPiece(std::uint64_t offset, std::span<std::byte> out) const;

  const std::string path_;
  const std::unique_ptr<io::RandomAccessFile> file_;
  StateSummary summary_;
};

/// Writes such a file, which appears whole and durable under its name or not at all, replacing what
/// was there. Single-threaded.
class DedupeStateWriter {
 public:
  /// `fs` must outlive the writer.
  static Result<std::unique_ptr<DedupeStateWriter>> Make(io::FileSystem& fs, std::string_view path,
                                                         SeenKind kind);
  ~DedupeStateWriter();

  /// Takes all generations over from an older state, checking its keys. Before other keys.
  Status CopyGenerations(const DedupeStateReader& older);

  /// Appends keys of the new generation; all its keys together must ascend by (high, low).
  Status AppendKeys(std::span<const Hash128> keys);

  /// The filter, once, for kBloom.
  Status WriteBloom(const BloomFilter& filter);

  /// Describes the new generation (its keys and offset are known for kExact), ends the file and
  /// gives it its name.
  Status Publish(StateGeneration generation);

 private:
  DedupeStateWriter(SeenKind kind, std::unique_ptr<io::AtomicFile> file);

  Status FlushPiece();
  Status WritePiece(std::span<const std::byte> bytes);

  const std::unique_ptr<io::AtomicFile> file_;
  StateSummary summary_;
  std::uint64_t new_offset_ = 0;
  std::uint64_t new_keys_ = 0;
  std::vector<Hash128> piece_;
};

}  // namespace datalake::curate

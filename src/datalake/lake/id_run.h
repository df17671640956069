#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "datalake/base/hash.h"
#include "datalake/base/result.h"
#include "datalake/io/file_system.h"
#include "datalake/lake/id_table.h"

namespace datalake::lake {

struct IdPair {
  Hash128 key;
  IdEntry entry;
};

/// Entries sorted by key, in a file without a name: it goes with the object, and with the process
/// however that ends. 64 bytes an entry on the disk, 8 bytes for each 64 of them in memory.
/// Immutable, Thread-safe.
class IdRun {
 public:
  /// Made by IdRunWriter. `fences`: the first `low` of each block.
  IdRun(std::unique_ptr<io::RandomAccessFile> file, std::size_t size,
        std::vector<std::uint64_t> fences)
      : file_(std::move(file)), size_(size), fences_(std::move(fences)) {}

  /// The entry of `key`. Cost: reads 4 KB. Errors: kIo, kCorruption.
  Result<std::optional<IdEntry>> Find(const Hash128& key) const;

  /// Fills `out` with entries from number `first` on, which exist. Errors: kIo, kCorruption.
  Status Read(std::size_t first, std::span<IdPair> out) const;

  std::size_t size() const { return size_; }

 private:
  const std::unique_ptr<io::RandomAccessFile> file_;
  const std::size_t size_;
  const std::vector<std::uint64_t> fences_;
};

/// Writes a run. Single-threaded.
class IdRunWriter {
 public:
  /// Makes the file `path`, which has a name until Finish. Errors: those of FileSystem::Create.
  static Result<IdRunWriter> Open(io::FileSystem& fs, std::string path);

  /// Keys come in ascending order, each once.
  Status Add(const Hash128& key, const IdEntry& entry);

  Result<std::shared_ptr<const IdRun>> Finish();

 private:
  IdRunWriter(io::FileSystem& fs, std::string path, std::unique_ptr<io::WritableFile> file)
      : fs_(&fs), path_(std::move(path)), file_(std::move(file)) {}

  io::FileSystem* fs_;
  std::string path_;
  std::unique_ptr<io::WritableFile> file_;
  std::vector<IdPair> buffer_;
  std::vector<std::uint64_t> fences_;
  std::size_t size_ = 0;
};

/// What goes from runs and tables into one run; of a key the first input that has it counts.
struct IdMerge {
  std::shared_ptr<const IdTable> table = {};            ///< before all runs; may be null
  std::vector<std::shared_ptr<const IdRun>> runs = {};  ///< newest first
  std::function<bool(const IdPair&)> drops = {};        ///< entries that are left out; may be empty
};

/// Errors: kIo, kResourceExhausted, kCorruption.
Result<std::shared_ptr<const IdRun>> MergeIds(io::FileSystem& fs, std::string path,
                                              const IdMerge& merge);

}  // namespace datalake::lake

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "datalake/base/hash.h"
#include "datalake/base/mutex.h"
#include "datalake/base/result.h"

namespace datalake::io {
class FileSystem;
class RandomAccessFile;
class WritableFile;
}  // namespace datalake::io

namespace datalake::curate {

/// A row of a run: the number of its file and its 1-based line.
struct RowPlace {
  std::uint64_t file = 0;  ///< below 2^24
  std::uint64_t line = 0;  ///< below 2^40

  friend bool operator==(const RowPlace&, const RowPlace&) = default;
};

/// The hash of a source and an id, and where they are.
struct IdRecord {
  Hash128 hash;
  std::uint64_t place = 0;

  static IdRecord Of(const Hash128& hash, RowPlace place) {
    return {hash, (place.file << 40) | place.line};
  }

  RowPlace Place() const { return {place >> 40, place & ((std::uint64_t{1} << 40) - 1)}; }

  friend auto operator<=>(const IdRecord&, const IdRecord&) = default;
};

/// Finds hashes that were added twice, with bounded memory: records are dealt by their hash into
/// 256 parts, which go to one file on the disk when they become too many; in the end each part is
/// sorted by itself. Two rows are taken for equal when 128 bits of XXH3 are (for 10^12 rows the
/// chance of any mistake is 10^-15).
class RepeatedIds {
 public:
  /// `memory_bytes` bounds what is kept before it is spilled into `folder`. `fs` must outlive it.
  RepeatedIds(io::FileSystem& fs, std::string folder, std::uint64_t memory_bytes);

  /// Removes the file.
  ~RepeatedIds();
  RepeatedIds(const RepeatedIds&) = delete;
  RepeatedIds& operator=(const RepeatedIds&) = delete;

  /// Thread-safe. Errors: those of writing the file.
  Status Add(std::span<const IdRecord> records);

  /// Calls `repeated(first, again)` for each row whose hash a row before it has, `first` being the
  /// first one in order of files and lines; in no fixed order of rows. Once, after the last Add.
  /// Errors: those of reading the file.
  Status Finish(const std::function<void(RowPlace first, RowPlace again)>& repeated);

  /// Bytes that went to the disk.
  std::uint64_t spilled_bytes() const;

 private:
  static constexpr std::size_t kParts = 256;

  // A run of records of one part in the file.
  struct Segment {
    std::uint64_t offset = 0;
    std::uint64_t size_bytes = 0;
  };

  struct Part {
    std::vector<IdRecord> records;
    std::vector<Segment> segments;
  };

  Status Spill() DATALAKE_REQUIRES(mutex_);
  Status Load(Part& part, const io::RandomAccessFile& file) DATALAKE_REQUIRES(mutex_);

  io::FileSystem& fs_;
  const std::string path_;
  const std::uint64_t max_records_;
  mutable Mutex mutex_;
  std::vector<Part> parts_ DATALAKE_GUARDED_BY(mutex_);
  std::uint64_t num_records_ DATALAKE_GUARDED_BY(mutex_) = 0;  // in memory
  std::unique_ptr<io::WritableFile> file_ DATALAKE_GUARDED_BY(mutex_);
  std::uint64_t file_bytes_ DATALAKE_GUARDED_BY(mutex_) = 0;
};

}  // namespace datalake::curate

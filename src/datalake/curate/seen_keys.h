#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "datalake/base/hash.h"
#include "datalake/base/result.h"
#include "datalake/curate/bloom_filter.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::curate {

class DedupeStateReader;
class DedupeStateWriter;

/// What is known of a key when it is taken.
namespace verdict {
inline constexpr std::uint8_t kNew = 0;
inline constexpr std::uint8_t kKnown = 1;
/// This or more: it is found out after Settle; the difference is the partition to ask.
inline constexpr std::uint8_t kPending = 2;
}  // namespace verdict

/// The keys that have been seen, in memory, on disk or as a Bloom filter. Single-threaded.
class SeenKeys {
 public:
  virtual ~SeenKeys() = default;

  /// Adds the keys of one generation of saved state (kExact only).
  virtual Status Load(const DedupeStateReader& state, std::size_t generation) = 0;

  /// For each key in order: whether it is there, then adds it (unless for look-ups only).
  /// `verdicts` is as long as `keys`. Errors: kIo, kResourceExhausted (of the spill).
  virtual Status Take(std::span<const Hash128> keys, std::span<std::uint8_t> verdicts) = 0;

  /// True once verdicts may be pending.
  virtual bool is_spilling() const = 0;

  /// Where files of this run may lie beside the spilled keys, once it is spilling; removed with
  /// this object.
  virtual std::string spill_folder() const = 0;

  /// After the last Take. Finds out what is pending, and appends the keys that are not in `older`
  /// to `writer`, when there is one. `older` may be null. Keys may be gone afterwards.
  virtual Status Settle(DedupeStateWriter* writer, const DedupeStateReader* older) = 0;

  /// The answer for the next pending key of a partition: was it known? After Settle.
  virtual Result<bool> NextAnswer(std::size_t partition) = 0;

  /// The most memory that the keys have taken.
  virtual std::uint64_t memory_bytes() const = 0;

  /// Keys that went to disk.
  virtual std::uint64_t spilled_keys() const = 0;

  /// The share of new keys that would be taken for known ones now.
  virtual double ErrorRate() const = 0;
};

struct ExactKeysOptions {
  std::uint64_t memory_limit_bytes = 0;  ///< of the table; beyond it keys go to disk
  std::string spill_folder;              ///< made when needed, removed at the end
  BloomAccess access = BloomAccess::kInsert;
};

/// All keys: a KeyTable up to the limit; from there on the table stays as it is and keys that are
/// not in it go to a KeySpill. `fs` must outlive it.
std::unique_ptr<SeenKeys> MakeExactKeys(io::FileSystem& fs, ExactKeysOptions options);

/// A Bloom filter, filled from `state` when that is not null. Errors: kCorruption, kIo.
Result<std::unique_ptr<SeenKeys>> MakeBloomKeys(const BloomShape& shape, BloomAccess access,
                                                const DedupeStateReader* state);

}  // namespace datalake::curate

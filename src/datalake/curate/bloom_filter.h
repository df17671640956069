#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "datalake/base/cpu_features.h"
#include "datalake/base/hash.h"
#include "datalake/base/result.h"
#include "datalake/curate/huge_memory.h"

namespace datalake::curate {

/// Size and bits of a blocked Bloom filter: a key has one block of 64 bytes, and in each of its
/// eight 64-bit lanes `lane_bits` bits (which may coincide). So a look-up costs one cache miss,
/// whatever the number of bits. (Putze, Sanders, Singler, "Cache-, hash- and space-efficient Bloom
/// filters", 2007; the lanes as in Parquet's split-block filter.)
struct BloomShape {
  static constexpr std::uint64_t kBlockBytes = 64;
  static constexpr std::uint64_t kLanes = 8;
  static constexpr std::uint32_t kMaxLaneBits = 4;

  std::uint64_t blocks = 0;
  std::uint32_t lane_bits = 1;

  std::uint64_t bytes() const { return blocks * kBlockBytes; }

  /// Errors: kInvalidArgument.
  Status Validate() const;

  friend bool operator==(const BloomShape&, const BloomShape&) = default;
};

/// Bits a key of a classic Bloom filter of this size: ceil(m / n · ln 2), as the toolkit takes
/// them; 0 for no keys. There it has no upper bound; here it bounds what BestBloomShape tries.
std::uint64_t ClassicBloomBits(std::uint64_t bytes, std::uint64_t keys);

/// Share of absent keys that are taken for present once `keys` random ones are in. The number of
/// keys of a block is Poisson distributed.
double ExpectedBloomError(const BloomShape& shape, std::uint64_t keys);

/// The number of bits that errs least for so many keys. `bytes` is rounded up to whole blocks.
BloomShape BestBloomShape(std::uint64_t bytes, std::uint64_t keys);

/// The smallest size that keeps the error: from 1 MiB by doubling, as the toolkit does, above 1 GiB
/// in steps of 1 GiB. Errors: kInvalidArgument (no keys; a rate outside (0, 1); more than 2^50
/// bytes).
Result<BloomShape> BloomShapeFor(std::uint64_t keys, double error_rate);

/// Whether keys are only looked up.
enum class BloomAccess : std::uint8_t { kInsert, kLookup };

/// A blocked Bloom filter in memory, in huge pages where the system gives them. Deterministic: the
/// same keys make the same bits on every machine. Thread-compatible; look-ups may run at once.
class BloomFilter {
 public:
  /// `shape` must be valid.
  explicit BloomFilter(const BloomShape& shape, CpuLevel level = BestCpuLevel());

  /// For each key in order: verdicts[i] = 1 when it was there (or seems so), else 0, and adds it.
  /// `verdicts` is as long as `keys`. About 40 M keys/s on a filter that no cache holds.
  void Take(std::span<const Hash128> keys, std::span<std::uint8_t> verdicts, BloomAccess access);

  const BloomShape& shape() const { return shape_; }

  std::uint64_t memory_bytes() const { return shape_.bytes(); }

  /// Share of the bits that are set. Reads the whole filter.
  double Fill() const;

  /// The error as it is: the share of absent keys that would be taken for present now, from the
  /// bits that are set in up to 2^18 blocks spread over the filter.
  double MeasuredError() const;

  /// The bits as bytes, for saved state.
  std::span<const std::byte> Bytes() const;
  std::span<std::byte> MutableBytes();

 private:
  BloomShape shape_;
  CpuLevel level_;
  HugeArray<std::uint64_t> words_;
};

}  // namespace datalake::curate

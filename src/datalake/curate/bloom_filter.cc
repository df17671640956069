#include "datalake/curate/bloom_filter.h"

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

namespace datalake::curate {
namespace {

constexpr std::size_t kPrefetchDistance = 24;
constexpr std::uint64_t kFirstBytes = std::uint64_t{1} << 20;
constexpr std::uint64_t kLastDoubling = std::uint64_t{1} << 30;
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 50;
constexpr std::uint32_t kLaneBits = 64;
constexpr std::uint64_t kMeasuredBlocks = std::uint64_t{1} << 18;

// Odd constants with half of their bits set (digits of the golden ratio and of square roots); each
// makes one bit position a lane out of the upper half of a key.
constexpr std::array<std::uint64_t, BloomShape::kMaxLaneBits> kFactors = {
    0x9e3779b97f4a7c15U, 0x6a09e667f3bcc909U, 0xbb67ae8584caa73bU, 0x3c6ef372fe94f82bU};

// 48 bits: six a lane.
std::uint64_t Positions(const Hash128& key, std::uint32_t round) {
  return (key.high * kFactors[round]) >> 16;
}

std::uint64_t BlockOf(const Hash128& key, std::uint64_t blocks) {
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(key.low) * blocks) >> 64);
}

struct PortableKernel {
  static std::uint8_t Take(std::uint64_t* block, const Hash128& key, std::uint32_t rounds,
                           BloomAccess access) {
    std::array<std::uint64_t, BloomShape::kLanes> mask{};
    for (std::uint32_t round = 0; round < rounds; ++round) {
      const std::uint64_t positions = Positions(key, round);
      for (std::size_t lane = 0; lane < mask.size(); ++lane) {
        mask[lane] |= std::uint64_t{1} << ((positions >> (6 * lane)) & 63U);
      }
    }
    std::uint64_t missing = 0;
    for (std::size_t lane = 0; lane < mask.size(); ++lane) {
      missing |= mask[lane] & ~block[lane];
      if (access == BloomAccess::kInsert) {
        block[lane] |= mask[lane];
      }
    }
    return missing == 0 ? 1 : 0;
  }
};

template <typename Kernel>
void TakeAll(std::uint64_t* words, const BloomShape& shape, std::span<const Hash128> keys,
             std::span<std::uint8_t> verdicts, BloomAccess access) {
  for (std::size_t i = 0; i < std::min(kPrefetchDistance, keys.size()); ++i) {
    __builtin_prefetch(words + BlockOf(keys[i], shape.blocks) * BloomShape::kLanes, 1);
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i + kPrefetchDistance < keys.size()) {
      const std::uint64_t ahead = BlockOf(keys[i + kPrefetchDistance], shape.blocks);
      __builtin_prefetch(words + ahead * BloomShape::kLanes, 1);
    }
    std::uint64_t* block = words + BlockOf(keys[i], shape.blocks) * BloomShape::kLanes;
    verdicts[i] = Kernel::Take(block, keys[i], shape.lane_bits, access);
  }
}

// The whole library is built for AVX2 (x86-64-v3).
struct Avx2Kernel {
  static std::uint8_t Take(std::uint64_t* block, const Hash128& key, std::uint32_t rounds,
                           BloomAccess access) {
    const __m256i one = _mm256_set1_epi64x(1);
    const __m256i six_bits = _mm256_set1_epi64x(63);
    const __m256i low_shifts = _mm256_setr_epi64x(0, 6, 12, 18);
    const __m256i high_shifts = _mm256_setr_epi64x(24, 30, 36, 42);
    __m256i low = _mm256_setzero_si256();
    __m256i high = low;
    for (std::uint32_t round = 0; round < rounds; ++round) {
      const auto positions = _mm256_set1_epi64x(static_cast<std::int64_t>(Positions(key, round)));
      const __m256i at_low = _mm256_and_si256(_mm256_srlv_epi64(positions, low_shifts), six_bits);
      const __m256i at_high = _mm256_and_si256(_mm256_srlv_epi64(positions, high_shifts), six_bits);
      low = _mm256_or_si256(low, _mm256_sllv_epi64(one, at_low));
      high = _mm256_or_si256(high, _mm256_sllv_epi64(one, at_high));
    }
    auto* lanes = reinterpret_cast<__m256i*>(block);
    const __m256i old_low = _mm256_load_si256(lanes);
    const __m256i old_high = _mm256_load_si256(lanes + 1);
    if (access == BloomAccess::kInsert) {
      _mm256_store_si256(lanes, _mm256_or_si256(old_low, low));
      _mm256_store_si256(lanes + 1, _mm256_or_si256(old_high, high));
    }
    const bool has_all =
        _mm256_testc_si256(old_low, low) != 0 && _mm256_testc_si256(old_high, high) != 0;
    return has_all ? 1 : 0;
  }
};

// GCC 12 takes the deliberately undefined operands of its own intrinsics for mistakes.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

DATALAKE_AVX512 void TakeAllAvx512(std::uint64_t* words, const BloomShape& shape,
                                   std::span<const Hash128> keys, std::span<std::uint8_t> verdicts,
                                   BloomAccess access) {
  const __m512i one = _mm512_set1_epi64(1);
  const __m512i six_bits = _mm512_set1_epi64(63);
  const __m512i shifts = _mm512_setr_epi64(0, 6, 12, 18, 24, 30, 36, 42);
  for (std::size_t i = 0; i < std::min(kPrefetchDistance, keys.size()); ++i) {
    __builtin_prefetch(words + BlockOf(keys[i], shape.blocks) * BloomShape::kLanes, 1);
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i + kPrefetchDistance < keys.size()) {
      const std::uint64_t ahead = BlockOf(keys[i + kPrefetchDistance], shape.blocks);
      __builtin_prefetch(words + ahead * BloomShape::kLanes, 1);
    }
    __m512i mask = _mm512_setzero_si512();
    for (std::uint32_t round = 0; round < shape.lane_bits; ++round) {
      const __m512i positions =
          _mm512_set1_epi64(static_cast<std::int64_t>(Positions(keys[i], round)));
      const __m512i at = _mm512_and_si512(_mm512_srlv_epi64(positions, shifts), six_bits);
      mask = _mm512_or_si512(mask, _mm512_sllv_epi64(one, at));
    }
    std::uint64_t* block = words + BlockOf(keys[i], shape.blocks) * BloomShape::kLanes;
    const __m512i old = _mm512_load_si512(block);
    const __m512i missing = _mm512_andnot_si512(old, mask);
    if (access == BloomAccess::kInsert) {
      _mm512_store_si512(block, _mm512_or_si512(old, mask));
    }
    verdicts[i] = _mm512_test_epi64_mask(missing, missing) == 0 ? 1 : 0;
  }
}

#pragma GCC diagnostic pop

}  // namespace

Status BloomShape::Validate() const {
  if (blocks == 0 || blocks > kMaxBytes / kBlockBytes || lane_bits == 0 ||
      lane_bits > kMaxLaneBits) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("no such Bloom filter: {} blocks, {} bits a lane", blocks, lane_bits)};
  }
  return {};
}

std::uint64_t ClassicBloomBits(std::uint64_t bytes, std::uint64_t keys) {
  if (keys == 0) {
    return 0;
  }
  const double bits = static_cast<double>(bytes) * 8 / static_cast<double>(keys);
  return static_cast<std::uint64_t>(std::ceil(bits * std::numbers::ln2));
}

double ExpectedBloomError(const BloomShape& shape, std::uint64_t keys) {
  const double mean = static_cast<double>(keys) / static_cast<double>(shape.blocks);
  const double bits = static_cast<double>(shape.lane_bits);
  const auto error_with = [&](double count) {
    const double set = 1 - std::pow(1 - 1.0 / kLaneBits, count * bits);
    return std::pow(set, bits * static_cast<double>(BloomShape::kLanes));
  };
  constexpr double kAlike = 1e6;  // so full that every block is like the mean one
  if (mean == 0 || mean > kAlike) {
    return error_with(mean);
  }
  // Poisson weights around their mean; what lies 12 deviations off does not count.
  const double spread = 12 * std::sqrt(mean) + 12;
  double error = 0;
  for (double count = std::max(0.0, std::floor(mean - spread)); count <= mean + spread; ++count) {
    const double weight = std::exp(count * std::log(mean) - mean - std::lgamma(count + 1));
    error += weight * error_with(count);
  }
  return std::min(error, 1.0);
}

BloomShape BestBloomShape(std::uint64_t bytes, std::uint64_t keys) {
  BloomShape best{
      .blocks = std::max<std::uint64_t>(
          1, bytes / BloomShape::kBlockBytes + (bytes % BloomShape::kBlockBytes == 0 ? 0 : 1))};
  if (keys == 0) {
    return best;
  }
  const std::uint64_t classic = ClassicBloomBits(bytes, keys);
  double least = ExpectedBloomError(best, keys);
  for (std::uint32_t bits = 2;
       bits <= BloomShape::kMaxLaneBits && (bits - 1) * BloomShape::kLanes < classic; ++bits) {
    const BloomShape shape{.blocks = best.blocks, .lane_bits = bits};
    if (const double error = ExpectedBloomError(shape, keys); error < least) {
      least = error;
      best = shape;
    }
  }
  return best;
}

Result<BloomShape> BloomShapeFor(std::uint64_t keys, double error_rate) {
  if (keys == 0 || !(error_rate > 0 && error_rate < 1)) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("a Bloom filter needs its size, or the number of keys and an error "
                             "rate between 0 and 1: {} keys, {}",
                             keys, error_rate)};
  }
  for (std::uint64_t bytes = kFirstBytes; bytes <= kMaxBytes;
       bytes = bytes < kLastDoubling ? bytes * 2 : bytes + std::max(kLastDoubling, bytes / 64)) {
    const BloomShape shape = BestBloomShape(bytes, keys);
    if (ExpectedBloomError(shape, keys) <= error_rate) {
      return shape;
    }
  }
  return Error{
      ErrorCode::kInvalidArgument,
      fmt::format("no Bloom filter is large enough: {} keys, error rate {}", keys, error_rate)};
}

BloomFilter::BloomFilter(const BloomShape& shape, CpuLevel level)
    : shape_(shape), level_(level), words_(shape.blocks * BloomShape::kLanes) {}

void BloomFilter::Take(std::span<const Hash128> keys, std::span<std::uint8_t> verdicts,
                       BloomAccess access) {
  switch (level_) {
    case CpuLevel::kPortable:
      return TakeAll<PortableKernel>(words_.data(), shape_, keys, verdicts, access);
    case CpuLevel::kAvx2:
      return TakeAll<Avx2Kernel>(words_.data(), shape_, keys, verdicts, access);
    case CpuLevel::kAvx512:
      return TakeAllAvx512(words_.data(), shape_, keys, verdicts, access);
  }
}

double BloomFilter::Fill() const {
  std::uint64_t set = 0;
  for (const std::uint64_t word : words_) {
    set += static_cast<std::uint64_t>(std::popcount(word));
  }
  return static_cast<double>(set) / (static_cast<double>(words_.size()) * kLaneBits);
}

double BloomFilter::MeasuredError() const {
  double sum = 0;
  const std::uint64_t step = shape_.blocks / kMeasuredBlocks + 1;
  std::uint64_t measured = 0;
  for (std::uint64_t block = 0; block < shape_.blocks; block += step, ++measured) {
    const std::size_t at = block * BloomShape::kLanes;
    double all = 1;
    for (std::size_t lane = 0; lane < BloomShape::kLanes; ++lane) {
      const double share = static_cast<double>(std::popcount(words_[at + lane])) / kLaneBits;
      for (std::uint32_t bit = 0; bit < shape_.lane_bits; ++bit) {
        all *= share;
      }
    }
    sum += all;
  }
  return sum / static_cast<double>(measured);
}

std::span<const std::byte> BloomFilter::Bytes() const {
  return std::as_bytes(std::span(words_.data(), words_.size()));
}

std::span<std::byte> BloomFilter::MutableBytes() {
  return std::as_writable_bytes(std::span(words_.data(), words_.size()));
}

}  // namespace datalake::curate

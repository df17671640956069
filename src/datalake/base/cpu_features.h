#pragma once

#include <cstdint>
#include <span>

// Code of one function for the vector instructions of kAvx512. The rest of the library is built for
// x86-64-v3, so inline functions of it may be called from there. Lambdas inside do not inherit it.
#if defined(__x86_64__)
#define DATALAKE_AVX512 \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2")))
#endif

namespace datalake {

/// What a kernel may be written for, each with all of those before it. A kernel that has one form a
/// level takes the level as an argument, BestCpuLevel() by default, and gives the same result for
/// all of them; one that lacks a form for a level takes that of the level below.
enum class CpuLevel : std::uint8_t {
  kPortable,  ///< plain C++
  kAvx2,      ///< x86-64-v3: what the library is built for on x86
  kAvx512,    ///< F, BW, DQ, VL, VBMI and VBMI2: Ice Lake, Zen 4 and later
};

/// The highest one of this processor, asked of it at run time. A few instructions. Thread-safe.
CpuLevel BestCpuLevel();

/// All of this processor, lowest first, for tests that force each of them. Thread-safe.
std::span<const CpuLevel> CpuLevels();

/// "portable", "AVX2", "AVX-512".
const char* CpuLevelName(CpuLevel level);

}  // namespace datalake

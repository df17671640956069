#include "datalake/base/cpu_features.h"

#include <array>
#include <cstddef>

namespace datalake {
namespace {

constexpr std::array<CpuLevel, 3> kLevels = {CpuLevel::kPortable, CpuLevel::kAvx2,
                                             CpuLevel::kAvx512};

}  // namespace

CpuLevel BestCpuLevel() {
#if defined(__AVX2__)
  const bool has_avx512 =
      __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
      __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
      __builtin_cpu_supports("avx512vbmi") != 0 && __builtin_cpu_supports("avx512vbmi2") != 0;
  return has_avx512 ? CpuLevel::kAvx512 : CpuLevel::kAvx2;
#else
  return CpuLevel::kPortable;
#endif
}

std::span<const CpuLevel> CpuLevels() {
  return std::span(kLevels).first(static_cast<std::size_t>(BestCpuLevel()) + 1);
}

const char* CpuLevelName(CpuLevel level) {
  switch (level) {
    case CpuLevel::kPortable:
      return "portable";
    case CpuLevel::kAvx2:
      return "AVX2";
    case CpuLevel::kAvx512:
      return "AVX-512";
  }
  return "";
}

}  // namespace datalake

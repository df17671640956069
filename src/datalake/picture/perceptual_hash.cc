#include "datalake/picture/perceptual_hash.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "datalake/picture/resize.h"

namespace datalake::picture {
namespace {

constexpr int kSide = 32;
constexpr int kLow = 8;  // frequencies that count, each way

using Cosines = std::array<std::array<double, kSide>, kLow>;

Cosines MakeCosines() {
  Cosines cosines{};
  for (int k = 0; k < kLow; ++k) {
    for (int n = 0; n < kSide; ++n) {
      cosines[k][n] = 2.0 * std::cos(std::numbers::pi * k * (2 * n + 1) / (2.0 * kSide));
    }
  }
  return cosines;
}

}  // namespace

std::uint64_t PerceptualHash(const Pixels& pixels) {
  // Weights of the rows of the DCT-II, of the lowest frequencies alone.
  static const Cosines kCosines = MakeCosines();
  const Pixels grey = Resize(Grey(pixels), kSide, kSide);
  std::array<std::array<double, kSide>, kLow> columns{};  // transformed down
  for (int k = 0; k < kLow; ++k) {
    for (int y = 0; y < kSide; ++y) {
      for (int x = 0; x < kSide; ++x) {
        columns[k][x] += kCosines[k][y] * grey.bytes[static_cast<std::size_t>(y * kSide + x)];
      }
    }
  }
  std::array<double, kLow * kLow> low{};
  for (int k = 0; k < kLow; ++k) {
    for (int j = 0; j < kLow; ++j) {
      for (int x = 0; x < kSide; ++x) {
        low[k * kLow + j] += kCosines[j][x] * columns[k][x];
      }
    }
  }
  // Noise of the sums around zero must not be a bit: a plain picture has all but one at zero.
  for (double& value : low) {
    value = std::abs(value) < 1e-6 ? 0.0 : value;
  }
  std::array<double, kLow * kLow> sorted = low;
  std::sort(sorted.begin(), sorted.end());
  const double median = (sorted[kLow * kLow / 2 - 1] + sorted[kLow * kLow / 2]) / 2;
  std::uint64_t hash = 0;
  for (const double value : low) {
    hash = hash << 1 | (value > median ? 1U : 0U);
  }
  return hash;
}

}  // namespace datalake::picture

#include "datalake/picture/thumbnail.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "datalake/picture/resize.h"

namespace datalake::picture {
namespace {

constexpr int kQuality = 85;

// The length of a side when the longer one of the picture becomes `side`.
std::int32_t Scaled(std::int32_t length, std::int32_t longer, std::int32_t side) {
  const double exact = static_cast<double>(length) * side / longer;
  return std::max(1, static_cast<std::int32_t>(std::lround(exact)));
}

}  // namespace

Result<std::vector<std::uint8_t>> MakeThumbnail(Pixels pixels, std::int32_t orientation,
                                                std::int32_t side) {
  pixels = OverWhite(std::move(pixels));
  const std::int32_t longer = std::max(pixels.width, pixels.height);
  if (longer > side) {
    const std::int32_t width = Scaled(pixels.width, longer, side);
    const std::int32_t height = Scaled(pixels.height, longer, side);
    pixels = Resize(pixels, width, height);
  }
  return EncodeJpeg(Upright(std::move(pixels), orientation), kQuality);
}

}  // namespace datalake::picture

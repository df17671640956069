// Decoding of pictures: whatever the bytes, pixels of the size that is told, within the limits, and
// a thumbnail of them within its own.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <utility>

#include "datalake/picture/perceptual_hash.h"
#include "datalake/picture/picture.h"
#include "datalake/picture/thumbnail.h"

namespace datalake::fuzz {
namespace {

constexpr std::int32_t kSide = 16;
constexpr std::int64_t kMostTried = 1 << 20;  // pixels: larger ones only cost time here

void Require(bool holds, const char* property) {
  if (!holds) {
    std::fprintf(stderr, "does not hold: %s\n", property);
    std::abort();
  }
}

}  // namespace
}  // namespace datalake::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using datalake::fuzz::Require;
  namespace picture = datalake::picture;
  auto pixels = picture::Decode(std::as_bytes(std::span(data, size)));
  if (!pixels) {
    return 0;
  }
  const std::int64_t count = std::int64_t{pixels->width} * pixels->height;
  Require(pixels->width > 0 && pixels->height > 0, "sizes are positive");
  Require(count <= static_cast<std::int64_t>(picture::kMostPixels), "not too many pixels");
  Require(pixels->bytes.size() == static_cast<std::size_t>(count * pixels->channels),
          "all pixels are there");
  if (count > datalake::fuzz::kMostTried) {
    return 0;
  }
  (void)picture::PerceptualHash(*pixels);
  const auto jpeg = picture::MakeThumbnail(*std::move(pixels), 6, datalake::fuzz::kSide);
  Require(jpeg.has_value(), "a thumbnail is made");
  const auto small = picture::Decode(std::as_bytes(std::span(*jpeg)));
  Require(small && std::max(small->width, small->height) <= datalake::fuzz::kSide,
          "a thumbnail is a small picture");
  return 0;
}

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "datalake/base/result.h"

namespace datalake::picture {

/// The largest picture that is decoded, in pixels: 200 MB as RGB. Larger ones are refused by their
/// headers, before memory is taken.
inline constexpr std::uint64_t kMostPixels = std::uint64_t{1} << 26;
inline constexpr std::int64_t kLongestSide = 65'535;

/// Pixels of a picture, row by row, 8 bits a channel.
struct Pixels {
  std::int32_t width = 0;
  std::int32_t height = 0;
  std::int32_t channels = 0;  ///< 3: RGB; 4: RGB and alpha; 1: grey
  std::vector<std::uint8_t> bytes;

  std::int64_t row_bytes() const { return std::int64_t{width} * channels; }
};

/// True for formats that Decode knows, by their signature: JPEG, PNG and WebP. Pure.
bool CanDecode(std::span<const std::byte> bytes);

/// Decodes a JPEG, PNG (of an animation its first picture) or WebP (not an animation) to RGB or
/// RGBA, as it is stored: EXIF orientation is not applied. Memory: the pixels and what the decoder
/// needs beside them. Thread-safe. Errors: kUnsupported (another format, an animated WebP),
/// kResourceExhausted (more than kMostPixels; no memory), kCorruption (cut off or broken).
Result<Pixels> Decode(std::span<const std::byte> bytes);

/// `pixels` turned as EXIF orientation 1 to 8 says they are shown; others leave them. Pure.
Pixels Upright(Pixels pixels, std::int32_t orientation);

/// A JPEG of RGB pixels, 4:2:0, `quality` 1 to 100. Thread-safe. Errors: kInternal.
Result<std::vector<std::uint8_t>> EncodeJpeg(const Pixels& pixels, int quality);

}  // namespace datalake::picture

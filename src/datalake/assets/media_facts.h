#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "datalake/base/result.h"
#include "datalake/io/stream.h"

namespace datalake::assets {

/// What the first bytes of a file say about it, without decoding it.
struct MediaFacts {
  std::string media_type = "application/octet-stream";
  std::string extension = "bin";      ///< without a dot; a function of the bytes alone
  std::optional<std::int32_t> width;  ///< pixels as displayed (EXIF orientation applied)
  std::optional<std::int32_t> height;
  /// How a picture is turned for display, 1 to 8 as in EXIF 2.32 §4.6.4; absent: not said.
  std::optional<std::int32_t> orientation = std::nullopt;
  /// Pictures in the file (of an animation, a multi-page TIFF); absent: no picture, or too many to
  /// count from headers.
  std::optional<std::int32_t> frames = std::nullopt;
  std::string problem;  ///< why a recognised file looks broken, such as "png ends without IEND"
};

/// Tells png, jpg, gif, webp, bmp, tiff, avif, heic, pdf, mp3, wav, flac, ogg and mp4 by their
/// signatures, with size, orientation and frames of the pictures. Reads headers only, a bounded
/// number of bytes, and decodes nothing; safe on hostile input. A broken file is no error. Errors:
/// kIo of `file`.
Result<MediaFacts> ReadMediaFacts(const io::RandomAccessFile& file);

/// The same of bytes in memory, which are the whole file.
MediaFacts ReadMediaFacts(std::span<const std::byte> bytes);

}  // namespace datalake::assets

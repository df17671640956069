#pragma once

#include <cstdint>
#include <vector>

#include "datalake/picture/picture.h"

namespace datalake::picture {

inline constexpr std::int32_t kLeastThumbnail = 8;
inline constexpr std::int32_t kMostThumbnail = 2048;

/// A JPEG (quality 85) of the whole picture, upright by its EXIF `orientation`, over white where it
/// is transparent, its longer side at most `side` pixels; smaller pictures keep their size.
/// Thread-safe. Errors: kInternal.
Result<std::vector<std::uint8_t>> MakeThumbnail(Pixels pixels, std::int32_t orientation,
                                                std::int32_t side);

}  // namespace datalake::picture

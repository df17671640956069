#pragma once

#include <cstdint>

#include "datalake/picture/picture.h"

namespace datalake::picture {

/// `pixels` at another size by Lanczos of three lobes, horizontally, then vertically, with weights
/// of 22 bits and 8 bits between the two passes: bit for bit as Pillow's `resize(…, LANCZOS)`
/// (src/libImaging/Resample.c), so that hashes agree with those of Python. Every channel alike.
/// `width` and `height` are positive. Pure. Cost: some ten operations a source pixel and channel.
Pixels Resize(const Pixels& pixels, std::int32_t width, std::int32_t height);

/// RGB and RGBA to grey as Pillow's `convert("L")`: (19595 R + 38470 G + 7471 B + 32768) >> 16
/// (ITU-R BT.601); alpha does not count. Pure.
Pixels Grey(const Pixels& pixels);

/// RGBA over white; RGB as it is. Pure.
Pixels OverWhite(Pixels pixels);

}  // namespace datalake::picture

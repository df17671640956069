#pragma once

#include <cstdint>

#include "datalake/picture/picture.h"

namespace datalake::picture {

/// pHash by DCT (C. Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions,
/// 2010, §3.2.1), with the choices of Python's `imagehash.phash`, so that values compare with
/// theirs: grey, 32 x 32, two-dimensional DCT-II, the 8 x 8 lowest frequencies, a bit each for
/// those above their median, row by row from the highest bit. Alike pictures differ in few bits
/// (Hamming distance up to some 10 of 64). Orientation is not applied. Pure.
std::uint64_t PerceptualHash(const Pixels& pixels);

}  // namespace datalake::picture

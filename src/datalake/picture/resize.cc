#include "datalake/picture/resize.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace datalake::picture {
namespace {

constexpr double kLobes = 3.0;
constexpr int kPrecisionBits = 32 - 8 - 2;

double Sinc(double x) {
  if (x == 0.0) {
    return 1.0;
  }
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double Lanczos(double x) {
  return x >= -kLobes && x < kLobes ? Sinc(x) * Sinc(x / kLobes) : 0.0;
}

// What one target pixel is made of: source pixels from `first` on, and their weights.
struct Taps {
  std::int32_t first = 0;
  std::vector<std::int32_t> weights;
};

std::vector<Taps> MakeTaps(std::int32_t from, std::int32_t to) {
  const double scale = static_cast<double>(from) / to;
  const double filter_scale = std::max(scale, 1.0);
  const double support = kLobes * filter_scale;
  std::vector<Taps> all(static_cast<std::size_t>(to));
  for (std::int32_t i = 0; i < to; ++i) {
    const double center = (i + 0.5) * scale;
    const std::int32_t first = std::max(0, static_cast<std::int32_t>(center - support + 0.5));
    const std::int32_t end = std::min(from, static_cast<std::int32_t>(center + support + 0.5));
    std::vector<double> exact;
    double sum = 0.0;
    for (std::int32_t x = first; x < end; ++x) {
      exact.push_back(Lanczos((x - center + 0.5) * (1.0 / filter_scale)));
      sum += exact.back();
    }
    Taps& taps = all[static_cast<std::size_t>(i)];
    taps.first = first;
    for (double weight : exact) {
      weight = (sum != 0.0 ? weight / sum : weight) * (1 << kPrecisionBits);
      taps.weights.push_back(static_cast<std::int32_t>(weight < 0 ? weight - 0.5 : weight + 0.5));
    }
  }
  return all;
}

// One target sample: `step` is the distance of source samples.
std::uint8_t Sample(const std::uint8_t* from, std::int64_t step, const Taps& taps) {
  std::int32_t sum = 1 << (kPrecisionBits - 1);
  for (const std::int32_t weight : taps.weights) {
    sum += *from * weight;
    from += step;
  }
  return static_cast<std::uint8_t>(std::clamp(sum >> kPrecisionBits, 0, 255));
}

Pixels Blank(std::int32_t width, std::int32_t height, std::int32_t channels) {
  return {.width = width,
          .height = height,
          .channels = channels,
          .bytes = std::vector<std::uint8_t>(static_cast<std::size_t>(width) *
                                             static_cast<std::size_t>(height) *
                                             static_cast<std::size_t>(channels))};
}

Pixels ResizeWidth(const Pixels& pixels, std::int32_t width) {
  const std::vector<Taps> taps = MakeTaps(pixels.width, width);
  Pixels resized = Blank(width, pixels.height, pixels.channels);
  std::uint8_t* to = resized.bytes.data();
  for (std::int32_t y = 0; y < pixels.height; ++y) {
    const std::uint8_t* row = pixels.bytes.data() + y * pixels.row_bytes();
    for (const Taps& one : taps) {
      for (std::int32_t channel = 0; channel < pixels.channels; ++channel) {
        *to++ =
            Sample(row + std::int64_t{one.first} * pixels.channels + channel, pixels.channels, one);
      }
    }
  }
  return resized;
}

Pixels ResizeHeight(const Pixels& pixels, std::int32_t height) {
  const std::vector<Taps> taps = MakeTaps(pixels.height, height);
  Pixels resized = Blank(pixels.width, height, pixels.channels);
  std::uint8_t* to = resized.bytes.data();
  for (const Taps& one : taps) {
    const std::uint8_t* column = pixels.bytes.data() + one.first * pixels.row_bytes();
    for (std::int64_t x = 0; x < pixels.row_bytes(); ++x) {
      *to++ = Sample(column + x, pixels.row_bytes(), one);
    }
  }
  return resized;
}

}  // namespace

Pixels Resize(const Pixels& pixels, std::int32_t width, std::int32_t height) {
  Pixels resized = pixels.width == width ? pixels : ResizeWidth(pixels, width);
  return resized.height == height ? std::move(resized) : ResizeHeight(resized, height);
}

Pixels Grey(const Pixels& pixels) {
  if (pixels.channels == 1) {
    return pixels;
  }
  Pixels grey = Blank(pixels.width, pixels.height, 1);
  const std::uint8_t* from = pixels.bytes.data();
  for (std::uint8_t& to : grey.bytes) {
    to = static_cast<std::uint8_t>(
        (from[0] * 19595U + from[1] * 38470U + from[2] * 7471U + 32768U) >> 16U);
    from += pixels.channels;
  }
  return grey;
}

Pixels OverWhite(Pixels pixels) {
  if (pixels.channels != 4) {
    return pixels;
  }
  Pixels opaque = Blank(pixels.width, pixels.height, 3);
  const std::uint8_t* from = pixels.bytes.data();
  for (std::size_t to = 0; to < opaque.bytes.size(); to += 3, from += 4) {
    for (std::size_t channel = 0; channel < 3; ++channel) {
      const std::uint32_t sum = from[channel] * std::uint32_t{from[3]} + 255U * (255U - from[3]);
      opaque.bytes[to + channel] = static_cast<std::uint8_t>((sum + 127U) / 255U);
    }
  }
  return opaque;
}

}  // namespace datalake::picture

// JPEG by libjpeg-turbo's TurboJPEG interface, PNG by libpng's simplified one, WebP by libwebp: all
// report errors by values, and all tell sizes before they decode.
#include "datalake/picture/picture.h"

#include <png.h>
#include <turbojpeg.h>
#include <webp/decode.h>

#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace datalake::picture {
namespace {

using std::string_view_literals::operator""sv;

enum class Format : std::uint8_t { kOther, kJpeg, kPng, kWebp };

Format FormatOf(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("\xff\xd8\xff"sv)) {
    return Format::kJpeg;
  }
  if (text.starts_with("\x89PNG\r\n\x1a\n"sv)) {
    return Format::kPng;
  }
  return text.starts_with("RIFF"sv) && text.substr(0, 12).ends_with("WEBP"sv) ? Format::kWebp
                                                                              : Format::kOther;
}

const unsigned char* Data(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

Error Broken(std::string_view format, std::string_view what) {
  return {ErrorCode::kCorruption, fmt::format("{} cannot be decoded: {}", format, what)};
}

// Takes memory for the pixels, when they are not too many.
Result<Pixels> MakePixels(std::int64_t width, std::int64_t height, std::int32_t channels) {
  if (width <= 0 || height <= 0) {
    return Broken("picture", "header has no valid size");
  }
  if (width > kLongestSide || height > kLongestSide ||
      static_cast<std::uint64_t>(height) > kMostPixels / static_cast<std::uint64_t>(width)) {
    return Error{ErrorCode::kResourceExhausted,
                 fmt::format("picture has more than {} pixels, or {} a side: {} x {}", kMostPixels,
                             kLongestSide, width, height)};
  }
  Pixels pixels{.width = static_cast<std::int32_t>(width),
                .height = static_cast<std::int32_t>(height),
                .channels = channels,
                .bytes = {}};
  try {
    pixels.bytes.resize(static_cast<std::size_t>(width * height * channels));
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kResourceExhausted,
                 fmt::format("no memory for a picture: {} x {}", width, height)};
  }
  return pixels;
}

struct CloseTurboJpeg {
  void operator()(void* handle) const { tjDestroy(handle); }
};

Result<Pixels> DecodeJpeg(std::span<const std::byte> bytes) {
  const std::unique_ptr<void, CloseTurboJpeg> jpeg(tjInitDecompress());
  if (jpeg == nullptr) {
    return Error{ErrorCode::kResourceExhausted, "no memory for a JPEG decoder"};
  }
  int width = 0;
  int height = 0;
  int subsampling = 0;
  int colors = 0;
  if (tjDecompressHeader3(jpeg.get(), Data(bytes), bytes.size(), &width, &height, &subsampling,
                          &colors) != 0) {
    return Broken("jpeg", tjGetErrorStr2(jpeg.get()));
  }
  if (colors == TJCS_CMYK || colors == TJCS_YCCK) {
    return Error{ErrorCode::kUnsupported, "no decoder for JPEG in CMYK"};
  }
  DATALAKE_TRY_ASSIGN(Pixels pixels, MakePixels(width, height, 3));
  // A limit of scans: a progressive file of a few KB can ask for minutes of work.
  const int failed =
      tjDecompress2(jpeg.get(), Data(bytes), bytes.size(), pixels.bytes.data(), width, 0, height,
                    TJPF_RGB, TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS | TJFLAG_STOPONWARNING);
  return failed != 0 ? Result<Pixels>(Broken("jpeg", tjGetErrorStr2(jpeg.get())))
                     : std::move(pixels);
}

Result<Pixels> DecodePng(std::span<const std::byte> bytes) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;

  struct Free {
    png_image* image;

    ~Free() { png_image_free(image); }
  } const free{&image};

  if (png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) == 0) {
    return Broken("png", image.message);
  }
  const bool has_alpha = (image.format & PNG_FORMAT_FLAG_ALPHA) != 0;
  image.format = has_alpha ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB;
  DATALAKE_TRY_ASSIGN(Pixels pixels, MakePixels(image.width, image.height, has_alpha ? 4 : 3));
  if (png_image_finish_read(&image, nullptr, pixels.bytes.data(), 0, nullptr) == 0) {
    return Broken("png", image.message);
  }
  return pixels;
}

Result<Pixels> DecodeWebp(std::span<const std::byte> bytes) {
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(Data(bytes), bytes.size(), &features) != VP8_STATUS_OK) {
    return Broken("webp", "no picture header");
  }
  if (features.has_animation != 0) {
    return Error{ErrorCode::kUnsupported, "no decoder for animated WebP"};
  }
  const bool has_alpha = features.has_alpha != 0;
  DATALAKE_TRY_ASSIGN(Pixels pixels,
                      MakePixels(features.width, features.height, has_alpha ? 4 : 3));
  const auto decode = has_alpha ? &WebPDecodeRGBAInto : &WebPDecodeRGBInto;
  if (decode(Data(bytes), bytes.size(), pixels.bytes.data(), pixels.bytes.size(),
             static_cast<int>(pixels.row_bytes())) == nullptr) {
    return Broken("webp", "cut off or broken");
  }
  return pixels;
}

}  // namespace

bool CanDecode(std::span<const std::byte> bytes) {
  return FormatOf(bytes) != Format::kOther;
}

Result<Pixels> Decode(std::span<const std::byte> bytes) {
  switch (FormatOf(bytes)) {
    case Format::kJpeg:
      return DecodeJpeg(bytes);
    case Format::kPng:
      return DecodePng(bytes);
    case Format::kWebp:
      return DecodeWebp(bytes);
    case Format::kOther:
      break;
  }
  return Error{ErrorCode::kUnsupported, "no decoder for this format of pictures"};
}

Pixels Upright(Pixels pixels, std::int32_t orientation) {
  if (orientation < 2 || orientation > 8) {
    return pixels;
  }
  const bool is_turned = orientation >= 5;
  Pixels turned{.width = is_turned ? pixels.height : pixels.width,
                .height = is_turned ? pixels.width : pixels.height,
                .channels = pixels.channels,
                .bytes = std::vector<std::uint8_t>(pixels.bytes.size())};
  // Where the stored row 0 and column 0 are shown (EXIF 2.32 §4.6.4): 5 to 8 exchange the two.
  const bool flips_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool flips_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  for (std::int32_t y = 0; y < turned.height; ++y) {
    for (std::int32_t x = 0; x < turned.width; ++x) {
      const std::int32_t along = is_turned ? y : x;
      const std::int32_t down = is_turned ? x : y;
      const std::int32_t from_x = flips_x ? pixels.width - 1 - along : along;
      const std::int32_t from_y = flips_y ? pixels.height - 1 - down : down;
      const std::uint8_t* from = pixels.bytes.data() + from_y * pixels.row_bytes() +
                                 std::int64_t{from_x} * pixels.channels;
      std::uint8_t* to =
          turned.bytes.data() + y * turned.row_bytes() + std::int64_t{x} * turned.channels;
      std::copy(from, from + pixels.channels, to);
    }
  }
  return turned;
}

Result<std::vector<std::uint8_t>> EncodeJpeg(const Pixels& pixels, int quality) {
  const std::unique_ptr<void, CloseTurboJpeg> jpeg(tjInitCompress());
  unsigned char* made = nullptr;
  unsigned long size = 0;  // NOLINT: the library's type
  const bool failed =
      jpeg == nullptr || pixels.channels != 3 ||
      tjCompress2(jpeg.get(), pixels.bytes.data(), pixels.width, 0, pixels.height, TJPF_RGB, &made,
                  &size, TJSAMP_420, quality, TJFLAG_ACCURATEDCT) != 0;
  std::vector<std::uint8_t> bytes;
  if (!failed) {
    bytes.assign(made, made + size);
  }
  tjFree(made);
  return failed ? Result<std::vector<std::uint8_t>>(
                      Error{ErrorCode::kInternal, "cannot encode a thumbnail as JPEG"})
                : std::move(bytes);
}

}  // namespace datalake::picture

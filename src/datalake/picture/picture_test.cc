#include "datalake/picture/picture.h"

#include <array>
#include <bit>
#include <cmath>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/picture/perceptual_hash.h"
#include "datalake/picture/resize.h"
#include "datalake/picture/thumbnail.h"
#include "datalake/testing/matchers.h"

namespace datalake::picture {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::Each;
using ::testing::ElementsAre;

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// A scene without edges at the sides, of any size.
Pixels Scene(std::int32_t width, std::int32_t height, double phase = 1.0) {
  Pixels pixels{.width = width, .height = height, .channels = 3, .bytes = {}};
  for (std::int32_t y = 0; y < height; ++y) {
    for (std::int32_t x = 0; x < width; ++x) {
      const double u = static_cast<double>(x) / width;
      const double v = static_cast<double>(y) / height;
      const double wave = std::sin(7 * u + phase) * std::cos(5 * v * phase) + std::sin(13 * u * v);
      for (const double part : {1.0, 0.7, 0.4}) {
        pixels.bytes.push_back(static_cast<std::uint8_t>(127 + 60 * part * wave));
      }
    }
  }
  return pixels;
}

int Distance(std::uint64_t a, std::uint64_t b) {
  return std::popcount(a ^ b);
}

TEST(PictureTest, DecodesWhatItEncodes) {
  const Pixels scene = Scene(40, 30);
  const auto jpeg = EncodeJpeg(scene, 95);
  ASSERT_THAT(jpeg, IsOk());
  const auto again = Decode(std::as_bytes(std::span(*jpeg)));
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->width, 40);
  EXPECT_EQ(again->height, 30);
  ASSERT_EQ(again->bytes.size(), scene.bytes.size());
  int furthest = 0;
  for (std::size_t i = 0; i < scene.bytes.size(); ++i) {
    furthest = std::max(furthest, std::abs(int{scene.bytes[i]} - int{again->bytes[i]}));
  }
  EXPECT_LT(furthest, 24);
}

TEST(PictureTest, RefusesOtherFormatsAndBrokenOnes) {
  EXPECT_THAT(Decode(Bytes("GIF89a")), IsError(ErrorCode::kUnsupported, "no decoder"));
  EXPECT_THAT(Decode({}), IsError(ErrorCode::kUnsupported, "no decoder"));
  EXPECT_THAT(Decode(Bytes("\xff\xd8\xff\xe0 and no more")),
              IsError(ErrorCode::kCorruption, "cannot be decoded"));
  EXPECT_THAT(Decode(Bytes("\x89PNG\r\n\x1a\nIHDR")),
              IsError(ErrorCode::kCorruption, "png cannot be decoded"));
  EXPECT_THAT(Decode(Bytes("RIFF\x10\x01\x01\x01WEBPVP8 ")),
              IsError(ErrorCode::kCorruption, "webp cannot be decoded"));
  auto jpeg = *EncodeJpeg(Scene(64, 64), 90);
  jpeg.resize(jpeg.size() / 2);
  EXPECT_THAT(Decode(std::as_bytes(std::span(jpeg))),
              IsError(ErrorCode::kCorruption, "jpeg cannot be decoded"));
}

TEST(PictureTest, RefusesPicturesOfABillionPixelsByTheirHeader) {
  // A JPEG's frame header has height and width in two bytes each, five behind its marker.
  auto jpeg = *EncodeJpeg(Scene(16, 16), 90);
  for (std::size_t i = 0; i + 9 < jpeg.size(); ++i) {
    if (jpeg[i] == 0xff && jpeg[i + 1] == 0xc0) {
      jpeg[i + 5] = jpeg[i + 7] = 0x7d;
      jpeg[i + 6] = jpeg[i + 8] = 0x00;  // 32,000 x 32,000
      break;
    }
  }
  EXPECT_THAT(Decode(std::as_bytes(std::span(jpeg))),
              IsError(ErrorCode::kResourceExhausted, "32000 x 32000"));
}

TEST(PictureTest, UprightTurnsAsExifSays) {
  // Stored: a b c / d e f.
  const Pixels stored{
      .width = 3, .height = 2, .channels = 1, .bytes = {'a', 'b', 'c', 'd', 'e', 'f'}};
  const std::array<std::string, 9> shown = {"abc/def",  "abc/def",  "cba/fed",
                                            "fed/cba",  "def/abc",  "ad/be/cf",
                                            "da/eb/fc", "fc/eb/da", "cf/be/ad"};
  for (std::int32_t orientation = 0; orientation < 9; ++orientation) {
    const Pixels turned = Upright(stored, orientation);
    std::string text;
    for (std::int32_t y = 0; y < turned.height; ++y) {
      text += y > 0 ? "/" : "";
      text.append(turned.bytes.begin() + y * turned.width,
                  turned.bytes.begin() + (y + 1) * turned.width);
    }
    EXPECT_EQ(text, shown[static_cast<std::size_t>(orientation)]) << orientation;
  }
}

TEST(ResizeTest, KeepsPlainColors) {
  const Pixels plain{
      .width = 7, .height = 5, .channels = 1, .bytes = std::vector<std::uint8_t>(35, 200)};
  for (const std::int32_t side : {1, 3, 7, 20}) {
    const Pixels resized = Resize(plain, side, side);
    EXPECT_EQ(resized.bytes.size(), static_cast<std::size_t>(side * side));
    EXPECT_THAT(resized.bytes, Each(200));
  }
}

TEST(ResizeTest, GreyAndWhiteAreThoseOfPillow) {
  const Pixels pixels{
      .width = 2, .height = 1, .channels = 4, .bytes = {255, 0, 0, 255, 10, 200, 30, 0}};
  EXPECT_THAT(Grey(pixels).bytes, ElementsAre(76, 124));
  EXPECT_THAT(OverWhite(pixels).bytes, ElementsAre(255, 0, 0, 255, 255, 255));
}

TEST(PerceptualHashTest, AlikePicturesDifferInFewBits) {
  const std::uint64_t hash = PerceptualHash(Scene(400, 300));
  EXPECT_LE(Distance(hash, PerceptualHash(Scene(200, 150))), 4);
  const auto jpeg = EncodeJpeg(Scene(400, 300), 40);
  EXPECT_LE(Distance(hash, PerceptualHash(*Decode(std::as_bytes(std::span(*jpeg))))), 6);
  EXPECT_GE(Distance(hash, PerceptualHash(Scene(400, 300, 2.5))), 8);
}

TEST(ThumbnailTest, FitsAndStandsUpright) {
  const auto jpeg = MakeThumbnail(Scene(200, 100), 6, 32);
  ASSERT_THAT(jpeg, IsOk());
  const auto small = Decode(std::as_bytes(std::span(*jpeg)));
  ASSERT_THAT(small, IsOk());
  EXPECT_EQ(small->width, 16);
  EXPECT_EQ(small->height, 32);
  const auto small_one = *MakeThumbnail(Scene(9, 5), 1, 32);
  const auto kept = Decode(std::as_bytes(std::span(small_one)));
  EXPECT_EQ(kept->width, 9);
  const auto thin_one = *MakeThumbnail(Scene(3000, 2), 1, 8);
  const auto thin = Decode(std::as_bytes(std::span(thin_one)));
  EXPECT_EQ(thin->height, 1);
}

}  // namespace
}  // namespace datalake::picture

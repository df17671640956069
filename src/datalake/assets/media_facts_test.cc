#include "datalake/assets/media_facts.h"

#include <initializer_list>
#include <span>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/random.h"

namespace datalake::assets {
namespace {

using ::testing::HasSubstr;

std::string Bytes(std::initializer_list<int> values) {
  std::string bytes;
  for (const int value : values) {
    bytes += static_cast<char>(value);
  }
  return bytes;
}

MediaFacts Facts(std::string_view bytes) {
  return ReadMediaFacts(std::as_bytes(std::span(bytes.data(), bytes.size())));
}

std::string Png(int width, int height) {
  return Bytes({0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13}) + "IHDR" +
         Bytes({0, 0, width >> 8, width & 255, 0, 0, height >> 8, height & 255, 8, 2, 0, 0, 0}) +
         std::string(100, 'z') + "IEND\xae\x42\x60\x82";
}

// With `segments` between the start and the frame header.
std::string Jpeg(int width, int height, const std::string& segments = "") {
  return Bytes({0xff, 0xd8}) + segments +
         Bytes({0xff, 0xc2, 0, 17, 8, height >> 8, height & 255, width >> 8, width & 255, 3}) +
         std::string(200, 'j') + Bytes({0xff, 0xd9});
}

std::string ExifSegment(int orientation) {
  const std::string tiff = Bytes({'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1}) +
                           Bytes({1, 18, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0});
  return Bytes({0xff, 0xe1, 0, static_cast<int>(tiff.size()) + 8}) + std::string("Exif\0\0", 6) +
         tiff;
}

std::string Tiff(int width, int height) {
  return Bytes({'I', 'I', 42, 0, 20, 0, 0, 0}) + std::string(12, 'p') + Bytes({2, 0}) +
         Bytes({0, 1, 3, 0, 1, 0, 0, 0, width & 255, width >> 8, 0, 0}) +
         Bytes({1, 1, 4, 0, 1, 0, 0, 0, height & 255, height >> 8, 0, 0});
}

std::string Bmp(int width, int height) {
  const int size = 54 + 10;
  return Bytes({'B', 'M', size, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0}) +
         Bytes({width, width >> 8, width >> 16, width >> 24}) +
         Bytes({height, height >> 8, height >> 16, height >> 24}) + std::string(38, '\0');
}

std::string Webp(const std::string& chunk) {
  const int size = static_cast<int>(chunk.size()) + 4;
  return "RIFF" + Bytes({size & 255, size >> 8, 0, 0}) + "WEBP" + chunk;
}

std::string Gif(int width, int height) {
  return "GIF89a" + Bytes({width & 255, width >> 8, height & 255, height >> 8}) +
         std::string(20, 'g') + ";";
}

struct Sample {
  std::string bytes;
  std::string extension;
  int width;
  int height;
};

std::vector<Sample> Samples() {
  return {
      {Png(640, 480), "png", 640, 480},
      {Jpeg(640, 480), "jpg", 640, 480},
      {Jpeg(640, 480, ExifSegment(1)), "jpg", 640, 480},
      {Jpeg(640, 480, ExifSegment(6)), "jpg", 480, 640},
      {Gif(300, 200), "gif", 300, 200},
      {Bmp(300, 200), "bmp", 300, 200},
      {Bmp(300, -200), "bmp", 300, 200},
      {Tiff(1000, 700), "tiff", 1000, 700},
      {Webp("VP8 " + std::string(7, '\0') + Bytes({0x9d, 1, 0x2a, 0x2c, 1, 0xc8, 0})), "webp", 300,
       200},
      {Webp("VP8L" + std::string(4, '\0') + Bytes({0x2f, 0x2b, 0xc1, 0x31, 0})), "webp", 300, 200},
      {Webp("VP8X" + std::string(8, '\0') + Bytes({0x2b, 1, 0, 0xc7, 0, 0})), "webp", 300, 200}};
}

TEST(MediaFactsTest, ReadsTheSizeOfPictures) {
  for (const Sample& sample : Samples()) {
    const MediaFacts facts = Facts(sample.bytes);
    SCOPED_TRACE(sample.extension);
    EXPECT_EQ(facts.extension, sample.extension);
    EXPECT_EQ(facts.width, sample.width);
    EXPECT_EQ(facts.height, sample.height);
    EXPECT_EQ(facts.problem, "");
  }
}

TEST(MediaFactsTest, TellsOtherFilesBySignature) {
  EXPECT_EQ(Facts("%PDF-1.7").media_type, "application/pdf");
  EXPECT_EQ(Facts("fLaC").extension, "flac");
  EXPECT_EQ(Facts("OggS").extension, "ogg");
  EXPECT_EQ(Facts("ID3\x04").media_type, "audio/mpeg");
  EXPECT_EQ(Facts("RIFF....WAVEfmt ").extension, "wav");
  EXPECT_EQ(Facts(std::string("\0\0\0\x20", 4) + "ftypisom").media_type, "video/mp4");
  EXPECT_EQ(Facts(std::string("\0\0\0\x20", 4) + "ftypavif").extension, "avif");
  const std::string frame = Bytes({0xff, 0xfb, 0x90, 0}) + std::string(413, 'm');  // 128 kbit/s
  EXPECT_EQ(Facts(frame + frame).extension, "mp3");
  EXPECT_EQ(Facts(frame).extension, "bin");
}

TEST(MediaFactsTest, UnknownBytesAreBin) {
  for (const std::string_view bytes : {"", "x", "hello", "BMW is a car", "RIFFabcdefgh", "II*"}) {
    const MediaFacts facts = Facts(bytes);
    EXPECT_EQ(facts.extension, "bin") << bytes;
    EXPECT_EQ(facts.media_type, "application/octet-stream");
    EXPECT_EQ(facts.problem, "");
  }
}

TEST(MediaFactsTest, CutPicturesHaveAProblemAndTheSameExtension) {
  for (const Sample& sample : Samples()) {
    for (std::size_t size = 18; size < sample.bytes.size(); ++size) {
      const MediaFacts facts = Facts(std::string_view(sample.bytes).substr(0, size));
      EXPECT_EQ(facts.extension, sample.extension) << size;
      EXPECT_NE(facts.problem, "") << sample.extension << " cut to " << size;
    }
  }
}

TEST(MediaFactsTest, NamesTheProblem) {
  EXPECT_THAT(Facts(Png(0, 480)).problem, HasSubstr("no valid size"));
  EXPECT_THAT(Facts(Png(1, 1).substr(0, 60)).problem, HasSubstr("ends without IEND"));
  EXPECT_THAT(Facts(Bytes({0xff, 0xd8, 0xff, 0xda, 0, 2, 0, 0})).problem,
              HasSubstr("no frame header"));
}

TEST(MediaFactsTest, EndlessJpegFillIsBounded) {
  EXPECT_NE(Facts(Bytes({0xff, 0xd8}) + std::string(1'000'000, '\xff')).problem, "");
}

TEST(MediaFactsTest, RandomChangesNeverHarm) {
  SeededRandom random(7);
  for (const Sample& sample : Samples()) {
    for (int i = 0; i < 3000; ++i) {
      std::array<std::byte, 6> draw;
      random.Fill(draw);
      std::string bytes = sample.bytes;
      for (std::size_t k = 0; k + 1 < draw.size(); k += 2) {
        bytes[static_cast<std::size_t>(draw[k]) % bytes.size()] = static_cast<char>(draw[k + 1]);
      }
      const MediaFacts facts = Facts(bytes);
      EXPECT_EQ(facts.width.has_value(), facts.height.has_value());
      EXPECT_GT(facts.width.value_or(1), 0);
    }
  }
}

}  // namespace
}  // namespace datalake::assets

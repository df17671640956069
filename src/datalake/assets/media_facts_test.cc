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

std::string Gif(int frames) {
  std::string gif = "GIF89a" + Bytes({4, 0, 3, 0, 0x80, 0, 0}) + std::string(6, 'c');
  for (int i = 0; i < frames; ++i) {
    gif += Bytes({0x21, 0xf9, 4, 0, 0, 0, 0, 0});                    // how long it is shown
    gif += Bytes({0x2c, 0, 0, 0, 0, 4, 0, 3, 0, 0, 2, 2, 1, 1, 0});  // a picture
  }
  return gif + ";";
}

std::string Chunk(const std::string& name, const std::string& content) {
  const int size = static_cast<int>(content.size());
  return name + Bytes({size, size >> 8, 0, 0}) + content + std::string(size % 2, '\0');
}

std::string Webp(const std::string& chunks, int flags) {
  const std::string body =
      "WEBP" + Chunk("VP8X", Bytes({flags, 0, 0, 0, 9, 0, 0, 4, 0, 0})) + chunks;
  return Chunk("RIFF", body);
}

std::string Box(const std::string& name, const std::string& content) {
  const int size = static_cast<int>(content.size()) + 8;
  return Bytes({0, 0, size >> 8, size & 255}) + name + content;
}

TEST(MediaFactsTest, CountsTheFramesOfAnimationsAndPages) {
  EXPECT_EQ(Facts(Gif(1)).frames, 1);
  EXPECT_EQ(Facts(Gif(7)).frames, 7);
  EXPECT_EQ(Facts(Webp(Chunk("ANMF", "xy") + Chunk("ANMF", "z"), 2)).frames, 2);
  EXPECT_EQ(Facts(Webp(Chunk("VP8 ", "xy"), 0)).frames, 1);
  EXPECT_EQ(Facts(Png(5, 6)).frames, 1);
  EXPECT_EQ(Facts(Jpeg(5, 6)).frames, 1);
  EXPECT_EQ(Facts("%PDF-1.4").frames, std::nullopt);
  std::string animated = Png(5, 6);
  animated.insert(33, Bytes({0, 0, 0, 8}) + "acTL" + Bytes({0, 0, 0, 9, 0, 0, 0, 0, 1, 2, 3, 4}));
  EXPECT_EQ(Facts(animated).frames, 9);
  const std::string second = Bytes({0, 0, 0, 0, 0, 0});        // a folder without entries
  const std::string page = Tiff(5, 6) + Bytes({50, 0, 0, 0});  // it lies at 50
  EXPECT_EQ(Facts(page + second).frames, 2);
  EXPECT_EQ(Facts(page).problem, "tiff is cut off");
}

TEST(MediaFactsTest, FoldersInACircleEnd) {
  const std::string circle = Tiff(5, 6) + Bytes({20, 0, 0, 0});
  EXPECT_EQ(Facts(circle).frames, std::nullopt);
  EXPECT_EQ(Facts(circle).width, 5);
}

TEST(MediaFactsTest, TellsTheOrientation) {
  EXPECT_EQ(Facts(Jpeg(5, 6)).orientation, std::nullopt);
  EXPECT_EQ(Facts(Jpeg(5, 6, ExifSegment(3))).orientation, 3);
  EXPECT_EQ(Facts(Jpeg(5, 6, ExifSegment(99))).orientation, std::nullopt);
  const MediaFacts turned = Facts(Webp(Chunk("EXIF", ExifSegment(8).substr(10)), 8));
  EXPECT_EQ(turned.orientation, 8);
  EXPECT_EQ(turned.width, 5);
  EXPECT_EQ(turned.height, 10);
}

TEST(MediaFactsTest, ReadsTheSizeOfHeifPictures) {
  const auto ispe = [](int width, int height) {
    return Box("ispe", Bytes({0, 0, 0, 0, 0, 0, 0, width, 0, 0, 0, height}));
  };
  const auto heif = [](const std::string& properties) {
    return Box("ftyp", "avif") +
           Box("meta", std::string(4, '\0') + Box("iprp", Box("ipco", properties)));
  };
  const MediaFacts facts = Facts(heif(ispe(10, 20) + ispe(40, 30)));
  EXPECT_EQ(facts.media_type, "image/avif");
  EXPECT_EQ(facts.width, 40);
  EXPECT_EQ(facts.height, 30);
  EXPECT_EQ(Facts(heif(ispe(40, 30) + Box("irot", "\x01"))).width, 30);
  EXPECT_EQ(Facts(heif("")).width, std::nullopt);
}

}  // namespace
}  // namespace datalake::assets

// Signatures and sizes from headers. Sources: PNG (ISO 15948 §11.2.2), JPEG (ITU T.81 annex B),
// GIF89a §18, WebP container and VP8/VP8L (RFC 9649, RFC 6386 §9.1), BMP (BITMAPINFOHEADER),
// TIFF 6.0 §2, EXIF 2.32 §4.6, ISO base media (ISO 14496-12 §4.3), MPEG audio (ISO 11172-3
// §2.4.1.3).
#include "datalake/assets/media_facts.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "datalake/io/window.h"

namespace datalake::assets {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::size_t kPieceBytes = std::size_t{16} << 10;
constexpr std::size_t kTailBytes = std::size_t{64} << 10;
constexpr int kMostJpegSegments = 2000;
constexpr int kMostTiffEntries = 1000;
constexpr int kMostChunks = 1000;     // of PNG before the picture, of ISO boxes
constexpr int kMostFrames = 100'000;  // counted; also of pages and of GIF's blocks
constexpr int kMostBoxDepth = 4;

enum class Endian : std::uint8_t { kLittle, kBig };

// A file as headers see it: bytes behind its end read as zeros, `short_read` tells.
class Header {
 public:
  explicit Header(const io::RandomAccessFile& file)
      : window_(std::in_place, file, file.size_bytes(), kPieceBytes), size_(file.size_bytes()) {}

  explicit Header(std::span<const std::byte> bytes)
      : memory_(reinterpret_cast<const char*>(bytes.data()), bytes.size()), size_(bytes.size()) {}

  std::uint64_t size() const { return size_; }

  // Up to `n` bytes; empty on an error, which error() keeps.
  std::string_view At(std::uint64_t offset, std::size_t n) {
    if (!window_) {
      return offset < memory_.size() ? memory_.substr(offset, n) : std::string_view();
    }
    auto bytes = window_->At(offset, n);
    if (!bytes) {
      error_ = std::move(bytes).error();
      return {};
    }
    return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
  }

  bool Has(std::uint64_t offset, std::string_view text) { return At(offset, text.size()) == text; }

  std::uint32_t Number(std::uint64_t offset, std::size_t n, Endian endian) {
    const std::string_view bytes = At(offset, n);
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const std::size_t at = endian == Endian::kBig ? i : bytes.size() - 1 - i;
      value = value << 8 | static_cast<std::uint8_t>(bytes[at]);
    }
    short_read_ = short_read_ || bytes.size() < n;
    return value;
  }

  std::string_view Tail() {
    const std::uint64_t n = std::min<std::uint64_t>(size(), kTailBytes);
    return At(size() - n, n);
  }

  bool short_read() const { return short_read_; }

  const std::optional<Error>& error() const { return error_; }

 private:
  std::optional<io::Window> window_;  // nothing: all is in memory
  std::string_view memory_;
  std::uint64_t size_;
  bool short_read_ = false;
  std::optional<Error> error_;
};

void SetSize(MediaFacts& facts, std::uint64_t width, std::uint64_t height) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int32_t>::max();
  if (width == 0 || height == 0 || width > kMost || height > kMost) {
    facts.problem = facts.extension + " header has no valid size";
    return;
  }
  facts.width = static_cast<std::int32_t>(width);
  facts.height = static_cast<std::int32_t>(height);
}

// The first problem counts.
void Note(MediaFacts& facts, std::string_view problem) {
  if (facts.problem.empty()) {
    facts.problem = problem;
  }
}

struct TiffTags {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t orientation = 0;  // 0: not said
  std::uint64_t next = 0;         // offset of the next folder from the base; 0: none
};

TiffTags ReadTiffTags(Header& in, std::uint64_t base);

void SetOrientation(MediaFacts& facts, std::uint32_t orientation) {
  if (orientation >= 1 && orientation <= 8) {
    facts.orientation = static_cast<std::int32_t>(orientation);
  }
}

// EXIF orientations 5 to 8 turn the picture by a quarter.
void SetTurnedSize(MediaFacts& facts, std::uint64_t width, std::uint64_t height,
                   std::uint32_t orientation) {
  const bool turned = orientation >= 5 && orientation <= 8;
  SetOrientation(facts, orientation);
  SetSize(facts, turned ? height : width, turned ? width : height);
}

// The chunks before the picture tell of animation (acTL) and orientation (eXIf).
void ReadPng(Header& in, MediaFacts& facts) {
  if (!in.Has(12, "IHDR")) {
    return Note(facts, "png does not begin with IHDR");
  }
  std::uint32_t orientation = 0;
  facts.frames = 1;
  std::uint64_t at = 33;
  for (int i = 0; i < kMostChunks && at + 8 <= in.size() && !in.Has(at + 4, "IDAT"); ++i) {
    if (in.Has(at + 4, "acTL")) {
      const std::uint32_t frames = in.Number(at + 8, 4, Endian::kBig);
      facts.frames = frames == 0 || frames > kMostFrames ? 1 : static_cast<std::int32_t>(frames);
    } else if (in.Has(at + 4, "eXIf")) {
      orientation = ReadTiffTags(in, at + 8).orientation;
    }
    at += std::uint64_t{in.Number(at, 4, Endian::kBig)} + 12;
  }
  SetTurnedSize(facts, in.Number(16, 4, Endian::kBig), in.Number(20, 4, Endian::kBig), orientation);
  if (in.Tail().rfind("IEND\xae\x42\x60\x82") == std::string_view::npos) {
    Note(facts, "png ends without IEND");
  }
}

// Bytes of a GIF's color table, by the flags of the screen or of a picture (§18, §20).
std::uint64_t ColorTableBytes(std::uint32_t flags) {
  return (flags & 0x80) == 0 ? 0 : std::uint64_t{3} << ((flags & 7) + 1);
}

// The offset behind a GIF's sub-blocks (§15); `blocks` are those that may still be looked at.
std::uint64_t SkipSubBlocks(Header& in, std::uint64_t at, int& blocks) {
  while (at < in.size() && --blocks > 0) {
    const std::uint32_t length = in.Number(at, 1, Endian::kLittle);
    at += 1 + std::uint64_t{length};
    if (length == 0) {
      break;
    }
  }
  return at;
}

std::optional<std::int32_t> CountGifFrames(Header& in) {
  std::int32_t frames = 0;
  int blocks = kMostFrames;
  std::uint64_t at = 13 + ColorTableBytes(in.Number(10, 1, Endian::kLittle));
  while (at < in.size() && --blocks > 0) {
    const std::uint32_t kind = in.Number(at, 1, Endian::kLittle);
    if (kind == 0x21) {  // an extension
      at = SkipSubBlocks(in, at + 2, blocks);
    } else if (kind == 0x2c) {  // a picture
      ++frames;
      at += 11 + ColorTableBytes(in.Number(at + 9, 1, Endian::kLittle));
      at = SkipSubBlocks(in, at, blocks);
    } else {
      break;  // the trailer, or something broken
    }
  }
  return blocks > 0 && frames > 0 ? std::optional<std::int32_t>(frames) : std::nullopt;
}

void ReadGif(Header& in, MediaFacts& facts) {
  SetSize(facts, in.Number(6, 2, Endian::kLittle), in.Number(8, 2, Endian::kLittle));
  facts.frames = CountGifFrames(in);
  const std::string_view tail = in.Tail();
  const std::size_t last = tail.find_last_not_of('\0');
  if (last == std::string_view::npos || tail[last] != ';') {
    Note(facts, "gif ends without its trailer");
  }
}

// Chunks of an extended WebP (RFC 9649 §2.7): pictures of an animation, and EXIF.
void ReadWebpChunks(Header& in, MediaFacts& facts, std::uint32_t& orientation) {
  const bool is_animated = (in.Number(20, 1, Endian::kLittle) & 2) != 0;
  std::int32_t frames = 0;
  std::uint64_t at = 30;
  int i = 0;
  for (; i < kMostFrames && at + 8 <= in.size(); ++i) {
    frames += in.Has(at, "ANMF") ? 1 : 0;
    if (in.Has(at, "EXIF")) {
      orientation = ReadTiffTags(in, in.Has(at + 8, "Exif") ? at + 14 : at + 8).orientation;
    }
    const std::uint64_t size = in.Number(at + 4, 4, Endian::kLittle);
    at += 8 + size + (size & 1);
  }
  if (i < kMostFrames) {
    facts.frames = is_animated && frames > 0 ? frames : 1;
  }
}

void ReadWebp(Header& in, MediaFacts& facts) {
  facts.frames = 1;
  if (in.Has(12, "VP8 ") && in.Has(23, "\x9d\x01\x2a")) {
    SetSize(facts, in.Number(26, 2, Endian::kLittle) & 0x3fff,
            in.Number(28, 2, Endian::kLittle) & 0x3fff);
  } else if (in.Has(12, "VP8L") && in.Has(20, "\x2f")) {
    const std::uint32_t bits = in.Number(21, 4, Endian::kLittle);
    SetSize(facts, (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1);
  } else if (in.Has(12, "VP8X")) {
    std::uint32_t orientation = 0;
    facts.frames = std::nullopt;
    ReadWebpChunks(in, facts, orientation);
    SetTurnedSize(facts, std::uint64_t{in.Number(24, 3, Endian::kLittle)} + 1,
                  std::uint64_t{in.Number(27, 3, Endian::kLittle)} + 1, orientation);
  } else {
    Note(facts, "webp has no picture header");
  }
  if (std::uint64_t{in.Number(4, 4, Endian::kLittle)} + 8 > in.size()) {
    Note(facts, "webp is cut off");
  }
}

bool IsBmp(Header& in) {
  constexpr std::array<std::uint32_t, 8> kInfoSizes{12, 16, 40, 52, 56, 64, 108, 124};
  return in.Has(0, "BM") && std::ranges::count(kInfoSizes, in.Number(14, 4, Endian::kLittle)) == 1;
}

void ReadBmp(Header& in, MediaFacts& facts) {
  facts.frames = 1;
  if (in.Number(14, 4, Endian::kLittle) == 12) {
    SetSize(facts, in.Number(18, 2, Endian::kLittle), in.Number(20, 2, Endian::kLittle));
  } else {
    // A negative height means rows from the top.
    const std::int64_t height = static_cast<std::int32_t>(in.Number(22, 4, Endian::kLittle));
    SetSize(facts, in.Number(18, 4, Endian::kLittle),
            static_cast<std::uint64_t>(height < 0 ? -height : height));
  }
  if (in.Number(2, 4, Endian::kLittle) > in.size()) {
    Note(facts, "bmp is cut off");
  }
}

// The folder at `folder` from the `base` of a TIFF structure.
TiffTags ReadTiffFolder(Header& in, std::uint64_t base, std::uint64_t offset) {
  TiffTags tags;
  const Endian endian = in.Has(base, "MM") ? Endian::kBig : Endian::kLittle;
  const std::uint64_t folder = base + offset;
  const int count = std::min<int>(static_cast<int>(in.Number(folder, 2, endian)), kMostTiffEntries);
  for (int i = 0; i < count && !in.short_read(); ++i) {
    const std::uint64_t entry = folder + 2 + static_cast<std::uint64_t>(i) * 12;
    const std::uint32_t tag = in.Number(entry, 2, endian);
    const bool is_short = in.Number(entry + 2, 2, endian) == 3;
    const std::uint32_t value = in.Number(entry + 8, is_short ? 2 : 4, endian);
    if (tag == 256) {
      tags.width = value;
    } else if (tag == 257) {
      tags.height = value;
    } else if (tag == 274) {
      tags.orientation = value;
    }
  }
  const std::uint64_t behind = folder + 2 + static_cast<std::uint64_t>(count) * 12;
  tags.next = behind + 4 <= in.size() ? in.Number(behind, 4, endian) : 0;
  return tags;
}

// The first folder of a TIFF structure that begins at `base`; EXIF uses the same.
TiffTags ReadTiffTags(Header& in, std::uint64_t base) {
  const Endian endian = in.Has(base, "MM") ? Endian::kBig : Endian::kLittle;
  return ReadTiffFolder(in, base, in.Number(base + 4, 4, endian));
}

void ReadTiff(Header& in, MediaFacts& facts) {
  const TiffTags tags = ReadTiffTags(in, 0);
  if (in.short_read()) {
    return Note(facts, "tiff is cut off");
  }
  SetTurnedSize(facts, tags.width, tags.height, tags.orientation);
  std::int32_t frames = 1;
  // A folder that points at itself or back would never end.
  for (std::uint64_t next = tags.next; next != 0 && frames < kMostTiffEntries; ++frames) {
    next = ReadTiffFolder(in, 0, next).next;
    if (in.short_read()) {
      return Note(facts, "tiff is cut off");
    }
  }
  facts.frames = frames < kMostTiffEntries ? std::optional<std::int32_t>(frames) : std::nullopt;
}

bool IsStartOfFrame(std::uint32_t marker) {
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

void ReadJpeg(Header& in, MediaFacts& facts) {
  std::uint32_t orientation = 0;
  facts.frames = 1;
  std::uint64_t at = 2;
  for (int i = 0; i < kMostJpegSegments; ++i) {
    if (at + 4 > in.size()) {
      return Note(facts, "jpeg is cut off");
    }
    const std::uint32_t marker = in.Number(at + 1, 1, Endian::kBig);
    if (in.Number(at, 1, Endian::kBig) != 0xff || marker == 0xda || marker == 0xd9) {
      return Note(facts, "jpeg has no frame header");
    }
    if (marker == 0xff) {  // fill byte
      ++at;
      continue;
    }
    if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd7)) {
      at += 2;
      continue;
    }
    const std::uint32_t length = in.Number(at + 2, 2, Endian::kBig);
    if (IsStartOfFrame(marker)) {
      SetTurnedSize(facts, in.Number(at + 7, 2, Endian::kBig), in.Number(at + 5, 2, Endian::kBig),
                    orientation);
      break;
    }
    if (marker == 0xe1 && in.Has(at + 4, "Exif\0\0"sv)) {
      orientation = ReadTiffTags(in, at + 10).orientation;
    }
    if (length < 2) {
      return Note(facts, "jpeg segment is broken");
    }
    at += 2 + length;
  }
  if (!facts.width) {
    Note(facts, "jpeg has no frame header");
  } else if (in.Tail().rfind("\xff\xd9") == std::string_view::npos) {
    Note(facts, "jpeg ends without its end marker");
  }
}

// What the boxes of a HEIF file (ISO 23008-12 §6.5) say: the largest size, and quarter turns.
struct HeifSize {
  std::uint64_t width = 0;
  std::uint64_t height = 0;
  bool is_turned = false;
};

void ReadBoxes(Header& in, std::uint64_t at, std::uint64_t end, int depth, HeifSize& size) {
  for (int i = 0; i < kMostChunks && at + 8 <= end; ++i) {
    const std::uint64_t length = in.Number(at, 4, Endian::kBig);
    // Length 1 has 64 bits behind it and 0 means to the end: neither is in front of a picture.
    if (length < 8 || at + length > end) {
      return;
    }
    if (in.Has(at + 4, "ispe")) {
      const std::uint64_t width = in.Number(at + 12, 4, Endian::kBig);
      const std::uint64_t height = in.Number(at + 16, 4, Endian::kBig);
      if (width * height > size.width * size.height) {
        size.width = width;
        size.height = height;
      }
    } else if (in.Has(at + 4, "irot")) {
      size.is_turned = (in.Number(at + 8, 1, Endian::kBig) & 1) != 0;
    } else if (depth < kMostBoxDepth && in.Has(at + 4, "meta")) {
      ReadBoxes(in, at + 12, at + length, depth + 1, size);
    } else if (depth < kMostBoxDepth && (in.Has(at + 4, "iprp") || in.Has(at + 4, "ipco"))) {
      ReadBoxes(in, at + 8, at + length, depth + 1, size);
    }
    at += length;
  }
}

void ReadHeif(Header& in, MediaFacts& facts) {
  HeifSize size;
  ReadBoxes(in, 0, in.size(), 0, size);
  if (size.width != 0 && size.height != 0) {
    SetSize(facts, size.is_turned ? size.height : size.width,
            size.is_turned ? size.width : size.height);
  }
}

// Two MPEG audio layer III frames in a row, so that random bytes are not music.
bool IsMp3Frame(Header& in) {
  constexpr std::array<std::uint32_t, 16> kKbitsV1{0,   32,  40,  48,  56,  64,  80,  96,
                                                   112, 128, 160, 192, 224, 256, 320, 0};
  constexpr std::array<std::uint32_t, 16> kKbitsV2{0,  8,  16, 24,  32,  40,  48,  56,
                                                   64, 80, 96, 112, 128, 144, 160, 0};
  constexpr std::array<std::uint32_t, 4> kRates{44100, 48000, 32000, 0};
  std::uint64_t at = 0;
  for (int frame = 0; frame < 2; ++frame) {
    const std::uint32_t bits = in.Number(at, 4, Endian::kBig);
    const std::uint32_t version = bits >> 19 & 3;  // 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
    const bool v1 = version == 3;
    const std::uint32_t kbits = (v1 ? kKbitsV1 : kKbitsV2)[bits >> 12 & 15];
    const std::uint32_t rate = kRates[bits >> 10 & 3] >> (v1 ? 0 : (version == 2 ? 1 : 2));
    if (bits >> 21 != 0x7ff || version == 1 || (bits >> 17 & 3) != 1 || kbits == 0 || rate == 0) {
      return false;
    }
    at += std::uint64_t{v1 ? 144U : 72U} * kbits * 1000 / rate + (bits >> 9 & 1);
  }
  return true;
}

struct Kind {
  std::string_view extension;
  std::string_view media_type;
  void (*read)(Header&, MediaFacts&) = nullptr;
};

constexpr Kind kPng{"png", "image/png", ReadPng};
constexpr Kind kJpeg{"jpg", "image/jpeg", ReadJpeg};
constexpr Kind kGif{"gif", "image/gif", ReadGif};
constexpr Kind kWebp{"webp", "image/webp", ReadWebp};
constexpr Kind kBmp{"bmp", "image/bmp", ReadBmp};
constexpr Kind kTiff{"tiff", "image/tiff", ReadTiff};
constexpr Kind kBigTiff{"tiff", "image/tiff"};
constexpr Kind kAvif{"avif", "image/avif", ReadHeif};
constexpr Kind kHeic{"heic", "image/heic", ReadHeif};
constexpr Kind kPdf{"pdf", "application/pdf"};
constexpr Kind kMp3{"mp3", "audio/mpeg"};
constexpr Kind kWav{"wav", "audio/wav"};
constexpr Kind kFlac{"flac", "audio/flac"};
constexpr Kind kOgg{"ogg", "audio/ogg"};
constexpr Kind kMp4{"mp4", "video/mp4"};
constexpr Kind kUnknown{"bin", "application/octet-stream"};

struct Signature {
  std::string_view bytes;
  const Kind& kind;
};

constexpr std::array kSignatures{Signature{"\x89PNG\r\n\x1a\n"sv, kPng},
                                 Signature{"\xff\xd8\xff"sv, kJpeg},
                                 Signature{"GIF87a"sv, kGif},
                                 Signature{"GIF89a"sv, kGif},
                                 Signature{"II*\0"sv, kTiff},
                                 Signature{"MM\0*"sv, kTiff},
                                 Signature{"II+\0"sv, kBigTiff},
                                 Signature{"MM\0+"sv, kBigTiff},
                                 Signature{"%PDF-"sv, kPdf},
                                 Signature{"ID3"sv, kMp3},
                                 Signature{"fLaC"sv, kFlac},
                                 Signature{"OggS"sv, kOgg}};

const Kind& KindOf(Header& in) {
  for (const Signature& signature : kSignatures) {
    if (in.Has(0, signature.bytes)) {
      return signature.kind;
    }
  }
  if (in.Has(0, "RIFF")) {
    return in.Has(8, "WEBP") ? kWebp : (in.Has(8, "WAVE") ? kWav : kUnknown);
  }
  if (in.Has(4, "ftyp")) {
    const std::string_view brand = in.At(8, 4);
    if (brand == "avif" || brand == "avis") {
      return kAvif;
    }
    constexpr std::array kHeif{"heic"sv, "heix"sv, "heim"sv, "heis"sv, "mif1"sv, "msf1"sv};
    return std::ranges::count(kHeif, brand) > 0 ? kHeic : kMp4;
  }
  if (IsBmp(in)) {
    return kBmp;
  }
  return IsMp3Frame(in) ? kMp3 : kUnknown;
}

// Of a file or of bytes in memory.
template <typename Source>
Result<MediaFacts> ReadFacts(const Source& source) {
  Header in(source);
  const Kind& kind = KindOf(in);
  MediaFacts facts{.media_type = std::string(kind.media_type),
                   .extension = std::string(kind.extension),
                   .width = {},
                   .height = {},
                   .problem = {}};
  Header again(source);  // forgets short reads of the search
  if (kind.read != nullptr) {
    kind.read(again, facts);
  }
  for (const Header* header : {&in, &again}) {
    if (header->error()) {
      return *header->error();
    }
  }
  return facts;
}

}  // namespace

Result<MediaFacts> ReadMediaFacts(const io::RandomAccessFile& file) {
  return ReadFacts(file);
}

MediaFacts ReadMediaFacts(std::span<const std::byte> bytes) {
  auto facts = ReadFacts(bytes);
  return facts ? *std::move(facts) : MediaFacts{};  // memory gives no errors
}

}  // namespace datalake::assets

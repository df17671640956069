#include "datalake/lake/picture_deriver.h"

#include <bit>
#include <span>
#include <utility>

#include "datalake/picture/perceptual_hash.h"
#include "datalake/picture/picture.h"
#include "datalake/picture/thumbnail.h"

namespace datalake::lake {
namespace {

constexpr std::uint64_t kLargePixels = std::uint64_t{1} << 22;
constexpr std::uint64_t kMostBytes = std::uint64_t{256} << 20;

std::uint64_t PixelsOf(const assets::AssetInfo& info) {
  return static_cast<std::uint64_t>(info.width.value_or(0)) *
         static_cast<std::uint64_t>(info.height.value_or(0));
}

}  // namespace

bool PictureDeriver::Wants(const assets::AssetInfo& info) const {
  const bool has_decoder = info.media_type == "image/jpeg" || info.media_type == "image/png" ||
                           info.media_type == "image/webp";
  const std::uint64_t pixels = PixelsOf(info);
  return wanted_.any() && has_decoder && info.problem.empty() && pixels > 0 &&
         pixels <= picture::kMostPixels && info.size_bytes <= kMostBytes;
}

Result<DerivedPicture> PictureDeriver::Derive(const assets::AssetInfo& info,
                                              std::string_view bytes) {
  if (PixelsOf(info) <= kLargePixels) {
    return Decode(info, bytes);
  }
  const MutexLock lock(large_);
  return Decode(info, bytes);
}

Result<DerivedPicture> PictureDeriver::Decode(const assets::AssetInfo& info,
                                              std::string_view bytes) const {
  DerivedPicture derived;
  auto pixels = picture::Decode(std::as_bytes(std::span(bytes)));
  if (!pixels) {
    const bool is_broken = pixels.error().code == ErrorCode::kCorruption;
    derived.problem = is_broken ? std::move(pixels).error().message : std::string();
    return derived;
  }
  if (wanted_.perceptual_hash) {
    derived.hash = std::bit_cast<std::int64_t>(picture::PerceptualHash(*pixels));
  }
  if (wanted_.thumbnail_side > 0) {
    DATALAKE_TRY_ASSIGN(const std::vector<std::uint8_t> jpeg,
                        picture::MakeThumbnail(*std::move(pixels), info.orientation.value_or(1),
                                               wanted_.thumbnail_side));
    derived.thumbnail.assign(jpeg.begin(), jpeg.end());
  }
  return derived;
}

}  // namespace datalake::lake

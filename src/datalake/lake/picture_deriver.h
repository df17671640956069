#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "datalake/assets/asset_store.h"
#include "datalake/base/mutex.h"
#include "datalake/base/result.h"
#include "datalake/lake/upload.h"

namespace datalake::lake {

/// What was made of one picture. All empty: it is none, of a format without decoder, or too large.
struct DerivedPicture {
  std::optional<std::int64_t> hash;  ///< of picture::PerceptualHash, its 64 bits as a signed number
  std::string thumbnail;             ///< a JPEG
  std::string problem;               ///< why its bytes cannot be decoded
};

/// Decodes pictures for the derived columns of an upload. Thread-safe; large pictures are decoded
/// one at a time, so that memory stays below some 400 MB whatever comes.
class PictureDeriver {
 public:
  explicit PictureDeriver(DerivedColumns wanted) : wanted_(wanted) {}

  /// True for pictures that can be decoded, by their facts: nothing is read. Pure.
  bool Wants(const assets::AssetInfo& info) const;

  /// `bytes` are those of `info`, which is wanted. Bytes that cannot be decoded are no error.
  /// Errors: kResourceExhausted, kInternal.
  Result<DerivedPicture> Derive(const assets::AssetInfo& info, std::string_view bytes);

 private:
  Result<DerivedPicture> Decode(const assets::AssetInfo& info, std::string_view bytes) const;

  const DerivedColumns wanted_;
  Mutex large_;  // held while a large one is decoded
};

}  // namespace datalake::lake

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/assets/digest_set.h"
#include "datalake/base/clock.h"
#include "datalake/base/result.h"
#include "datalake/io/file_system.h"

// Internal to assets/.
namespace datalake::assets {

/// One asset that nothing linked when it was condemned.
struct CondemnedAsset {
  std::string sha256;
  std::string extension;
  std::uint64_t size_bytes = 0;
};

/// `.gc/condemned` (docs/formats/assets.md).
struct CondemnedList {
  std::string id;
  Timestamp condemned_at;
  std::vector<CondemnedAsset> assets;
};

/// Nothing when there is no list. Errors: kCorruption, kIo.
Result<std::optional<CondemnedList>> ReadCondemnedList(io::FileSystem& fs, std::string_view root);

/// Durable when it returns. Errors: kAlreadyExists (there is one), kIo.
Status WriteCondemnedList(io::FileSystem& fs, std::string_view root, const CondemnedList& list);

/// What a writer needs of it: `all` when the list cannot be read, so that every asset counts.
struct CondemnedDigests {
  DigestSet digests;
  bool all = false;
};

Result<CondemnedDigests> ReadCondemnedDigests(io::FileSystem& fs, std::string_view root);

}  // namespace datalake::assets

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "datalake/base/random.h"
#include "datalake/base/result.h"
#include "datalake/io/file_system.h"

namespace datalake::assets {

class AssetLease;
class Blocklist;

/// One asset: a function of its bytes.
struct AssetInfo {
  std::string sha256;      ///< 64 lower-case hexadecimal digits: its identity
  std::string media_type;  ///< by signature, "application/octet-stream" when unknown
  std::string extension;   ///< of its path, by signature, "bin" when unknown
  std::uint64_t size_bytes = 0;
  std::optional<std::int32_t> width;  ///< pixels of a picture, where its header says so
  std::optional<std::int32_t> height;
  std::optional<std::int32_t> orientation = std::nullopt;  ///< as in MediaFacts
  std::optional<std::int32_t> frames = std::nullopt;       ///< as in MediaFacts
  std::string problem;  ///< why it looks broken (truncated picture …); empty when nothing is seen
};

struct PutResult {
  AssetInfo info;
  bool was_new = false;  ///< false: the same bytes were there before
};

/// Many puts made durable together, under an AssetLease of its own: one pass of syncing for all
/// files, one for all folders. Nothing of it is in the store before Commit; dropped without Commit
/// it leaves nothing. Thread-safe: Put may run on many threads; Commit once, after all of them.
class AssetBatch {
 public:
  virtual ~AssetBatch() = default;

  /// Takes the bytes of `source` to its end, hashed while written. Not durable yet.
  /// Errors: those of `source`; kPermissionDenied (taken down, and blocked since: the batch goes on
  /// without it); kIo, kResourceExhausted.
  virtual Result<PutResult> Put(io::InputStream& source) = 0;

  /// The same of bytes in memory.
  virtual Result<PutResult> PutBytes(std::string_view bytes) = 0;

  /// An asset that is there already and is about to be linked: its facts, and the promise that it
  /// stays as if it had been put. Errors: kNotFound, kInvalidArgument, kPermissionDenied, kIo.
  virtual Result<AssetInfo> Reference(std::string_view sha256) = 0;

  /// The same of an asset whose facts were kept when it was put. Cost: one stat.
  /// Errors: as above; kCorruption (its file has another size).
  virtual Status ReferenceKnown(const AssetInfo& info) = 0;

  /// Publishes and makes durable all that was put; after success every one of them is in the store
  /// for good. On an error some may be there (whole), none is promised; put them again.
  /// Errors: kPermissionDenied (one was taken down meanwhile), kIo.
  virtual Status Commit() = 0;
};

/// Content-addressed files below one folder: `ab/cd/<sha256>.<ext>`, bytes as received, written
/// once, never changed. Thread-safe; several processes may use one store at once.
class AssetStore {
 public:
  /// Opens or makes the store at `root` and removes what killed processes left half-written. `fs`
  /// and `random` must outlive it.
  static Result<std::unique_ptr<AssetStore>> Open(io::FileSystem& fs, std::string_view root,
                                                  Random& random);
  virtual ~AssetStore() = default;

  /// Puts one asset; durable on return. Many: AssetBatch is several times faster.
  virtual Result<PutResult> Put(io::InputStream& source) = 0;
  virtual Result<PutResult> PutBytes(std::string_view bytes) = 0;

  /// The store must outlive the batch.
  virtual Result<std::unique_ptr<AssetBatch>> NewBatch() = 0;

  /// Who links assets holds a lease until its commit is done; see AssetLease.
  virtual Result<std::unique_ptr<AssetLease>> TakeLease() = 0;

  /// True when the asset is there, by its name alone. Cost: one stat. Errors: kInvalidArgument,
  /// kIo.
  virtual Result<bool> Contains(std::string_view sha256) const = 0;

  /// The bytes of an asset. Errors: kNotFound, kInvalidArgument (not a SHA-256).
  virtual Result<std::unique_ptr<io::InputStream>> OpenAsset(std::string_view sha256) const = 0;

  /// Its facts, read again from the file. Errors as OpenAsset.
  virtual Result<AssetInfo> Stat(std::string_view sha256) const = 0;

  /// Reads the asset and compares its hash. Errors: kCorruption, and as OpenAsset.
  virtual Status Verify(std::string_view sha256) const = 0;

  /// Path relative to `root()`. Errors as OpenAsset.
  virtual Result<std::string> FindPath(std::string_view sha256) const = 0;

  /// Removes an asset at once, whoever links it, from the trash too: for takedowns alone. Durable;
  /// nothing there is fine. Errors: kInvalidArgument, kIo.
  virtual Status Remove(std::string_view sha256) = 0;

  /// What may not come in again.
  virtual Blocklist& blocklist() = 0;

  virtual const std::string& root() const = 0;
};

/// "ab/cd/<sha256>.<extension>", relative to the root of the store.
std::string AssetPath(const AssetInfo& info);
std::string AssetPath(std::string_view sha256, std::string_view extension);

}  // namespace datalake::assets

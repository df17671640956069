#include "datalake/assets/asset_store.h"

#include <algorithm>
#include <atomic>
#include <bitset>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "datalake/assets/incoming.h"
#include "datalake/assets/media_facts.h"
#include "datalake/base/hash.h"
#include "datalake/base/hex.h"
#include "datalake/base/mutex.h"
#include "datalake/io/path.h"

namespace datalake::assets {
namespace {

// Larger assets are written while they are hashed; smaller ones only once they are known to be new.
constexpr std::size_t kInMemoryBytes = std::size_t{256} << 10;

constexpr std::size_t kFolders = 65'536;  // ab/cd

std::size_t FolderNumber(std::string_view sha256) {
  std::size_t number = 0;
  for (const char c : sha256.substr(0, 4)) {
    number = number * 16 + static_cast<std::size_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  return number;
}

AssetInfo MakeInfo(std::string sha256, std::uint64_t size, MediaFacts facts) {
  return AssetInfo{.sha256 = std::move(sha256),
                   .media_type = std::move(facts.media_type),
                   .extension = std::move(facts.extension),
                   .size_bytes = size,
                   .width = facts.width,
                   .height = facts.height,
                   .problem = std::move(facts.problem)};
}

// Reads until `out` is full or the source ends.
Result<std::size_t> ReadFull(io::InputStream& source, std::span<std::byte> out) {
  std::size_t size = 0;
  while (size < out.size()) {
    DATALAKE_TRY_ASSIGN(const std::size_t n, source.Read(out.subspan(size)));
    if (n == 0) {
      break;
    }
    size += n;
  }
  return size;
}

// The folders that this store has seen durable under their parents. Thread-safe.
class KnownFolders {
 public:
  bool Contains(std::string_view sha256) const {
    const MutexLock lock(mutex_);
    return known_[FolderNumber(sha256)];
  }

  void Add(const std::set<std::string>& hashes) {
    const MutexLock lock(mutex_);
    for (const std::string& sha256 : hashes) {
      known_[FolderNumber(sha256)] = true;
    }
  }

 private:
  mutable Mutex mutex_;
  std::bitset<kFolders> known_ DATALAKE_GUARDED_BY(mutex_);
};

class BatchImpl final : public AssetBatch {
 public:
  BatchImpl(io::FileSystem& fs, const std::string& root, KnownFolders& known_folders,
            std::unique_ptr<Incoming> incoming, std::unique_ptr<io::BulkSync> sync)
      : fs_(fs),
        root_(root),
        known_folders_(known_folders),
        incoming_(std::move(incoming)),
        sync_(std::move(sync)) {}

  Result<PutResult> Put(io::InputStream& source) override {
    std::vector<std::byte> buffer(kInMemoryBytes);
    DATALAKE_TRY_ASSIGN(const std::size_t size, ReadFull(source, buffer));
    if (size < buffer.size()) {
      return PutSmall(std::span(buffer).first(size));
    }
    return PutLarge(source, buffer);
  }

  Result<PutResult> PutBytes(std::string_view bytes) override {
    return PutSmall(std::as_bytes(std::span(bytes.data(), bytes.size())));
  }

  Status Commit() override {
    const MutexLock lock(mutex_);
    DATALAKE_TRY(Check());
    failed_ = Error{ErrorCode::kInvalidArgument, "asset batch was committed already"};
    if (hashes_.empty()) {
      return {};
    }
    std::vector<std::string> files;
    for (const Item& item : items_) {
      files.push_back(item.temporary);
    }
    if (!files.empty()) {
      DATALAKE_TRY(sync_->Sync(files, {}));
    }
    for (const Item& item : items_) {
      DATALAKE_TRY(Publish(item));
    }
    DATALAKE_TRY(sync_->Sync({}, FoldersToSync()));
    known_folders_.Add(hashes_);
    return {};
  }

 private:
  struct Item {
    std::string temporary;
    std::string path;
  };

  Result<PutResult> PutSmall(std::span<const std::byte> bytes) {
    Sha256 hash;
    hash.Update(bytes);
    AssetInfo info = MakeInfo(ToHex(hash.Finish()), bytes.size(), ReadMediaFacts(bytes));
    DATALAKE_TRY_ASSIGN(const bool is_new, Claim(info));
    if (!is_new) {
      return PutResult{.info = std::move(info), .was_new = false};
    }
    const std::string temporary = NextTemporary();
    Status written = WriteFile(temporary, bytes);
    if (!written) {
      return Fail(std::move(written).error());
    }
    AddItem(temporary, info);
    return PutResult{.info = std::move(info), .was_new = true};
  }

  Result<PutResult> PutLarge(io::InputStream& source, std::span<std::byte> buffer) {
    const std::string temporary = NextTemporary();
    auto info = CopyToFile(source, buffer, temporary);
    if (!info) {
      (void)fs_.Remove(temporary);  // or with the folder
      return std::move(info).error();
    }
    DATALAKE_TRY_ASSIGN(const bool is_new, Claim(*info));
    if (is_new) {
      AddItem(temporary, *info);
    } else {
      DATALAKE_TRY(fs_.Remove(temporary));
    }
    return PutResult{.info = *std::move(info), .was_new = is_new};
  }

  // `buffer` is full of the first bytes.
  Result<AssetInfo> CopyToFile(io::InputStream& source, std::span<std::byte> buffer,
                               const std::string& temporary) {
    DATALAKE_TRY_ASSIGN(const auto file, fs_.Create(temporary));
    Sha256 hash;
    for (std::size_t size = buffer.size(); size > 0;) {
      const std::span<const std::byte> piece = buffer.first(size);
      hash.Update(piece);
      DATALAKE_TRY(file->Write(piece));
      DATALAKE_TRY_ASSIGN(size, source.Read(buffer));
    }
    DATALAKE_TRY(file->Close());
    DATALAKE_TRY_ASSIGN(const auto written, fs_.OpenRandomAccess(temporary));
    DATALAKE_TRY_ASSIGN(MediaFacts facts, ReadMediaFacts(*written));
    return MakeInfo(ToHex(hash.Finish()), file->size_bytes(), std::move(facts));
  }

  Status WriteFile(const std::string& path, std::span<const std::byte> bytes) {
    DATALAKE_TRY_ASSIGN(const auto file, fs_.Create(path));
    DATALAKE_TRY(file->Write(bytes));
    return file->Close();
  }

  // Notes the hash; false when its bytes are in the batch or in the store already.
  Result<bool> Claim(const AssetInfo& info) {
    {
      const MutexLock lock(mutex_);
      DATALAKE_TRY(Check());
      if (!hashes_.insert(info.sha256).second) {
        return false;
      }
    }
    const std::string path = io::JoinPath(root_, AssetPath(info));
    const auto existing = fs_.Stat(path);
    if (existing && existing->size_bytes != info.size_bytes) {
      return Fail(Error{ErrorCode::kCorruption,
                        fmt::format("asset in the store has {} bytes instead of {}: {}",
                                    existing->size_bytes, info.size_bytes, path)});
    }
    if (!existing && existing.error().code != ErrorCode::kNotFound) {
      return Fail(existing.error());
    }
    return !existing;
  }

  std::string NextTemporary() {
    return io::JoinPath(incoming_->path(), std::to_string(counter_.fetch_add(1)));
  }

  void AddItem(const std::string& temporary, const AssetInfo& info) {
    const MutexLock lock(mutex_);
    items_.push_back({temporary, io::JoinPath(root_, AssetPath(info))});
  }

  // Others may count on a hash that was claimed and could not be written: the batch is lost.
  Error Fail(Error error) {
    const MutexLock lock(mutex_);
    if (!failed_) {
      failed_ = WithContext(error, "asset batch has failed");
    }
    return error;
  }

  Status Check() const DATALAKE_REQUIRES(mutex_) { return failed_ ? Status(*failed_) : Status(); }

  // Gives the file its name; the same bytes of another process may have been faster.
  Status Publish(const Item& item) {
    Status linked = fs_.Link(item.temporary, item.path);
    if (!linked && linked.error().code == ErrorCode::kNotFound) {
      const std::string_view folder = io::ParentPath(item.path);
      for (const std::string_view missing : {io::ParentPath(folder), folder}) {
        Status made = fs_.MakeDirectory(missing);
        if (!made && made.error().code != ErrorCode::kAlreadyExists) {
          return made;
        }
      }
      linked = fs_.Link(item.temporary, item.path);
    }
    return !linked && linked.error().code == ErrorCode::kAlreadyExists ? Status() : linked;
  }

  // Also those of duplicates: who linked them first may not have synced yet.
  std::vector<std::string> FoldersToSync() const DATALAKE_REQUIRES(mutex_) {
    std::set<std::string> folders;
    for (const std::string& sha256 : hashes_) {
      const std::string upper = io::JoinPath(root_, sha256.substr(0, 2));
      folders.insert(io::JoinPath(upper, sha256.substr(2, 2)));
      if (!known_folders_.Contains(sha256)) {
        folders.insert(upper);
        folders.insert(root_);
      }
    }
    return {folders.begin(), folders.end()};
  }

  io::FileSystem& fs_;
  const std::string& root_;
  KnownFolders& known_folders_;
  const std::unique_ptr<Incoming> incoming_;
  const std::unique_ptr<io::BulkSync> sync_;
  std::atomic<std::uint64_t> counter_ = 0;

  Mutex mutex_;
  std::vector<Item> items_ DATALAKE_GUARDED_BY(mutex_);
  std::set<std::string> hashes_ DATALAKE_GUARDED_BY(mutex_);  // of all that was put
  std::optional<Error> failed_ DATALAKE_GUARDED_BY(mutex_);
};

class StoreImpl final : public AssetStore {
 public:
  StoreImpl(io::FileSystem& fs, std::string root, Random& random)
      : fs_(fs), root_(std::move(root)), random_(random) {}

  Result<PutResult> Put(io::InputStream& source) override {
    DATALAKE_TRY_ASSIGN(const auto batch, NewBatch());
    DATALAKE_TRY_ASSIGN(PutResult put, batch->Put(source));
    DATALAKE_TRY(batch->Commit());
    return put;
  }

  Result<PutResult> PutBytes(std::string_view bytes) override {
    DATALAKE_TRY_ASSIGN(const auto batch, NewBatch());
    DATALAKE_TRY_ASSIGN(PutResult put, batch->PutBytes(bytes));
    DATALAKE_TRY(batch->Commit());
    return put;
  }

  Result<std::unique_ptr<AssetBatch>> NewBatch() override {
    DATALAKE_TRY_ASSIGN(auto incoming, Incoming::Make(fs_, root_, random_));
    DATALAKE_TRY_ASSIGN(auto sync, fs_.OpenBulkSync(incoming->path()));
    return std::make_unique<BatchImpl>(fs_, root_, known_folders_, std::move(incoming),
                                       std::move(sync));
  }

  Result<std::unique_ptr<io::InputStream>> OpenAsset(std::string_view sha256) const override {
    DATALAKE_TRY_ASSIGN(const std::string path, FindPath(sha256));
    return fs_.OpenInput(io::JoinPath(root_, path));
  }

  Result<AssetInfo> Stat(std::string_view sha256) const override {
    DATALAKE_TRY_ASSIGN(const std::string path, FindPath(sha256));
    DATALAKE_TRY_ASSIGN(const auto file, fs_.OpenRandomAccess(io::JoinPath(root_, path)));
    DATALAKE_TRY_ASSIGN(MediaFacts facts, ReadMediaFacts(*file));
    return MakeInfo(std::string(sha256), file->size_bytes(), std::move(facts));
  }

  Status Verify(std::string_view sha256) const override {
    DATALAKE_TRY_ASSIGN(const std::string path, FindPath(sha256));
    DATALAKE_TRY_ASSIGN(const auto file, fs_.OpenInput(io::JoinPath(root_, path)));
    Sha256 hash;
    std::vector<std::byte> buffer(kInMemoryBytes);
    while (true) {
      DATALAKE_TRY_ASSIGN(const std::size_t n, file->Read(buffer));
      if (n == 0) {
        break;
      }
      hash.Update(std::span(buffer).first(n));
    }
    const std::string found = ToHex(hash.Finish());
    if (found != sha256) {
      return Error{ErrorCode::kCorruption, fmt::format("asset is damaged, its bytes hash to {}: {}",
                                                       found, io::JoinPath(root_, path))};
    }
    return {};
  }

  Result<std::string> FindPath(std::string_view sha256) const override {
    if (!IsSha256Hex(sha256)) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("not a SHA-256 (64 lower-case hexadecimal digits): {}", sha256)};
    }
    const std::string folder = io::JoinPath(sha256.substr(0, 2), sha256.substr(2, 2));
    auto entries = fs_.List(io::JoinPath(root_, folder));
    if (!entries && entries.error().code != ErrorCode::kNotFound) {
      return std::move(entries).error();
    }
    if (entries) {
      for (const io::DirectoryEntry& entry : *entries) {
        if (entry.name.starts_with(sha256) && entry.name.substr(sha256.size()).starts_with('.')) {
          return io::JoinPath(folder, entry.name);
        }
      }
    }
    return Error{ErrorCode::kNotFound, fmt::format("no such asset: {}", sha256)};
  }

  const std::string& root() const override { return root_; }

 private:
  io::FileSystem& fs_;
  const std::string root_;
  Random& random_;
  KnownFolders known_folders_;
};

}  // namespace

Result<std::unique_ptr<AssetStore>> AssetStore::Open(io::FileSystem& fs, std::string_view root,
                                                     Random& random) {
  Incoming::Clean(fs, root);
  return std::make_unique<StoreImpl>(fs, std::string(root), random);
}

std::string AssetPath(const AssetInfo& info) {
  return AssetPath(info.sha256, info.extension);
}

std::string AssetPath(std::string_view sha256, std::string_view extension) {
  return fmt::format("{}/{}/{}.{}", sha256.substr(0, 2), sha256.substr(2, 2), sha256, extension);
}

}  // namespace datalake::assets

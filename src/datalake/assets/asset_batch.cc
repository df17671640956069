#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "datalake/assets/asset_batch_internal.h"
#include "datalake/assets/hashed_copy.h"
#include "datalake/base/hash.h"
#include "datalake/base/hex.h"
#include "datalake/io/path.h"

namespace datalake::assets {
namespace {

constexpr std::uint64_t kOverlapBytes = std::uint64_t{4}
                                        << 20;  // a thread is worth its while above

struct DigestHash {
  std::size_t operator()(const Sha256Digest& digest) const {
    std::size_t bits = 0;  // digests are uniform
    std::memcpy(&bits, digest.data(), sizeof(bits));
    return bits;
  }
};

// Of 64 lower-case hexadecimal digits.
Sha256Digest DigestOf(std::string_view sha256) {
  const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  Sha256Digest digest;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    digest[i] = static_cast<std::byte>(value(sha256[2 * i]) * 16 + value(sha256[2 * i + 1]));
  }
  return digest;
}

std::size_t FolderNumber(const Sha256Digest& digest) {
  return std::to_integer<std::size_t>(digest[0]) * 256 + std::to_integer<std::size_t>(digest[1]);
}

bool IsExtension(std::string_view text) {
  constexpr std::size_t kMostLetters = 16;
  return !text.empty() && text.size() <= kMostLetters &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
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

class BatchImpl final : public AssetBatch {
 public:
  BatchImpl(StoreParts& parts, std::unique_ptr<AssetLease> lease,
            std::shared_ptr<const DigestSet> blocked, std::unique_ptr<io::BulkSync> sync,
            Random& random)
      : parts_(parts),
        fs_(parts.fs),
        root_(parts.root),
        random_(random),
        lease_(std::move(lease)),
        blocked_(std::move(blocked)),
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

  Result<AssetInfo> Reference(std::string_view sha256) override {
    DATALAKE_TRY(CheckSha256(sha256));
    DATALAKE_TRY(CheckNotBlocked(sha256));
    DATALAKE_TRY_ASSIGN(const bool was_condemned, lease_->Keep(sha256));
    static_cast<void>(was_condemned);  // looked at only now
    return StatAsset(parts_, sha256);
  }

  Status ReferenceKnown(const AssetInfo& info) override {
    DATALAKE_TRY(CheckSha256(info.sha256));
    if (!IsExtension(info.extension)) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("not an extension of an asset: {}", info.extension)};
    }
    DATALAKE_TRY(CheckNotBlocked(info.sha256));
    DATALAKE_TRY_ASSIGN(const bool was_condemned, lease_->Keep(info.sha256));
    static_cast<void>(was_condemned);  // looked at only now
    const std::string path = io::JoinPath(root_, AssetPath(info));
    const auto there = fs_.Stat(path);
    if (!there) {
      return there.error().code == ErrorCode::kNotFound
                 ? Error{ErrorCode::kNotFound, fmt::format("no such asset: {}", info.sha256)}
                 : there.error();
    }
    return there->size_bytes == info.size_bytes ? Status() : OtherSize(info, path, *there);
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
    DATALAKE_TRY(RemoveBlocked());
    std::set<std::size_t> folders;
    for (const Sha256Digest& digest : hashes_) {
      folders.insert(FolderNumber(digest));
    }
    DATALAKE_TRY(sync_->Sync({}, FoldersToSync(folders)));
    parts_.known_folders.Add(folders);
    return {};
  }

 private:
  struct Item {
    std::string temporary;
    std::string path;
    std::size_t folder = 0;  // its number
  };

  // A folder that one put at a time makes files in: two threads in one folder wait for each other.
  class WriterFolder {
   public:
    explicit WriterFolder(BatchImpl& batch) : batch_(batch) {}

    ~WriterFolder() {
      if (!path_.empty()) {
        const MutexLock lock(batch_.mutex_);
        batch_.free_folders_.push_back(std::move(path_));
      }
    }

    WriterFolder(const WriterFolder&) = delete;
    WriterFolder& operator=(const WriterFolder&) = delete;

    Status Take() {
      std::string path;
      {
        const MutexLock lock(batch_.mutex_);
        if (!batch_.free_folders_.empty()) {
          path_ = std::move(batch_.free_folders_.back());
          batch_.free_folders_.pop_back();
          return {};
        }
        if (batch_.incoming_ == nullptr) {  // not before there is something new
          DATALAKE_TRY_ASSIGN(batch_.incoming_,
                              Incoming::Make(batch_.fs_, batch_.root_, batch_.random_));
        }
        path = io::JoinPath(batch_.incoming_->path(), fmt::format("w{}", batch_.folders_++));
      }
      DATALAKE_TRY(batch_.fs_.MakeDirectory(path));
      path_ = std::move(path);
      return {};
    }

    std::string NextFile() const {
      return io::JoinPath(path_, std::to_string(batch_.counter_.fetch_add(1)));
    }

   private:
    BatchImpl& batch_;
    std::string path_;
  };

  Result<PutResult> PutSmall(std::span<const std::byte> bytes) {
    Sha256 hash;
    hash.Update(bytes);
    AssetInfo info = MakeInfo(ToHex(hash.Finish()), bytes.size(), ReadMediaFacts(bytes));
    DATALAKE_TRY_ASSIGN(const bool is_new, Claim(info));
    if (!is_new) {
      return PutResult{.info = std::move(info), .was_new = false};
    }
    WriterFolder folder(*this);
    Status written = folder.Take();
    const std::string temporary = folder.NextFile();
    if (written) {
      written = WriteFile(temporary, bytes);
    }
    if (!written) {
      return Fail(std::move(written).error());
    }
    AddItem(temporary, info);
    return PutResult{.info = std::move(info), .was_new = true};
  }

  Result<PutResult> PutLarge(io::InputStream& source, std::span<std::byte> buffer) {
    WriterFolder folder(*this);
    DATALAKE_TRY(folder.Take());
    const std::string temporary = folder.NextFile();
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
    std::uint64_t done = 0;
    for (std::size_t size = buffer.size(); size > 0;) {
      const std::span<const std::byte> piece = buffer.first(size);
      hash.Update(piece);
      DATALAKE_TRY(file->Write(piece));
      done += size;
      if (done >= kOverlapBytes) {
        DATALAKE_TRY(CopyHashed(source, *file, hash));
        break;
      }
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

  Status CheckNotBlocked(std::string_view sha256) const {
    return blocked_->size() > 0 && blocked_->Contains(*ParseShortDigest(sha256))
               ? Status(Error{ErrorCode::kPermissionDenied,
                              fmt::format("asset was taken down and is blocked: {}", sha256)})
               : Status();
  }

  // A takedown since the batch began has either seen the files that were linked just now, or its
  // list is seen here.
  Status RemoveBlocked() const DATALAKE_REQUIRES(mutex_) {
    DATALAKE_TRY_ASSIGN(const auto blocked, parts_.blocklist.Load());
    if (blocked->size() == blocked_->size()) {
      return {};
    }
    for (const Sha256Digest& digest : hashes_) {
      const std::string sha256 = ToHex(digest);
      if (blocked->Contains(*ParseShortDigest(sha256))) {
        for (const Item& item : items_) {
          if (io::BaseName(item.path).starts_with(sha256)) {
            static_cast<void>(fs_.Remove(item.path));  // or the takedown does it
          }
        }
        return Error{ErrorCode::kPermissionDenied,
                     fmt::format("asset was taken down and is blocked: {}", sha256)};
      }
    }
    return {};
  }

  // Notes the hash; false when its bytes are in the batch or in the store already.
  Result<bool> Claim(const AssetInfo& info) {
    DATALAKE_TRY(CheckNotBlocked(info.sha256));
    {
      const MutexLock lock(mutex_);
      DATALAKE_TRY(Check());
      if (!hashes_.insert(DigestOf(info.sha256)).second) {
        return false;
      }
    }
    const std::string path = io::JoinPath(root_, AssetPath(info));
    auto existing = fs_.Stat(path);
    if (existing) {
      auto was_condemned = lease_->Keep(info.sha256);
      if (!was_condemned) {
        return Fail(std::move(was_condemned).error());
      }
      if (*was_condemned) {
        existing = fs_.Stat(path);
      }
    }
    if (existing && existing->size_bytes != info.size_bytes) {
      return Fail(OtherSize(info, path, *existing));
    }
    if (!existing && existing.error().code != ErrorCode::kNotFound) {
      return Fail(existing.error());
    }
    return !existing;
  }

  static Error OtherSize(const AssetInfo& info, const std::string& path,
                         const io::FileInfo& there) {
    return {ErrorCode::kCorruption, fmt::format("asset in the store has {} bytes instead of {}: {}",
                                                there.size_bytes, info.size_bytes, path)};
  }

  void AddItem(const std::string& temporary, const AssetInfo& info) {
    const MutexLock lock(mutex_);
    items_.push_back(
        {temporary, io::JoinPath(root_, AssetPath(info)), FolderNumber(DigestOf(info.sha256))});
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

  // "ab/cd"; nearly always "ab" is there. False when all was there.
  Result<bool> MakeFolder(std::string_view folder) {
    Status made = fs_.MakeDirectory(folder);
    if (!made && made.error().code == ErrorCode::kNotFound) {
      made = fs_.MakeDirectory(io::ParentPath(folder));
      if (made || made.error().code == ErrorCode::kAlreadyExists) {
        made = fs_.MakeDirectory(folder);
      }
    }
    if (!made && made.error().code != ErrorCode::kAlreadyExists) {
      return std::move(made).error();
    }
    return made.has_value();
  }

  // Gives the file its name; the same bytes of another process may have been faster. In a young
  // store most files need their folder made: where the last one did, that is done first.
  Status Publish(const Item& item) DATALAKE_REQUIRES(mutex_) {
    const bool is_known = parts_.known_folders.Contains(item.folder);
    if (!is_known && makes_folders_) {
      DATALAKE_TRY_ASSIGN(makes_folders_, MakeFolder(io::ParentPath(item.path)));
    }
    Status linked = fs_.Link(item.temporary, item.path);
    if (!linked && linked.error().code == ErrorCode::kNotFound) {
      DATALAKE_TRY_ASSIGN(makes_folders_, MakeFolder(io::ParentPath(item.path)));
      linked = fs_.Link(item.temporary, item.path);
    }
    return !linked && linked.error().code == ErrorCode::kAlreadyExists ? Status() : linked;
  }

  // Also those of duplicates: who linked them first may not have synced yet.
  std::vector<std::string> FoldersToSync(const std::set<std::size_t>& numbers) const {
    std::vector<std::string> folders;
    std::set<std::size_t> uppers;
    for (const std::size_t number : numbers) {
      folders.push_back(
          io::JoinPath(root_, fmt::format("{:02x}/{:02x}", number / 256, number % 256)));
      if (!parts_.known_folders.Contains(number)) {
        uppers.insert(number / 256);
      }
    }
    for (const std::size_t upper : uppers) {
      folders.push_back(io::JoinPath(root_, fmt::format("{:02x}", upper)));
    }
    if (!uppers.empty()) {
      folders.push_back(root_);
    }
    return folders;
  }

  StoreParts& parts_;
  io::FileSystem& fs_;
  const std::string& root_;
  Random& random_;
  const std::unique_ptr<AssetLease> lease_;
  const std::shared_ptr<const DigestSet> blocked_;  // as it was when the batch began
  const std::unique_ptr<io::BulkSync> sync_;
  std::atomic<std::uint64_t> counter_ = 0;

  Mutex mutex_;
  std::unique_ptr<Incoming> incoming_ DATALAKE_GUARDED_BY(mutex_);
  std::vector<std::string> free_folders_ DATALAKE_GUARDED_BY(mutex_);
  std::size_t folders_ DATALAKE_GUARDED_BY(mutex_) = 0;
  std::vector<Item> items_ DATALAKE_GUARDED_BY(mutex_);
  // Of all that was put.
  std::unordered_set<Sha256Digest, DigestHash> hashes_ DATALAKE_GUARDED_BY(mutex_);
  bool makes_folders_ DATALAKE_GUARDED_BY(mutex_) = false;  // the last file's was not there
  std::optional<Error> failed_ DATALAKE_GUARDED_BY(mutex_);
};

}  // namespace

AssetInfo MakeInfo(std::string sha256, std::uint64_t size, MediaFacts facts) {
  return AssetInfo{.sha256 = std::move(sha256),
                   .media_type = std::move(facts.media_type),
                   .extension = std::move(facts.extension),
                   .size_bytes = size,
                   .width = facts.width,
                   .height = facts.height,
                   .orientation = facts.orientation,
                   .frames = facts.frames,
                   .problem = std::move(facts.problem)};
}

bool KnownFolders::Contains(std::size_t folder) const {
  const MutexLock lock(mutex_);
  return known_[folder];
}

void KnownFolders::Add(const std::set<std::size_t>& folders) {
  const MutexLock lock(mutex_);
  for (const std::size_t folder : folders) {
    known_[folder] = true;
  }
}

Result<std::unique_ptr<AssetBatch>> MakeAssetBatch(StoreParts& parts, Random& random) {
  DATALAKE_TRY_ASSIGN(auto lease, TakeAssetLease(parts.fs, parts.root, random));
  DATALAKE_TRY_ASSIGN(auto blocked, parts.blocklist.Load());
  DATALAKE_TRY_ASSIGN(auto sync, parts.fs.OpenBulkSync(parts.root));
  return std::make_unique<BatchImpl>(parts, std::move(lease), std::move(blocked), std::move(sync),
                                     random);
}

}  // namespace datalake::assets

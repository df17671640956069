#include "datalake/lake/id_run.h"

#include <algorithm>
#include <array>
#include <utility>

namespace datalake::lake {
namespace {

constexpr std::size_t kBlockEntries = 64;
constexpr std::size_t kBufferEntries = 4096;  // 256 KB

static_assert(sizeof(IdPair) == 64 && std::is_trivially_copyable_v<IdPair>);

// The entries of one input of a merge, in order.
class RunReader {
 public:
  explicit RunReader(std::shared_ptr<const IdRun> run) : run_(std::move(run)) {}

  explicit RunReader(std::vector<IdPair> entries) : buffer_(std::move(entries)) {}

  // The next entry, or null at the end.
  Result<const IdPair*> Peek() {
    if (at_ == buffer_.size() && run_ != nullptr && next_ < run_->size()) {
      buffer_.resize(std::min(kBufferEntries, run_->size() - next_));
      DATALAKE_TRY(run_->Read(next_, buffer_));
      next_ += buffer_.size();
      at_ = 0;
    }
    return at_ == buffer_.size() ? nullptr : &buffer_[at_];
  }

  void Pop() { ++at_; }

 private:
  std::shared_ptr<const IdRun> run_;
  std::vector<IdPair> buffer_;
  std::size_t at_ = 0;
  std::size_t next_ = 0;
};

}  // namespace

Status IdRun::Read(std::size_t first, std::span<IdPair> out) const {
  DATALAKE_TRY_ASSIGN(const std::size_t read,
                      file_->ReadAt(first * sizeof(IdPair), std::as_writable_bytes(out)));
  return read == out.size_bytes()
             ? Status()
             : Status(Error{ErrorCode::kCorruption, "index of ids is cut short"});
}

Result<std::optional<IdEntry>> IdRun::Find(const Hash128& key) const {
  // Keys with the same `low` may begin in the block before the first fence that is not below it.
  auto fence = std::lower_bound(fences_.begin(), fences_.end(), key.low);
  std::size_t block = static_cast<std::size_t>(fence - fences_.begin());
  block -= block > 0 ? 1 : 0;
  std::array<IdPair, kBlockEntries> entries;
  for (; block < fences_.size() && fences_[block] <= key.low; ++block) {
    const std::size_t first = block * kBlockEntries;
    const auto some = std::span(entries).first(std::min(kBlockEntries, size_ - first));
    DATALAKE_TRY(Read(first, some));
    const auto found = std::ranges::lower_bound(some, key, {}, &IdPair::key);
    if (found != some.end()) {
      return found->key == key ? std::optional(found->entry) : std::nullopt;
    }
  }
  return std::optional<IdEntry>();
}

Result<IdRunWriter> IdRunWriter::Open(io::FileSystem& fs, std::string path) {
  DATALAKE_TRY_ASSIGN(auto file, fs.Create(path));
  return IdRunWriter(fs, std::move(path), std::move(file));
}

Status IdRunWriter::Add(const Hash128& key, const IdEntry& entry) {
  if (size_ % kBlockEntries == 0) {
    fences_.push_back(key.low);
  }
  ++size_;
  buffer_.push_back({.key = key, .entry = entry});
  if (buffer_.size() < kBufferEntries) {
    return {};
  }
  const Status written = file_->Write(std::as_bytes(std::span(buffer_)));
  buffer_.clear();
  return written;
}

Result<std::shared_ptr<const IdRun>> IdRunWriter::Finish() {
  Status status = file_->Write(std::as_bytes(std::span(buffer_)));
  if (status) {
    status = file_->Close();
  }
  auto opened = fs_->OpenRandomAccess(path_);
  const Status removed = fs_->Remove(path_);
  DATALAKE_TRY(status);
  DATALAKE_TRY(opened ? Status() : Status(opened.error()));
  DATALAKE_TRY(removed);
  fences_.shrink_to_fit();
  return std::make_shared<const IdRun>(*std::move(opened), size_, std::move(fences_));
}

Result<std::shared_ptr<const IdRun>> MergeIds(io::FileSystem& fs, std::string path,
                                              const IdMerge& merge) {
  std::vector<RunReader> inputs;
  if (merge.table != nullptr) {
    std::vector<IdPair> sorted;
    sorted.reserve(merge.table->size());
    merge.table->ForEach([&](const Hash128& key, const IdEntry& entry) {
      sorted.push_back({.key = key, .entry = entry});
    });
    std::ranges::sort(sorted, {}, &IdPair::key);
    inputs.emplace_back(std::move(sorted));
  }
  for (const auto& run : merge.runs) {
    inputs.emplace_back(run);
  }
  DATALAKE_TRY_ASSIGN(IdRunWriter writer, IdRunWriter::Open(fs, path));
  const auto copy = [&]() -> Status {
    while (true) {
      const IdPair* least = nullptr;
      for (RunReader& input : inputs) {
        DATALAKE_TRY_ASSIGN(const IdPair* head, input.Peek());
        least = head != nullptr && (least == nullptr || head->key < least->key) ? head : least;
      }
      if (least == nullptr) {
        return {};
      }
      const IdPair pair = *least;
      if (!merge.drops || !merge.drops(pair)) {
        DATALAKE_TRY(writer.Add(pair.key, pair.entry));
      }
      for (RunReader& input : inputs) {
        DATALAKE_TRY_ASSIGN(const IdPair* head, input.Peek());
        if (head != nullptr && head->key == pair.key) {
          input.Pop();
        }
      }
    }
  };
  if (const Status copied = copy(); !copied) {
    static_cast<void>(fs.Remove(path));
    return copied.error();
  }
  return writer.Finish();
}

}  // namespace datalake::lake

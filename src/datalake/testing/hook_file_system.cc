#include "datalake/testing/hook_file_system.h"

#include <chrono>
#include <future>
#include <utility>

#include "datalake/io/memory_file_system.h"

namespace datalake::testing {
namespace {

// `second` is a few hundred calls in memory; longer means that it waits for a lock.
constexpr std::chrono::milliseconds kPatience{200};

}  // namespace

HookFileSystem::HookFileSystem(io::FileSystem& base) : base_(base) {}

void HookFileSystem::Arm(std::uint64_t k, std::function<void()> hook) {
  const MutexLock lock(mutex_);
  calls_ = 0;
  at_ = k;
  hook_ = std::move(hook);
}

std::uint64_t HookFileSystem::calls() const {
  const MutexLock lock(mutex_);
  return calls_;
}

void HookFileSystem::Count() {
  std::function<void()> hook;
  {
    const MutexLock lock(mutex_);
    if (calls_++ == at_) {
      hook = std::exchange(hook_, nullptr);
    }
  }
  if (hook) {
    hook();
  }
}

Result<std::unique_ptr<io::InputStream>> HookFileSystem::OpenInput(std::string_view path) {
  Count();
  return base_.OpenInput(path);
}

Result<std::unique_ptr<io::RandomAccessFile>> HookFileSystem::OpenRandomAccess(
    std::string_view path) {
  Count();
  return base_.OpenRandomAccess(path);
}

Result<std::unique_ptr<io::WritableFile>> HookFileSystem::Create(std::string_view path) {
  Count();
  return base_.Create(path);
}

Status HookFileSystem::Link(std::string_view from, std::string_view to) {
  Count();
  return base_.Link(from, to);
}

Status HookFileSystem::MakeSymlink(std::string_view target, std::string_view path) {
  Count();
  return base_.MakeSymlink(target, path);
}

Status HookFileSystem::Rename(std::string_view from, std::string_view to) {
  Count();
  return base_.Rename(from, to);
}

Status HookFileSystem::Remove(std::string_view path) {
  Count();
  return base_.Remove(path);
}

Status HookFileSystem::RemoveDirectory(std::string_view path) {
  Count();
  return base_.RemoveDirectory(path);
}

Status HookFileSystem::MakeDirectory(std::string_view path) {
  Count();
  return base_.MakeDirectory(path);
}

Result<std::vector<io::DirectoryEntry>> HookFileSystem::List(std::string_view path) {
  Count();
  return base_.List(path);
}

Result<io::FileInfo> HookFileSystem::Stat(std::string_view path) {
  Count();
  return base_.Stat(path);
}

Status HookFileSystem::SyncDirectory(std::string_view path) {
  Count();
  return base_.SyncDirectory(path);
}

Result<std::unique_ptr<io::BulkSync>> HookFileSystem::OpenBulkSync(std::string_view folder) {
  Count();
  return base_.OpenBulkSync(folder);
}

Result<std::unique_ptr<io::FileLock>> HookFileSystem::Lock(std::string_view path) {
  Count();
  return base_.Lock(path);
}

Result<std::uint64_t> HookFileSystem::FreeBytes(std::string_view path) {
  return base_.FreeBytes(path);
}

std::uint64_t ForEachInterleaving(const Interleaving& work) {
  std::uint64_t total = 1;
  for (std::uint64_t k = 0; k < total; ++k) {
    io::MemoryFileSystem memory;
    work.prepare(memory);
    HookFileSystem hooked(memory);
    std::future<void> second;
    hooked.Arm(k, [&] {
      second = std::async(std::launch::async, [&] { work.second(memory); });
      static_cast<void>(second.wait_for(kPatience));
    });
    work.first(hooked);
    if (second.valid()) {
      second.wait();
    }
    total = hooked.calls();
    work.check(memory, k);
  }
  return total;
}

}  // namespace datalake::testing

#include "datalake/testing/fault_file_system.h"

#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "datalake/base/log.h"
#include "datalake/base/mutex.h"
#include "datalake/base/random.h"

namespace datalake::testing {
namespace {

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

}  // namespace

struct FaultFileSystem::Plan {
  Mutex mutex;
  std::uint64_t calls = 0;
  std::uint64_t fail_call = kNever;
  Fault fault = Fault::kIoError;
  bool crash = false;  // fail_call and all after it
  std::uint64_t reads = 0;
  std::uint64_t fail_read = kNever;
  std::string failed;

  // Counts a call; how it fails, if it does.
  std::optional<Fault> Count(std::string_view what, std::string_view path) {
    const MutexLock lock(mutex);
    const std::uint64_t number = calls++;
    if (crash ? number < fail_call : number != fail_call) {
      return std::nullopt;
    }
    if (number == fail_call) {
      failed = fmt::format("{} {}", what, path);
      return fault;
    }
    return Fault::kIoError;
  }

  // Counts a call that is done or not.
  Status Check(std::string_view what, std::string_view path) {
    const auto injected = Count(what, path);
    return injected ? Status(Failure(*injected, what, path)) : Status();
  }

  // Counts a reading call.
  Status CheckRead(std::string_view what, std::string_view path) {
    const MutexLock lock(mutex);
    if (reads++ != fail_read) {
      return {};
    }
    failed = fmt::format("{} {}", what, path);
    return Failure(Fault::kIoError, what, path);
  }

  static Error Failure(Fault fault, std::string_view what, std::string_view path) {
    return Error{fault == Fault::kNoSpace ? ErrorCode::kResourceExhausted : ErrorCode::kIo,
                 fmt::format("injected fault: cannot {}: {}", what, path)};
  }

  void Reset() {
    const MutexLock lock(mutex);
    calls = 0;
    fail_call = kNever;
    crash = false;
    reads = 0;
    fail_read = kNever;
  }
};

namespace {

using Plan = FaultFileSystem::Plan;

class FaultWritableFile final : public io::WritableFile {
 public:
  FaultWritableFile(std::unique_ptr<io::WritableFile> base, std::shared_ptr<Plan> plan,
                    std::string path)
      : base_(std::move(base)), plan_(std::move(plan)), path_(std::move(path)) {}

  using WritableFile::Write;

  Status Write(std::span<const std::byte> bytes) override {
    const auto fault = plan_->Count("write", path_);
    if (!fault) {
      return base_->Write(bytes);
    }
    if (*fault == Fault::kShortWrite) {
      DATALAKE_TRY(base_->Write(bytes.first(bytes.size() / 2)));
    }
    return Plan::Failure(*fault, "write", path_);
  }

  Status Preallocate(std::uint64_t bytes) override {
    DATALAKE_TRY(plan_->Check("preallocate", path_));
    return base_->Preallocate(bytes);
  }

  Status Sync() override {
    if (Status checked = plan_->Check("sync", path_); !checked) {
      sync_failed_ = true;
      return checked;
    }
    return sync_failed_ ? Status() : base_->Sync();
  }

  Status Close() override {
    if (std::exchange(closed_, true)) {
      return {};
    }
    DATALAKE_TRY(plan_->Check("close", path_));
    return base_->Close();
  }

  std::uint64_t size_bytes() const override { return base_->size_bytes(); }

 private:
  std::unique_ptr<io::WritableFile> base_;
  std::shared_ptr<Plan> plan_;
  std::string path_;
  bool sync_failed_ = false;
  bool closed_ = false;
};

class FaultInputStream final : public io::InputStream {
 public:
  FaultInputStream(std::unique_ptr<io::InputStream> base, std::shared_ptr<Plan> plan,
                   std::string path)
      : base_(std::move(base)), plan_(std::move(plan)), path_(std::move(path)) {}

  Result<std::size_t> Read(std::span<std::byte> out) override {
    DATALAKE_TRY(plan_->CheckRead("read", path_));
    return base_->Read(out);
  }

 private:
  std::unique_ptr<io::InputStream> base_;
  std::shared_ptr<Plan> plan_;
  std::string path_;
};

class FaultRandomAccessFile final : public io::RandomAccessFile {
 public:
  FaultRandomAccessFile(std::unique_ptr<io::RandomAccessFile> base, std::shared_ptr<Plan> plan,
                        std::string path)
      : base_(std::move(base)), plan_(std::move(plan)), path_(std::move(path)) {}

  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    DATALAKE_TRY(plan_->CheckRead("read at", path_));
    return base_->ReadAt(offset, out);
  }

  std::uint64_t size_bytes() const override { return base_->size_bytes(); }

 private:
  std::unique_ptr<io::RandomAccessFile> base_;
  std::shared_ptr<Plan> plan_;
  std::string path_;
};

class FaultBulkSync final : public io::BulkSync {
 public:
  FaultBulkSync(std::unique_ptr<io::BulkSync> base, std::shared_ptr<Plan> plan)
      : base_(std::move(base)), plan_(std::move(plan)) {}

  Status Sync(std::span<const std::string> files, std::span<const std::string> folders) override {
    const auto fault = plan_->Count("sync together", fmt::format("{} files", files.size()));
    if (!fault) {
      return base_->Sync(files, folders);
    }
    if (*fault == Fault::kShortWrite) {  // a part of them
      DATALAKE_TRY(base_->Sync(files.first(files.size() / 2), folders.first(folders.size() / 2)));
    }
    return Plan::Failure(*fault, "sync together", "");
  }

 private:
  std::unique_ptr<io::BulkSync> base_;
  std::shared_ptr<Plan> plan_;
};

}  // namespace

FaultFileSystem::FaultFileSystem() : plan_(std::make_shared<Plan>()) {}

FaultFileSystem::~FaultFileSystem() = default;

void FaultFileSystem::FailCall(std::uint64_t k, Fault fault) {
  const MutexLock lock(plan_->mutex);
  plan_->fail_call = k;
  plan_->fault = fault;
  plan_->crash = false;
}

void FaultFileSystem::CrashAtCall(std::uint64_t k) {
  const MutexLock lock(plan_->mutex);
  plan_->fail_call = k;
  plan_->fault = Fault::kShortWrite;
  plan_->crash = true;
}

void FaultFileSystem::FailRead(std::uint64_t k) {
  const MutexLock lock(plan_->mutex);
  plan_->fail_read = k;
}

void FaultFileSystem::PowerLoss(std::uint64_t seed) {
  SeededRandom random(seed);
  base_.DropUnsynced(random);
  plan_->Reset();
}

void FaultFileSystem::Restart() {
  plan_->Reset();
}

void FaultFileSystem::CopyFrom(const io::MemoryFileSystem& prepared) {
  base_.CopyFrom(prepared);
}

std::uint64_t FaultFileSystem::calls() const {
  const MutexLock lock(plan_->mutex);
  return plan_->calls;
}

std::uint64_t FaultFileSystem::reads() const {
  const MutexLock lock(plan_->mutex);
  return plan_->reads;
}

std::string FaultFileSystem::failed_call() const {
  const MutexLock lock(plan_->mutex);
  return plan_->failed;
}

Result<std::unique_ptr<io::InputStream>> FaultFileSystem::OpenInput(std::string_view path) {
  DATALAKE_TRY(plan_->CheckRead("open", path));
  DATALAKE_TRY_ASSIGN(auto input, base_.OpenInput(path));
  return std::make_unique<FaultInputStream>(std::move(input), plan_, std::string(path));
}

Result<std::unique_ptr<io::RandomAccessFile>> FaultFileSystem::OpenRandomAccess(
    std::string_view path) {
  DATALAKE_TRY(plan_->CheckRead("open", path));
  DATALAKE_TRY_ASSIGN(auto file, base_.OpenRandomAccess(path));
  return std::make_unique<FaultRandomAccessFile>(std::move(file), plan_, std::string(path));
}

Result<std::unique_ptr<io::WritableFile>> FaultFileSystem::Create(std::string_view path) {
  DATALAKE_TRY(plan_->Check("create", path));
  DATALAKE_TRY_ASSIGN(auto file, base_.Create(path));
  return std::make_unique<FaultWritableFile>(std::move(file), plan_, std::string(path));
}

Status FaultFileSystem::Link(std::string_view from, std::string_view to) {
  DATALAKE_TRY(plan_->Check("link", to));
  return base_.Link(from, to);
}

Status FaultFileSystem::MakeSymlink(std::string_view target, std::string_view path) {
  DATALAKE_TRY(plan_->Check("make symbolic link", path));
  return base_.MakeSymlink(target, path);
}

Status FaultFileSystem::Rename(std::string_view from, std::string_view to) {
  DATALAKE_TRY(plan_->Check("rename to", to));
  return base_.Rename(from, to);
}

Status FaultFileSystem::Remove(std::string_view path) {
  DATALAKE_TRY(plan_->Check("remove", path));
  return base_.Remove(path);
}

Status FaultFileSystem::RemoveDirectory(std::string_view path) {
  DATALAKE_TRY(plan_->Check("remove folder", path));
  return base_.RemoveDirectory(path);
}

Status FaultFileSystem::MakeDirectory(std::string_view path) {
  DATALAKE_TRY(plan_->Check("make folder", path));
  return base_.MakeDirectory(path);
}

Result<std::vector<io::DirectoryEntry>> FaultFileSystem::List(std::string_view path) {
  DATALAKE_TRY(plan_->CheckRead("list", path));
  return base_.List(path);
}

Result<io::FileInfo> FaultFileSystem::Stat(std::string_view path) {
  DATALAKE_TRY(plan_->CheckRead("stat", path));
  return base_.Stat(path);
}

Status FaultFileSystem::SyncDirectory(std::string_view path) {
  DATALAKE_TRY(plan_->Check("sync folder", path));
  return base_.SyncDirectory(path);
}

Result<std::unique_ptr<io::BulkSync>> FaultFileSystem::OpenBulkSync(std::string_view folder) {
  DATALAKE_TRY_ASSIGN(auto sync, base_.OpenBulkSync(folder));
  return std::make_unique<FaultBulkSync>(std::move(sync), plan_);
}

Result<std::unique_ptr<io::FileLock>> FaultFileSystem::Lock(std::string_view path) {
  DATALAKE_TRY(plan_->Check("lock", path));
  return base_.Lock(path);
}

Result<std::uint64_t> FaultFileSystem::FreeBytes(std::string_view path) {
  DATALAKE_TRY(plan_->CheckRead("ask for the free bytes of", path));
  return base_.FreeBytes(path);
}

void ForEachFault(const std::function<void(FaultFileSystem&)>& prepare,
                  const std::function<void(FaultFileSystem&)>& work,
                  const std::function<void(FaultFileSystem&)>& check, int seeds) {
  SetLogLevel(LogLevel::kOff);  // a crashed object cannot clean up and says so
  const auto run = [&](const std::string& name, const std::function<void(FaultFileSystem&)>& arm,
                       const std::function<void(FaultFileSystem&)>& crash) {
    FaultFileSystem fs;
    if (prepare) {
      prepare(fs);
      fs.Restart();
    }
    arm(fs);
    work(fs);
    const std::uint64_t made = fs.calls();
    const std::string failed = fs.failed_call();
    const std::string trace = fmt::format("{}: {}", name, failed);
    SCOPED_TRACE(trace);
    crash(fs);
    check(fs);
    return std::pair(made, failed);
  };
  const std::uint64_t calls =
      run("no fault", [](FaultFileSystem&) {}, [](FaultFileSystem& fs) { fs.Restart(); }).first;
  const auto restart = [](FaultFileSystem& fs) { fs.Restart(); };
  for (std::uint64_t k = 0; k < calls && !::testing::Test::HasFailure(); ++k) {
    for (const Fault fault : {Fault::kIoError, Fault::kNoSpace, Fault::kShortWrite}) {
      const std::string failed =
          run(
              fmt::format("call {} fails, kind {}", k, static_cast<int>(fault)),
              [&](FaultFileSystem& fs) { fs.FailCall(k, fault); }, restart)
              .second;
      if (fault == Fault::kNoSpace && !failed.empty() && !failed.starts_with("write ")) {
        break;  // a short write of it would be the first kind again
      }
    }
    // The failure is noticed and the power goes later: what was not synced must not matter.
    run(
        fmt::format("call {} fails, then power loss", k),
        [&](FaultFileSystem& fs) { fs.FailCall(k, Fault::kShortWrite); },
        [&](FaultFileSystem& fs) { fs.PowerLoss(k); });
    const auto arm = [&](FaultFileSystem& fs) { fs.CrashAtCall(k); };
    run(fmt::format("process killed in call {}", k), arm, restart);
    for (int seed = 0; seed < seeds; ++seed) {
      run(fmt::format("power lost in call {}, seed {}", k, seed), arm,
          [&](FaultFileSystem& fs) { fs.PowerLoss(k * 1000 + static_cast<std::uint64_t>(seed)); });
    }
  }
  // After all of it: what was acknowledged is durable.
  for (int seed = 0; seed < seeds; ++seed) {
    run(
        fmt::format("power lost at the end, seed {}", seed), [](FaultFileSystem&) {},
        [&](FaultFileSystem& fs) { fs.PowerLoss(static_cast<std::uint64_t>(seed)); });
  }
  SetLogLevel(LogLevel::kWarning);
}

void ForEachReadFault(const std::function<void(FaultFileSystem&)>& prepare,
                      const std::function<void(FaultFileSystem&)>& work,
                      const std::function<void(FaultFileSystem&)>& check) {
  SetLogLevel(LogLevel::kOff);  // what fails says so
  const auto run = [&](std::uint64_t k) {
    FaultFileSystem fs;
    if (prepare) {
      prepare(fs);
      fs.Restart();
    }
    fs.FailRead(k);
    std::uint64_t reads = 0;
    {
      const std::string trace = fmt::format("reading call {} fails", k);
      SCOPED_TRACE(trace);
      work(fs);
      reads = fs.reads();
    }
    const std::string trace = fmt::format("reading call {} failed: {}", k, fs.failed_call());
    SCOPED_TRACE(trace);
    fs.Restart();
    check(fs);
    return reads;
  };
  const std::uint64_t reads = run(kNever);
  for (std::uint64_t k = 0; k < reads && !::testing::Test::HasFailure(); ++k) {
    static_cast<void>(run(k));
  }
  SetLogLevel(LogLevel::kWarning);
}

}  // namespace datalake::testing

#include "datalake/lake/wait_for_lock.h"

#include <chrono>
#include <thread>

#include "datalake/io/file_system.h"

namespace datalake::lake {
namespace {

constexpr int kAttempts = 500;
constexpr std::chrono::milliseconds kPause{20};

}  // namespace

Result<std::unique_ptr<io::FileLock>> WaitForLock(io::FileSystem& fs, std::string_view path) {
  for (int attempt = 1;; ++attempt) {
    auto lock = fs.Lock(path);
    if (lock || lock.error().code != ErrorCode::kUnavailable || attempt == kAttempts) {
      return lock;
    }
    std::this_thread::sleep_for(kPause);
  }
}

Result<std::unique_ptr<io::FileLock>> WaitForLock(io::FileSystem& fs, std::string_view path,
                                                  const std::stop_token& stop) {
  while (true) {
    auto lock = fs.Lock(path);
    if (lock || lock.error().code != ErrorCode::kUnavailable) {
      return lock;
    }
    if (stop.stop_requested()) {
      return Error{ErrorCode::kCancelled, "cancelled while waiting: " + lock.error().message};
    }
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace datalake::lake

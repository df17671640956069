#include "datalake/assets/checked_lines.h"

#include <chrono>
#include <span>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/hash.h"
#include "datalake/io/path.h"

namespace datalake::assets {
namespace {

constexpr std::string_view kChecksum = "crc32c ";
constexpr std::size_t kChecksumLine = kChecksum.size() + 8 + 1;
constexpr int kAttempts = 500;
constexpr std::chrono::milliseconds kPause{20};

std::string ChecksumLine(std::string_view lines) {
  return fmt::format("{}{:08x}\n", kChecksum,
                     Crc32c(std::as_bytes(std::span(lines.data(), lines.size()))));
}

}  // namespace

std::string WithChecksum(std::string lines) {
  const std::string last = ChecksumLine(lines);
  return std::move(lines) + last;
}

Result<std::vector<std::string_view>> CheckedLines(std::string_view text, std::string_view path) {
  if (text.size() < kChecksumLine ||
      text.substr(text.size() - kChecksumLine) !=
          ChecksumLine(text.substr(0, text.size() - kChecksumLine))) {
    return Error{ErrorCode::kCorruption, fmt::format("file fails its checksum: {}", path)};
  }
  text.remove_suffix(kChecksumLine);
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

Result<std::unique_ptr<io::FileLock>> WaitForStoreLock(io::FileSystem& fs, std::string_view path) {
  for (int attempt = 1;; ++attempt) {
    auto lock = fs.Lock(path);
    if (lock || lock.error().code != ErrorCode::kUnavailable || attempt == kAttempts) {
      return lock;
    }
    std::this_thread::sleep_for(kPause);
  }
}

Status MakeScratchFolder(io::FileSystem& fs, std::string_view root, std::string_view folder) {
  std::size_t end = 0;
  while (end != std::string_view::npos) {
    end = folder.find('/', end + 1);
    const Status made = fs.MakeDirectory(io::JoinPath(root, folder.substr(0, end)));
    if (!made && made.error().code != ErrorCode::kAlreadyExists) {
      return made;
    }
  }
  return {};
}

}  // namespace datalake::assets

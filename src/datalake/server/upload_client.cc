#include "datalake/server/upload_client.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "datalake/base/hash.h"
#include "datalake/base/hex.h"
#include "datalake/base/log.h"
#include "datalake/base/mutex.h"
#include "datalake/base/thread_pool.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/server/upload_messages_internal.h"

namespace datalake::server {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxStateBytes = 4096;
constexpr int kRounds = 3;           // begin, send, complete: again when parts were lost
constexpr int kDamagedTries = 5;     // of one part
constexpr int kCompleteWaits = 720;  // of some 20 s each: the server puts 100s of GB together
constexpr std::string_view kUploads = "/v1/uploads";

Error Changed(std::string_view path) {
  return {ErrorCode::kConflict,
          fmt::format("file changed while it was sent, upload it again: {}", path)};
}

Error Stopped() {
  return {ErrorCode::kCancelled, "stopped; the same command again goes on where this one was"};
}

class UploadSender {
 public:
  UploadSender(io::FileSystem& fs, const lake::UploadFiles& source,
               const UploadClientOptions& options, ProgressSink& progress, std::stop_token stop)
      : fs_(fs), source_(source), options_(options), progress_(progress), stop_(std::move(stop)) {}

  Result<SentUpload> Run(const lake::UploadRequest& request);

 private:
  std::string PathOf(const SentFile& file) const { return io::JoinPath(source_.root, file.path); }

  Status HashAll();
  Status Hash(SentFile& file);
  Status CheckUnchanged();
  Result<HttpAnswer> Call(HttpClient& client, const HttpCall& call) const;
  Status Check(const lake::UploadRequest& request);
  Result<Begun> Begin(const std::string& body);
  Status SendParts(const Begun& begun);
  Status SendPart(HttpClient& client, const Begun& begun, const Part& part);
  Result<std::optional<lake::UploadInfo>> Complete(std::string_view id);
  void Remember(const std::string& body);
  void NoteState(std::string_view id);
  void DropState();
  std::optional<std::string> ReadState();

  io::FileSystem& fs_;
  const lake::UploadFiles& source_;
  const UploadClientOptions& options_;
  ProgressSink& progress_;
  const std::stop_token stop_;
  std::vector<SentFile> files_;
  std::unique_ptr<HttpClient> client_;  // of all but the parts
  std::string state_path_;              // empty: none
  std::uint64_t total_bytes_ = 0;
  std::atomic<std::uint64_t> hashed_bytes_{0};
  std::atomic<std::uint64_t> hashed_files_{0};
  std::atomic<std::uint64_t> sent_bytes_{0};
  std::atomic<std::uint64_t> parts_sent_{0};
};

// ---- what is sent ---------------------------------------------------------------------------

Status UploadSender::HashAll() {
  if (source_.names.empty()) {
    return Error{ErrorCode::kNotFound, "no files to upload: " + source_.root};
  }
  for (const std::string& name : source_.names) {
    DATALAKE_TRY_ASSIGN(const io::FileInfo info, fs_.Stat(io::JoinPath(source_.root, name)));
    files_.push_back({.path = name, .sha256 = {}, .info = info});
    total_bytes_ += info.size_bytes;
  }
  ThreadPool pool(std::max<std::size_t>(options_.hash_threads, 1));
  const Status hashed =
      ParallelFor(pool, files_.size(), stop_, [this](std::size_t i) { return Hash(files_[i]); });
  return !hashed && hashed.error().code == ErrorCode::kCancelled ? Stopped() : hashed;
}

Status UploadSender::Hash(SentFile& file) {
  DATALAKE_TRY_ASSIGN(const auto input, fs_.OpenInput(PathOf(file)));
  std::vector<std::byte> piece(kPieceBytes);
  Sha256 hash;
  std::uint64_t size = 0;
  while (true) {
    if (stop_.stop_requested()) {
      return Stopped();
    }
    DATALAKE_TRY_ASSIGN(const std::size_t n, input->Read(piece));
    if (n == 0) {
      break;
    }
    hash.Update(std::span(piece).first(n));
    size += n;
    hashed_bytes_ += n;
    progress_.Report({.phase = "hash",
                      .items_done = hashed_files_,
                      .items_total = files_.size(),
                      .unit = "files",
                      .bytes_done = hashed_bytes_,
                      .bytes_total = total_bytes_});
  }
  if (size != file.info.size_bytes) {
    return Changed(PathOf(file));
  }
  ++hashed_files_;
  file.sha256 = ToHex(hash.Finish());
  return {};
}

Status UploadSender::CheckUnchanged() {
  for (const SentFile& file : files_) {
    const auto now = fs_.Stat(PathOf(file));
    if (!now || now->size_bytes != file.info.size_bytes || now->modified != file.info.modified) {
      return Changed(PathOf(file));
    }
  }
  return {};
}

// ---- the ids of uploads under way -----------------------------------------------------------

// The place of this upload's id: the same call again, and only that, finds it.
void UploadSender::Remember(const std::string& body) {
  if (!options_.state_folder.empty()) {
    state_path_ = io::JoinPath(options_.state_folder,
                               Sha256Hex(options_.http.url + "\n" + body).substr(0, 32));
  }
}

std::optional<std::string> UploadSender::ReadState() {
  if (state_path_.empty()) {
    return std::nullopt;
  }
  const auto id = io::ReadFile(fs_, state_path_, kMaxStateBytes);
  const auto is_plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '_' || c == '-';
  };
  const bool fits = id && !id->empty() && std::all_of(id->begin(), id->end(), is_plain);
  return fits ? std::optional<std::string>(*id) : std::nullopt;
}

void UploadSender::NoteState(std::string_view id) {
  if (state_path_.empty()) {
    return;
  }
  Status noted = fs_.MakeDirectories(options_.state_folder);
  if (noted) {
    noted = io::ReplaceFile(fs_, state_path_, id);
  }
  if (!noted) {
    LogWarning("cannot note the upload's id: " + noted.error().message);
  }
}

void UploadSender::DropState() {
  if (!state_path_.empty()) {
    const Status dropped = fs_.Remove(state_path_);
    if (!dropped && dropped.error().code != ErrorCode::kNotFound) {
      LogWarning("cannot remove the upload's id: " + dropped.error().message);
    }
  }
}

// ---- calls ----------------------------------------------------------------------------------

Result<HttpAnswer> UploadSender::Call(HttpClient& client, const HttpCall& call) const {
  auto answer = client.Call(call, stop_);
  return !answer && answer.error().code == ErrorCode::kCancelled ? Stopped() : std::move(answer);
}

// Whether the server takes this caller and this request: told before an hour of hashing.
Status UploadSender::Check(const lake::UploadRequest& request) {
  const std::string body = CheckMessage(request, source_.source);
  DATALAKE_TRY_ASSIGN(const HttpAnswer answer,
                      Call(*client_, {.method = "POST", .target = kUploads, .body = body}));
  const bool is_fine = answer.status == 200 || answer.status == 201;
  return is_fine ? Status() : ErrorOfAnswer(options_.http.url, answer);
}

Result<Begun> UploadSender::Begin(const std::string& body) {
  DATALAKE_TRY_ASSIGN(const HttpAnswer answer,
                      Call(*client_, {.method = "POST", .target = kUploads, .body = body}));
  if (answer.status != 200 && answer.status != 201) {
    return ErrorOfAnswer(options_.http.url, answer);
  }
  return ParseBegun(answer.body, files_);
}

Status UploadSender::SendParts(const Begun& begun) {
  std::uint64_t missing_bytes = 0;
  for (const Part& part : begun.missing) {
    missing_bytes += std::min(begun.part_bytes,
                              files_[part.file].info.size_bytes - part.number * begun.part_bytes);
  }
  sent_bytes_ = total_bytes_ - missing_bytes;
  std::atomic<std::size_t> next{0};
  Mutex mutex;
  std::optional<Error> failure;
  const auto send = [&] {
    auto client = HttpClient::Make(options_.http);
    Status sent = client ? Status() : client.error();
    for (std::size_t i = next++; sent && i < begun.missing.size(); i = next++) {
      sent = SendPart(**client, begun, begun.missing[i]);
    }
    if (!sent) {
      next = begun.missing.size();  // the others end after the part that they are at
      const MutexLock lock(mutex);
      failure = failure ? failure : sent.error();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < std::min(options_.connections, begun.missing.size()); ++i) {
      threads.emplace_back(send);
    }
  }
  return failure ? Status(*failure) : Status();
}

Status UploadSender::SendPart(HttpClient& client, const Begun& begun, const Part& part) {
  const SentFile& file = files_[part.file];
  const std::uint64_t offset = part.number * begun.part_bytes;
  std::string bytes(std::min(begun.part_bytes, file.info.size_bytes - offset), '\0');
  DATALAKE_TRY_ASSIGN(const auto input, fs_.OpenRandomAccess(PathOf(file)));
  DATALAKE_TRY_ASSIGN(const std::size_t n,
                      input->ReadAt(offset, std::as_writable_bytes(std::span(bytes))));
  if (n != bytes.size()) {
    return Changed(PathOf(file));
  }
  const std::string digest = Sha256Hex(bytes);
  const std::string target =
      fmt::format("{}/{}/files/{}/parts/{}", kUploads, begun.id, part.file, part.number);
  const HttpCall call{.method = "PUT",
                      .target = target,
                      .body = bytes,
                      .content_type = "application/octet-stream",
                      .headers = {{"X-Content-SHA256", digest}}};
  Error refused;
  for (int attempt = 0; attempt < kDamagedTries; ++attempt) {
    DATALAKE_TRY_ASSIGN(const HttpAnswer answer, Call(client, call));
    if (answer.status == 200) {
      ++parts_sent_;
      sent_bytes_ += bytes.size();
      progress_.Report({.phase = "send",
                        .items_done = parts_sent_,
                        .items_total = begun.missing.size(),
                        .unit = "parts",
                        .bytes_done = sent_bytes_,
                        .bytes_total = total_bytes_});
      return {};
    }
    refused = ErrorOfAnswer(options_.http.url, answer);
    if (refused.code != ErrorCode::kInvalidArgument) {
      return refused;
    }
  }
  return Error{ErrorCode::kCorruption,
               fmt::format("part was refused {} times, something on the way damages it: {}: {}",
                           kDamagedTries, file.path, refused.message)};
}

// Has the server stage what it received; nothing, when it lacks parts or knows no such upload.
Result<std::optional<lake::UploadInfo>> UploadSender::Complete(std::string_view id) {
  const std::string target = fmt::format("{}/{}/complete", kUploads, id);
  for (int wait = 0;; ++wait) {
    progress_.Report({.phase = "stage", .items_total = files_.size(), .unit = "files"});
    auto answer = Call(*client_, {.method = "POST", .target = target});
    if (!answer) {
      // Still busy with it: an attempt before this one was cut off, the work goes on.
      const Error& error = answer.error();
      const bool is_busy = error.code == ErrorCode::kUnavailable &&
                           error.message.find("answered 503") != std::string::npos;
      if (is_busy && wait < kCompleteWaits) {
        continue;
      }
      return error;
    }
    if (answer->status == 200) {
      DATALAKE_TRY_ASSIGN(lake::UploadInfo info, ParseStaged(answer->body));
      return std::optional<lake::UploadInfo>(std::move(info));
    }
    Error error = ErrorOfAnswer(options_.http.url, *answer);
    if (error.code == ErrorCode::kConflict || error.code == ErrorCode::kNotFound) {
      return std::optional<lake::UploadInfo>();
    }
    return error;
  }
}

Result<SentUpload> UploadSender::Run(const lake::UploadRequest& request) {
  DATALAKE_TRY_ASSIGN(client_, HttpClient::Make(options_.http));
  DATALAKE_TRY(Check(request));
  DATALAKE_TRY(HashAll());
  const std::string body = BeginMessage(request, source_.source, files_);
  Remember(body);
  std::optional<lake::UploadInfo> done;
  std::uint64_t there = 0;
  if (const auto id = ReadState()) {
    DATALAKE_TRY_ASSIGN(done, Complete(*id));  // all but the answer may have arrived
  }
  for (int round = 0; !done && round < kRounds; ++round) {
    DATALAKE_TRY_ASSIGN(const Begun begun, Begin(body));
    NoteState(begun.id);
    if (round == 0) {
      for (const SentFile& file : files_) {
        there += PartsOf(file, begun.part_bytes);
      }
      there -= begun.missing.size();
    }
    const Status sent = SendParts(begun);
    if (!sent && sent.error().code != ErrorCode::kNotFound) {
      return sent.error();
    }
    DATALAKE_TRY(CheckUnchanged());
    DATALAKE_TRY_ASSIGN(done, Complete(begun.id));
  }
  if (!done) {
    return Error{ErrorCode::kConflict, fmt::format("server lost parts of the upload {} times: {}",
                                                   kRounds, options_.http.url)};
  }
  DropState();
  return SentUpload{.info = *std::move(done), .parts_sent = parts_sent_, .parts_there = there};
}

}  // namespace

Result<SentUpload> SendUpload(io::FileSystem& fs, const lake::UploadRequest& request,
                              const lake::UploadFiles& files, const UploadClientOptions& options,
                              ProgressSink& progress, const std::stop_token& stop) {
  return UploadSender(fs, files, options, progress, stop).Run(request);
}

}  // namespace datalake::server

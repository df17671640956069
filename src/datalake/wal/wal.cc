// Group commit: appends queue up while the committer thread syncs the group before them, and go out
// together with its next sync. No timer: a lone append is synced at once, many share.
#include "datalake/wal/wal.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/log.h"
#include "datalake/base/mutex.h"
#include "datalake/io/path.h"
#include "datalake/wal/recovery.h"
#include "datalake/wal/segment.h"
#include "datalake/wal/segment_writer.h"

namespace datalake::wal {
namespace {

constexpr std::string_view kLockName = "LOCK";
constexpr std::chrono::seconds kAgeCheckInterval{1};
constexpr std::uint64_t kSealBytes = kRecordHeaderBytes;
constexpr std::uint64_t kMarkBytes = std::uint64_t{64} << 10;

using Done = std::function<void(Result<std::uint64_t>)>;

// One queued append, or a request to seal.
struct Request {
  std::string owned;
  std::string_view borrowed;  // of a caller that waits
  bool is_seal = false;
  Timestamp received;
  Done done;

  std::string_view payload() const { return borrowed.data() == nullptr ? owned : borrowed; }
};

// Lets a caller wait for its request.
class Waiter {
 public:
  Done Callback() {
    return [this](Result<std::uint64_t> result) {
      // Notified under the lock: the waiter may be gone right behind it.
      const MutexLock lock(mutex_);
      result_ = std::move(result);
      ready_.NotifyOne();
    };
  }

  Result<std::uint64_t> Wait() {
    const MutexLock lock(mutex_);
    ready_.Wait(mutex_, {}, [&] { return result_.has_value(); });
    return *std::move(result_);
  }

 private:
  Mutex mutex_;
  CondVar ready_;
  std::optional<Result<std::uint64_t>> result_;
};

// The acknowledged part of the open segment.
struct OpenSegment {
  std::string path;
  std::uint64_t first_sequence = 0;
  std::uint64_t durable_bytes = 0;
};

// Where a group of records begins in its segment.
struct Mark {
  std::uint64_t sequence = 0;
  std::uint64_t offset = 0;
};

class LogImpl final : public Wal {
 public:
  LogImpl(io::FileSystem& fs, const Clock& clock, Random& random, std::string dir,
          const WalOptions& options, std::unique_ptr<io::FileLock> lock, RecoveredLog recovered)
      : fs_(fs),
        clock_(clock),
        random_(random),
        dir_(std::move(dir)),
        options_(options),
        lock_(std::move(lock)),
        report_(std::move(recovered.report)),
        sealed_(std::move(recovered.sealed)) {}

  ~LogImpl() override {
    if (committer_.joinable()) {
      committer_.request_stop();
      committer_.join();
    }
  }

  Status Start(std::uint64_t first_sequence, const std::vector<SegmentInfo>& empty) {
    DATALAKE_TRY_ASSIGN(
        writer_, SegmentWriter::Create(fs_, clock_, random_, dir_, first_sequence,
                                       options_.segment_bytes, SegmentWriter::Existing::kReplace));
    for (const SegmentInfo& segment : empty) {
      if (segment.path != writer_->path()) {
        DATALAKE_TRY(fs_.Remove(segment.path));
      }
    }
    {
      const MutexLock lock(mutex_);
      NoteOpened();
    }
    committer_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
    return {};
  }

  Result<std::uint64_t> Append(std::string_view payload) override {
    Waiter waiter;
    Request request;
    request.borrowed = payload.data() == nullptr ? std::string_view("") : payload;
    request.done = waiter.Callback();
    DATALAKE_TRY(Enqueue(std::move(request)));
    return waiter.Wait();
  }

  Status AppendAsync(std::string payload, Done done) override {
    Request request;
    request.owned = std::move(payload);
    request.done = std::move(done);
    return Enqueue(std::move(request));
  }

  Status Seal() override {
    Waiter waiter;
    Request request;
    request.is_seal = true;
    request.done = waiter.Callback();
    DATALAKE_TRY(Enqueue(std::move(request)));
    DATALAKE_TRY(waiter.Wait());
    return {};
  }

  std::vector<SegmentInfo> SealedSegments() const override {
    const MutexLock lock(mutex_);
    return sealed_;
  }

  Status ReadSegment(const SegmentInfo& segment, const RecordVisitor& visit) const override {
    DATALAKE_TRY_ASSIGN(const auto file, fs_.OpenRandomAccess(segment.path));
    return ReadSealed(*file, segment, visit);
  }

  Status ReadRecord(std::uint64_t sequence, const RecordVisitor& visit) const override {
    std::unique_ptr<io::RandomAccessFile> file;
    std::string path;
    std::uint64_t limit = 0;
    std::uint64_t offset = 0;
    {
      const MutexLock lock(mutex_);
      std::uint64_t first = 0;
      for (const SegmentInfo& segment : sealed_) {
        if (segment.first_sequence <= sequence && sequence <= segment.last_sequence) {
          path = segment.path;
          limit = segment.size_bytes;
          first = segment.first_sequence;
        }
      }
      if (path.empty() && sequence >= open_.first_sequence) {
        path = open_.path;
        limit = open_.durable_bytes;
        first = open_.first_sequence;
      }
      if (path.empty()) {
        return Error{ErrorCode::kNotFound, fmt::format("no such record in the log: {}", sequence)};
      }
      const auto behind = std::ranges::upper_bound(marks_, sequence, {}, &Mark::sequence);
      if (behind != marks_.begin() && std::prev(behind)->sequence >= first) {
        offset = std::prev(behind)->offset;
      }
      DATALAKE_TRY_ASSIGN(file, fs_.OpenRandomAccess(path));
    }
    return FindRecord(*file, path, limit, offset, sequence, visit);
  }

  Status ForEachUnsealed(const RecordVisitor& visit) const override {
    std::unique_ptr<io::RandomAccessFile> file;
    OpenSegment open;
    {
      const MutexLock lock(mutex_);
      open = open_;
      if (open.path.empty()) {
        return {};
      }
      DATALAKE_TRY_ASSIGN(file, fs_.OpenRandomAccess(open.path));
    }
    return ReadOpen(*file, open, visit);
  }

  Status ForEachFrom(std::uint64_t first_sequence, const RecordVisitor& visit) const override {
    const RecordVisitor filtered = [&](const Record& record) {
      return record.sequence < first_sequence ? Status() : visit(record);
    };
    std::vector<std::pair<SegmentInfo, std::unique_ptr<io::RandomAccessFile>>> sealed;
    std::unique_ptr<io::RandomAccessFile> tail;
    OpenSegment open;
    {
      // All are opened under the lock, so that sealing and removing cannot come between.
      const MutexLock lock(mutex_);
      for (const SegmentInfo& segment : sealed_) {
        if (segment.last_sequence >= first_sequence) {
          DATALAKE_TRY_ASSIGN(auto file, fs_.OpenRandomAccess(segment.path));
          sealed.emplace_back(segment, std::move(file));
        }
      }
      open = open_;
      if (!open.path.empty()) {
        DATALAKE_TRY_ASSIGN(tail, fs_.OpenRandomAccess(open.path));
      }
    }
    for (const auto& [segment, file] : sealed) {
      DATALAKE_TRY(ReadSealed(*file, segment, filtered));
    }
    return tail == nullptr ? Status() : ReadOpen(*tail, open, filtered);
  }

  Status RemoveSegment(const SegmentInfo& segment) override {
    const MutexLock lock(mutex_);
    const auto found = std::ranges::find(sealed_, segment.path, &SegmentInfo::path);
    if (found == sealed_.end()) {
      return Error{ErrorCode::kNotFound, fmt::format("no such sealed segment: {}", segment.path)};
    }
    DATALAKE_TRY(fs_.Remove(segment.path));
    sealed_.erase(found);
    const std::uint64_t oldest =
        sealed_.empty() ? open_.first_sequence : sealed_.front().first_sequence;
    while (!marks_.empty() && marks_.front().sequence < oldest) {
      marks_.pop_front();
    }
    return {};
  }

  const RecoveryReport& recovery() const override { return report_; }

  std::uint64_t size_bytes() const override {
    const MutexLock lock(mutex_);
    std::uint64_t sum = open_.durable_bytes;
    for (const SegmentInfo& segment : sealed_) {
      sum += segment.size_bytes;
    }
    return sum;
  }

  Status health() const override {
    const MutexLock lock(mutex_);
    return failed_ ? Status(*failed_) : Status();
  }

 private:
  static Status ReadSealed(const io::RandomAccessFile& file, const SegmentInfo& segment,
                           const RecordVisitor& visit) {
    DATALAKE_TRY_ASSIGN(const SegmentScan scan,
                        ScanSegment(file, segment.path, file.size_bytes(), visit));
    if (scan.end != SegmentEnd::kSealed || scan.last_sequence != segment.last_sequence) {
      return Error{ErrorCode::kCorruption, scan.problem.empty()
                                               ? fmt::format("segment ends too early: {}: byte {}",
                                                             segment.path, scan.end_offset)
                                               : scan.problem};
    }
    return {};
  }

  static Status ReadOpen(const io::RandomAccessFile& file, const OpenSegment& open,
                         const RecordVisitor& visit) {
    DATALAKE_TRY_ASSIGN(const SegmentScan scan,
                        ScanSegment(file, open.path, open.durable_bytes, visit));
    if (scan.end_offset != open.durable_bytes) {
      return Error{
          ErrorCode::kCorruption,
          fmt::format("acknowledged records are damaged: {}: byte {}", open.path, scan.end_offset)};
    }
    return {};
  }

  Status Enqueue(Request request) {
    const std::uint64_t size = request.payload().size();
    if (size > options_.max_record_bytes) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("record is larger than {} bytes: {}",
                                                            options_.max_record_bytes, size)};
    }
    request.received = clock_.Now();
    const MutexLock lock(mutex_);
    if (failed_) {
      return *failed_;
    }
    if (queued_bytes_ > 0 && queued_bytes_ + size > options_.max_queued_bytes) {
      return Error{ErrorCode::kUnavailable,
                   fmt::format("log cannot keep up: {} bytes wait to be written", queued_bytes_)};
    }
    queued_bytes_ += size + kRecordHeaderBytes;
    queue_.push_back(std::move(request));
    work_.NotifyOne();
    return {};
  }

  void Run(const std::stop_token& stop) {
    std::vector<Request> group;
    while (true) {
      group.clear();
      {
        const MutexLock lock(mutex_);
        const auto ready = [&] { return !queue_.empty(); };
        if (options_.segment_age.count() > 0 && writer_ && writer_->has_records()) {
          work_.WaitFor(mutex_, stop, kAgeCheckInterval, ready);
        } else {
          work_.Wait(mutex_, stop, ready);
        }
        if (queue_.empty() && stop.stop_requested()) {
          break;
        }
        TakeGroup(group);
      }
      Status status = IsOld() ? Rotate() : Status();
      if (status) {
        status = WriteGroup(group);
      }
      if (!status) {
        Fail(status.error(), group);
        return;
      }
    }
    if (writer_->has_records()) {
      if (Status sealed = Rotate(); !sealed) {
        LogError("cannot seal the log: " + sealed.error().message);
      }
    }
  }

  void TakeGroup(std::vector<Request>& group) DATALAKE_REQUIRES(mutex_) {
    std::uint64_t bytes = 0;
    while (!queue_.empty() && bytes < options_.max_group_bytes) {
      const std::uint64_t size = queue_.front().payload().size();
      bytes += RecordBytes(size);
      queued_bytes_ -= size + kRecordHeaderBytes;
      group.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
  }

  // Writes and acknowledges the group, in pieces where a segment ends within it.
  Status WriteGroup(std::vector<Request>& group) {
    std::vector<std::pair<Done, std::uint64_t>> written;
    const auto commit = [&]() -> Status {
      if (written.empty()) {
        return {};
      }
      const Mark mark{.sequence = written.front().second,
                      .offset = writer_->size_bytes() - writer_->group_bytes()};
      DATALAKE_TRY(writer_->Commit());
      NoteDurable(mark);
      for (auto& [done, sequence] : written) {
        std::exchange(done, nullptr)(sequence);
      }
      written.clear();
      return {};
    };
    Status status;
    for (Request& request : group) {
      const std::uint64_t size = RecordBytes(request.payload().size());
      const bool full = writer_->has_records() &&
                        writer_->size_bytes() + size + kSealBytes > options_.segment_bytes;
      if (request.is_seal || full) {
        if (status = commit(); !status) {
          break;
        }
        if (status = writer_->has_records() ? Rotate() : Status(); !status) {
          break;
        }
      }
      if (request.is_seal) {
        std::exchange(request.done, nullptr)(std::uint64_t{0});
        continue;
      }
      if (!writer_->has_records()) {
        first_record_nanos_ = clock_.SteadyNanos();
      }
      const std::uint64_t sequence = writer_->Add(request.payload(), request.received);
      written.emplace_back(std::exchange(request.done, nullptr), sequence);
    }
    if (status) {
      status = commit();
    }
    if (!status) {
      Refuse(status.error());
      for (auto& [done, sequence] : written) {
        if (done) {
          done(status.error());
        }
      }
    }
    return status;
  }

  // Seals the open segment and starts the next.
  Status Rotate() {
    const SegmentInfo info{.path = writer_->path(),
                           .first_sequence = writer_->first_sequence(),
                           .last_sequence = writer_->next_sequence() - 1,
                           .size_bytes = writer_->size_bytes() + kSealBytes};
    DATALAKE_TRY(writer_->Seal(clock_.Now()));
    DATALAKE_TRY_ASSIGN(
        auto next, SegmentWriter::Create(fs_, clock_, random_, dir_, info.last_sequence + 1,
                                         options_.segment_bytes, SegmentWriter::Existing::kRefuse));
    const MutexLock lock(mutex_);
    writer_ = std::move(next);
    sealed_.push_back(info);
    NoteOpened();
    return {};
  }

  bool IsOld() const {
    return options_.segment_age.count() > 0 && writer_->has_records() &&
           std::chrono::nanoseconds(clock_.SteadyNanos() - first_record_nanos_) >=
               options_.segment_age;
  }

  void NoteDurable(const Mark& group) {
    const MutexLock lock(mutex_);
    open_.durable_bytes = writer_->size_bytes();
    if (marks_.empty() || marks_.back().sequence < open_.first_sequence ||
        group.offset - marks_.back().offset >= kMarkBytes) {
      marks_.push_back(group);
    }
  }

  void NoteOpened() DATALAKE_REQUIRES(mutex_) {
    open_ = {.path = writer_->path(),
             .first_sequence = writer_->first_sequence(),
             .durable_bytes = writer_->size_bytes()};
  }

  // From now on every append is refused.
  void Refuse(const Error& error) {
    const MutexLock lock(mutex_);
    if (!failed_) {
      failed_ = WithContext(error, "log has failed and takes no more records");
      LogError(failed_->message);
    }
  }

  // The end of the committer: nothing that waits is acknowledged.
  void Fail(const Error& error, std::vector<Request>& group) {
    Refuse(error);
    std::deque<Request> waiting;
    {
      const MutexLock lock(mutex_);
      waiting.swap(queue_);
      queued_bytes_ = 0;
    }
    for (Request& request : group) {
      if (request.done) {
        request.done(error);
      }
    }
    for (Request& request : waiting) {
      request.done(error);
    }
  }

  io::FileSystem& fs_;
  const Clock& clock_;
  Random& random_;
  const std::string dir_;
  const WalOptions options_;
  const std::unique_ptr<io::FileLock> lock_;
  const RecoveryReport report_;

  mutable Mutex mutex_;
  CondVar work_;
  std::deque<Request> queue_ DATALAKE_GUARDED_BY(mutex_);
  std::uint64_t queued_bytes_ DATALAKE_GUARDED_BY(mutex_) = 0;
  std::vector<SegmentInfo> sealed_ DATALAKE_GUARDED_BY(mutex_);
  OpenSegment open_ DATALAKE_GUARDED_BY(mutex_);
  std::deque<Mark> marks_ DATALAKE_GUARDED_BY(mutex_);  // by sequence; not of recovered segments
  std::optional<Error> failed_ DATALAKE_GUARDED_BY(mutex_);

  // Used by the committer only, once it runs.
  std::unique_ptr<SegmentWriter> writer_;
  std::int64_t first_record_nanos_ = 0;

  std::jthread committer_;  // last: it uses all of the above
};

}  // namespace

Status WalOptions::Validate() const {
  constexpr std::uint64_t kLeastSegmentBytes = 4096;
  constexpr std::uint64_t kMostRecordBytes = std::uint64_t{1} << 30;
  if (segment_bytes < kLeastSegmentBytes) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("segment_bytes is below {}: {}", kLeastSegmentBytes, segment_bytes)};
  }
  if (max_record_bytes == 0 || max_record_bytes > kMostRecordBytes) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("max_record_bytes is not within 1 to {}: {}", kMostRecordBytes,
                             max_record_bytes)};
  }
  if (max_group_bytes == 0 || first_sequence == 0 || segment_age.count() < 0) {
    return Error{ErrorCode::kInvalidArgument,
                 "max_group_bytes and first_sequence must be above 0, segment_age not below"};
  }
  return {};
}

Result<std::unique_ptr<Wal>> Wal::Open(io::FileSystem& fs, const Clock& clock, Random& random,
                                       std::string_view dir, const WalOptions& options) {
  DATALAKE_TRY(options.Validate());
  DATALAKE_TRY(fs.MakeDirectories(dir));
  DATALAKE_TRY_ASSIGN(auto lock, fs.Lock(io::JoinPath(dir, kLockName)));
  DATALAKE_TRY_ASSIGN(RecoveredLog recovered, RecoverLog(fs, clock, dir));
  const std::uint64_t first = std::max(recovered.next_sequence, options.first_sequence);
  const std::vector<SegmentInfo> empty = std::move(recovered.empty);
  auto log = std::make_unique<LogImpl>(fs, clock, random, std::string(dir), options,
                                       std::move(lock), std::move(recovered));
  DATALAKE_TRY(log->Start(first, empty));
  return log;
}

}  // namespace datalake::wal

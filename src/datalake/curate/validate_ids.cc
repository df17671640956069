#include "datalake/curate/validate_ids.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"

namespace datalake::curate {
namespace {

std::size_t PartOf(const IdRecord& record) {
  return record.hash.high >> 56;
}

}  // namespace

RepeatedIds::RepeatedIds(io::FileSystem& fs, std::string folder, std::uint64_t memory_bytes)
    : fs_(fs),
      path_(io::TemporaryPath(io::JoinPath(folder, "datalake-validate-ids"))),
      max_records_(std::max<std::uint64_t>(memory_bytes / sizeof(IdRecord), kParts)),
      parts_(kParts) {}

RepeatedIds::~RepeatedIds() {
  MutexLock lock(mutex_);
  if (file_ != nullptr) {
    file_.reset();
    static_cast<void>(fs_.Remove(path_));  // nothing more can be done about it
  }
}

Status RepeatedIds::Add(std::span<const IdRecord> records) {
  MutexLock lock(mutex_);
  for (const IdRecord& record : records) {
    parts_[PartOf(record)].records.push_back(record);
  }
  num_records_ += records.size();
  return num_records_ > max_records_ ? Spill() : Status();
}

Status RepeatedIds::Spill() {
  if (file_ == nullptr) {
    DATALAKE_TRY_ASSIGN(file_, fs_.Create(path_));
  }
  for (Part& part : parts_) {
    if (part.records.empty()) {
      continue;
    }
    const auto bytes = std::as_bytes(std::span(part.records));
    DATALAKE_TRY(file_->Write(bytes));
    part.segments.push_back({file_bytes_, bytes.size()});
    file_bytes_ += bytes.size();
    part.records.clear();
  }
  num_records_ = 0;
  return {};
}

Status RepeatedIds::Load(Part& part, const io::RandomAccessFile& file) {
  for (const Segment& segment : part.segments) {
    const std::size_t begin = part.records.size();
    part.records.resize(begin + segment.size_bytes / sizeof(IdRecord));
    const auto out = std::as_writable_bytes(std::span(part.records).subspan(begin));
    DATALAKE_TRY_ASSIGN(const std::size_t read, file.ReadAt(segment.offset, out));
    if (read != out.size()) {
      return Error{ErrorCode::kIo, fmt::format("temporary file ends early: {}", path_)};
    }
  }
  return {};
}

Status RepeatedIds::Finish(const std::function<void(RowPlace first, RowPlace again)>& repeated) {
  MutexLock lock(mutex_);
  std::unique_ptr<io::RandomAccessFile> file;
  if (file_ != nullptr) {
    DATALAKE_TRY(file_->Close());
    DATALAKE_TRY_ASSIGN(file, fs_.OpenRandomAccess(path_));
  }
  for (Part& part : parts_) {
    if (file != nullptr) {
      DATALAKE_TRY(Load(part, *file));
    }
    std::vector<IdRecord> records = std::exchange(part.records, {});
    std::sort(records.begin(), records.end());
    for (std::size_t first = 0, i = 1; i < records.size(); ++i) {
      if (records[i].hash == records[first].hash) {
        repeated(records[first].Place(), records[i].Place());
      } else {
        first = i;
      }
    }
  }
  return {};
}

std::uint64_t RepeatedIds::spilled_bytes() const {
  MutexLock lock(mutex_);
  return file_bytes_;
}

}  // namespace datalake::curate

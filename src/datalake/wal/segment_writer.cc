#include "datalake/wal/segment_writer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "datalake/io/atomic_file.h"
#include "datalake/io/path.h"

namespace datalake::wal {
namespace {

// Reserved ahead of the records: a sync of reserved bytes has no size and fewer blocks to record.
constexpr std::uint64_t kMostReserveBytes = std::uint64_t{1} << 20;

std::uint64_t MakeSalt(Random& random) {
  std::array<std::byte, sizeof(std::uint64_t)> bytes;
  random.Fill(bytes);
  std::uint64_t salt = 0;
  std::memcpy(&salt, bytes.data(), sizeof(salt));
  return salt;
}

}  // namespace

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::Create(io::FileSystem& fs, const Clock& clock,
                                                             Random& random, std::string_view dir,
                                                             std::uint64_t first_sequence,
                                                             std::uint64_t segment_bytes,
                                                             Existing existing) {
  const SegmentHeader header{
      .first_sequence = first_sequence, .created = clock.Now(), .salt = MakeSalt(random)};
  const std::string path = io::JoinPath(dir, SegmentName(first_sequence));
  const std::string temporary = io::TemporaryPath(path);
  DATALAKE_TRY_ASSIGN(auto file, fs.Create(temporary));
  DATALAKE_TRY(file->Write(EncodeHeader(header)));
  DATALAKE_TRY(file->Sync());
  if (existing == Existing::kReplace) {
    DATALAKE_TRY(fs.Rename(temporary, path));
  } else {
    DATALAKE_TRY(fs.Link(temporary, path));
    DATALAKE_TRY(fs.Remove(temporary));
  }
  DATALAKE_TRY(fs.SyncDirectory(dir));
  return std::unique_ptr<SegmentWriter>(
      new SegmentWriter(path, header, std::move(file), std::min(segment_bytes, kMostReserveBytes)));
}

SegmentWriter::SegmentWriter(std::string path, const SegmentHeader& header,
                             std::unique_ptr<io::WritableFile> file,
                             std::uint64_t reserve_step_bytes)
    : path_(std::move(path)),
      header_(header),
      reserve_step_bytes_(reserve_step_bytes),
      file_(std::move(file)),
      next_sequence_(header.first_sequence),
      durable_sequence_(header.first_sequence - 1) {}

std::uint64_t SegmentWriter::Add(std::string_view payload, Timestamp received) {
  AppendRecord(header_,
               Record{.sequence = next_sequence_, .received = received, .payload = payload},
               durable_sequence_, group_);
  return next_sequence_++;
}

Status SegmentWriter::Commit() {
  DATALAKE_TRY(WriteGroup());
  durable_sequence_ = next_sequence_ - 1;
  return {};
}

Status SegmentWriter::Seal(Timestamp now) {
  AppendSeal(header_, next_sequence_ - 1, now, group_);
  DATALAKE_TRY(WriteGroup());
  return file_->Close();
}

Status SegmentWriter::WriteGroup() {
  if (group_.empty()) {
    return {};
  }
  if (size_bytes() > reserved_bytes_) {
    const std::uint64_t more = group_.size() + reserve_step_bytes_;
    DATALAKE_TRY(file_->Preallocate(more));
    reserved_bytes_ = written_bytes_ + more;
  }
  DATALAKE_TRY(file_->Write(group_));
  DATALAKE_TRY(file_->Sync());
  written_bytes_ += group_.size();
  group_.clear();
  return {};
}

}  // namespace datalake::wal

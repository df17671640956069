#include "datalake/job/job_store.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/log.h"
#include "datalake/base/name.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/json/value.h"
#include "datalake/json/writer.h"

namespace datalake::job {
namespace {

constexpr std::uint64_t kMaxRecordBytes = std::uint64_t{64} << 20;
constexpr int kMaxIdAttempts = 10'000;

Result<JobState> ParseJobState(std::string_view word, std::string_view where) {
  for (const JobState state :
       {JobState::kRunning, JobState::kCompleted, JobState::kFailed, JobState::kCancelled}) {
    if (word == ToString(state)) {
      return state;
    }
  }
  return Error{ErrorCode::kCorruption, fmt::format("{}: unknown job status: {}", where, word)};
}

// "process_20260131_123456_789", as the seed names jobs, in UTC.
std::string JobId(std::string_view kind, Timestamp time) {
  const std::string text = FormatTimestamp(time);  // 2026-01-31T12:34:56.789012Z
  return fmt::format("{}_{}{}{}_{}{}{}_{}", kind, text.substr(0, 4), text.substr(5, 2),
                     text.substr(8, 2), text.substr(11, 2), text.substr(14, 2), text.substr(17, 2),
                     text.substr(20, 3));
}

// JSON made by a job or a client: text that is none becomes a string, so the record stays readable.
void WriteJson(json::Writer& writer, std::string_view text) {
  if (text.empty()) {
    writer.Null();
  } else if (json::ParseValue(text, "")) {
    writer.Raw(text);
  } else {
    writer.String(text);
  }
}

void WriteProgress(json::Writer& writer, const ProgressEvent& progress) {
  writer.BeginObject();
  writer.Key("phase");
  writer.String(progress.phase);
  writer.Key("items_done");
  writer.Uint(progress.items_done);
  writer.Key("items_total");
  writer.Uint(progress.items_total);
  writer.Key("unit");
  writer.String(progress.unit);
  writer.Key("bytes_done");
  writer.Uint(progress.bytes_done);
  writer.Key("bytes_total");
  writer.Uint(progress.bytes_total);
  writer.EndObject();
}

Result<ProgressEvent> ReadProgress(const json::Value& value, std::string_view where) {
  ProgressEvent progress;
  DATALAKE_TRY_ASSIGN(progress.phase, json::GetString(value, "phase", where));
  DATALAKE_TRY_ASSIGN(progress.items_done, json::GetUint(value, "items_done", where));
  DATALAKE_TRY_ASSIGN(progress.items_total, json::GetUint(value, "items_total", where));
  DATALAKE_TRY_ASSIGN(progress.unit, json::GetString(value, "unit", where));
  DATALAKE_TRY_ASSIGN(progress.bytes_done, json::GetUint(value, "bytes_done", where));
  DATALAKE_TRY_ASSIGN(progress.bytes_total, json::GetUint(value, "bytes_total", where));
  return progress;
}

Status ReadOutcome(const json::Value& value, std::string_view where, JobRecord& record) {
  DATALAKE_TRY_ASSIGN(const std::optional<std::string> completed,
                      json::FindString(value, "completed_at", where));
  if (completed) {
    DATALAKE_TRY_ASSIGN(record.completed_at, ParseTimestamp(*completed));
  }
  if (const json::Value* result = json::Find(value, "result")) {
    record.result = json::DumpValue(*result);
  }
  DATALAKE_TRY_ASSIGN(const std::optional<std::string> error,
                      json::FindString(value, "error", where));
  if (error) {
    DATALAKE_TRY_ASSIGN(const std::optional<std::string> code,
                        json::FindString(value, "error_code", where));
    record.error =
        Error{ErrorCodeFromName(code.value_or("internal")).value_or(ErrorCode::kInternal), *error};
  }
  return {};
}

Result<JobRecord> ParseRecord(std::string_view text, std::string_view where) {
  DATALAKE_TRY_ASSIGN(const json::Value value, json::ParseValue(text, where));
  JobRecord record;
  DATALAKE_TRY_ASSIGN(record.id, json::GetString(value, "job_id", where));
  DATALAKE_TRY_ASSIGN(record.kind, json::GetString(value, "kind", where));
  DATALAKE_TRY_ASSIGN(const std::string status, json::GetString(value, "status", where));
  DATALAKE_TRY_ASSIGN(record.state, ParseJobState(status, where));
  DATALAKE_TRY_ASSIGN(const std::string started, json::GetString(value, "started_at", where));
  DATALAKE_TRY_ASSIGN(record.started_at, ParseTimestamp(started));
  DATALAKE_TRY(ReadOutcome(value, where, record));
  if (const json::Value* parameters = json::Find(value, "parameters")) {
    record.parameters = json::DumpValue(*parameters);
  }
  if (const json::Value* progress = json::Find(value, "progress")) {
    DATALAKE_TRY_ASSIGN(record.progress, ReadProgress(*progress, where));
  }
  if (const json::Value* log = json::Find(value, "log"); log != nullptr && log->is_array()) {
    for (const json::Value& line : *log) {
      record.log.push_back(line.is_string() ? *line.get_ptr<const std::string*>() : std::string());
    }
  }
  DATALAKE_TRY_ASSIGN(const std::optional<bool> interrupted,
                      json::FindBool(value, "interrupted", where));
  record.interrupted = interrupted.value_or(false);
  if (json::Find(value, "restarts") != nullptr) {
    DATALAKE_TRY_ASSIGN(record.restarts, json::GetUint(value, "restarts", where));
  }
  DATALAKE_TRY_ASSIGN(const std::optional<std::string> owner,
                      json::FindString(value, "owner", where));
  record.owner = owner.value_or("");
  return record;
}

}  // namespace

std::string_view ToString(JobState state) {
  switch (state) {
    case JobState::kRunning:
      return "running";
    case JobState::kCompleted:
      return "completed";
    case JobState::kFailed:
      return "failed";
    case JobState::kCancelled:
      return "cancelled";
  }
  return "failed";
}

namespace {

void WriteTextOrNull(json::Writer& writer, std::string_view key, std::string_view text) {
  writer.Key(key);
  text.empty() ? writer.Null() : writer.String(text);
}

void WriteState(json::Writer& writer, const JobRecord& record) {
  writer.Key("job_id");
  writer.String(record.id);
  writer.Key("status");
  writer.String(ToString(record.state));
  writer.Key("started_at");
  writer.String(FormatTimestamp(record.started_at));
  WriteTextOrNull(writer, "completed_at",
                  record.completed_at ? FormatTimestamp(*record.completed_at) : std::string());
}

void WriteError(json::Writer& writer, const JobRecord& record) {
  WriteTextOrNull(writer, "error", record.error ? record.error->message : std::string());
  WriteTextOrNull(writer, "error_code", record.error ? FactsOf(record.error->code).name : "");
  writer.Key("kind");
  writer.String(record.kind);
}

}  // namespace

std::string JobSummaryJson(const JobRecord& record) {
  std::string out;
  json::Writer writer(out);
  writer.BeginObject();
  WriteState(writer, record);
  WriteError(writer, record);
  writer.Key("progress");
  WriteProgress(writer, record.progress);
  writer.Key("interrupted");
  writer.Bool(record.interrupted);
  writer.EndObject();
  return out;
}

std::string JobRecordJson(const JobRecord& record) {
  std::string out;
  json::Writer writer(out);
  writer.BeginObject();
  WriteState(writer, record);
  writer.Key("result");
  WriteJson(writer, record.result);
  WriteError(writer, record);
  writer.Key("parameters");
  WriteJson(writer, record.parameters);
  writer.Key("progress");
  WriteProgress(writer, record.progress);
  writer.Key("log");
  writer.BeginArray();
  for (const std::string& line : record.log) {
    writer.String(line);
  }
  writer.EndArray();
  writer.Key("interrupted");
  writer.Bool(record.interrupted);
  writer.Key("restarts");
  writer.Uint(record.restarts);
  writer.Key("owner");
  writer.String(record.owner);
  writer.EndObject();
  return out;
}

JobStore::JobStore(io::FileSystem& fs, const Clock& clock, std::string folder)
    : fs_(fs), clock_(clock), folder_(std::move(folder)) {}

std::string JobStore::PathOf(std::string_view id) const {
  return fmt::format("{}/{}.json", folder_, id);
}

Result<JobRecord> JobStore::Create(std::string_view kind, std::string_view owner,
                                   std::string parameters) {
  DATALAKE_TRY(CheckName("kind of job", kind));
  JobRecord record;
  record.kind = kind;
  record.owner = owner;
  record.parameters = std::move(parameters);
  record.started_at = clock_.Now();
  Timestamp named = record.started_at;
  for (int attempt = 0; attempt < kMaxIdAttempts; ++attempt) {
    record.id = JobId(kind, named);
    const Status status = io::PutIfAbsent(fs_, PathOf(record.id), JobRecordJson(record));
    if (status) {
      return record;
    }
    if (status.error().code != ErrorCode::kAlreadyExists) {
      return status.error();
    }
    named += std::chrono::milliseconds(1);  // taken in the same millisecond
  }
  return Error{ErrorCode::kUnavailable,
               fmt::format("cannot find a free job id, try again: {}", record.id)};
}

Status JobStore::Save(const JobRecord& record) {
  return io::ReplaceFile(fs_, PathOf(record.id), JobRecordJson(record));
}

Result<JobRecord> JobStore::Load(std::string_view id) const {
  DATALAKE_TRY(CheckName("job id", id));
  const std::string path = PathOf(id);
  auto text = io::ReadFile(fs_, path, kMaxRecordBytes);
  if (!text) {
    if (text.error().code == ErrorCode::kNotFound) {
      return Error{ErrorCode::kNotFound, fmt::format("unknown job: {}", id)};
    }
    return text.error();
  }
  auto record = ParseRecord(*text, path);
  if (!record) {
    return Error{ErrorCode::kCorruption, record.error().message};
  }
  return record;
}

Result<std::vector<JobRecord>> JobStore::List() const {
  DATALAKE_TRY_ASSIGN(const std::vector<io::DirectoryEntry> entries, fs_.List(folder_));
  std::vector<JobRecord> records;
  for (const io::DirectoryEntry& entry : entries) {
    if (entry.is_directory || entry.name.starts_with('.') || !entry.name.ends_with(".json")) {
      continue;
    }
    auto record = Load(std::string_view(entry.name).substr(0, entry.name.size() - 5));
    if (record) {
      records.push_back(std::move(*record));
    } else if (record.error().code != ErrorCode::kNotFound) {  // removed meanwhile
      LogWarning(fmt::format("job record left out: {}", record.error().message));
    }
  }
  std::stable_sort(records.begin(), records.end(), [](const JobRecord& a, const JobRecord& b) {
    return a.started_at < b.started_at;
  });
  return records;
}

Status JobStore::Remove(std::string_view id) {
  DATALAKE_TRY(CheckName("job id", id));
  const std::string path = PathOf(id);
  DATALAKE_TRY_ASSIGN(const bool exists, fs_.Exists(path));
  if (!exists) {
    return Error{ErrorCode::kNotFound, fmt::format("unknown job: {}", id)};
  }
  DATALAKE_TRY(fs_.Remove(path));
  return fs_.SyncDirectory(folder_);
}

}  // namespace datalake::job

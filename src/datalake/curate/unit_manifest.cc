#include "datalake/curate/unit_manifest.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/hash.h"
#include "datalake/base/process.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/value.h"
#include "datalake/json/writer.h"

namespace datalake::curate {
namespace {

constexpr std::uint64_t kMaxManifestBytes = 64 << 20;

// Raised when a change of the program changes the bytes of outputs, which are then made anew.
constexpr std::uint64_t kRevision = 1;

// What tells whether a file is still the one that was written.
Result<std::string> Identity(io::FileSystem& fs, std::string_view path) {
  DATALAKE_TRY_ASSIGN(const io::FileInfo info, fs.Stat(path));
  return fmt::format("{} bytes, {}", info.size_bytes, FormatTimestamp(info.modified));
}

}  // namespace

UnitManifest::UnitManifest(io::FileSystem& fs, std::string work, std::string fingerprint)
    : fs_(&fs), work_(std::move(work)), fingerprint_(std::move(fingerprint)) {}

Result<UnitManifest> UnitManifest::Make(io::FileSystem& fs, const UnitWork& work) {
  std::string text;
  json::Writer writer(text);
  writer.BeginObject();
  writer.Key("revision");
  writer.Uint(kRevision);
  writer.Key("command");
  writer.String(work.command);
  writer.Key("options");
  writer.Raw(work.options);
  writer.Key("inputs");
  writer.BeginArray();
  for (const std::string& input : work.inputs) {
    DATALAKE_TRY_ASSIGN(const std::string identity, Identity(fs, input));
    writer.String(fmt::format("{}: {}", io::BaseName(input), identity));
  }
  writer.EndArray();
  writer.EndObject();
  const Hash128 hash = Xxh3Hash128(text);
  return UnitManifest(fs, std::move(text), fmt::format("{:016x}{:016x}", hash.high, hash.low));
}

std::string UnitManifest::PathOf(std::string_view output) {
  return io::JoinPath(io::ParentPath(output), ".datalake",
                      fmt::format("{}.json", io::BaseName(output)));
}

Result<FoundOutput> UnitManifest::Find(std::string_view output) const {
  DATALAKE_TRY_ASSIGN(const bool exists, fs_->Exists(output));
  if (!exists) {
    return FoundOutput{};
  }
  const std::string path = PathOf(output);
  const Result<std::string> text = io::ReadFile(*fs_, path, kMaxManifestBytes);
  if (!text && text.error().code == ErrorCode::kNotFound) {
    return FoundOutput{OutputState::kForeign, ""};
  }
  DATALAKE_TRY(text);
  const FoundOutput stale{OutputState::kStale, ""};
  const Result<json::Value> record = json::ParseValue(*text, path);
  if (!record) {
    return stale;  // of no use, so neither is what it speaks of
  }
  const auto state = json::GetString(*record, "state", path);
  const auto fingerprint = json::GetString(*record, "fingerprint", path);
  const auto identity = json::GetString(*record, "output", path);
  if (!state || *state != "done" || !fingerprint || *fingerprint != fingerprint_ || !identity) {
    return stale;
  }
  DATALAKE_TRY_ASSIGN(const std::string found, Identity(*fs_, output));
  if (*identity != found) {
    return stale;
  }
  const json::Value* facts = json::Find(*record, "facts");
  return FoundOutput{OutputState::kDone, facts == nullptr ? "{}" : json::DumpValue(*facts)};
}

Status UnitManifest::Begin(std::string_view output) const {
  DATALAKE_TRY(RemoveTemporaries(output));
  std::string process;
  json::AppendString(process, ProcessIdentity());
  const std::string path = PathOf(output);
  DATALAKE_TRY(fs_->MakeDirectories(io::ParentPath(path)));
  return io::ReplaceFile(*fs_, path, Render("writing", fmt::format("\"process\":{}", process)));
}

Status UnitManifest::Finish(std::string_view output, std::string_view facts) const {
  DATALAKE_TRY_ASSIGN(const std::string identity, Identity(*fs_, output));
  return io::ReplaceFile(
      *fs_, PathOf(output),
      Render("done", fmt::format("\"output\":\"{}\",\"facts\":{}", identity, facts)));
}

void UnitManifest::Abandon(std::string_view output) const {
  const Result<bool> exists = fs_->Exists(output);
  if (exists && !*exists) {
    const std::string path = PathOf(output);
    (void)fs_->Remove(path).has_value();
    (void)fs_->RemoveDirectory(io::ParentPath(path)).has_value();  // when it is empty
  }
}

std::string UnitManifest::Render(std::string_view state, std::string_view rest) const {
  return fmt::format("{{\"state\":\"{}\",\"fingerprint\":\"{}\",{},\"work\":{}}}\n", state,
                     fingerprint_, rest, work_);
}

// Those of a run that says so itself and is dead for certain.
Status UnitManifest::RemoveTemporaries(std::string_view output) const {
  const std::string path = PathOf(output);
  const Result<std::string> text = io::ReadFile(*fs_, path, kMaxManifestBytes);
  if (!text) {
    return text.error().code == ErrorCode::kNotFound ? Status() : text.error();
  }
  const Result<json::Value> record = json::ParseValue(*text, path);
  const auto process =
      record ? json::GetString(*record, "process", path) : Result<std::string>(record.error());
  if (!process || LivenessOf(*process) != Liveness::kDead) {
    return {};
  }
  const std::string_view folder = io::ParentPath(output);
  const std::string prefix = fmt::format(".{}.", io::BaseName(output));
  DATALAKE_TRY_ASSIGN(const auto entries, fs_->List(folder));
  for (const io::DirectoryEntry& entry : entries) {
    if (entry.name.starts_with(prefix) && entry.name.ends_with(".tmp")) {
      Status removed = fs_->Remove(io::JoinPath(folder, entry.name));
      if (!removed && removed.error().code != ErrorCode::kNotFound) {
        return removed;
      }
    }
  }
  return {};
}

}  // namespace datalake::curate

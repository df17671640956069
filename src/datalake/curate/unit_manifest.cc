#include "datalake/curate/unit_manifest.h"

#include <functional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/hash.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/value.h"
#include "datalake/json/writer.h"

namespace datalake::curate {
namespace {

constexpr std::string_view kFolder = ".datalake";
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
  return io::JoinPath(io::ParentPath(output), kFolder,
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
  const std::string path = PathOf(output);
  DATALAKE_TRY(fs_->MakeDirectories(io::ParentPath(path)));
  return io::ReplaceFile(*fs_, path, Render("writing", {}));
}

Status UnitManifest::Finish(std::string_view output, std::string_view facts) const {
  DATALAKE_TRY_ASSIGN(const std::string identity, Identity(*fs_, output));
  return io::ReplaceFile(
      *fs_, PathOf(output),
      Render("done", fmt::format("\"output\":\"{}\",\"facts\":{},", identity, facts)));
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
  return fmt::format("{{\"state\":\"{}\",\"fingerprint\":\"{}\",{}\"work\":{}}}\n", state,
                     fingerprint_, rest, work_);
}

void RemoveLeftovers(io::FileSystem& fs, std::span<const std::string> files) {
  std::set<std::string, std::less<>> folders;
  for (const std::string& file : files) {
    folders.emplace(io::ParentPath(file));
  }
  for (const std::string& folder : folders) {
    io::RemoveDeadTemporaries(fs, folder);
    io::RemoveDeadTemporaries(fs, io::JoinPath(folder, kFolder));
  }
}

}  // namespace datalake::curate

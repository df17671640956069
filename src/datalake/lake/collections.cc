#include "datalake/lake/collections.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <span>
#include <tuple>
#include <utility>

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/assets/asset_store.h"
#include "datalake/assets/lease.h"
#include "datalake/base/hash.h"
#include "datalake/base/hex.h"
#include "datalake/base/id.h"
#include "datalake/base/log.h"
#include "datalake/base/name.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/hf_dataset.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/lake/asset_mentions.h"
#include "datalake/lake/asset_roots.h"
#include "datalake/lake/collection_card.h"
#include "datalake/lake/collection_check.h"
#include "datalake/lake/collection_json.h"

namespace datalake::lake {
namespace {

constexpr std::string_view kLatest = "latest";
constexpr std::string_view kStagedPrefix = ".tmp-";
constexpr std::string_view kDeletedPrefix = ".deleted-";
constexpr std::string_view kMetadataFile = "metadata.json";
constexpr std::string_view kLineageFile = "lineage.json";
constexpr std::string_view kCardFile = "README.md";
constexpr std::string_view kCroissantFile = "croissant.json";
constexpr std::uint64_t kMaxMetadataBytes = std::uint64_t{16} << 20;
constexpr std::size_t kHashBufferBytes = std::size_t{1} << 20;
constexpr int kMaxAttempts = 100;
// What a killed writer left; one that is at work touches its folder far more often.
constexpr std::chrono::hours kStaleAfter{24};

// The number of "v12"; -1 for other names.
std::int64_t VersionNumber(std::string_view version) {
  std::int64_t number = -1;
  if (version.size() < 2 || version[0] != 'v') {
    return -1;
  }
  const char* end = version.data() + version.size();
  const auto parsed = std::from_chars(version.data() + 1, end, number);
  return parsed.ec == std::errc() && parsed.ptr == end ? number : -1;
}

Status CheckVersion(std::string_view version) {
  DATALAKE_TRY(CheckName("version", version));
  if (version == kLatest) {
    return Error{ErrorCode::kInvalidArgument,
                 "latest is no name for a version: it means the newest"};
  }
  return {};
}

// The size and hash of each file, and of all of them one after the other.
struct HashedFiles {
  std::vector<CollectionFile> files;
  std::string sha256;
};

Result<HashedFiles> HashFiles(io::FileSystem& fs, std::string_view folder,
                              std::vector<CollectionFile> files) {
  Sha256 all;
  std::vector<std::byte> buffer(kHashBufferBytes);
  for (CollectionFile& file : files) {
    Sha256 one;
    DATALAKE_TRY_ASSIGN(const auto input, fs.OpenInput(io::JoinPath(folder, file.path)));
    while (true) {
      DATALAKE_TRY_ASSIGN(const std::size_t read, input->Read(buffer));
      if (read == 0) {
        break;
      }
      one.Update(std::span(buffer).first(read));
      all.Update(std::span(buffer).first(read));
      file.size_bytes += read;
    }
    file.sha256 = ToHex(one.Finish());
  }
  return HashedFiles{.files = std::move(files), .sha256 = ToHex(all.Finish())};
}

void AddFiles(const format::WrittenDataset& written, const std::string& split,
              std::vector<CollectionFile>& files) {
  for (const std::string& name : written.files) {
    files.push_back(
        {.path = io::JoinPath(split, name), .split = split, .size_bytes = 0, .sha256 = {}});
  }
}

// Writes `rows` below `staged`, in one folder or one for each split, and fills what `info` says of
// them. Returns the files.
Result<std::vector<CollectionFile>> WriteRows(const LakeContext& context, const std::string& staged,
                                              arrow::RecordBatchReader& rows, const SplitPlan& plan,
                                              CollectionInfo& info) {
  std::vector<CollectionFile> files;
  if (plan.shares.empty()) {
    const format::HfDatasetOptions options{.description = info.description};
    DATALAKE_TRY_ASSIGN(const format::WrittenDataset written,
                        format::WriteHfDataset(context.fs, context.random, staged, rows, options));
    AddFiles(written, "", files);
    info.num_samples = written.num_rows;
    info.size_bytes = written.size_bytes;
    return files;
  }
  DATALAKE_TRY_ASSIGN(RowSplitter splitter, RowSplitter::Make(plan, *rows.schema()));
  DATALAKE_TRY(context.fs.MakeDirectory(staged));
  std::vector<std::unique_ptr<format::HfDatasetWriter>> writers;
  for (const SplitShare& split : plan.shares) {
    const format::HfDatasetOptions options{.description = info.description, .split = split.name};
    DATALAKE_TRY_ASSIGN(auto writer, format::HfDatasetWriter::Make(context.fs, context.random,
                                                                   io::JoinPath(staged, split.name),
                                                                   *rows.schema(), options));
    writers.push_back(std::move(writer));
  }
  while (true) {
    DATALAKE_TRY_ASSIGN(const auto batch, format::FromArrow(rows.Next(), "cannot read rows"));
    if (batch == nullptr) {
      break;
    }
    DATALAKE_TRY_ASSIGN(const auto parts, splitter.Split(batch));
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (parts[i]->num_rows() > 0) {
        DATALAKE_TRY(writers[i]->Write(*parts[i]));
      }
    }
  }
  std::vector<std::string> names;
  for (std::size_t i = 0; i < writers.size(); ++i) {
    DATALAKE_TRY_ASSIGN(const format::WrittenDataset written, writers[i]->Publish());
    const std::string& name = names.emplace_back(plan.shares[i].name);
    AddFiles(written, name, files);
    info.splits.push_back(
        {.name = name, .num_samples = written.num_rows, .size_bytes = written.size_bytes});
    info.num_samples += written.num_rows;
    info.size_bytes += written.size_bytes;
  }
  info.split_key = plan.key;
  DATALAKE_TRY(format::WriteHfSplits(context.fs, staged, names));
  return files;
}

// Rows on their way into a collection, while some assets are condemned: what they name is kept.
class KeepingRows final : public arrow::RecordBatchReader {
 public:
  KeepingRows(arrow::RecordBatchReader& rows, assets::AssetLease& lease)
      : rows_(rows), lease_(lease) {}

  std::shared_ptr<arrow::Schema> schema() const override { return rows_.schema(); }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    ARROW_RETURN_NOT_OK(rows_.ReadNext(out));
    Status kept;
    if (*out != nullptr) {
      ForEachMention(**out, MentionScope::kAnything, [&](const AssetMention& mention) {
        if (kept) {
          const auto was_condemned = lease_.Keep(mention.sha256);
          kept = was_condemned ? Status() : Status(was_condemned.error());
        }
      });
    }
    return kept ? arrow::Status::OK() : format::ToArrow(kept.error());
  }

 private:
  arrow::RecordBatchReader& rows_;
  assets::AssetLease& lease_;
};

// Removes what killed processes left in the folder of a collection. Best effort: another process
// may be doing the same.
void RemoveStale(io::FileSystem& fs, const Clock& clock, std::string_view folder) {
  const auto entries = fs.List(folder);
  if (!entries) {
    return;
  }
  for (const io::DirectoryEntry& entry : *entries) {
    const std::string path = io::JoinPath(folder, entry.name);
    if (!entry.name.starts_with('.') || entry.is_symlink ||
        entry.name.starts_with(kAmendedPrefix)) {  // may be all there is of a version
      continue;
    }
    const auto facts = fs.Stat(path);
    if (facts && facts->modified < clock.Now() - kStaleAfter) {
      static_cast<void>(fs.RemoveTree(path));
    }
  }
}

Result<CollectionInfo> ReadInfo(io::FileSystem& fs, std::string_view folder,
                                std::string_view version) {
  const std::string path = io::JoinPath(folder, version);
  const std::string file = io::JoinPath(path, kMetadataFile);
  DATALAKE_TRY_ASSIGN(const std::string text, io::ReadFile(fs, file, kMaxMetadataBytes));
  DATALAKE_TRY_ASSIGN(CollectionInfo info, ParseCollectionMetadata(text, file));
  info.name = io::BaseName(folder);  // the folder's name counts: it may have been copied
  info.version = version;
  info.path = path;
  return info;
}

Result<CollectionVersions> ReadVersions(io::FileSystem& fs, std::string_view folder) {
  CollectionVersions found{
      .name = std::string(io::BaseName(folder)), .versions = {}, .problems = {}, .damage = {}};
  DATALAKE_TRY_ASSIGN(const auto entries, fs.List(folder));
  for (const io::DirectoryEntry& entry : entries) {
    if (!entry.is_directory || entry.is_symlink || !CheckVersion(entry.name)) {
      continue;
    }
    Result<CollectionInfo> info = ReadInfo(fs, folder, entry.name);
    if (info) {
      found.versions.push_back(std::move(info).value());
      continue;
    }
    const ErrorCode code = info.error().code;
    if (code == ErrorCode::kIo || code == ErrorCode::kResourceExhausted ||
        code == ErrorCode::kUnavailable) {
      return info.error();  // the storage fails: nothing is known of the version
    }
    const bool has_no_metadata = code == ErrorCode::kNotFound;
    if (has_no_metadata) {
      DATALAKE_TRY_ASSIGN(const bool exists, fs.Exists(io::JoinPath(folder, entry.name)));
      if (!exists) {
        continue;  // deleted meanwhile
      }
    }
    found.problems.push_back(info.error().message);
    if (!has_no_metadata && found.damage.empty()) {
      found.damage = info.error().message;
    }
  }
  std::sort(found.versions.begin(), found.versions.end(), IsOlder);
  return found;
}

}  // namespace

bool IsOlder(const CollectionInfo& a, const CollectionInfo& b) {
  return std::tuple(a.created_at, VersionNumber(a.version), std::string_view(a.version)) <
         std::tuple(b.created_at, VersionNumber(b.version), std::string_view(b.version));
}

Collections::Collections(Lake& lake) : lake_(lake) {}

std::string Collections::Folder(std::string_view name) const {
  return io::JoinPath(lake_.layout().collections(), name);
}

Result<CollectionInfo> Collections::Save(arrow::RecordBatchReader& rows,
                                         const SaveCollectionRequest& request) {
  DATALAKE_TRY(CheckName("collection", request.name));
  const LakeContext& context = lake_.context();
  const std::string folder = Folder(request.name);
  if (!request.version.empty()) {
    DATALAKE_TRY(CheckVersion(request.version));
    DATALAKE_TRY_ASSIGN(const bool exists,
                        context.fs.Exists(io::JoinPath(folder, request.version)));
    if (exists) {
      return Error{ErrorCode::kAlreadyExists,
                   fmt::format("this version exists, and versions never change: {}/{}",
                               request.name, request.version)};
    }
  }
  // What the rows name stays until the version is there and says so itself.
  DATALAKE_TRY_ASSIGN(const auto lease, lake_.assets().TakeLease());
  KeepingRows keeping(rows, *lease);
  arrow::RecordBatchReader& source = lease->anything_condemned() ? keeping : rows;
  DATALAKE_TRY(context.fs.MakeDirectories(folder));
  RemoveStale(context.fs, context.clock, folder);
  const std::string staged =
      io::JoinPath(folder, std::string(kStagedPrefix) + MakeUuid(context.random));
  CollectionInfo info{.name = request.name,
                      .version = request.version,
                      .description = request.description,
                      .created_at = context.clock.Now(),
                      .created_by = request.created_by,
                      .num_samples = 0,
                      .size_bytes = 0,
                      .content_sha256 = {},
                      .source = request.source,
                      .splits = {},
                      .split_key = {},
                      .path = {},
                      .license = {},
                      .notes = {}};
  Result<CollectionInfo> published = [&]() -> Result<CollectionInfo> {
    DATALAKE_TRY_ASSIGN(auto files, WriteRows(context, staged, source, request.splits, info));
    DATALAKE_TRY_ASSIGN(HashedFiles hashed, HashFiles(context.fs, staged, std::move(files)));
    info.content_sha256 = std::move(hashed.sha256);
    return Publish(staged, info, *rows.schema(), hashed.files, request.describe);
  }();
  if (!published) {
    static_cast<void>(context.fs.RemoveTree(staged));  // the first error is the one to tell
    return published;
  }
  if (const Status linked = UpdateLatest(request.name, ""); !linked) {
    LogWarning(linked.error().message);  // the version is there; the next change sets the link
  }
  return published;
}

Result<CollectionInfo> Collections::Publish(const std::string& staged, CollectionInfo info,
                                            const arrow::Schema& schema,
                                            const std::vector<CollectionFile>& files,
                                            const DescribeVersion& describe) {
  io::FileSystem& fs = lake_.context().fs;
  const std::string folder = Folder(info.name);
  const bool is_given = !info.version.empty();
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    if (!is_given) {
      DATALAKE_TRY_ASSIGN(const auto entries, fs.List(folder));
      std::int64_t highest = 0;
      for (const io::DirectoryEntry& entry : entries) {
        highest = std::max(highest, VersionNumber(entry.name));
      }
      info.version = fmt::format("v{}", highest + 1);
    }
    info.path = io::JoinPath(folder, info.version);
    DATALAKE_TRY(describe ? describe(staged, schema, files, info) : Status());
    DATALAKE_TRY(
        io::ReplaceFile(fs, io::JoinPath(staged, kLineageFile), CollectionLineageJson(info)));
    DATALAKE_TRY_ASSIGN(const std::string card, DatasetCard(info, schema));
    DATALAKE_TRY(io::ReplaceFile(fs, io::JoinPath(staged, kCardFile), card));
    DATALAKE_TRY(io::ReplaceFile(fs, io::JoinPath(staged, kCroissantFile),
                                 CroissantJson(info, schema, files)));
    DATALAKE_TRY_ASSIGN(const FileHashes hashes, HashSideFiles(fs, staged));
    DATALAKE_TRY(io::ReplaceFile(fs, io::JoinPath(staged, kMetadataFile),
                                 CollectionMetadataJson(info, schema, hashes)));
    // A version is never empty, so the rename fails when another writer was faster.
    const Status renamed = fs.Rename(staged, info.path);
    if (renamed) {
      DATALAKE_TRY(fs.SyncDirectory(folder));
      return info;
    }
    DATALAKE_TRY_ASSIGN(const bool is_taken, fs.Exists(info.path));
    if (!is_taken) {
      return renamed.error();
    }
    if (is_given) {
      return Error{ErrorCode::kAlreadyExists,
                   fmt::format("this version exists, and versions never change: {}/{}", info.name,
                               info.version)};
    }
  }
  return Error{ErrorCode::kConflict,
               fmt::format("other writers took {} versions in a row: {}", kMaxAttempts, info.name)};
}

Status Collections::UpdateLatest(std::string_view name, std::string_view except) {
  const LakeContext& context = lake_.context();
  io::FileSystem& fs = context.fs;
  const std::string folder = Folder(name);
  const std::string link = io::JoinPath(folder, kLatest);
  const auto newest = [&]() -> Result<std::string> {
    DATALAKE_TRY_ASSIGN(const CollectionVersions found, ReadVersions(fs, folder));
    for (auto at = found.versions.rbegin(); at != found.versions.rend(); ++at) {
      if (at->version != except) {
        return at->version;
      }
    }
    return std::string();
  };
  DATALAKE_TRY_ASSIGN(std::string target, newest());
  // Writers look again after they have set the link: the last to finish has seen all versions.
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    if (target.empty()) {
      const Status removed = fs.Remove(link);
      if (!removed && removed.error().code != ErrorCode::kNotFound) {
        return removed;
      }
    } else {
      const std::string fresh =
          io::JoinPath(folder, fmt::format(".{}-{}", kLatest, MakeUuid(context.random)));
      DATALAKE_TRY(fs.MakeSymlink(target, fresh));
      if (Status renamed = fs.Rename(fresh, link); !renamed) {
        static_cast<void>(fs.Remove(fresh));
        return renamed;
      }
    }
    DATALAKE_TRY(fs.SyncDirectory(folder));
    DATALAKE_TRY_ASSIGN(std::string again, newest());
    if (again == target) {
      return {};
    }
    target = std::move(again);
  }
  return {};
}

Result<std::vector<CollectionVersions>> Collections::List() const {
  io::FileSystem& fs = lake_.context().fs;
  std::vector<CollectionVersions> collections;
  DATALAKE_TRY_ASSIGN(const auto entries, fs.List(lake_.layout().collections()));
  for (const io::DirectoryEntry& entry : entries) {
    if (!entry.is_directory || entry.is_symlink || !CheckName("collection", entry.name)) {
      continue;
    }
    Result<CollectionVersions> found = ReadVersions(fs, Folder(entry.name));
    if (!found && found.error().code != ErrorCode::kNotFound) {  // else deleted meanwhile
      return found.error();
    }
    if (found && (!found->versions.empty() || !found->problems.empty())) {
      collections.push_back(std::move(found).value());
    }
  }
  return collections;
}

Result<CollectionVersions> Collections::Versions(std::string_view name) const {
  DATALAKE_TRY(CheckName("collection", name));
  Result<CollectionVersions> found = ReadVersions(lake_.context().fs, Folder(name));
  if (found && (!found->versions.empty() || !found->problems.empty())) {
    return found;
  }
  if (!found && found.error().code != ErrorCode::kNotFound) {
    return found.error();
  }
  DATALAKE_TRY_ASSIGN(const auto all, List());
  std::vector<std::string> known;
  for (const CollectionVersions& collection : all) {
    known.push_back(collection.name);
  }
  return UnknownNameError("collection", name, known);
}

Result<CollectionInfo> Collections::Find(std::string_view name, std::string_view version) const {
  DATALAKE_TRY_ASSIGN(CollectionVersions found, Versions(name));
  const bool is_newest = version.empty() || version == kLatest;
  if (!is_newest) {
    DATALAKE_TRY(CheckVersion(version));
  }
  if (is_newest && !found.damage.empty()) {
    return Error{
        ErrorCode::kCorruption,
        fmt::format("which version is the newest cannot be told, name one: {}", found.damage)};
  }
  if (is_newest && !found.versions.empty()) {
    return std::move(found.versions.back());
  }
  std::vector<std::string> known;
  for (CollectionInfo& info : found.versions) {
    if (info.version == version) {
      return std::move(info);
    }
    known.push_back(info.version);
  }
  if (!found.problems.empty()) {
    return Error{ErrorCode::kCorruption, found.problems.front()};
  }
  return UnknownNameError(fmt::format("version of collection {}", name), version, known);
}

Result<std::shared_ptr<arrow::RecordBatchReader>> Collections::Open(std::string_view name,
                                                                    std::string_view version,
                                                                    std::string_view split) const {
  DATALAKE_TRY_ASSIGN(const CollectionInfo info, Find(name, version));
  io::FileSystem& fs = lake_.context().fs;
  DATALAKE_TRY(CheckCollectionContent(fs, info, kMaxCheckedCollectionBytes));
  // The folder counts: another program may have made it.
  DATALAKE_TRY_ASSIGN(const std::vector<std::string> splits,
                      format::HfDatasetSplits(fs, info.path));
  if (split.empty()) {
    return splits.empty() ? format::OpenHfDataset(fs, info.path)
                          : format::OpenHfSplits(fs, info.path, splits);
  }
  if (std::find(splits.begin(), splits.end(), split) == splits.end()) {
    return UnknownNameError(fmt::format("split of collection {}/{}", info.name, info.version),
                            split, splits);
  }
  return format::OpenHfDataset(fs, io::JoinPath(info.path, split));
}

Result<std::string> Collections::Delete(std::string_view name, std::string_view version) {
  if (version.empty()) {
    return Error{ErrorCode::kInvalidArgument, "which version to delete was not said"};
  }
  DATALAKE_TRY_ASSIGN(const CollectionInfo info, Find(name, version));
  const LakeContext& context = lake_.context();
  const std::string folder = Folder(name);
  DATALAKE_TRY(UpdateLatest(name, info.version));
  const std::string hidden =
      io::JoinPath(folder, std::string(kDeletedPrefix) + MakeUuid(context.random));
  DATALAKE_TRY(context.fs.Rename(info.path, hidden));
  DATALAKE_TRY(context.fs.SyncDirectory(folder));
  DATALAKE_TRY(context.fs.RemoveTree(hidden));
  DATALAKE_TRY_ASSIGN(const auto rest, context.fs.List(folder));
  if (rest.empty()) {
    // Fails when another process has just begun to save: then the folder stays.
    static_cast<void>(context.fs.RemoveDirectory(folder));
    DATALAKE_TRY(context.fs.SyncDirectory(lake_.layout().collections()));
    return info.version;
  }
  DATALAKE_TRY(UpdateLatest(name, ""));
  return info.version;
}

}  // namespace datalake::lake

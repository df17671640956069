// Takedown from collections: a version that holds such rows is written anew under a hidden name and
// takes the place of the old one; its metadata says so under `amended`.
#include <algorithm>
#include <memory>
#include <utility>

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/hash.h"
#include "datalake/base/hex.h"
#include "datalake/base/id.h"
#include "datalake/format/hf_dataset.h"
#include "datalake/format/parquet.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/value.h"
#include "datalake/lake/asset_roots.h"
#include "datalake/lake/collection_card.h"
#include "datalake/lake/collection_check.h"
#include "datalake/lake/collection_json.h"
#include "datalake/lake/feed_snapshot.h"
#include "datalake/lake/takedown_internal.h"
#include "datalake/lake/upload.h"
#include "datalake/lake/upload_record.h"

namespace datalake::lake {
namespace {

constexpr std::string_view kMetadataFile = "metadata.json";
constexpr std::string_view kCardFile = "README.md";
constexpr std::string_view kCroissantFile = "croissant.json";
constexpr std::string_view kDeletedPrefix = ".deleted-";
constexpr std::uint64_t kMaxFileBytes = std::uint64_t{64} << 20;
constexpr std::size_t kBufferBytes = std::size_t{1} << 20;
constexpr std::size_t kUuidChars = 36;

// The rows of a version as its folders have them: one part, or one for each split.
Result<std::vector<std::string>> PartsOf(io::FileSystem& fs, const std::string& folder) {
  DATALAKE_TRY_ASSIGN(std::vector<std::string> parts, format::HfDatasetSplits(fs, folder));
  if (parts.empty()) {
    parts.emplace_back();
  }
  return parts;
}

Status HashInto(io::FileSystem& fs, const std::string& path, Sha256& hash, std::uint64_t& size) {
  std::vector<std::byte> buffer(kBufferBytes);
  DATALAKE_TRY_ASSIGN(const auto input, fs.OpenInput(path));
  while (true) {
    DATALAKE_TRY_ASSIGN(const std::size_t n, input->Read(buffer));
    if (n == 0) {
      return {};
    }
    hash.Update(std::span(buffer).first(n));
    size += n;
  }
}

Status AddTo(io::FileSystem& fs, const std::string& path, Sha256& hash) {
  std::uint64_t size = 0;
  return HashInto(fs, path, hash, size);
}

struct PartRows {
  std::string name;
  std::int64_t rows = 0;
  std::uint64_t size_bytes = 0;
};

// What the new version holds.
struct Amended {
  std::vector<PartRows> parts;
  std::vector<CollectionFile> files;
  std::shared_ptr<arrow::Schema> schema;
  std::int64_t rows = 0;
  std::uint64_t size_bytes = 0;
  std::string sha256;
};

class Amendment {
 public:
  Amendment(TakedownRun& run, const CollectionInfo& info, KeyUse use, std::uint64_t removed)
      : run_(run),
        fs_(run.lake.context().fs),
        info_(info),
        use_(use),
        removed_(removed),
        staged_(io::JoinPath(io::ParentPath(info.path),
                             fmt::format("{}{}-{}", kAmendedPrefix, info.version,
                                         MakeUuid(run.lake.context().random)))) {}

  Status Run(const std::vector<std::string>& parts) {
    const Status done = [&]() -> Status {
      DATALAKE_TRY_ASSIGN(const Amended amended, WriteRows(parts));
      DATALAKE_TRY(CopyOthers());
      return WriteMetadata(amended);
    }();
    if (!done) {
      static_cast<void>(fs_.RemoveTree(staged_));  // the first error is the one to tell
      return done;
    }
    return Swap();
  }

 private:
  Result<Amended> WriteRows(const std::vector<std::string>& parts) {
    Amended amended;
    Sha256 hash;
    if (!parts.front().empty()) {
      DATALAKE_TRY(fs_.MakeDirectories(staged_));
    }
    for (const std::string& part : parts) {
      const std::string from = part.empty() ? info_.path : io::JoinPath(info_.path, part);
      const std::string to = part.empty() ? staged_ : io::JoinPath(staged_, part);
      DATALAKE_TRY_ASSIGN(const auto rows, format::OpenHfDataset(fs_, from));
      const auto kept = KeptRows(run_, *rows, use_);
      DATALAKE_TRY_ASSIGN(
          const format::WrittenDataset written,
          format::WriteHfDataset(fs_, run_.lake.context().random, to, *kept,
                                 {.description = info_.description, .split = part}));
      amended.schema = kept->schema();
      amended.parts.push_back(
          {.name = part, .rows = written.num_rows, .size_bytes = written.size_bytes});
      amended.rows += written.num_rows;
      amended.size_bytes += written.size_bytes;
      for (const std::string& name : written.files) {
        CollectionFile file{
            .path = io::JoinPath(part, name), .split = part, .size_bytes = 0, .sha256 = {}};
        Sha256 one;
        const std::string path = io::JoinPath(to, name);
        DATALAKE_TRY(HashInto(fs_, path, one, file.size_bytes));
        DATALAKE_TRY(AddTo(fs_, path, hash));
        file.sha256 = ToHex(one.Finish());
        amended.files.push_back(std::move(file));
      }
    }
    amended.sha256 = ToHex(hash.Finish());
    return amended;
  }

  // What stands beside the rows, such as the lineage and dataset_dict.json.
  Status CopyOthers() {
    DATALAKE_TRY_ASSIGN(const auto entries, fs_.List(info_.path));
    for (const io::DirectoryEntry& entry : entries) {
      const std::string to = io::JoinPath(staged_, entry.name);
      DATALAKE_TRY_ASSIGN(const bool is_written, fs_.Exists(to));
      if (entry.is_directory || entry.is_symlink || is_written || entry.name == kMetadataFile ||
          entry.name == kCardFile || entry.name == kCroissantFile ||
          entry.name.ends_with(".arrow")) {
        continue;
      }
      DATALAKE_TRY_ASSIGN(const std::string bytes,
                          io::ReadFile(fs_, io::JoinPath(info_.path, entry.name), kMaxFileBytes));
      DATALAKE_TRY(io::ReplaceFile(fs_, to, bytes));
    }
    return {};
  }

  // Last: with it the hidden folder is a whole version.
  Status WriteMetadata(const Amended& amended) {
    const std::string path = io::JoinPath(info_.path, kMetadataFile);
    DATALAKE_TRY_ASSIGN(const std::string text, io::ReadFile(fs_, path, kMaxFileBytes));
    DATALAKE_TRY_ASSIGN(json::Value metadata, json::ParseValue(text, path));
    metadata["num_samples"] = amended.rows;
    metadata["size_bytes"] = amended.size_bytes;
    metadata["content_sha256"] = amended.sha256;
    const auto splits = metadata.find("splits");
    if (splits != metadata.end() && splits->is_array()) {
      for (json::Value& split : *splits) {
        for (const PartRows& part : amended.parts) {
          if (split.is_object() && split.value("name", std::string()) == part.name) {
            split["num_samples"] = part.rows;
            split["size_bytes"] = part.size_bytes;
          }
        }
      }
    }
    json::Value& list = metadata["amended"];
    if (!list.is_array()) {
      list = json::Value::array();
    }
    list.push_back({{"takedown", run_.id}, {"at", run_.time}, {"rows_removed", removed_}});
    metadata.erase("crc32c");  // of the old text; it gets another below
    DATALAKE_TRY(WriteCards(json::DumpValue(metadata), amended));
    DATALAKE_TRY_ASSIGN(const FileHashes hashes, HashSideFiles(fs_, staged_));
    return io::ReplaceFile(fs_, io::JoinPath(staged_, kMetadataFile),
                           SealCollectionMetadata(std::move(metadata), hashes));
  }

  // The card and croissant.json of what is left, where the version has them.
  Status WriteCards(const std::string& metadata, const Amended& amended) {
    DATALAKE_TRY_ASSIGN(CollectionInfo info, ParseCollectionMetadata(metadata, kMetadataFile));
    info.name = info_.name;
    info.version = info_.version;
    DATALAKE_TRY(RenewSnapshot(amended, info));
    DATALAKE_TRY_ASSIGN(const bool has_card, fs_.Exists(io::JoinPath(info_.path, kCardFile)));
    if (has_card) {
      DATALAKE_TRY_ASSIGN(const std::string card, DatasetCard(info, *amended.schema));
      DATALAKE_TRY(io::ReplaceFile(fs_, io::JoinPath(staged_, kCardFile), card));
    }
    DATALAKE_TRY_ASSIGN(const bool has_croissant,
                        fs_.Exists(io::JoinPath(info_.path, kCroissantFile)));
    return has_croissant ? io::ReplaceFile(fs_, io::JoinPath(staged_, kCroissantFile),
                                           CroissantJson(info, *amended.schema, amended.files))
                         : Status();
  }

  // The manifest and the credits, where the version is a snapshot of a feed.
  Status RenewSnapshot(const Amended& amended, CollectionInfo& info) {
    const auto manifest =
        io::ReadFile(fs_, io::JoinPath(info_.path, kSnapshotManifestFile), kMaxFileBytes);
    if (!manifest) {
      return manifest.error().code == ErrorCode::kNotFound ? Status() : Status(manifest.error());
    }
    return RenewSnapshotFiles(fs_, staged_, *manifest, amended.files, info, run_.time);
  }

  Status Swap() {
    const std::string folder(io::ParentPath(info_.path));
    const std::string old =
        io::JoinPath(folder, std::string(kDeletedPrefix) + MakeUuid(run_.lake.context().random));
    DATALAKE_TRY(fs_.SyncDirectory(staged_));
    DATALAKE_TRY(fs_.Rename(info_.path, old));
    DATALAKE_TRY(fs_.Rename(staged_, info_.path));
    DATALAKE_TRY(fs_.SyncDirectory(folder));
    return fs_.RemoveTree(old);
  }

  TakedownRun& run_;
  io::FileSystem& fs_;
  const CollectionInfo& info_;
  const KeyUse use_;
  const std::uint64_t removed_;
  const std::string staged_;
};

KeyUse UseFor(const TakedownRun& run, const CollectionInfo& info) {
  if (!run.rule.key) {
    return KeyUse::kNone;
  }
  const auto& inputs = info.source.inputs;
  const bool is_only_input =
      !inputs.empty() && std::all_of(inputs.begin(), inputs.end(), [&](const TableVersion& input) {
        return input.table == run.rule.key->table;
      });
  return is_only_input ? KeyUse::kAlways : KeyUse::kWhereNamed;
}

// True when a file below `folder` has the bytes of one of the assets.
Result<bool> HoldsBytes(TakedownRun& run, const std::string& folder, int depth) {
  io::FileSystem& fs = run.lake.context().fs;
  DATALAKE_TRY_ASSIGN(const auto entries, fs.List(folder));
  for (const io::DirectoryEntry& entry : entries) {
    const std::string path = io::JoinPath(folder, entry.name);
    if (entry.is_symlink) {
      continue;
    }
    if (entry.is_directory) {
      if (depth < 8) {
        DATALAKE_TRY_ASSIGN(const bool holds, HoldsBytes(run, path, depth + 1));
        if (holds) {
          return true;
        }
      }
      continue;
    }
    DATALAKE_TRY_ASSIGN(const io::FileInfo facts, fs.Stat(path));
    for (const auto& [sha256, size] : run.rule.assets) {
      if (size != 0 && size != facts.size_bytes) {
        continue;
      }
      Sha256 hash;
      std::uint64_t read = 0;
      DATALAKE_TRY(HashInto(fs, path, hash, read));
      if (ToHex(hash.Finish()) == sha256) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace

Result<TakedownPlace> TakeDownFromCollection(TakedownRun& run, const CollectionInfo& info) {
  io::FileSystem& fs = run.lake.context().fs;
  const KeyUse use = UseFor(run, info);
  TakedownPlace place{.where = fmt::format("collections/{}/{}", info.name, info.version)};
  DATALAKE_TRY_ASSIGN(const auto parts, PartsOf(fs, info.path));
  for (const std::string& part : parts) {
    const std::string folder = part.empty() ? info.path : io::JoinPath(info.path, part);
    DATALAKE_TRY_ASSIGN(const auto rows, format::OpenHfDataset(fs, folder));
    DATALAKE_TRY_ASSIGN(const std::uint64_t count, CountMatches(run, *rows, use, folder));
    place.rows += count;
  }
  place.current_rows = place.rows;
  if (place.rows > 0 && !run.request.dry_run) {
    DATALAKE_TRY(Amendment(run, info, use, place.rows).Run(parts));
  }
  return place;
}

Status HealAmendedCollections(Lake& lake) {
  io::FileSystem& fs = lake.context().fs;
  DATALAKE_TRY_ASSIGN(const auto names, fs.List(lake.layout().collections()));
  for (const io::DirectoryEntry& name : names) {
    if (!name.is_directory || name.is_symlink) {
      continue;
    }
    const std::string folder = io::JoinPath(lake.layout().collections(), name.name);
    DATALAKE_TRY_ASSIGN(const auto entries, fs.List(folder));
    for (const io::DirectoryEntry& entry : entries) {
      if (!entry.name.starts_with(kAmendedPrefix) ||
          entry.name.size() < kAmendedPrefix.size() + kUuidChars + 2) {
        continue;
      }
      const std::string staged = io::JoinPath(folder, entry.name);
      const std::string version = io::JoinPath(
          folder, entry.name.substr(kAmendedPrefix.size(),
                                    entry.name.size() - kAmendedPrefix.size() - kUuidChars - 1));
      DATALAKE_TRY_ASSIGN(const bool is_there, fs.Exists(version));
      DATALAKE_TRY_ASSIGN(const bool is_whole, fs.Exists(io::JoinPath(staged, kMetadataFile)));
      DATALAKE_TRY(!is_there && is_whole ? fs.Rename(staged, version) : fs.RemoveTree(staged));
      DATALAKE_TRY(fs.SyncDirectory(folder));
    }
    // The old form of an amended version holds what was taken down.
    DATALAKE_TRY_ASSIGN(const auto rest, fs.List(folder));
    for (const io::DirectoryEntry& entry : rest) {
      if (entry.name.starts_with(kDeletedPrefix)) {
        DATALAKE_TRY(fs.RemoveTree(io::JoinPath(folder, entry.name)));
      }
    }
  }
  return {};
}

Result<std::vector<std::string>> FindStagedCopies(TakedownRun& run) {
  std::vector<std::string> found;
  io::FileSystem& fs = run.lake.context().fs;
  for (const UploadState state :
       {UploadState::kPending, UploadState::kProcessing, UploadState::kFailed}) {
    const std::string parent = run.lake.layout().Staging(state);
    DATALAKE_TRY_ASSIGN(const auto uploads, fs.List(parent));
    for (const io::DirectoryEntry& upload : uploads) {
      const std::string folder = io::JoinPath(parent, upload.name);
      if (!upload.is_directory || upload.is_symlink) {
        continue;
      }
      if (state == UploadState::kProcessing && upload.name.starts_with('.')) {
        // A processed upload on its way out, whose process may have died.
        DATALAKE_TRY(run.request.dry_run ? Status() : fs.RemoveTree(folder));
        continue;
      }
      auto holds = HoldsBytes(run, folder, 0);
      if (holds && !*holds) {
        const auto rows = format::ReadParquet(fs, io::JoinPath(folder, kRowsFile));
        if (rows) {
          const auto count = CountMatches(run, **rows, KeyUse::kNone, folder);
          holds = count && *count > 0;
        }
      }
      if (!holds && holds.error().code == ErrorCode::kNotFound) {
        continue;  // processed meanwhile: it met the blocklist
      }
      if (!holds) {
        return holds.error();
      }
      if (*holds) {
        found.push_back(fmt::format("{}/{}", ToString(state), upload.name));
      }
    }
  }
  return found;
}

}  // namespace datalake::lake

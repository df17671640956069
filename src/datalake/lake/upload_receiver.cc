#include "datalake/lake/upload_receiver.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/hash.h"
#include "datalake/base/hex.h"
#include "datalake/base/log.h"
#include "datalake/base/mutex.h"
#include "datalake/base/name.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/value.h"
#include "datalake/lake/upload_record.h"
#include "datalake/table/table.h"

namespace datalake::lake {
namespace {

constexpr std::uint64_t kPartBytes = std::uint64_t{2} << 20;  // a request's body may have 4 MiB
constexpr std::size_t kMaxFiles = 100'000;
constexpr std::size_t kMaxPathBytes = 1000;
constexpr std::uint64_t kMaxRequestBytes = std::uint64_t{64} << 20;
constexpr std::chrono::hours kAbandonedAge{24 * 7};
constexpr std::size_t kMostKnown = 16;  // uploads under way that are remembered
constexpr std::size_t kMostNamed = 5;   // missing parts in a message
constexpr std::string_view kRequestFile = "request.json";
constexpr std::string_view kFilesFolder = "files";
constexpr std::string_view kPartsFolder = "parts";
constexpr std::string_view kDoneFile = "done.json";  // what was staged; then the rest is removed

std::string Root(const Lake& lake) {
  return io::JoinPath(lake.layout().root(), "staging/receiving");
}

std::string FolderOf(const Lake& lake, std::string_view id) {
  return io::JoinPath(Root(lake), id);
}

std::string PartsOf(std::string_view folder, std::uint64_t file) {
  return io::JoinPath(folder, fmt::format("{}/{:06}", kPartsFolder, file));
}

std::uint64_t PartCount(const AnnouncedFile& file) {
  return (file.size_bytes + kPartBytes - 1) / kPartBytes;
}

std::uint64_t PartSize(const AnnouncedFile& file, std::uint64_t part) {
  return std::min(kPartBytes, file.size_bytes - part * kPartBytes);
}

// A relative path of plain parts: what it names lies below the folder that it is put in.
Status CheckPath(std::string_view path) {
  std::string_view rest = path;
  bool is_good = !path.empty() && path.size() <= kMaxPathBytes &&
                 path.find('\0') == std::string_view::npos &&
                 path.find('\\') == std::string_view::npos;
  while (is_good && !rest.empty()) {
    const std::size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    is_good = !part.empty() && part != "." && part != ".." && slash + 1 != rest.size();
    rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
  }
  return is_good ? Status()
                 : Error{ErrorCode::kInvalidArgument,
                         fmt::format("not a path below the upload's folder: {}", path)};
}

Status CheckFiles(const std::vector<AnnouncedFile>& files) {
  if (files.empty() || files.size() > kMaxFiles) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("an upload has 1 to {} files, not {}", kMaxFiles, files.size())};
  }
  std::set<std::string_view> paths;
  for (const AnnouncedFile& file : files) {
    DATALAKE_TRY(CheckPath(file.path));
    if (!IsSha256Hex(file.sha256)) {
      return Error{
          ErrorCode::kInvalidArgument,
          fmt::format("sha256 of a file must be 64 lower-case hexadecimal digits: {}", file.path)};
    }
    if (!paths.insert(file.path).second) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("file is there twice: {}", file.path)};
    }
  }
  return {};
}

// ---- request.json ---------------------------------------------------------------------------

json::Value RequestValue(const UploadRequest& request, const std::vector<AnnouncedFile>& files) {
  json::Value list = json::Value::array();
  for (const AnnouncedFile& file : files) {
    list.push_back({{"path", file.path}, {"bytes", file.size_bytes}, {"sha256", file.sha256}});
  }
  return {{"format_version", 1},
          {"provider", request.provider},
          {"dataset", request.dataset},
          {"task", request.task},
          {"variant", request.variant},
          {"source", request.source_path},
          {"fields", json::Value(request.fields)},
          {"image_columns", json::Value(request.image_columns)},
          {"file_columns", json::Value(request.file_columns)},
          {"nested", ToString(request.nested)},
          {"strict_files", request.strict_files},
          {"description", request.description},
          {"original_source", request.original_source},
          {"user", request.user},
          {"on_bad_asset", ToString(request.on_bad_asset)},
          {"overwrite", request.overwrite},
          {"perceptual_hash", request.derived.perceptual_hash},
          {"thumbnails", request.derived.thumbnail_side},
          {"files", std::move(list)}};
}

struct Announced {
  UploadRequest request;
  std::vector<AnnouncedFile> files;
};

Result<Announced> ParseAnnounced(std::string_view text, std::string_view where) {
  DATALAKE_TRY_ASSIGN(const json::Value value, json::ParseValue(text, where));
  Announced announced;
  UploadRequest& request = announced.request;
  const auto read = [&](std::string_view key, std::string& target) -> Status {
    DATALAKE_TRY_ASSIGN(target, json::GetString(value, key, where));
    return {};
  };
  DATALAKE_TRY(read("provider", request.provider));
  DATALAKE_TRY(read("dataset", request.dataset));
  DATALAKE_TRY(read("task", request.task));
  DATALAKE_TRY(read("variant", request.variant));
  DATALAKE_TRY(read("source", request.source_path));
  DATALAKE_TRY(read("description", request.description));
  DATALAKE_TRY(read("original_source", request.original_source));
  DATALAKE_TRY(read("user", request.user));
  for (const auto& [key, field] : value.at("fields").items()) {
    DATALAKE_TRY_ASSIGN(request.fields[key], json::GetString(value.at("fields"), key, where));
  }
  for (const json::Value& name : value.at("image_columns")) {
    request.image_columns.push_back(name.get<std::string>());
  }
  for (const json::Value& name : value.at("file_columns")) {
    request.file_columns.push_back(name.get<std::string>());
  }
  DATALAKE_TRY_ASSIGN(const std::string nested, json::GetString(value, "nested", where));
  DATALAKE_TRY_ASSIGN(request.nested, ParseNestedValues(nested));
  DATALAKE_TRY_ASSIGN(request.derived, DerivedColumnsIn(value, where));
  DATALAKE_TRY_ASSIGN(request.strict_files, json::GetBool(value, "strict_files", where));
  DATALAKE_TRY_ASSIGN(const std::string policy, json::GetString(value, "on_bad_asset", where));
  DATALAKE_TRY_ASSIGN(request.on_bad_asset, ParseOnBadAsset(policy));
  DATALAKE_TRY_ASSIGN(request.overwrite, json::GetBool(value, "overwrite", where));
  for (const json::Value& file : value.at("files")) {
    AnnouncedFile one;
    DATALAKE_TRY_ASSIGN(one.path, json::GetString(file, "path", where));
    DATALAKE_TRY_ASSIGN(one.size_bytes, json::GetUint(file, "bytes", where));
    DATALAKE_TRY_ASSIGN(one.sha256, json::GetString(file, "sha256", where));
    announced.files.push_back(std::move(one));
  }
  return announced;
}

Result<Announced> ReadAnnounced(Lake& lake, std::string_view id) {
  DATALAKE_TRY(CheckName("upload", id));
  const std::string path = io::JoinPath(FolderOf(lake, id), kRequestFile);
  auto text = io::ReadFile(lake.context().fs, path, kMaxRequestBytes);
  if (!text && text.error().code == ErrorCode::kNotFound) {
    return Error{ErrorCode::kNotFound, fmt::format("no upload is being received: {}", id)};
  }
  return text ? ParseAnnounced(*text, path) : std::move(text).error();
}

// ---- parts ----------------------------------------------------------------------------------

// Names of the parts of one file that are there.
Result<std::set<std::string>> PartsThere(io::FileSystem& fs, const std::string& folder) {
  std::set<std::string> names;
  auto entries = fs.List(folder);
  if (!entries) {
    return entries.error().code == ErrorCode::kNotFound ? Result<std::set<std::string>>(names)
                                                        : std::move(entries).error();
  }
  for (io::DirectoryEntry& entry : *entries) {
    names.insert(std::move(entry.name));
  }
  return names;
}

Result<Receiving> Look(Lake& lake, std::string_view id, const std::vector<AnnouncedFile>& files) {
  Receiving receiving{.id = std::string(id), .part_bytes = kPartBytes, .files = {}};
  for (std::uint64_t i = 0; i < files.size(); ++i) {
    DATALAKE_TRY_ASSIGN(const auto there,
                        PartsThere(lake.context().fs, PartsOf(FolderOf(lake, id), i)));
    FileProgress progress{.file = files[i], .missing_parts = {}};
    for (std::uint64_t part = 0; part < PartCount(files[i]); ++part) {
      if (!there.contains(std::to_string(part))) {
        progress.missing_parts.push_back(part);
      }
    }
    receiving.files.push_back(std::move(progress));
  }
  return receiving;
}

// Puts the parts of one file together at `path`. Errors: kConflict, when they are not the file.
Status Assemble(io::FileSystem& fs, const std::string& parts, const AnnouncedFile& file,
                const std::string& path) {
  DATALAKE_TRY(fs.MakeDirectories(io::ParentPath(path)));
  DATALAKE_TRY_ASSIGN(const auto whole, io::AtomicFile::Make(fs, path, io::PublishMode::kReplace));
  Sha256 hash;
  for (std::uint64_t part = 0; part < PartCount(file); ++part) {
    DATALAKE_TRY_ASSIGN(const std::string bytes,
                        io::ReadFile(fs, io::JoinPath(parts, std::to_string(part)), kPartBytes));
    hash.Update(std::as_bytes(std::span(bytes.data(), bytes.size())));
    DATALAKE_TRY(whole->Write(bytes));
  }
  if (ToHex(hash.Finish()) != file.sha256) {
    DATALAKE_TRY(fs.RemoveTree(parts));
    return Error{
        ErrorCode::kConflict,
        fmt::format("received file is not that of its hash, send it again: {}", file.path)};
  }
  return whole->Publish();
}

// The upload, when it was staged already: in one of the states, or in its table.
Result<std::optional<UploadInfo>> FindStaged(Lake& lake, std::string_view id,
                                             const UploadRequest& request) {
  for (const UploadState state :
       {UploadState::kPending, UploadState::kProcessing, UploadState::kFailed}) {
    auto info = ReadUploadInfo(lake.context().fs, lake.layout(), state, id);
    if (info) {
      return std::optional<UploadInfo>(*std::move(info));
    }
  }
  const TableName name{request.provider, request.dataset, request.task};
  auto table = lake.OpenTable(name);
  if (!table) {
    return table.error().code == ErrorCode::kNotFound
               ? Result<std::optional<UploadInfo>>(std::nullopt)
               : std::move(table).error();
  }
  DATALAKE_TRY_ASSIGN(const auto snapshot, (*table)->Snapshot());
  if (!snapshot->txn_version(fmt::format("upload/{}", id))) {
    return std::optional<UploadInfo>();
  }
  UploadInfo info;
  info.id = id;
  info.table = name;
  info.variant = request.variant;
  return std::optional<UploadInfo>(std::move(info));
}

// When something was last received of an upload, by the clock of the disk.
Timestamp LastTouched(io::FileSystem& fs, const std::string& folder) {
  Timestamp newest;
  const auto look = [&](const std::string& path) {
    if (const auto info = fs.Stat(path)) {
      newest = std::max(newest, info->modified);
    }
  };
  const std::string parts = io::JoinPath(folder, kPartsFolder);
  look(io::JoinPath(folder, kRequestFile));
  look(io::JoinPath(folder, kDoneFile));
  look(parts);
  if (const auto files = fs.List(parts)) {
    for (const io::DirectoryEntry& file : *files) {
      look(io::JoinPath(parts, file.name));
    }
  }
  return newest;
}

// Removes what nobody has gone on with for a week before `now`.
void RemoveAbandoned(Lake& lake, Timestamp now) {
  io::FileSystem& fs = lake.context().fs;
  const auto entries = fs.List(Root(lake));
  for (const io::DirectoryEntry& entry : entries ? *entries : std::vector<io::DirectoryEntry>()) {
    const std::string folder = FolderOf(lake, entry.name);
    if (now - LastTouched(fs, folder) > kAbandonedAge && !fs.RemoveTree(folder)) {
      LogWarning("cannot remove what was received of an abandoned upload: " + folder);
    }
  }
}

}  // namespace

// The last uploads that parts came for: a request of 100,000 files is 13 MB of JSON. What is in
// request.json never changes.
struct UploadReceiver::Known {
  Mutex mutex;
  std::deque<std::pair<std::string, std::shared_ptr<const Announced>>> last
      DATALAKE_GUARDED_BY(mutex);

  Result<std::shared_ptr<const Announced>> Read(Lake& lake, std::string_view id) {
    DATALAKE_TRY(CheckName("upload", id));
    {
      const MutexLock lock(mutex);
      const auto found =
          std::find_if(last.begin(), last.end(), [id](const auto& one) { return one.first == id; });
      if (found != last.end()) {
        const std::string path = io::JoinPath(FolderOf(lake, id), kRequestFile);
        DATALAKE_TRY_ASSIGN(const bool is_there, lake.context().fs.Exists(path));
        if (is_there) {
          return found->second;
        }
        last.erase(found);  // it was dropped, by whomever
      }
    }
    DATALAKE_TRY_ASSIGN(Announced announced, ReadAnnounced(lake, id));
    auto read = std::make_shared<const Announced>(std::move(announced));
    const MutexLock lock(mutex);
    last.emplace_front(id, read);
    if (last.size() > kMostKnown) {
      last.pop_back();
    }
    return read;
  }
};

UploadReceiver::UploadReceiver(Lake& lake) : lake_(lake), known_(std::make_unique<Known>()) {}

UploadReceiver::~UploadReceiver() = default;

Result<Receiving> UploadReceiver::Begin(const UploadRequest& request,
                                        const std::vector<AnnouncedFile>& files) {
  io::FileSystem& fs = lake_.context().fs;
  DATALAKE_TRY(CheckUploadRequest(lake_, request));
  DATALAKE_TRY(CheckFiles(files));
  const bool is_folder = request.source_path == ".";
  DATALAKE_TRY(is_folder ? Status() : CheckPath(request.source_path));
  const std::string text = json::DumpValue(RequestValue(request, files));
  const std::string key = Sha256Hex(text).substr(0, 16);
  DATALAKE_TRY(fs.MakeDirectories(Root(lake_)));
  DATALAKE_TRY_ASSIGN(const auto entries, fs.List(Root(lake_)));
  for (const io::DirectoryEntry& entry : entries) {
    if (entry.name.find("_" + key + "_") != std::string::npos) {
      DATALAKE_TRY_ASSIGN(const bool is_done,
                          fs.Exists(io::JoinPath(FolderOf(lake_, entry.name), kDoneFile)));
      const auto known = ReadAnnounced(lake_, entry.name);
      if (!is_done && known && known->files == files) {
        return Look(lake_, entry.name, files);
      }
    }
  }
  std::uint64_t bytes = 0;
  for (const AnnouncedFile& file : files) {
    bytes += std::min(file.size_bytes, std::uint64_t{1} << 60);
  }
  DATALAKE_TRY_ASSIGN(const std::uint64_t free, fs.FreeBytes(Root(lake_)));
  if (bytes > free) {
    return Error{
        ErrorCode::kResourceExhausted,
        fmt::format("upload is larger than the lake's disk has free: {} of {} bytes", bytes, free)};
  }
  const LakeContext& context = lake_.context();
  const std::string id = MakeUploadId(request, key, context.clock.Now(), context.random);
  const std::string folder = FolderOf(lake_, id);
  DATALAKE_TRY(fs.MakeDirectories(io::JoinPath(folder, kPartsFolder)));
  DATALAKE_TRY(io::PutIfAbsent(fs, io::JoinPath(folder, kRequestFile), text));
  RemoveAbandoned(lake_, LastTouched(fs, folder));
  return Look(lake_, id, files);
}

Result<Receiving> UploadReceiver::Get(std::string_view id) {
  DATALAKE_TRY_ASSIGN(const Announced announced, ReadAnnounced(lake_, id));
  return Look(lake_, id, announced.files);
}

Status UploadReceiver::PutPart(std::string_view id, std::uint64_t file, std::uint64_t part,
                               std::string_view bytes, std::string_view sha256) {
  io::FileSystem& fs = lake_.context().fs;
  DATALAKE_TRY_ASSIGN(const auto announced, known_->Read(lake_, id));
  if (file >= announced->files.size() || part >= PartCount(announced->files[file])) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("upload has no such part: {}: file {}, part {}", id, file, part)};
  }
  const std::uint64_t size = PartSize(announced->files[file], part);
  if (bytes.size() != size) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("part has {} bytes instead of {}: {}: file {}, part {}", bytes.size(),
                             size, id, file, part)};
  }
  if (Sha256Hex(bytes) != sha256) {
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("part is not that of its checksum, send it again: {}: file {}, part {}", id,
                    file, part)};
  }
  DATALAKE_TRY_ASSIGN(const bool is_done, fs.Exists(io::JoinPath(FolderOf(lake_, id), kDoneFile)));
  if (is_done) {
    return {};  // a part that was sent twice and came late: its bytes are staged
  }
  const std::string folder = PartsOf(FolderOf(lake_, id), file);
  DATALAKE_TRY(fs.MakeDirectories(folder));
  const Status put = io::PutIfAbsent(fs, io::JoinPath(folder, std::to_string(part)), bytes);
  return !put && put.error().code == ErrorCode::kAlreadyExists ? Status() : put;
}

Result<UploadInfo> UploadReceiver::Complete(std::string_view id, ProgressSink& progress,
                                            std::stop_token stop) {
  io::FileSystem& fs = lake_.context().fs;
  DATALAKE_TRY_ASSIGN(Announced announced, ReadAnnounced(lake_, id));
  const std::string folder = FolderOf(lake_, id);
  DATALAKE_TRY_ASSIGN(const auto lock, fs.Lock(io::JoinPath(folder, kClaimFile)));
  const std::string done = io::JoinPath(folder, kDoneFile);
  if (const auto text = io::ReadFile(fs, done, kMaxRequestBytes)) {
    DATALAKE_TRY_ASSIGN(UploadInfo info, ParseUploadInfo(*text, done));
    info.id = id;
    return info;
  }
  DATALAKE_TRY_ASSIGN(auto staged, FindStaged(lake_, id, announced.request));
  if (!staged) {
    DATALAKE_TRY_ASSIGN(const Receiving receiving, Look(lake_, id, announced.files));
    std::vector<std::string> missing;
    for (const FileProgress& file : receiving.files) {
      for (const std::uint64_t part : file.missing_parts) {
        missing.push_back(fmt::format("{} part {}", file.file.path, part));
      }
    }
    if (!missing.empty()) {
      const std::size_t count = missing.size();
      missing.resize(std::min(count, kMostNamed));
      return Error{ErrorCode::kConflict, fmt::format("parts of the upload are missing: {}: {}: {}",
                                                     id, count, fmt::join(missing, ", "))};
    }
    const std::string files = io::JoinPath(folder, kFilesFolder);
    for (std::uint64_t i = 0; i < announced.files.size(); ++i) {
      DATALAKE_TRY(Assemble(fs, PartsOf(folder, i), announced.files[i],
                            io::JoinPath(files, announced.files[i].path)));
    }
    UploadRequest& request = announced.request;
    request.id = id;
    request.source_path =
        request.source_path == "." ? files : io::JoinPath(files, request.source_path);
    DATALAKE_TRY_ASSIGN(staged, Uploads(lake_).Stage(request, progress, std::move(stop)));
  }
  // Kept for a while, so that who did not hear the answer can ask again.
  DATALAKE_TRY(io::ReplaceFile(fs, done, UploadInfoJson(*staged)));
  for (const std::string_view received : {kPartsFolder, kFilesFolder}) {
    if (const Status removed = fs.RemoveTree(io::JoinPath(folder, received)); !removed) {
      LogWarning("cannot remove what was received: " + removed.error().message);
    }
  }
  return *std::move(staged);
}

Status UploadReceiver::Abort(std::string_view id) {
  io::FileSystem& fs = lake_.context().fs;
  DATALAKE_TRY(ReadAnnounced(lake_, id));
  const std::string folder = FolderOf(lake_, id);
  DATALAKE_TRY_ASSIGN(const auto lock, fs.Lock(io::JoinPath(folder, kClaimFile)));
  return fs.RemoveTree(folder);
}

}  // namespace datalake::lake

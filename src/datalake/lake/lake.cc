#include "datalake/lake/lake.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "datalake/assets/asset_store.h"
#include "datalake/base/id.h"
#include "datalake/base/name.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/io/read_only_file_system.h"
#include "datalake/json/value.h"
#include "datalake/lake/kdl_catalog.h"
#include "datalake/lake/sealed_json.h"
#include "datalake/table/table.h"

namespace datalake::lake {
namespace {

constexpr std::uint64_t kMaxLakeFileBytes = std::uint64_t{1} << 20;

constexpr std::string_view kReadOnlyReason =
    "a lake of the KDL program is read-only, copy it with `datalake import-kdl`";

// Folders that a lake always has; index/ may be deleted at any time.
constexpr std::array<std::string_view, 10> kFolders = {"config",
                                                       "staging/pending",
                                                       "staging/processing",
                                                       "staging/failed",
                                                       "catalog",
                                                       "assets",
                                                       "collections",
                                                       "wal",
                                                       "log",
                                                       "jobs"};

// What may lie in the folder of a lake that is not finished yet.
constexpr std::array<std::string_view, 9> kKnownEntries = {
    "config", "staging", "catalog", "assets", "collections", "wal", "log", "jobs", "index"};

std::string LakeJson(const LakeInfo& info) {
  const json::Value value = {{"format", "datalake"},
                             {"format_version", info.format_version},
                             {"id", info.id},
                             {"created", FormatTimestamp(info.created)}};
  return SealedJson(value);
}

Result<LakeInfo> ParseLakeJson(std::string_view text, std::string_view where) {
  DATALAKE_TRY_ASSIGN(const json::Value value, ParseSealedJson(text, where));
  DATALAKE_TRY_ASSIGN(const std::string format, json::GetString(value, "format", where));
  if (format != "datalake") {
    return Error{ErrorCode::kCorruption, fmt::format("{}: not a lake: format {}", where, format)};
  }
  LakeInfo info;
  DATALAKE_TRY_ASSIGN(const std::int64_t version, json::GetInt(value, "format_version", where));
  if (version > kLakeFormatVersion) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("lake has a newer format, take a newer program: {}: version {}, known "
                             "up to {}",
                             where, version, kLakeFormatVersion)};
  }
  info.format_version = static_cast<int>(version);
  DATALAKE_TRY_ASSIGN(info.id, json::GetString(value, "id", where));
  DATALAKE_TRY_ASSIGN(const std::string created, json::GetString(value, "created", where));
  DATALAKE_TRY_ASSIGN(info.created, ParseTimestamp(created));
  return info;
}

Result<LakeInfo> ReadLakeFile(io::FileSystem& fs, const Layout& layout) {
  DATALAKE_TRY_ASSIGN(const std::string text,
                      io::ReadFile(fs, layout.lake_file(), kMaxLakeFileBytes));
  auto info = ParseLakeJson(text, layout.lake_file());
  if (!info && info.error().code == ErrorCode::kInvalidArgument) {
    return Error{ErrorCode::kCorruption, info.error().message};
  }
  return info;
}

Status CheckEmptyOrHalfMade(io::FileSystem& fs, const Layout& layout) {
  auto entries = fs.List(layout.root());
  if (!entries) {
    return entries.error().code == ErrorCode::kNotFound ? Status() : Status(entries.error());
  }
  for (const io::DirectoryEntry& entry : *entries) {
    const bool known =
        std::find(kKnownEntries.begin(), kKnownEntries.end(), entry.name) != kKnownEntries.end();
    if (!known && !entry.name.starts_with('.')) {
      return Error{ErrorCode::kConflict,
                   fmt::format("folder holds other files, choose an empty one: {}: {}",
                               layout.root(), entry.name)};
    }
  }
  return {};
}

Status CheckFolders(io::FileSystem& fs, const Layout& layout) {
  std::vector<std::string_view> missing;
  for (const std::string_view folder : kFolders) {
    DATALAKE_TRY_ASSIGN(const bool exists, fs.Exists(io::JoinPath(layout.root(), folder)));
    if (!exists) {
      missing.push_back(folder);
    }
  }
  if (missing.empty()) {
    return {};
  }
  return Error{ErrorCode::kCorruption,
               fmt::format("lake lacks folders: {}: {}", layout.root(), fmt::join(missing, ", "))};
}

// The V of folders named "<key>=V" whose V is a name, in order of List.
Result<std::vector<std::string>> PartitionFolders(io::FileSystem& fs, std::string_view parent,
                                                  std::string_view key) {
  std::vector<std::string> values;
  auto entries = fs.List(parent);
  if (!entries) {
    if (entries.error().code == ErrorCode::kNotFound) {
      return values;  // removed meanwhile
    }
    return entries.error();
  }
  for (const io::DirectoryEntry& entry : *entries) {
    const std::string_view name = entry.name;
    if (entry.is_directory && name.starts_with(key) && name.substr(key.size()).starts_with('=')) {
      const std::string_view value = name.substr(key.size() + 1);
      if (CheckName(key, value)) {
        values.emplace_back(value);
      }
    }
  }
  return values;
}

}  // namespace

Result<InitResult> InitLake(io::FileSystem& fs, const Clock& clock, Random& random,
                            std::string_view root) {
  const Layout layout{std::string(root)};
  DATALAKE_TRY_ASSIGN(const bool exists, fs.Exists(layout.lake_file()));
  if (!exists) {
    DATALAKE_TRY_ASSIGN(const bool is_kdl, KdlCatalog::IsKdlLake(fs, root));
    if (is_kdl) {
      return Error{ErrorCode::kConflict,
                   fmt::format("a lake of the KDL program is there, make a new one elsewhere and "
                               "copy it with `datalake import-kdl`: {}",
                               root)};
    }
    DATALAKE_TRY(CheckEmptyOrHalfMade(fs, layout));
    for (const std::string_view folder : kFolders) {
      DATALAKE_TRY(fs.MakeDirectories(io::JoinPath(layout.root(), folder)));
    }
    DATALAKE_TRY(fs.MakeDirectories(layout.index()));
    const Status schema = io::PutIfAbsent(fs, layout.schema_file(), SchemaRegistry::DefaultYaml());
    if (!schema && schema.error().code != ErrorCode::kAlreadyExists) {
      return schema.error();
    }
    const LakeInfo info{
        .id = MakeUuid(random), .format_version = kLakeFormatVersion, .created = clock.Now()};
    const Status made = io::PutIfAbsent(fs, layout.lake_file(), LakeJson(info));
    if (made) {
      return InitResult{.info = info, .created = true};
    }
    if (made.error().code != ErrorCode::kAlreadyExists) {
      return made.error();
    }
  }
  DATALAKE_TRY_ASSIGN(LakeInfo info, ReadLakeFile(fs, layout));
  return InitResult{.info = std::move(info), .created = false};
}

Result<std::string> FindLake(io::FileSystem& fs, std::string_view start) {
  std::string folder(start);
  while (true) {
    DATALAKE_TRY_ASSIGN(const bool found, fs.Exists(Layout(folder).lake_file()));
    if (found) {
      return folder;
    }
    const std::string parent(io::ParentPath(folder));
    if (parent == folder || folder.empty() || parent == ".") {
      return Error{ErrorCode::kNotFound,
                   fmt::format("no lake here or above, name one with --lake or make one with "
                               "`datalake init PATH`: {}",
                               start)};
    }
    folder = parent;
  }
}

Lake::Lake(io::FileSystem& fs, const Clock& clock, Random& random, std::string_view root)
    : layout_(std::string(root)), context_{fs, clock, random, layout_}, schema_(context_) {}

Lake::~Lake() = default;

Result<std::unique_ptr<Lake>> Lake::Open(io::FileSystem& fs, const Clock& clock, Random& random,
                                         std::string_view root) {
  DATALAKE_TRY_ASSIGN(const bool is_kdl, KdlCatalog::IsKdlLake(fs, root));
  if (is_kdl) {
    auto read_only = std::make_unique<io::ReadOnlyFileSystem>(fs, std::string(kReadOnlyReason));
    std::unique_ptr<Lake> lake(new Lake(*read_only, clock, random, root));
    lake->assets_ = OpenKdlAssets(*read_only, lake->layout_.assets());
    lake->kdl_ = std::make_unique<KdlCatalog>(lake->context_);
    lake->read_only_ = std::move(read_only);
    return lake;
  }
  std::unique_ptr<Lake> lake(new Lake(fs, clock, random, root));
  auto info = ReadLakeFile(fs, lake->layout_);
  if (!info && info.error().code == ErrorCode::kNotFound) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("no lake there, make one with `datalake init {0}`: {0}", root)};
  }
  if (!info) {
    return info.error();
  }
  lake->info_ = std::move(*info);
  DATALAKE_TRY(CheckFolders(fs, lake->layout_));
  DATALAKE_TRY_ASSIGN(lake->assets_, assets::AssetStore::Open(fs, lake->layout_.assets(), random));
  return lake;
}

Result<std::unique_ptr<table::Table>> Lake::OpenTable(const TableName& name) {
  if (kdl_ != nullptr) {
    return kdl_->OpenTable(name);
  }
  DATALAKE_TRY(CheckTableName(name));
  auto opened =
      table::Table::Open({context_.fs, context_.clock, context_.random}, layout_.Table(name));
  if (opened || opened.error().code != ErrorCode::kNotFound) {
    return opened;
  }
  DATALAKE_TRY_ASSIGN(const std::vector<TableName> tables, ListTables());
  std::vector<std::string> known;
  for (const TableName& table : tables) {
    known.push_back(ToString(table));
  }
  return UnknownNameError("table", ToString(name), known);
}

Status Lake::CheckWritable() const {
  return kdl_ == nullptr ? Status()
                         : Status(Error{ErrorCode::kPermissionDenied,
                                        fmt::format("{}: {}", kReadOnlyReason, layout_.root())});
}

Result<std::vector<TableName>> Lake::ListTables() {
  if (kdl_ != nullptr) {
    return kdl_->ListTables();
  }
  std::vector<TableName> tables;
  io::FileSystem& fs = context_.fs;
  const std::string catalog = layout_.catalog();
  DATALAKE_TRY_ASSIGN(const auto providers, PartitionFolders(fs, catalog, "provider"));
  for (const std::string& provider : providers) {
    const std::string provider_path = fmt::format("{}/provider={}", catalog, provider);
    DATALAKE_TRY_ASSIGN(const auto datasets, PartitionFolders(fs, provider_path, "dataset"));
    for (const std::string& dataset : datasets) {
      const std::string dataset_path = fmt::format("{}/dataset={}", provider_path, dataset);
      DATALAKE_TRY_ASSIGN(const auto tasks, PartitionFolders(fs, dataset_path, "task"));
      for (const std::string& task : tasks) {
        TableName name{provider, dataset, task};
        DATALAKE_TRY_ASSIGN(const bool exists, table::Table::Exists(fs, layout_.Table(name)));
        if (exists) {
          tables.push_back(std::move(name));
        }
      }
    }
  }
  std::sort(tables.begin(), tables.end());
  return tables;
}

}  // namespace datalake::lake

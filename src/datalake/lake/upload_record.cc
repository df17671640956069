#include "datalake/lake/upload_record.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/hex.h"
#include "datalake/base/name.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/value.h"

namespace datalake::lake {
namespace {

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{16} << 20;
constexpr std::int64_t kFormatVersion = 1;
constexpr std::array<std::pair<AssetColumnKind, std::string_view>, 3> kKindWords = {
    {{AssetColumnKind::kImage, "image"},
     {AssetColumnKind::kFile, "file"},
     {AssetColumnKind::kLink, "link"}}};

Result<AssetColumnKind> ParseKind(std::string_view word, std::string_view where) {
  for (const auto& [kind, text] : kKindWords) {
    if (text == word) {
      return kind;
    }
  }
  return Error{ErrorCode::kInvalidArgument, fmt::format("{}: unknown kind: {}", where, word)};
}

std::string_view WordOf(AssetColumnKind kind) {
  for (const auto& [known, text] : kKindWords) {
    if (known == kind) {
      return text;
    }
  }
  return "file";
}

Status ReadAssetColumns(const json::Value& value, std::string_view where, UploadInfo& info) {
  const json::Value* columns = json::Find(value, "asset_columns");
  if (columns == nullptr || !columns->is_array()) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("{}: no asset_columns", where)};
  }
  for (const json::Value& column : *columns) {
    DATALAKE_TRY_ASSIGN(std::string name, json::GetString(column, "name", where));
    DATALAKE_TRY_ASSIGN(const std::string word, json::GetString(column, "kind", where));
    DATALAKE_TRY_ASSIGN(const AssetColumnKind kind, ParseKind(word, where));
    const json::Value* list = json::Find(column, "list");
    info.asset_columns.push_back(
        {std::move(name), kind, list != nullptr && list->is_boolean() && list->get<bool>()});
  }
  return {};
}

Status ReadFields(const json::Value& value, std::string_view where, UploadInfo& info) {
  const json::Value* fields = json::Find(value, "fields");
  if (fields == nullptr) {
    return {};
  }
  for (const auto& [key, unused] : fields->items()) {
    DATALAKE_TRY_ASSIGN(info.fields[key], json::GetString(*fields, key, where));
  }
  const json::Value* types = json::Find(value, "field_types");
  if (types == nullptr || !types->is_object()) {
    return {};
  }
  for (const auto& [key, unused] : types->items()) {
    DATALAKE_TRY_ASSIGN(const std::string word, json::GetString(*types, key, where));
    DATALAKE_TRY_ASSIGN(info.field_types[key], ParseFieldType(word));
  }
  return {};
}

Status ReadBadFiles(const json::Value& value, std::string_view where, UploadInfo& info) {
  const json::Value* files = json::Find(value, "bad_files");
  if (files == nullptr || !files->is_array()) {
    return {};
  }
  for (const json::Value& file : *files) {
    BadFile bad;
    DATALAKE_TRY_ASSIGN(bad.path, json::GetString(file, "file", where));
    DATALAKE_TRY_ASSIGN(bad.problem, json::GetString(file, "problem", where));
    info.bad_files.push_back(std::move(bad));
  }
  return {};
}

Result<std::optional<Error>> ReadUploadError(io::FileSystem& fs, std::string_view folder) {
  const std::string path = io::JoinPath(folder, kErrorFile);
  auto text = io::ReadFile(fs, path, kMaxFileBytes);
  if (!text) {
    return text.error().code == ErrorCode::kNotFound ? Result<std::optional<Error>>(std::nullopt)
                                                     : text.error();
  }
  DATALAKE_TRY_ASSIGN(const json::Value value, json::ParseValue(*text, path));
  DATALAKE_TRY_ASSIGN(const std::string message, json::GetString(value, "error", path));
  DATALAKE_TRY_ASSIGN(const std::string type, json::GetString(value, "error_type", path));
  return std::optional<Error>(
      Error{ErrorCodeFromName(type).value_or(ErrorCode::kInternal), message});
}

bool HasKind(const UploadInfo& info, AssetColumnKind kind) {
  for (const AssetColumn& column : info.asset_columns) {
    if (column.kind == kind) {
      return true;
    }
  }
  return false;
}

}  // namespace

Result<UploadInfo> ParseUploadInfo(std::string_view text, std::string_view where) {
  DATALAKE_TRY_ASSIGN(const json::Value value, json::ParseValue(text, where));
  DATALAKE_TRY_ASSIGN(const std::int64_t version, json::GetInt(value, "format_version", where));
  if (version != kFormatVersion) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("{}: unknown format version: {}", where, version)};
  }
  UploadInfo info;
  DATALAKE_TRY_ASSIGN(info.table.provider, json::GetString(value, "provider", where));
  DATALAKE_TRY_ASSIGN(info.table.dataset, json::GetString(value, "dataset", where));
  DATALAKE_TRY_ASSIGN(info.table.task, json::GetString(value, "task", where));
  DATALAKE_TRY_ASSIGN(info.variant, json::GetString(value, "variant", where));
  DATALAKE_TRY(CheckTableName(info.table));
  DATALAKE_TRY(CheckName("variant", info.variant));
  DATALAKE_TRY(ReadFields(value, where, info));
  DATALAKE_TRY(ReadAssetColumns(value, where, info));
  DATALAKE_TRY_ASSIGN(info.rows, json::GetUint(value, "total_rows", where));
  DATALAKE_TRY_ASSIGN(info.problem_rows, json::GetUint(value, "problem_rows", where));
  if (json::Find(value, "known_assets") != nullptr) {
    DATALAKE_TRY_ASSIGN(info.known_assets, json::GetUint(value, "known_assets", where));
  }
  if (json::Find(value, "new_assets") != nullptr) {
    DATALAKE_TRY_ASSIGN(info.new_assets, json::GetUint(value, "new_assets", where));
  }
  DATALAKE_TRY(ReadBadFiles(value, where, info));
  DATALAKE_TRY_ASSIGN(info.description, json::GetString(value, "dataset_description", where));
  DATALAKE_TRY_ASSIGN(info.original_source, json::GetString(value, "original_source", where));
  DATALAKE_TRY_ASSIGN(info.user, json::GetString(value, "uploaded_by", where));
  DATALAKE_TRY_ASSIGN(const std::string policy, json::GetString(value, "on_bad_asset", where));
  DATALAKE_TRY_ASSIGN(info.on_bad_asset, ParseOnBadAsset(policy));
  DATALAKE_TRY_ASSIGN(info.overwrite, json::GetBool(value, "overwrite", where));
  DATALAKE_TRY_ASSIGN(info.derived, DerivedColumnsIn(value, where));
  DATALAKE_TRY_ASSIGN(const std::string time, json::GetString(value, "uploaded_at", where));
  DATALAKE_TRY_ASSIGN(info.uploaded_at, ParseTimestamp(time));
  return info;
}

Result<DerivedColumns> DerivedColumnsIn(const json::Value& object, std::string_view where) {
  DerivedColumns derived;
  DATALAKE_TRY_ASSIGN(const auto hash, json::FindBool(object, "perceptual_hash", where));
  DATALAKE_TRY_ASSIGN(const auto side, json::FindInt(object, "thumbnails", where));
  derived.perceptual_hash = hash.value_or(false);
  derived.thumbnail_side =
      static_cast<std::int32_t>(std::clamp<std::int64_t>(side.value_or(0), -1, 1 << 20));
  DATALAKE_TRY(derived.Validate());
  return derived;
}

std::string MakeUploadId(const UploadRequest& request, std::string_view variant, Timestamp time,
                         Random& random) {
  std::array<std::byte, 4> bytes{};
  random.Fill(bytes);
  std::string digits;
  for (const char c : FormatTimestamp(time).substr(0, 19)) {
    if (c >= '0' && c <= '9') {
      digits += c;
    }
  }
  return fmt::format("{}_{}_{}{}{}_{}", request.dataset.substr(0, 40), request.task.substr(0, 24),
                     variant.substr(0, 24), variant.empty() ? "" : "_", ToHex(bytes), digits);
}

std::string UploadInfoJson(const UploadInfo& info) {
  json::Value columns = json::Value::array();
  for (const AssetColumn& column : info.asset_columns) {
    columns.push_back(
        {{"name", column.name}, {"kind", WordOf(column.kind)}, {"list", column.is_list}});
  }
  json::Value types = json::Value::object();
  for (const auto& [field, type] : info.field_types) {
    types[field] = ToString(type);
  }
  json::Value bad_files = json::Value::array();
  for (const BadFile& file : info.bad_files) {
    bad_files.push_back({{"file", file.path}, {"problem", file.problem}});
  }
  const json::Value value = {{"format_version", kFormatVersion},
                             {"provider", info.table.provider},
                             {"dataset", info.table.dataset},
                             {"task", info.table.task},
                             {"variant", info.variant},
                             {"data_type", info.table.task == "raw" ? "raw" : "task"},
                             {"fields", json::Value(info.fields)},
                             {"field_types", std::move(types)},
                             {"dataset_description", info.description},
                             {"original_source", info.original_source},
                             {"has_images", HasKind(info, AssetColumnKind::kImage)},
                             {"has_files", HasKind(info, AssetColumnKind::kFile)},
                             {"asset_columns", std::move(columns)},
                             {"total_rows", info.rows},
                             {"problem_rows", info.problem_rows},
                             {"known_assets", info.known_assets},
                             {"new_assets", info.new_assets},
                             {"bad_files", std::move(bad_files)},
                             {"on_bad_asset", ToString(info.on_bad_asset)},
                             {"overwrite", info.overwrite},
                             {"perceptual_hash", info.derived.perceptual_hash},
                             {"thumbnails", info.derived.thumbnail_side},
                             {"uploaded_by", info.user},
                             {"uploaded_at", FormatTimestamp(info.uploaded_at)}};
  return json::DumpValueIndented(value) + "\n";
}

Result<UploadInfo> ReadUploadInfo(io::FileSystem& fs, const Layout& layout, UploadState state,
                                  std::string_view id) {
  const std::string folder = layout.Upload(state, id);
  const std::string path = io::JoinPath(folder, kUploadFile);
  DATALAKE_TRY_ASSIGN(const std::string text, io::ReadFile(fs, path, kMaxFileBytes));
  DATALAKE_TRY_ASSIGN(UploadInfo info, ParseUploadInfo(text, path));
  info.id = id;
  info.state = state;
  if (state == UploadState::kFailed) {
    DATALAKE_TRY_ASSIGN(info.error, ReadUploadError(fs, folder));
  }
  return info;
}

Status WriteUploadError(io::FileSystem& fs, std::string_view folder, std::string_view id,
                        const Error& error, Timestamp time) {
  const json::Value value = {{"directory", id},
                             {"error", error.message},
                             {"error_type", FactsOf(error.code).name},
                             {"timestamp", FormatTimestamp(time)}};
  return io::ReplaceFile(fs, io::JoinPath(folder, kErrorFile),
                         json::DumpValueIndented(value) + "\n");
}

Status MoveUpload(io::FileSystem& fs, const Layout& layout, std::string_view id, UploadState from,
                  UploadState to) {
  DATALAKE_TRY(fs.Rename(layout.Upload(from, id), layout.Upload(to, id)));
  // The new name first: after a crash the upload is in one of the two folders.
  DATALAKE_TRY(fs.SyncDirectory(layout.Staging(to)));
  return fs.SyncDirectory(layout.Staging(from));
}

}  // namespace datalake::lake

#include <utility>

#include <nlohmann/json.hpp>

#include "datalake/json/value.h"
#include "datalake/server/upload_messages_internal.h"

namespace datalake::server {
namespace {

constexpr std::uint64_t kMaxPartBytes = std::uint64_t{64} << 20;
constexpr std::string_view kWhere = "answer of the server";

json::Value RequestValue(const lake::UploadRequest& request, const std::string& source) {
  return {{"provider", request.provider},
          {"dataset", request.dataset},
          {"task", request.task},
          {"variant", request.variant},
          {"source", source},
          {"fields", json::Value(request.fields)},
          {"description", request.description},
          {"original_source", request.original_source},
          {"user", request.user},
          {"on_bad_asset", lake::ToString(request.on_bad_asset)},
          {"nested", lake::ToString(request.nested)},
          {"overwrite", request.overwrite},
          {"perceptual_hash", request.derived.perceptual_hash},
          {"thumbnails", request.derived.thumbnail_side},
          {"strict_files", request.strict_files},
          {"image_columns", json::Value(request.image_columns)},
          {"file_columns", json::Value(request.file_columns)}};
}

}  // namespace

std::uint64_t PartsOf(const SentFile& file, std::uint64_t part_bytes) {
  return (file.info.size_bytes + part_bytes - 1) / part_bytes;
}

Result<Begun> ParseBegun(std::string_view text, const std::vector<SentFile>& files) {
  const auto bad = [] {
    return Error{ErrorCode::kInternal,
                 "server's answer does not fit the files that were announced"};
  };
  DATALAKE_TRY_ASSIGN(const json::Value value, json::ParseValue(text, kWhere));
  Begun begun;
  DATALAKE_TRY_ASSIGN(begun.id, json::GetString(value, "upload", kWhere));
  DATALAKE_TRY_ASSIGN(begun.part_bytes, json::GetUint(value, "part_bytes", kWhere));
  const json::Value* list = json::Find(value, "files");
  if (list == nullptr || !list->is_array() || list->size() != files.size() ||
      begun.part_bytes == 0 || begun.part_bytes > kMaxPartBytes) {
    return bad();
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    const json::Value* missing = json::Find((*list)[i], "missing");
    if (missing == nullptr || !missing->is_array()) {
      return bad();
    }
    for (const json::Value& number : *missing) {
      const bool fits = number.is_number_unsigned() &&
                        number.get<std::uint64_t>() < PartsOf(files[i], begun.part_bytes);
      if (!fits) {
        return bad();
      }
      begun.missing.push_back({i, number.get<std::uint64_t>()});
    }
  }
  return begun;
}

Result<lake::UploadInfo> ParseStaged(std::string_view text) {
  DATALAKE_TRY_ASSIGN(const json::Value value, json::ParseValue(text, kWhere));
  lake::UploadInfo info;
  DATALAKE_TRY_ASSIGN(info.id, json::GetString(value, "upload", kWhere));
  DATALAKE_TRY_ASSIGN(info.table.provider, json::GetString(value, "provider", kWhere));
  DATALAKE_TRY_ASSIGN(info.table.dataset, json::GetString(value, "dataset", kWhere));
  DATALAKE_TRY_ASSIGN(info.table.task, json::GetString(value, "task", kWhere));
  DATALAKE_TRY_ASSIGN(info.variant, json::GetString(value, "variant", kWhere));
  DATALAKE_TRY_ASSIGN(info.rows, json::GetUint(value, "rows", kWhere));
  DATALAKE_TRY_ASSIGN(info.problem_rows, json::GetUint(value, "problem_rows", kWhere));
  DATALAKE_TRY_ASSIGN(info.known_assets, json::GetUint(value, "known_assets", kWhere));
  const json::Value* bad_files = json::Find(value, "bad_files");
  for (const json::Value& file : bad_files == nullptr ? json::Value::array() : *bad_files) {
    lake::BadFile bad;
    DATALAKE_TRY_ASSIGN(bad.path, json::GetString(file, "file", kWhere));
    DATALAKE_TRY_ASSIGN(bad.problem, json::GetString(file, "problem", kWhere));
    info.bad_files.push_back(std::move(bad));
  }
  return info;
}

std::string BeginMessage(const lake::UploadRequest& request, const std::string& source,
                         const std::vector<SentFile>& files) {
  json::Value list = json::Value::array();
  for (const SentFile& file : files) {
    list.push_back({{"path", file.path}, {"bytes", file.info.size_bytes}, {"sha256", file.sha256}});
  }
  json::Value message = RequestValue(request, source);
  message["files"] = std::move(list);
  return json::DumpValue(message);
}

std::string CheckMessage(const lake::UploadRequest& request, const std::string& source) {
  json::Value message = RequestValue(request, source);
  message["files"] = json::Value::array();
  message["check"] = true;
  return json::DumpValue(message);
}

}  // namespace datalake::server

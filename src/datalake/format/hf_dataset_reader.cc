#include <utility>

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/format/arrow_rows.h"
#include "datalake/format/hf_dataset.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/value.h"

namespace datalake::format {
namespace {

using json::Value;

constexpr std::uint64_t kMaxJsonBytes = 256ULL << 20;

Result<Value> ReadJson(io::FileSystem& fs, std::string_view path) {
  DATALAKE_TRY_ASSIGN(const std::string text, io::ReadFile(fs, path, kMaxJsonBytes));
  auto value = json::ParseValue(text, path);
  if (!value) {
    return Error{ErrorCode::kCorruption, value.error().message};
  }
  return value;
}

// Names of data files; none may leave the folder.
Result<std::vector<std::string>> DataFiles(io::FileSystem& fs, std::string_view directory) {
  const std::string path = io::JoinPath(directory, "state.json");
  DATALAKE_TRY_ASSIGN(const Value state, ReadJson(fs, path));
  const Value* indices = json::Find(state, "_indices_data_files");
  if (indices != nullptr && !indices->empty()) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("dataset has an indices mapping; call flatten_indices() before "
                             "save_to_disk(): {}",
                             directory)};
  }
  const Value* files = json::Find(state, "_data_files");
  if (files == nullptr || !files->is_array() || files->empty()) {
    return Error{ErrorCode::kCorruption, fmt::format("no data files named: {}", path)};
  }
  std::vector<std::string> paths;
  for (const Value& file : *files) {
    const auto name = json::GetString(file, "filename", path);
    if (!name || name->empty() || name->find('/') != std::string::npos || *name == "..") {
      return Error{ErrorCode::kCorruption, fmt::format("bad name of a data file: {}", path)};
    }
    paths.push_back(io::JoinPath(directory, *name));
  }
  return paths;
}

}  // namespace

Result<bool> IsHfDataset(io::FileSystem& fs, std::string_view directory) {
  DATALAKE_TRY_ASSIGN(const bool has_state, fs.Exists(io::JoinPath(directory, "state.json")));
  DATALAKE_TRY_ASSIGN(const bool has_info, fs.Exists(io::JoinPath(directory, "dataset_info.json")));
  return has_state && has_info;
}

Result<std::vector<std::string>> HfDatasetSplits(io::FileSystem& fs, std::string_view directory) {
  const std::string path = io::JoinPath(directory, "dataset_dict.json");
  std::vector<std::string> splits;
  DATALAKE_TRY_ASSIGN(const bool exists, fs.Exists(path));
  if (!exists) {
    return splits;
  }
  DATALAKE_TRY_ASSIGN(const Value dict, ReadJson(fs, path));
  const Value* names = json::Find(dict, "splits");
  if (names == nullptr || !names->is_array()) {
    return Error{ErrorCode::kCorruption, fmt::format("no splits named: {}", path)};
  }
  for (const Value& name : *names) {
    const bool is_name = name.is_string() && !name.get_ref<const std::string&>().empty() &&
                         name.get_ref<const std::string&>().find('/') == std::string::npos &&
                         name.get_ref<const std::string&>() != "..";
    if (!is_name) {
      return Error{ErrorCode::kCorruption, fmt::format("bad name of a split: {}", path)};
    }
    splits.push_back(name.get<std::string>());
  }
  return splits;
}

Result<std::shared_ptr<arrow::RecordBatchReader>> OpenHfDataset(io::FileSystem& fs,
                                                                std::string_view directory) {
  DATALAKE_TRY_ASSIGN(const bool is_dataset, IsHfDataset(fs, directory));
  if (!is_dataset) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("no dataset of save_to_disk here: {}", directory)};
  }
  DATALAKE_TRY_ASSIGN(auto files, DataFiles(fs, directory));
  std::vector<std::shared_ptr<arrow::Schema>> schemas;
  for (const std::string& file : files) {
    auto rows = OpenArrowRows(fs, file);
    if (!rows) {
      Error error = std::move(rows).error();
      error.code = error.code == ErrorCode::kNotFound ? ErrorCode::kCorruption : error.code;
      return error;
    }
    schemas.push_back((*rows)->schema());
  }
  DATALAKE_TRY_ASSIGN(auto schema, UnifySchemas(schemas, files));
  const std::size_t count = files.size();
  return ConcatRows(std::move(schema), count, [&fs, files = std::move(files)](std::size_t i) {
    return OpenArrowRows(fs, files[i]);
  });
}

Result<std::shared_ptr<arrow::RecordBatchReader>> OpenHfSplits(
    io::FileSystem& fs, std::string_view directory, const std::vector<std::string>& splits) {
  if (splits.empty()) {
    return Error{ErrorCode::kCorruption, fmt::format("no splits named: {}", directory)};
  }
  std::vector<std::string> folders;
  std::vector<std::shared_ptr<arrow::Schema>> schemas;
  for (const std::string& split : splits) {
    folders.push_back(io::JoinPath(directory, split));
    DATALAKE_TRY_ASSIGN(const auto rows, OpenHfDataset(fs, folders.back()));
    schemas.push_back(rows->schema());
  }
  DATALAKE_TRY_ASSIGN(auto schema, UnifySchemas(schemas, folders));
  const std::size_t count = folders.size();
  return ConcatRows(std::move(schema), count, [&fs, folders = std::move(folders)](std::size_t i) {
    return OpenHfDataset(fs, folders[i]);
  });
}

}  // namespace datalake::format

#include "apps/datalake/lake_documents.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/lake/lake.h"
#include "datalake/table/snapshot.h"
#include "datalake/table/table.h"

#include "apps/datalake/open_lake.h"

namespace datalake::apps {
namespace {

constexpr std::string_view kPrefix = "lake:";
constexpr const char* kFolderKey = "lake_documents";

Error BadForm(std::string_view documents) {
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("documents of a lake are lake:provider/dataset/task[@version]"
                           "[?variant=name]: {}",
                           documents)};
}

// Cuts `text` at `mark`; what is behind it, or nothing when it is not there.
std::optional<std::string_view> CutAt(std::string_view& text, char mark) {
  const std::size_t at = text.find(mark);
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view behind = text.substr(at + 1);
  text = text.substr(0, at);
  return behind;
}

class Resolver {
 public:
  Resolver(const Context& context, std::string folder)
      : context_(context), folder_(std::move(folder)) {}

  Status Replace(json::Value& config) {
    const auto documents = config.find("documents");
    if (documents == config.end()) {
      return {};
    }
    if (documents->is_string()) {
      return ReplaceOne(*documents);
    }
    if (documents->is_array()) {
      for (json::Value& entry : *documents) {
        DATALAKE_TRY(ReplaceOne(entry));
      }
    }
    return {};
  }

 private:
  Status ReplaceOne(json::Value& entry) {
    if (!entry.is_string() || !LakeDocuments::IsOne(entry.get_ref<const std::string&>())) {
      return {};
    }
    const std::string text = entry.get<std::string>();
    DATALAKE_TRY_ASSIGN(const LakeDocuments documents, LakeDocuments::Parse(text));
    if (lake_ == nullptr) {
      DATALAKE_TRY_ASSIGN(lake_, OpenLake(context_));
      DATALAKE_TRY(CheckFolder());
    }
    DATALAKE_TRY_ASSIGN(const auto table, lake_->OpenTable(documents.table));
    DATALAKE_TRY_ASSIGN(const auto snapshot, table->Snapshot(documents.version));
    const std::string view = fmt::format("{}/documents/{}/{}", folder_,
                                         lake::ToString(documents.table), snapshot->version());
    DATALAKE_TRY(CheckPartition(documents, *snapshot, text));
    for (const table::TableFilePtr& file : snapshot->files()) {
      DATALAKE_TRY_ASSIGN(const std::string name, NameBelow(snapshot->root(), file->os_path));
      DATALAKE_TRY(LinkFile(file->os_path, fmt::format("{}/{}", view, name)));
    }
    entry = documents.partition_column.empty()
                ? fmt::format("{}/**/*.parquet", view)
                : fmt::format("{}/**/{}={}/*.parquet", view, documents.partition_column,
                              documents.partition_value);
    return {};
  }

  // The wanted rows are there.
  static Status CheckPartition(const LakeDocuments& documents, const table::TableSnapshot& snapshot,
                               const std::string& text) {
    if (snapshot.files().empty()) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("the table has no rows: {}", text)};
    }
    std::set<std::string> values;
    for (const table::TableFilePtr& file : snapshot.files()) {
      const auto value = file->partition_values.find(documents.partition_column);
      if (value != file->partition_values.end()) {
        values.insert(value->second.value_or(""));
      }
    }
    if (documents.partition_column.empty() || values.contains(documents.partition_value)) {
      return {};
    }
    return Error{
        ErrorCode::kNotFound,
        fmt::format("no {} of this name: {}; there are: {}", documents.partition_column, text,
                    values.empty() ? "none" : fmt::format("{}", fmt::join(values, ", ")))};
  }

  // The part of `path` below `root`.
  static Result<std::string> NameBelow(std::string_view root, std::string_view path) {
    const std::string prefix = fmt::format("{}/", root);
    if (!path.starts_with(prefix) || path.find("/../") != std::string_view::npos) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("a file of the table is not in its folder: {}", path)};
    }
    return std::string(path.substr(prefix.size()));
  }

  // Our folder must not be in the lake.
  Status CheckFolder() const {
    std::error_code error;
    const auto root = std::filesystem::weakly_canonical(lake_->layout().root(), error);
    const auto folder = std::filesystem::weakly_canonical(folder_, error);
    const auto [at, unused] = std::mismatch(root.begin(), root.end(), folder.begin(), folder.end());
    if (error || at == root.end()) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("lake_documents must be a folder outside the lake: {}", folder_)};
    }
    return {};
  }

  // A link that points elsewhere, after the lake was moved, is made anew; anything else that is in
  // the way stays and is an error.
  Status LinkFile(const std::string& target, const std::string& link) {
    std::error_code error;
    const std::string absolute = std::filesystem::absolute(target, error).string();
    if (error) {
      return Error{ErrorCode::kIo,
                   fmt::format("cannot find the working folder: {}", error.message())};
    }
    if (std::filesystem::is_symlink(link, error)) {
      if (std::filesystem::read_symlink(link, error) == absolute) {
        return {};
      }
      DATALAKE_TRY(context_.fs.Remove(link));
    }
    DATALAKE_TRY(context_.fs.MakeDirectories(io::ParentPath(link)));
    return context_.fs.MakeSymlink(absolute, link);
  }

  const Context& context_;
  const std::string folder_;
  std::unique_ptr<lake::Lake> lake_;
};

}  // namespace

Result<LakeDocuments> LakeDocuments::Parse(std::string_view documents) {
  if (!IsOne(documents)) {
    return BadForm(documents);
  }
  std::string_view rest = documents.substr(kPrefix.size());
  LakeDocuments parsed;
  if (auto query = CutAt(rest, '?')) {
    const auto value = CutAt(*query, '=');
    if (!value || query->empty() || value->empty() ||
        value->find_first_of("&/*?[]") != std::string_view::npos) {
      return BadForm(documents);
    }
    parsed.partition_column = *query;
    parsed.partition_value = *value;
  }
  if (const auto version = CutAt(rest, '@')) {
    std::int64_t number = 0;
    const char* const end = version->data() + version->size();
    const auto [at, code] = std::from_chars(version->data(), end, number);
    if (code != std::errc() || at != end || number < 0) {
      return BadForm(documents);
    }
    parsed.version = number;
  }
  auto task = CutAt(rest, '/');
  if (!task) {
    return BadForm(documents);
  }
  std::string_view dataset = *task;
  const auto name = CutAt(dataset, '/');
  if (!name) {
    return BadForm(documents);
  }
  parsed.table = {std::string(rest), std::string(dataset), std::string(*name)};
  DATALAKE_TRY(lake::CheckTableName(parsed.table));
  return parsed;
}

Status ResolveLakeDocuments(const Context& context, json::Value& config) {
  std::string folder = "lake-documents";
  if (!config.is_object()) {
    return {};
  }
  DATALAKE_TRY_ASSIGN(const auto given, json::FindString(config, kFolderKey, "options"));
  if (given && !given->empty()) {
    folder = *given;
  }
  config.erase(kFolderKey);
  Resolver resolver(context, std::move(folder));
  DATALAKE_TRY(resolver.Replace(config));
  const auto streams = config.find("streams");
  if (streams != config.end() && streams->is_array()) {
    for (json::Value& stream : *streams) {
      if (stream.is_object()) {
        DATALAKE_TRY(resolver.Replace(stream));
      }
    }
  }
  return {};
}

}  // namespace datalake::apps

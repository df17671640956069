#include "datalake/lake/upload_files.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include <arrow/array/array_nested.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/format/arrow_status.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/lake/source_folder.h"
#include "datalake/lake/upload_columns.h"
#include "datalake/lake/upload_source.h"

namespace datalake::lake {
namespace {

constexpr int kMaxFolderDepth = 32;

Status ListBelow(io::FileSystem& fs, const std::string& root, const std::string& below, int depth,
                 std::vector<std::string>& names) {
  DATALAKE_TRY_ASSIGN(const auto entries,
                      fs.List(below.empty() ? root : io::JoinPath(root, below)));
  for (const io::DirectoryEntry& entry : entries) {
    if (entry.name.starts_with('.') || entry.is_symlink) {
      continue;
    }
    std::string name = below.empty() ? entry.name : io::JoinPath(below, entry.name);
    if (!entry.is_directory) {
      names.push_back(std::move(name));
    } else if (depth >= kMaxFolderDepth) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("folders nested deeper than {}: {}", kMaxFolderDepth, name)};
    } else {
      DATALAKE_TRY(ListBelow(fs, root, name, depth + 1, names));
    }
  }
  return {};
}

// `path` from `root`, which it lies below. Pure.
std::string Below(std::string_view root, std::string_view path) {
  std::string_view rest = path;
  if (!root.empty() && root != "." && rest.starts_with(root)) {
    rest.remove_prefix(root.size());
  }
  rest.remove_prefix(std::min(rest.find_first_not_of('/'), rest.size()));
  return std::string(rest);
}

// Collects the files that asset cells name.
class NamedFiles {
 public:
  NamedFiles(io::FileSystem& fs, const std::string& root, std::set<std::string>& names)
      : folder_(fs, root), root_(root), names_(names) {}

  Status Add(const arrow::RecordBatch& batch, const ColumnPlan& plan) {
    const arrow::Array& column = *batch.column(plan.index);
    for (std::int64_t row = 0; row < batch.num_rows(); ++row) {
      const AssetItems items = ItemsOfRow(column, row, plan.is_list);
      for (std::int64_t item = items.begin; item < items.end; ++item) {
        DATALAKE_TRY(AddName(NameIn(*items.values, item)));
      }
    }
    return {};
  }

 private:
  // The file name of a cell; empty where its bytes are there.
  static std::string_view NameIn(const arrow::Array& values, std::int64_t item) {
    if (values.IsNull(item) || values.type_id() != arrow::Type::STRUCT) {
      return BytesOf(values, item);
    }
    const auto& members = static_cast<const arrow::StructArray&>(values);
    const auto& type = static_cast<const arrow::StructType&>(*values.type());
    // Without the parent's nulls, whose cells were left above; nothing is copied.
    const arrow::Array& bytes = *members.field(type.GetFieldIndex("bytes"));
    const arrow::Array& path = *members.field(type.GetFieldIndex("path"));
    return bytes.IsNull(item) ? BytesOf(path, item) : std::string_view();
  }

  Status AddName(std::string_view name) {
    if (name.empty() || name.find("://") != std::string_view::npos) {
      return {};
    }
    DATALAKE_TRY_ASSIGN(const LocatedFile located, folder_.Locate(name));
    if (!located.path.empty()) {
      names_.insert(Below(root_, located.path));
    }
    return {};
  }

  SourceFolder folder_;
  const std::string& root_;
  std::set<std::string>& names_;
};

Status AddNamedFiles(io::FileSystem& fs, const UploadRequest& request, UploadSource& source,
                     const std::stop_token& stop, std::set<std::string>& names) {
  const auto is_tar = [](const SourceFile& file) {
    return file.path.find(".tar", file.path.rfind('/') + 1) != std::string::npos;
  };
  if (std::all_of(source.files.begin(), source.files.end(), is_tar)) {
    return {};  // they hold all that they name
  }
  const ColumnWishes wishes{.fields = request.fields,
                            .image_columns = request.image_columns,
                            .file_columns = request.file_columns,
                            .nested = request.nested};
  DATALAKE_TRY_ASSIGN(std::vector<ColumnPlan> plans, PlanColumns(*source.rows->schema(), wishes));
  std::erase_if(plans, [&source](const ColumnPlan& plan) {
    const arrow::DataType* type = source.rows->schema()->field(plan.index)->type().get();
    type = plan.is_list ? type->field(0)->type().get() : type;
    return plan.action != ColumnPlan::Action::kAsset ||
           !(plan.is_path || type->id() == arrow::Type::STRUCT);
  });
  NamedFiles named(fs, source.root, names);
  std::shared_ptr<arrow::RecordBatch> batch;
  while (!plans.empty()) {
    if (stop.stop_requested()) {
      return Error{ErrorCode::kCancelled, "upload was stopped"};
    }
    DATALAKE_TRY(format::FromArrow(source.rows->ReadNext(&batch), "cannot read rows"));
    if (batch == nullptr) {
      break;
    }
    for (const ColumnPlan& plan : plans) {
      DATALAKE_TRY(named.Add(*batch, plan));
    }
  }
  return {};
}

}  // namespace

Result<UploadFiles> FindUploadFiles(io::FileSystem& fs, const UploadRequest& request,
                                    const std::stop_token& stop) {
  const std::string& path = request.source_path;
  DATALAKE_TRY_ASSIGN(UploadSource source, OpenUploadSource(fs, path, request.strict_files));
  UploadFiles found{.root = source.root, .source = ".", .names = {}};
  const auto info = fs.Stat(path);
  if (info && info->is_directory) {
    DATALAKE_TRY(ListBelow(fs, found.root, "", 0, found.names));
    if (source.files.empty()) {
      std::erase_if(found.names, [](const std::string& name) { return !IsMedia(name); });
    }
  } else {
    std::set<std::string> names;
    for (const SourceFile& file : source.files) {
      names.insert(Below(found.root, file.path));
    }
    for (const BadFile& file : source.bad_files) {
      names.insert(Below(found.root, file.path));
    }
    DATALAKE_TRY(AddNamedFiles(fs, request, source, stop, names));
    found.source = Below(found.root, path);
    found.names.assign(names.begin(), names.end());
  }
  std::sort(found.names.begin(), found.names.end());
  return found;
}

}  // namespace datalake::lake

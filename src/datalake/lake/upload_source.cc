#include "datalake/lake/upload_source.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <arrow/array/builder_binary.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/format/rows.h"
#include "datalake/io/file_system.h"
#include "datalake/io/glob.h"
#include "datalake/io/path.h"
#include "datalake/lake/staged_cell.h"

namespace datalake::lake {
namespace {

constexpr std::array<std::string_view, 4> kMetadataFiles = {"annotations.jsonl", "metadata.jsonl",
                                                            "metadata.csv", "metadata.parquet"};
constexpr std::array<std::string_view, 12> kOtherMedia = {".pdf", ".wav", ".mp3",  ".flac",
                                                          ".ogg", ".m4a", ".mp4",  ".mkv",
                                                          ".mov", ".avi", ".webm", ".svg"};
constexpr std::size_t kRowsPerBatch = 1024;
constexpr int kMaxFolderDepth = 32;

// The folder before the first glob character.
std::string RootOfGlob(std::string_view pattern) {
  std::string_view folder = io::ParentPath(pattern);
  while (io::IsGlob(folder)) {
    folder = io::ParentPath(folder);
  }
  return std::string(folder);
}

bool IsOtherMedia(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  std::string suffix(dot == std::string_view::npos ? std::string_view() : name.substr(dot));
  std::transform(suffix.begin(), suffix.end(), suffix.begin(), [](char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  });
  return std::find(kOtherMedia.begin(), kOtherMedia.end(), suffix) != kOtherMedia.end();
}

// The media below a folder, by their names from there.
struct MediaList {
  std::vector<std::string> names;
  bool only_pictures = true;
  bool has_folders = false;  // some lie in a folder below
};

Status ListMedia(io::FileSystem& fs, const std::string& root, const std::string& below, int depth,
                 MediaList& media) {
  DATALAKE_TRY_ASSIGN(const auto entries,
                      fs.List(below.empty() ? root : io::JoinPath(root, below)));
  for (const io::DirectoryEntry& entry : entries) {
    if (entry.name.starts_with('.') || entry.is_symlink) {
      continue;
    }
    std::string name = below.empty() ? entry.name : io::JoinPath(below, entry.name);
    if (entry.is_directory) {
      if (depth >= kMaxFolderDepth) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("folders nested deeper than {}: {}", kMaxFolderDepth, name)};
      }
      DATALAKE_TRY(ListMedia(fs, root, name, depth + 1, media));
      continue;
    }
    const bool is_picture = HasPictureSuffix(entry.name);
    if (is_picture || IsOtherMedia(entry.name)) {
      media.only_pictures = media.only_pictures && is_picture;
      media.has_folders = media.has_folders || !below.empty();
      media.names.push_back(std::move(name));
    }
  }
  return {};
}

// A row a file: its name, and the folder that it is in.
class MediaRows final : public arrow::RecordBatchReader {
 public:
  explicit MediaRows(MediaList media) : media_(std::move(media)) {
    arrow::FieldVector fields = {
        arrow::field(media_.only_pictures ? "image" : "file", arrow::utf8())};
    if (media_.has_folders) {
      fields.push_back(arrow::field("label", arrow::utf8()));
    }
    schema_ = arrow::schema(std::move(fields));
  }

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    *out = nullptr;
    arrow::StringBuilder names;
    arrow::StringBuilder labels;
    const std::size_t end = std::min(media_.names.size(), next_ + kRowsPerBatch);
    for (; next_ < end; ++next_) {
      const std::string& name = media_.names[next_];
      const std::string_view folder = name.find('/') == std::string::npos
                                          ? std::string_view()
                                          : io::BaseName(io::ParentPath(name));
      ARROW_RETURN_NOT_OK(names.Append(name));
      ARROW_RETURN_NOT_OK(folder.empty() ? labels.AppendNull() : labels.Append(folder));
    }
    if (names.length() == 0) {
      return arrow::Status::OK();
    }
    const std::int64_t rows = names.length();
    arrow::ArrayVector columns(1);
    ARROW_ASSIGN_OR_RAISE(columns[0], names.Finish());
    if (media_.has_folders) {
      ARROW_ASSIGN_OR_RAISE(columns.emplace_back(), labels.Finish());
    }
    *out = arrow::RecordBatch::Make(schema_, rows, std::move(columns));
    return arrow::Status::OK();
  }

 private:
  const MediaList media_;
  std::shared_ptr<arrow::Schema> schema_;
  std::size_t next_ = 0;
};

// The path of the rows of a folder: of its metadata file, or the folder itself.
Result<std::string> RowsOfFolder(io::FileSystem& fs, const std::string& folder) {
  for (const std::string_view name : kMetadataFiles) {
    const std::string path = io::JoinPath(folder, name);
    DATALAKE_TRY_ASSIGN(const bool exists, fs.Exists(path));
    if (exists) {
      return path;
    }
  }
  return folder;
}

Status TakeRows(io::FileSystem& fs, format::RowSource rows, UploadSource& source) {
  source.rows = std::move(rows.reader);
  source.size_bytes = rows.size_bytes;
  for (const std::string& path : rows.files) {
    DATALAKE_TRY_ASSIGN(const io::FileInfo info, fs.Stat(path));
    source.files.push_back({path, info.size_bytes, info.modified});
  }
  for (format::BrokenFile& file : rows.broken) {
    source.bad_files.push_back({std::move(file.path), std::move(file.error.message)});
  }
  return {};
}

}  // namespace

Result<UploadSource> OpenUploadSource(io::FileSystem& fs, const std::string& path,
                                      bool strict_files) {
  if (path.empty()) {
    return Error{ErrorCode::kInvalidArgument, "upload names no file or folder"};
  }
  UploadSource source;
  std::string rows_path = path;
  bool is_folder = false;
  const auto info = fs.Stat(path);
  if (info) {
    is_folder = info->is_directory;
    source.root = is_folder ? path : std::string(io::ParentPath(path));
    if (is_folder) {
      DATALAKE_TRY_ASSIGN(rows_path, RowsOfFolder(fs, path));
    }
  } else if (io::IsGlob(path)) {
    source.root = RootOfGlob(path);
  } else {
    return info.error();
  }
  auto rows = format::OpenRows(fs, rows_path, {.skip_broken_files = !strict_files});
  if (rows) {
    DATALAKE_TRY(TakeRows(fs, *std::move(rows), source));
    return source;
  }
  if (!is_folder || rows.error().code != ErrorCode::kNotFound) {
    return std::move(rows).error();
  }
  MediaList media;
  DATALAKE_TRY(ListMedia(fs, path, "", 0, media));
  if (media.names.empty()) {
    return std::move(rows).error();
  }
  source.rows = std::make_shared<MediaRows>(std::move(media));
  return source;
}

bool IsMedia(std::string_view name) {
  return HasPictureSuffix(name) || IsOtherMedia(name);
}

Status CheckUnchanged(io::FileSystem& fs, const UploadSource& source) {
  for (const SourceFile& file : source.files) {
    const auto now = fs.Stat(file.path);
    if (!now && now.error().code != ErrorCode::kNotFound) {
      return now.error();
    }
    if (!now || now->size_bytes != file.size_bytes || now->modified != file.modified) {
      return Error{ErrorCode::kConflict,
                   fmt::format("file changed while it was read, upload it again: {}", file.path)};
    }
  }
  return {};
}

}  // namespace datalake::lake

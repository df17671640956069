#include "datalake/curate/document_paths.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "datalake/io/file_system.h"
#include "datalake/io/glob.h"

namespace datalake::curate {
namespace {

constexpr std::string_view kSuffixes[] = {".gz", ".zst", ".zstd"};
constexpr std::string_view kOtherSuffixes[] = {".bz2",    ".xz",  ".lzma", ".lz4", ".br",
                                               ".snappy", ".sz",  ".7z",   ".zip", ".rar",
                                               ".tar",    ".tgz", ".Z"};
constexpr std::string_view kLineSuffixes[] = {".jsonl", ".json", ".ndjson"};
constexpr std::string_view kParquet = ".parquet";

std::string_view WithoutSuffix(std::string_view path) {
  for (const std::string_view suffix : kSuffixes) {
    if (path.ends_with(suffix)) {
      return path.substr(0, path.size() - suffix.size());
    }
  }
  return path;
}

// Where the folder component `name` begins at or behind `from`; npos when there is none.
std::size_t FindFolder(std::string_view path, std::string_view name, std::size_t from) {
  for (std::size_t at = from; (at = path.find(name, at)) != std::string_view::npos; ++at) {
    const bool begins = at == 0 || path[at - 1] == '/';
    const std::size_t end = at + name.size();
    if (begins && end < path.size() && path[end] == '/') {
      return at;
    }
  }
  return std::string_view::npos;
}

Error NoFolder(std::string_view path, std::string_view document_dir) {
  return Error{
      ErrorCode::kInvalidArgument,
      fmt::format("no folder `{}` in the path of a document file: {}", document_dir, path)};
}

}  // namespace

Result<std::vector<std::string>> ExpandDocuments(io::FileSystem& fs,
                                                 const std::vector<std::string>& patterns,
                                                 std::vector<std::string>& warnings) {
  std::vector<std::string> files;
  for (const std::string& pattern : patterns) {
    DATALAKE_TRY_ASSIGN(std::vector<std::string> found, io::Glob(fs, pattern));
    if (found.empty()) {
      warnings.push_back(fmt::format("no file matches: {}", pattern));
    }
    files.insert(files.end(), found.begin(), found.end());
  }
  if (files.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("no documents found: {}", fmt::join(patterns, ", "))};
  }
  DATALAKE_TRY(CheckSuffixes(files));
  return files;
}

Status CheckSuffixes(const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    for (const std::string_view suffix : kOtherSuffixes) {
      if (file.ends_with(suffix)) {
        return Error{
            ErrorCode::kUnsupported,
            fmt::format("cannot read {} (only .gz, .zst, .zstd and plain): {}", suffix, file)};
      }
    }
  }
  return {};
}

Result<std::string> AttributePath(std::string_view document_path, std::string_view document_dir,
                                  std::string_view name) {
  std::string out;
  std::size_t done = 0;
  for (std::size_t at = 0;
       (at = FindFolder(document_path, document_dir, done)) != std::string_view::npos;) {
    out.append(document_path, done, at - done);
    out += fmt::format("attributes/{}", name);
    done = at + document_dir.size();
  }
  if (done == 0) {
    return NoFolder(document_path, document_dir);
  }
  return out + std::string(document_path.substr(done));
}

Result<std::string> MirroredPath(std::string_view document_path, std::string_view document_dir) {
  std::size_t last = std::string_view::npos;
  for (std::size_t at = 0;
       (at = FindFolder(document_path, document_dir, at)) != std::string_view::npos; ++at) {
    last = at;
  }
  if (last == std::string_view::npos) {
    return NoFolder(document_path, document_dir);
  }
  return std::string(document_path.substr(last + document_dir.size() + 1));
}

std::string WithCompression(std::string_view path, std::string_view compression) {
  if (compression.empty()) {
    return std::string(path);
  }
  const std::string_view stem = WithoutSuffix(path);
  return compression == "none" ? std::string(stem) : fmt::format("{}.{}", stem, compression);
}

std::string LinesPath(std::string_view path, std::string_view compression) {
  if (!path.ends_with(kParquet)) {
    return WithCompression(path, compression);
  }
  path.remove_suffix(kParquet.size());
  return WithCompression(fmt::format("{}.jsonl.zst", path), compression);
}

std::string WithParquet(std::string_view path) {
  std::string_view stem = WithoutSuffix(path);
  for (const std::string_view suffix : kLineSuffixes) {
    if (stem.ends_with(suffix)) {
      stem.remove_suffix(suffix.size());
      break;
    }
  }
  return stem.ends_with(kParquet) ? std::string(stem) : fmt::format("{}{}", stem, kParquet);
}

Result<std::string> FindCompressed(io::FileSystem& fs, std::string_view path) {
  const std::string_view stem = WithoutSuffix(path);
  std::vector<std::string> candidates = {std::string(path), std::string(stem)};
  for (const std::string_view suffix : kSuffixes) {
    candidates.push_back(fmt::format("{}{}", stem, suffix));
  }
  candidates.push_back(WithParquet(path));
  if (path.ends_with(kParquet)) {
    const std::string lines =
        fmt::format("{}.jsonl", path.substr(0, path.size() - kParquet.size()));
    candidates.push_back(lines);
    for (const std::string_view suffix : kSuffixes) {
      candidates.push_back(fmt::format("{}{}", lines, suffix));
    }
  }
  for (const std::string& candidate : candidates) {
    DATALAKE_TRY_ASSIGN(const bool exists, fs.Exists(candidate));
    if (exists) {
      return candidate;
    }
  }
  return std::string(path);
}

Status CheckCompression(std::string_view compression) {
  if (compression.empty() || compression == "none" || compression == "gz" || compression == "zst") {
    return {};
  }
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("unknown compression: {}; known: gz, zst, none", compression)};
}

}  // namespace datalake::curate

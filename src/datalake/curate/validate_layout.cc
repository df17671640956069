#include "datalake/curate/validate_layout.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "datalake/curate/document_paths.h"
#include "datalake/format/document_reader.h"
#include "datalake/io/file_system.h"
#include "datalake/io/glob.h"
#include "datalake/io/path.h"

namespace datalake::curate {
namespace {

constexpr std::string_view kDocuments = "documents";
constexpr std::string_view kAttributes = "attributes";
constexpr std::string_view kReport = "report.json";  // of the run that made the attributes
constexpr int kMaxFolderDepth = 64;

// The folder that holds documents/ for a file below it; nothing when no component says so.
Result<std::string> RootOf(std::string_view path) {
  DATALAKE_TRY_ASSIGN(const std::string below, MirroredPath(path, kDocuments));
  const std::size_t end = path.size() - below.size() - kDocuments.size() - 1;
  return end == 0 ? std::string(".") : std::string(path.substr(0, end - 1));
}

class Search {
 public:
  Search(io::FileSystem& fs, std::uint64_t max_shown) : fs_(fs), max_shown_(max_shown) {}

  Status Add(const std::string& path) {
    if (io::IsGlob(path)) {
      return AddFiles(path);
    }
    DATALAKE_TRY_ASSIGN(const io::FileInfo info, fs_.Stat(path));
    return info.is_directory ? AddFolder(path) : AddFiles(path);
  }

  Result<ValidateInputs> Finish() && {
    DATALAKE_TRY(AddStrays());
    for (auto& [path, findings] : findings_) {
      findings.MoveTo(inputs_.findings);
    }
    return std::move(inputs_);
  }

 private:
  // What is known of a dataset.
  struct Dataset {
    std::vector<std::string> names;               // folders below attributes/
    std::set<std::string, std::less<>> expected;  // attribute files of the documents seen
    bool is_whole = false;                        // all of its documents are looked at
  };

  void Find(FindingKind kind, const std::string& path, std::string what) {
    findings_.try_emplace(path, path, max_shown_).first->second.Add(kind, 0, std::move(what));
  }

  Status AddFiles(const std::string& pattern) {
    DATALAKE_TRY_ASSIGN(const auto files, io::Glob(fs_, pattern));
    if (files.empty()) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("no file matches: {}", pattern)};
    }
    for (const std::string& file : files) {
      DATALAKE_TRY(AddDocuments(file));
    }
    return {};
  }

  Status AddFolder(std::string path) {
    while (path.size() > 1 && path.ends_with('/')) {
      path.pop_back();
    }
    if (io::BaseName(path) == kDocuments) {
      DATALAKE_TRY_ASSIGN(Dataset * dataset, DatasetOf(std::string(io::ParentPath(path))));
      dataset->is_whole = true;
      return Walk(path);
    }
    const std::string documents = io::JoinPath(path, kDocuments);
    DATALAKE_TRY_ASSIGN(const bool is_dataset, fs_.Exists(documents));
    if (!is_dataset) {
      Find(FindingKind::kLayout, path, "no folder documents/ in it");
      return Walk(path);
    }
    DATALAKE_TRY_ASSIGN(Dataset * dataset, DatasetOf(path));
    dataset->is_whole = true;
    DATALAKE_TRY(Walk(documents));
    return {};
  }

  // Adds the files of documents below `folder`.
  Status Walk(const std::string& documents) {
    return WalkFiles(documents, 0,
                     [this](const std::string& path, int /*depth*/) { return AddDocuments(path); });
  }

  // Calls `visit(path, depth)` for the files below `folder`, depth 0 being in it itself.
  template <typename Visit>
  Status WalkFiles(const std::string& folder, int depth, const Visit& visit) {
    if (depth > kMaxFolderDepth) {
      Find(FindingKind::kLayout, folder, "folders nested too deep: not looked at");
      return {};
    }
    DATALAKE_TRY_ASSIGN(const auto entries, fs_.List(folder));
    for (const io::DirectoryEntry& entry : entries) {
      if (entry.name.starts_with('.')) {
        continue;
      }
      const std::string path = io::JoinPath(folder, entry.name);
      DATALAKE_TRY_ASSIGN(const bool is_folder, IsFolder(path, entry));
      if (is_folder) {
        DATALAKE_TRY(WalkFiles(path, depth + 1, visit));
      } else if (!links_to_folder_) {
        DATALAKE_TRY(visit(path, depth));
      }
    }
    return {};
  }

  // True for a folder to be entered; tells of links, and of folders that are named like files.
  Result<bool> IsFolder(const std::string& path, const io::DirectoryEntry& entry) {
    links_to_folder_ = false;
    if (entry.is_symlink) {
      const auto target = fs_.Stat(path);
      links_to_folder_ = target && target->is_directory;
      Find(FindingKind::kSymlink, path,
           links_to_folder_ ? "symbolic link to a folder: not followed" : "symbolic link");
      return false;
    }
    if (entry.is_directory && format::IsDocumentPath(path)) {
      Find(FindingKind::kFolderLikeFile, path, "a folder with the name of a file");
    }
    return entry.is_directory;
  }

  Status AddDocuments(const std::string& path) {
    if (!seen_.insert(path).second) {
      return {};
    }
    if (!format::IsDocumentPath(path)) {
      Find(FindingKind::kUnknownSuffix, path, "unknown suffix: not read");
      return {};
    }
    ValidateUnit unit;
    unit.documents = path;
    if (const auto root = RootOf(path)) {
      DATALAKE_TRY_ASSIGN(Dataset * dataset, DatasetOf(*root));
      DATALAKE_TRY(AddAttributes(*root, *dataset, unit));
    }
    inputs_.units.push_back(std::move(unit));
    return {};
  }

  Status AddAttributes(const std::string& root, Dataset& dataset, ValidateUnit& unit) {
    DATALAKE_TRY_ASSIGN(const std::string below, MirroredPath(unit.documents, kDocuments));
    for (const std::string& name : dataset.names) {
      const std::string wanted = io::JoinPath(io::JoinPath(root, kAttributes, name), below);
      DATALAKE_TRY_ASSIGN(const std::string path, FindCompressed(fs_, wanted));
      DATALAKE_TRY_ASSIGN(const bool is_there, fs_.Exists(path));
      if (!is_there) {
        Find(FindingKind::kMissingAttributes, wanted,
             fmt::format("no attributes {} of {}", name, unit.documents));
        continue;
      }
      dataset.expected.insert(path);
      unit.attributes.push_back({name, path});
    }
    return {};
  }

  // The dataset in the folder `root`; its attributes are listed at the first call.
  Result<Dataset*> DatasetOf(const std::string& root) {
    const auto [at, is_new] = datasets_.try_emplace(root);
    if (!is_new) {
      return &at->second;
    }
    const std::string folder = io::JoinPath(root, kAttributes);
    const auto entries = fs_.List(folder);
    if (!entries) {
      if (entries.error().code == ErrorCode::kNotFound) {
        return &at->second;
      }
      return entries.error();
    }
    for (const io::DirectoryEntry& entry : *entries) {
      if (entry.name.starts_with('.')) {
        continue;
      }
      if (entry.is_directory) {
        at->second.names.push_back(entry.name);
      } else {
        Find(FindingKind::kLayout, io::JoinPath(folder, entry.name),
             "not in a folder attributes/<name>/");
      }
    }
    return &at->second;
  }

  // Attribute files that belong to no documents, of datasets that were looked at as a whole.
  Status AddStrays() {
    for (const auto& [root, dataset] : datasets_) {
      if (!dataset.is_whole) {
        continue;
      }
      for (const std::string& name : dataset.names) {
        DATALAKE_TRY(WalkAttributes(io::JoinPath(root, kAttributes, name), dataset));
      }
    }
    return {};
  }

  // Finds the files of attributes that belong to no documents.
  Status WalkAttributes(const std::string& folder, const Dataset& dataset) {
    return WalkFiles(folder, 0, [&](const std::string& path, int depth) -> Status {
      const bool is_report = depth == 0 && io::BaseName(path) == kReport;
      if (!is_report && !dataset.expected.contains(path)) {
        const bool is_known = format::IsDocumentPath(path);
        Find(is_known ? FindingKind::kStrayAttributes : FindingKind::kUnknownSuffix, path,
             is_known ? "attributes without documents" : "unknown suffix: not read");
      }
      return {};
    });
  }

  io::FileSystem& fs_;
  const std::uint64_t max_shown_;
  ValidateInputs inputs_;
  std::map<std::string, FileFindings> findings_;
  std::map<std::string, Dataset, std::less<>> datasets_;
  std::set<std::string, std::less<>> seen_;
  bool links_to_folder_ = false;  // what IsFolder saw last
};

}  // namespace

Result<ValidateInputs> FindValidateInputs(io::FileSystem& fs, const std::vector<std::string>& paths,
                                          std::uint64_t max_shown) {
  Search search(fs, max_shown);
  for (const std::string& path : paths) {
    DATALAKE_TRY(search.Add(path));
  }
  DATALAKE_TRY_ASSIGN(ValidateInputs inputs, std::move(search).Finish());
  if (inputs.units.empty() && inputs.findings.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("no files of documents: {}", fmt::join(paths, ", "))};
  }
  return inputs;
}

}  // namespace datalake::curate

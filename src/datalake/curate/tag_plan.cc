#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "datalake/curate/attribute_writer.h"
#include "datalake/curate/document_paths.h"
#include "datalake/curate/tag.h"
#include "datalake/io/file_system.h"
#include "datalake/io/glob.h"
#include "datalake/io/path.h"

namespace datalake::curate {
namespace {

constexpr std::string_view kDocuments = "documents";

Error Invalid(std::string message) {
  return Error{ErrorCode::kInvalidArgument, std::move(message)};
}

struct Component {
  std::size_t begin = 0;  // in the path
  std::string_view name;
};

// Components without empty ones and ".".
std::vector<Component> ComponentsOf(std::string_view path) {
  std::vector<Component> components;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view name = path.substr(begin, end - begin);
    if (!name.empty() && name != ".") {
      components.push_back({begin, name});
    }
    begin = end + 1;
  }
  return components;
}

// The files that an entry of `documents` stands for, and how many of their path components are
// fixed: the folder itself, or what is before the first glob character.
struct Matches {
  std::vector<std::string> files;
  std::size_t fixed_components = 0;
};

Result<Matches> FilesOfFolder(io::FileSystem& fs, std::string_view folder) {
  Matches matches;
  matches.fixed_components = ComponentsOf(folder).size();
  DATALAKE_TRY_ASSIGN(const auto entries, fs.List(folder));
  for (const io::DirectoryEntry& entry : entries) {
    const std::string path = io::JoinPath(folder, entry.name);
    if (entry.name.starts_with('.')) {
      continue;
    }
    DATALAKE_TRY_ASSIGN(const io::FileInfo info, fs.Stat(path));
    if (!info.is_directory) {
      matches.files.push_back(path);
    }
  }
  return matches;
}

Result<Matches> Expand(io::FileSystem& fs, const std::string& pattern) {
  const std::vector<Component> components = ComponentsOf(pattern);
  if (!io::IsGlob(pattern)) {
    const Result<io::FileInfo> info = fs.Stat(pattern);
    if (info && info->is_directory) {
      return FilesOfFolder(fs, pattern);
    }
    if (!info && info.error().code == ErrorCode::kNotFound) {
      return Matches{};
    }
    DATALAKE_TRY(info);
    return Matches{{pattern}, components.size() - 1};
  }
  Matches matches;
  DATALAKE_TRY_ASSIGN(matches.files, io::Glob(fs, pattern));
  const auto glob = std::find_if(components.begin(), components.end(),
                                 [](const Component& c) { return io::IsGlob(c.name); });
  matches.fixed_components = static_cast<std::size_t>(glob - components.begin());
  return matches;
}

// Where the files of one input go.
struct Place {
  std::string rejects;     // the rejects file
  std::string attributes;  // beside documents/: its folder `documents` is to be replaced
  std::string rest;        // below that, or below the destination
};

std::string RejectsPath(std::string_view root, std::string_view rest) {
  return io::JoinPath(root, "rejects", fmt::format("{}.jsonl", rest));
}

Result<std::string> RejectsBesideDocuments(const std::string& file) {
  const std::vector<Component> components = ComponentsOf(file);
  for (std::size_t i = 0; i + 1 < components.size(); ++i) {
    if (components[i].name == kDocuments) {
      return RejectsPath(file.substr(0, components[i].begin), file.substr(components[i + 1].begin));
    }
  }
  return Invalid(fmt::format(
      "no folder `documents` in the path, so no place for attributes; give a destination: {}",
      file));
}

// Components that all files share, but never a whole path.
std::size_t SharedComponents(const std::vector<std::string>& files) {
  const std::vector<Component> first = ComponentsOf(files.front());
  std::size_t shared = first.size() - 1;
  for (const std::string& file : files) {
    const std::vector<Component> components = ComponentsOf(file);
    std::size_t same = 0;
    while (same < shared && same < components.size() && components[same].name == first[same].name) {
      ++same;
    }
    shared = same;
  }
  return shared;
}

class Planner {
 public:
  Planner(io::FileSystem& fs, const TagOptions& options) : fs_(fs), options_(options) {}

  Result<TagPlan> Run(const TaggerRegistry& registry) {
    DATALAKE_TRY(options_.Validate());
    plan_.max_rejects = options_.max_rejects;
    plan_.existing = options_.existing;
    plan_.compatibility = options_.compatibility;
    DATALAKE_TRY(MakeTaggers(registry));
    for (std::size_t i = 0; i < options_.documents.size(); ++i) {
      DATALAKE_TRY(AddPattern(i));
    }
    if (plan_.units.empty()) {
      return Invalid(fmt::format("no documents found: {}", fmt::join(options_.documents, ", ")));
    }
    return std::move(plan_);
  }

 private:
  Status MakeTaggers(const TaggerRegistry& registry) {
    const TaggerSettings settings{
        .compatibility = options_.compatibility, .fs = &fs_, .lists = options_.lists};
    for (const std::string& name : options_.taggers) {
      DATALAKE_TRY_ASSIGN(const std::string key, AttributeKeyPart(name));
      std::string experiment = key;
      if (options_.experiment) {
        DATALAKE_TRY_ASSIGN(experiment, AttributeKeyPart(*options_.experiment));
      }
      DATALAKE_TRY_ASSIGN(auto tagger, registry.Make(name, settings));
      const auto list = options_.lists.find(name);
      plan_.taggers.push_back({name, fmt::format("{}__{}__", experiment, key), std::move(tagger),
                               list == options_.lists.end() ? "" : list->second});
    }
    return {};
  }

  Status AddPattern(std::size_t index) {
    const std::string& pattern = options_.documents[index];
    DATALAKE_TRY_ASSIGN(const Matches matches, Expand(fs_, pattern));
    DATALAKE_TRY(CheckSuffixes(matches.files));
    if (matches.files.empty()) {
      plan_.warnings.push_back("no documents found: " + pattern);
      return {};
    }
    const std::size_t kept_from = options_.paths == TagPaths::kToolkit
                                      ? SharedComponents(matches.files)
                                      : matches.fixed_components;
    for (const std::string& file : matches.files) {
      const std::vector<Component> components = ComponentsOf(file);
      Place place;
      place.rest = file.substr(components[kept_from].begin);
      if (options_.destination.empty()) {
        place.attributes = file.substr(0, components[matches.fixed_components].begin);
        DATALAKE_TRY_ASSIGN(place.rejects, RejectsBesideDocuments(file));
        if (options_.paths == TagPaths::kMirrored) {
          place.attributes = file;
          place.rest.clear();
        }
      } else {
        place.attributes = options_.destination[index];
        place.rejects = RejectsPath(place.attributes, place.rest);
      }
      DATALAKE_TRY(AddUnit(file, place));
    }
    return {};
  }

  Status AddUnit(const std::string& file, const Place& place) {
    TagUnit unit;
    unit.input = file;
    unit.rejects_path = place.rejects;
    for (std::size_t i = 0; i < plan_.taggers.size(); ++i) {
      DATALAKE_TRY_ASSIGN(const std::string path, OutputPath(place, plan_.taggers[i].name));
      if (unit.outputs.empty() || unit.outputs.back().path != path) {
        unit.outputs.push_back({path, {}});
      }
      unit.outputs.back().taggers.push_back(i);
    }
    return Claim(std::move(unit));
  }

  // Beside the documents by the rule of the mixer, which must find it again.
  Result<std::string> OutputPath(const Place& place, const std::string& tagger) const {
    std::string folder = place.attributes;
    if (options_.destination.empty()) {
      DATALAKE_TRY_ASSIGN(folder,
                          AttributePath(folder, kDocuments, options_.experiment.value_or(tagger)));
    }
    const std::string path = io::JoinPath(folder, place.rest);
    return options_.format == AttributesFormat::kParquet ? WithParquet(path)
                                                         : LinesPath(path, options_.compression);
  }

  // A file that two patterns match is tagged once; two files for one output are an error.
  Status Claim(TagUnit unit) {
    const std::string& output = unit.outputs.front().path;
    const auto [owner, is_new] = owners_.try_emplace(output, unit.input);
    if (!is_new) {
      return owner->second == unit.input
                 ? Status()
                 : Invalid(
                       fmt::format("two documents would have the same attributes file {}: {}, {}",
                                   output, owner->second, unit.input));
    }
    for (const TagOutput& other : unit.outputs) {
      if (other.path == unit.input) {
        return Invalid(fmt::format("attributes would replace their document: {}", unit.input));
      }
    }
    plan_.units.push_back(std::move(unit));
    return {};
  }

  io::FileSystem& fs_;
  const TagOptions& options_;
  TagPlan plan_;
  std::map<std::string, std::string> owners_;  // output -> input
};

}  // namespace

Result<TagPlan> PlanTag(io::FileSystem& fs, const TagOptions& options,
                        const TaggerRegistry& registry) {
  return Planner(fs, options).Run(registry);
}

}  // namespace datalake::curate

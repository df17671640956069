#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "datalake/curate/document_paths.h"
#include "datalake/curate/tag.h"
#include "datalake/json/config_reader.h"

namespace datalake::curate {
namespace {

Error Invalid(std::string message) {
  return Error{ErrorCode::kInvalidArgument, std::move(message)};
}

// A folder's name that stays inside its parent.
bool IsFolderName(std::string_view name) {
  return !name.empty() && !name.starts_with('.') && name.size() <= 128 &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return c != '/' && c != '\\' && c != '"' && c != '\'' &&
                  static_cast<unsigned char>(c) >= 0x20;
         });
}

// True when the profiler is asked for.
bool ReadProfilePart(json::ConfigReader& config) {
  auto profile = config.Object("profile");
  if (!profile.has_value()) {
    return false;
  }
  bool is_enabled = false;
  std::string text;
  std::uint64_t number = 0;
  profile->Read("enable", is_enabled);
  profile->Read("output", text);
  profile->Read("steps", number);
  profile->Read("sort_key", text);
  profile->Read("lines", number);
  config.Merge(*profile);
  return is_enabled;
}

// What other parts of the program read, or what has no meaning here.
void ReadCommonPart(json::ConfigReader& config) {
  std::string text;
  std::uint64_t number = 0;
  bool flag = false;
  if (auto work_dir = config.Object("work_dir"); work_dir.has_value()) {
    work_dir->Read("input", text);
    work_dir->Read("output", text);  // no marks of done files: outputs appear whole
    config.Merge(*work_dir);
  }
  config.Read("processes", number);
  config.Read("debug", flag);
  config.Read("dryrun", flag);
  config.Read("compat", text);
}

}  // namespace

Result<TagOptions> ReadTagOptions(json::ConfigReader& config) {
  TagOptions options;
  bool ignores_existing = false;
  std::vector<std::string> modules;
  config.Read("documents", options.documents);
  config.Read("destination", options.destination);
  config.Read("taggers", options.taggers);
  config.Read("tagger_modules", modules);
  config.Read("experiment", options.experiment);
  config.Read("ignore_existing", ignores_existing);
  config.Read("max_rejects", options.max_rejects);
  std::string format = "jsonl";
  config.Read("attributes_format", format);
  if (auto compression = config.Object("compression"); compression.has_value()) {
    std::string input;
    compression->Read("input", input);  // told by the content
    compression->Read("output", options.compression);
    config.Merge(*compression);
  }
  if (auto lists = config.Object("lists"); lists.has_value()) {
    for (const std::string& tagger : lists->Keys()) {
      lists->Read(tagger, options.lists[tagger]);
    }
    config.Merge(*lists);
  }
  const bool is_profiled = ReadProfilePart(config);
  ReadCommonPart(config);
  DATALAKE_TRY(config.Finish());
  if (is_profiled) {
    return Error{ErrorCode::kUnsupported, "profile.enable profiles Python, which is not here"};
  }
  if (!modules.empty()) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("tagger_modules: taggers in Python cannot be loaded yet: {}",
                             fmt::join(modules, ", "))};
  }
  if (format != "jsonl" && format != "parquet") {
    return Invalid(fmt::format("attributes_format must be jsonl or parquet: {}", format));
  }
  options.format = format == "parquet" ? AttributesFormat::kParquet : AttributesFormat::kLines;
  options.existing = ignores_existing ? ExistingOutputs::kReplace : ExistingOutputs::kSkip;
  DATALAKE_TRY(options.Validate());
  return options;
}

Status TagOptions::Validate() const {
  if (documents.empty()) {
    return Invalid("missing key: documents");
  }
  if (taggers.empty()) {
    return Invalid("missing key: taggers");
  }
  if (std::set<std::string>(taggers.begin(), taggers.end()).size() != taggers.size()) {
    return Invalid(fmt::format("a tagger is named twice: {}", fmt::join(taggers, " ")));
  }
  if (!destination.empty() && destination.size() != documents.size()) {
    return Invalid(fmt::format("as many destinations as documents are needed: {} and {}",
                               destination.size(), documents.size()));
  }
  if (experiment && !IsFolderName(*experiment)) {
    return Invalid(fmt::format("experiment cannot be a folder's name: {}", *experiment));
  }
  return CheckCompression(compression);
}

}  // namespace datalake::curate

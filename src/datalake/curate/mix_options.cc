#include <algorithm>

#include <fmt/format.h>

#include "datalake/curate/document_paths.h"
#include "datalake/curate/mix.h"
#include "datalake/curate/mix_program.h"
#include "datalake/json/config_reader.h"

namespace datalake::curate {
namespace {

Error Invalid(std::string message) {
  return Error{ErrorCode::kInvalidArgument, std::move(message)};
}

constexpr std::uint64_t kMaxLevel = 22;

template <typename Choice>
struct Named {
  std::string_view name;
  Choice choice;
};

constexpr Named<SelectorSyntax> kSyntaxes[] = {{"jsonpath", SelectorSyntax::kJsonPath},
                                               {"jq", SelectorSyntax::kJq}};
constexpr Named<OnMissing> kOnMissing[] = {
    {"error", OnMissing::kError}, {"skip", OnMissing::kSkip}, {"ignore", OnMissing::kIgnore}};
constexpr Named<SizeBy> kSizeBy[] = {{"input_compressed", SizeBy::kInputCompressed},
                                     {"uncompressed", SizeBy::kUncompressed},
                                     {"compressed", SizeBy::kCompressed}};

// Reads one of a few names; `target` stays when the key is absent.
template <typename Choice, std::size_t count>
void ReadChoice(json::ConfigReader& config, std::string_view key,
                const Named<Choice> (&choices)[count], Choice& target) {
  std::optional<std::string> name;
  config.Read(key, name);
  if (!name.has_value()) {
    return;
  }
  std::string known;
  for (const Named<Choice>& one : choices) {
    if (one.name == *name) {
      target = one.choice;
      return;
    }
    known += fmt::format("{}{}", known.empty() ? "" : ", ", one.name);
  }
  config.Fail(fmt::format("unknown {}: {}; known: {}", key, *name, known));
}

class StreamReader {
 public:
  explicit StreamReader(json::ConfigReader& config) : config_(config) {}

  Result<MixStream> Read() {
    config_.Require("name", stream_.name);
    config_.Require("documents", stream_.documents);
    config_.Read("attributes", stream_.attributes);
    ReadOutput();
    ReadFilter();
    ReadSpanRules();
    ReadCompression();
    return std::move(stream_);
  }

 private:
  void ReadOutput() {
    auto output = config_.Object("output");
    if (!output.has_value()) {
      config_.Fail("missing key: output");
      return;
    }
    output->Require("path", stream_.output_path);
    output->Read("max_size_in_bytes", stream_.max_size_bytes);
    output->Read("discard_fields", stream_.discard_fields);
    output->Read("min_text_length", stream_.min_text_length);
    ReadChoice(*output, "size_by", kSizeBy, stream_.size_by);
    config_.Merge(*output);
  }

  void ReadFilter() {
    auto filter = config_.Object("filter");
    if (!filter.has_value()) {
      return;
    }
    filter->Read("include", stream_.include);
    filter->Read("exclude", stream_.exclude);
    ReadChoice(*filter, "syntax", kSyntaxes, stream_.filter_syntax);
    if (stream_.include.empty() && stream_.exclude.empty()) {
      filter->Fail("needs a pattern in include or exclude");
    }
    config_.Merge(*filter);
  }

  void ReadSpanRules() {
    for (json::ConfigReader& rule : config_.Objects("span_replacement")) {
      SpanRule& out = stream_.span_rules.emplace_back();
      std::optional<double> min_score;
      std::optional<double> max_score;
      rule.Require("span", out.span);
      rule.Read("min_score", min_score);
      rule.Read("max_score", max_score);
      rule.Read("replacement", out.replacement);
      ReadChoice(rule, "syntax", kSyntaxes, out.syntax);
      if (!min_score.has_value() && !max_score.has_value()) {
        rule.Fail("needs min_score or max_score");
      }
      out.min_score = min_score.value_or(out.min_score);
      out.max_score = max_score.value_or(out.max_score);
      config_.Merge(rule);
    }
  }

  void ReadCompression() {
    auto compression = config_.Object("compression");
    if (!compression.has_value()) {
      return;
    }
    std::string input;  // told by the content
    std::optional<std::string> output;
    compression->Read("input", input);
    compression->Read("output", output);
    std::uint64_t level = 0;
    compression->Read("level", level);
    if (level > kMaxLevel) {
      compression->Fail(fmt::format("level must be at most {}: {}", kMaxLevel, level));
    } else {
      stream_.compression_level = static_cast<int>(level);
    }
    if (output.has_value()) {
      stream_.compression = output->empty() ? "none" : *output;
    }
    config_.Merge(*compression);
  }

  json::ConfigReader& config_;
  MixStream stream_;
};

Status CheckFolderName(std::string_view what, std::string_view name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string_view::npos) {
    return Invalid(fmt::format("{} must be one folder or file name: {}", what, name));
  }
  return {};
}

// Of one system, and of one that can be read.
Status CheckSystems(const MixStream& stream) {
  const std::string* remote = nullptr;
  const std::string* local = nullptr;
  const auto sort = [&](const std::string& path) {
    (path.find("://") == std::string::npos ? local : remote) = &path;
  };
  sort(stream.output_path);
  std::for_each(stream.documents.begin(), stream.documents.end(), sort);
  if (remote == nullptr) {
    return {};
  }
  if (local != nullptr) {
    return Invalid(fmt::format("local and remote paths in one stream: {}: {}, {}", stream.name,
                               *local, *remote));
  }
  return Error{ErrorCode::kUnsupported,
               fmt::format("not supported yet: remote paths: {}", *remote)};
}

Status Check(const MixStream& stream, Compatibility compatibility) {
  DATALAKE_TRY(CheckFolderName("stream name", stream.name));
  for (const std::string& name : stream.attributes) {
    // Names of attribute folders may have folders in them, but never lead out.
    if (name.empty() || name.front() == '/' ||
        ("/" + name + "/").find("/../") != std::string::npos) {
      return Invalid(fmt::format("bad attribute folder: {}: {}", stream.name, name));
    }
  }
  if (stream.include.empty() && stream.exclude.empty() && stream.span_rules.empty()) {
    return Invalid(fmt::format("a stream needs a filter or a span_replacement: {}", stream.name));
  }
  if (stream.output_path.empty()) {
    return Invalid(fmt::format("output.path must not be empty: {}", stream.name));
  }
  DATALAKE_TRY(CheckSystems(stream));
  DATALAKE_TRY(MixProgram::Compile(stream, compatibility));
  return CheckCompression(stream.compression);
}

}  // namespace

Status MixOptions::Validate() const {
  if (streams.empty()) {
    return Invalid("missing key: streams");
  }
  for (const MixStream& stream : streams) {
    DATALAKE_TRY(Check(stream, compatibility));
  }
  return {};
}

Result<MixOptions> ReadMixOptions(json::ConfigReader& config, Compatibility compatibility) {
  MixOptions options;
  options.compatibility = compatibility;
  for (json::ConfigReader& stream : config.Objects("streams")) {
    DATALAKE_TRY_ASSIGN(MixStream read, StreamReader(stream).Read());
    options.streams.push_back(std::move(read));
    config.Merge(stream);
  }
  config.Read("shuffle", options.is_sharded);
  if (compatibility == Compatibility::kDolma) {
    options.on_missing = OnMissing::kIgnore;
  }
  ReadChoice(config, "on_missing", kOnMissing, options.on_missing);
  config.Read("max_rejects", options.max_rejects);
  config.Read("ignore_existing", options.ignore_existing);
  std::string text;
  std::uint64_t number = 0;
  bool flag = false;
  if (auto work_dir = config.Object("work_dir"); work_dir.has_value()) {
    work_dir->Read("input", text);
    work_dir->Read("output", text);
    config.Merge(*work_dir);
  }
  config.Read("processes", number);
  config.Read("dryrun", flag);
  config.Read("compat", text);
  DATALAKE_TRY(config.Finish());
  DATALAKE_TRY(options.Validate());
  return options;
}

}  // namespace datalake::curate

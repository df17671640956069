#include <fmt/format.h>

#include "datalake/curate/document_paths.h"
#include "datalake/curate/mix.h"
#include "datalake/json/config_reader.h"
#include "datalake/json/path.h"

namespace datalake::curate {
namespace {

Error Invalid(std::string message) {
  return Error{ErrorCode::kInvalidArgument, std::move(message)};
}

// jq is known by name; everything else but jsonpath is a mistake.
Status CheckSyntax(const std::string& syntax) {
  if (syntax == "jsonpath") {
    return {};
  }
  if (syntax == "jq") {
    return Error{ErrorCode::kUnsupported,
                 "not supported yet: syntax jq; write the filter as "
                 "JSONPath"};
  }
  return Invalid(fmt::format("unknown syntax: {}; known: jsonpath, jq", syntax));
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
    if (!status_) {
      return std::move(status_).error();
    }
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
    config_.Merge(*output);
  }

  void ReadFilter() {
    auto filter = config_.Object("filter");
    if (!filter.has_value()) {
      return;
    }
    std::string syntax = "jsonpath";
    filter->Read("include", stream_.include);
    filter->Read("exclude", stream_.exclude);
    filter->Read("syntax", syntax);
    if (stream_.include.empty() && stream_.exclude.empty()) {
      filter->Fail("needs a pattern in include or exclude");
    }
    config_.Merge(*filter);
    Keep(CheckSyntax(syntax));
  }

  void ReadSpanRules() {
    for (json::ConfigReader& rule : config_.Objects("span_replacement")) {
      SpanRule& out = stream_.span_rules.emplace_back();
      std::string syntax = "jsonpath";
      std::optional<double> min_score;
      std::optional<double> max_score;
      rule.Require("span", out.span);
      rule.Read("min_score", min_score);
      rule.Read("max_score", max_score);
      rule.Read("replacement", out.replacement);
      rule.Read("syntax", syntax);
      if (!min_score.has_value() && !max_score.has_value()) {
        rule.Fail("needs min_score or max_score");
      }
      out.min_score = min_score.value_or(out.min_score);
      out.max_score = max_score.value_or(out.max_score);
      config_.Merge(rule);
      Keep(CheckSyntax(syntax));
      if (out.replacement.starts_with('$')) {
        Keep(Error{ErrorCode::kUnsupported, fmt::format("not supported yet: a replacement "
                                                        "computed by jq: {}",
                                                        out.replacement)});
      }
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
    if (output.has_value()) {
      stream_.compression = output->empty() ? "none" : *output;
    }
    config_.Merge(*compression);
  }

  void Keep(Status status) {
    if (status_) {
      status_ = std::move(status);
    }
  }

  json::ConfigReader& config_;
  MixStream stream_;
  Status status_;
};

Status CheckFolderName(std::string_view what, std::string_view name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string_view::npos) {
    return Invalid(fmt::format("{} must be one folder or file name: {}", what, name));
  }
  return {};
}

Status Check(const MixStream& stream) {
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
  for (const std::vector<std::string>* paths : {&stream.include, &stream.exclude}) {
    for (const std::string& path : *paths) {
      DATALAKE_TRY(json::Path::Compile(path));
    }
  }
  for (const SpanRule& rule : stream.span_rules) {
    DATALAKE_TRY(json::Path::Compile(rule.span));
  }
  return CheckCompression(stream.compression);
}

}  // namespace

Status MixOptions::Validate() const {
  if (streams.empty()) {
    return Invalid("missing key: streams");
  }
  for (const MixStream& stream : streams) {
    DATALAKE_TRY(Check(stream));
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

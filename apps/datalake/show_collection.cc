#include "apps/datalake/show_collection.h"

#include <unistd.h>

#include <cstdlib>
#include <initializer_list>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "datalake/base/name.h"
#include "datalake/json/writer.h"

namespace datalake::apps {
namespace {

std::string ToJson(const lake::CollectionInfo& info) {
  std::string text;
  json::Writer writer(text);
  const auto string = [&](const char* key, std::string_view value) {
    writer.Key(key);
    writer.String(value);
  };
  writer.BeginObject();
  string("name", info.name);
  string("version", info.version);
  string("description", info.description);
  string("created_at", FormatTimestamp(info.created_at));
  string("created_by", info.created_by);
  writer.Key("num_samples");
  writer.Int(info.num_samples);
  writer.Key("size_bytes");
  writer.Uint(info.size_bytes);
  string("content_sha256", info.content_sha256);
  string("source", info.source.kind);
  string("query", info.source.query);
  writer.Key("inputs");
  writer.BeginArray();
  for (const lake::TableVersion& input : info.source.inputs) {
    writer.BeginObject();
    string("table", lake::ToString(input.table));
    writer.Key("version");
    writer.Int(input.version);
    writer.EndObject();
  }
  writer.EndArray();
  writer.Key("splits");
  writer.BeginObject();
  for (const lake::CollectionSplit& split : info.splits) {
    writer.Key(split.name);
    writer.Int(split.num_samples);
  }
  writer.EndObject();
  string("path", info.path);
  writer.EndObject();
  return text;
}

}  // namespace

CollectionName SplitCollectionName(const std::string& text) {
  const std::size_t slash = text.find('/');
  return slash == std::string::npos ? CollectionName{text, ""}
                                    : CollectionName{text.substr(0, slash), text.substr(slash + 1)};
}

Status CheckCollectionName(std::string_view text) {
  const CollectionName name = SplitCollectionName(std::string(text));
  DATALAKE_TRY(CheckName("collection", name.name));
  return name.version.empty() ? Status() : CheckName("version", name.version);
}

std::string CurrentUser() {
  const char* user = std::getenv("USER");
  return user != nullptr && *user != '\0' ? user : fmt::format("uid {}", ::getuid());
}

Status ShowCollection(const Context& context, const lake::CollectionInfo& info) {
  if (context.options.json) {
    return context.Print(ToJson(info));
  }
  for (const auto& [key, value] : std::initializer_list<std::pair<const char*, std::string>>{
           {"collection", info.name + "/" + info.version},
           {"description", info.description},
           {"created", FormatTimestamp(info.created_at) + " by " + info.created_by},
           {"samples", fmt::format("{}", info.num_samples)},
           {"bytes", fmt::format("{}", info.size_bytes)},
           {"sha256", info.content_sha256},
           {"source", info.source.kind + " " + info.source.query},
           {"path", info.path}}) {
    if (!value.empty() && value != " ") {
      DATALAKE_TRY(context.Print(fmt::format("{:<12} {}", key, value)));
    }
  }
  for (const lake::CollectionSplit& split : info.splits) {
    DATALAKE_TRY(context.Print(
        fmt::format("{:<12} {} {} by {}", "split", split.name, split.num_samples, info.split_key)));
  }
  for (const lake::TableVersion& input : info.source.inputs) {
    DATALAKE_TRY(context.Print(
        fmt::format("{:<12} {} version {}", "from", lake::ToString(input.table), input.version)));
  }
  return {};
}

Status AskForCollection(Prompt& prompt, const lake::Collections& collections, std::string& text) {
  if (!text.empty()) {
    return {};
  }
  if (!prompt.can_ask()) {
    return prompt.Require(text, "collection", "NAME");
  }
  DATALAKE_TRY_ASSIGN(const auto found, collections.List());
  std::vector<std::string> names;
  for (const lake::CollectionVersions& collection : found) {
    names.push_back(collection.name);
  }
  DATALAKE_TRY_ASSIGN(const std::string name, prompt.One("collection", names));
  DATALAKE_TRY_ASSIGN(const lake::CollectionVersions chosen, collections.Versions(name));
  std::vector<std::string> versions;
  for (const lake::CollectionInfo& info : chosen.versions) {
    versions.push_back(info.version);
  }
  DATALAKE_TRY_ASSIGN(const std::string version,
                      prompt.One("version", versions, versions.empty() ? "" : versions.back()));
  text = name + "/" + version;
  return {};
}

}  // namespace datalake::apps

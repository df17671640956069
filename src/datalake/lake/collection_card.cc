#include "datalake/lake/collection_card.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <arrow/type.h>
#include <arrow/type_traits.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/format/hf_features.h"
#include "datalake/json/value.h"

namespace datalake::lake {
namespace {

using json::Value;

// "ClassLabel" → "class_label", as `datasets` names types in YAML.
std::string SnakeCase(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const bool is_upper = c >= 'A' && c <= 'Z';
    if (is_upper && !text.empty()) {
      text += '_';
    }
    text += static_cast<char>(is_upper ? c - 'A' + 'a' : c);
  }
  return text;
}

Value YamlFeature(const Value& feature);

// Members of a struct: a list of {name, …}.
Value YamlMembers(const Value& members) {
  Value list = Value::array();
  for (const auto& [name, feature] : members.items()) {
    Value entry = {{"name", name}};
    const Value inner = YamlFeature(feature);
    for (const auto& [key, value] : inner.items()) {
      entry[key] = value;
    }
    list.push_back(std::move(entry));
  }
  return list;
}

// {list: int64}, {list: [{name …}]}, or the item's own form below `list`.
Value YamlList(std::string_view word, const Value& item) {
  const Value inner = YamlFeature(item);
  const bool is_plain = inner.size() == 1 && (inner.contains("dtype") || inner.contains("struct"));
  Value list = Value::object();
  list[std::string(word)] = is_plain ? inner.begin().value() : inner;
  return list;
}

// One feature as `Features._to_yaml_list` of `datasets` writes it.
Value YamlFeature(const Value& feature) {
  if (feature.is_array()) {
    return YamlList("list", feature.front());
  }
  const Value* kind = json::Find(feature, "_type");
  if (kind == nullptr || !kind->is_string()) {
    return {{"struct", YamlMembers(feature)}};
  }
  const std::string& type = kind->get_ref<const std::string&>();
  Value rest = feature;
  rest.erase("_type");
  if (type == "Value") {
    return rest;
  }
  if (type == "List" || type == "Sequence" || type == "LargeList") {
    Value list = YamlList(type == "LargeList" ? "large_list" : "list", feature["feature"]);
    rest.erase("feature");
    for (const auto& [key, value] : rest.items()) {
      list[key] = value;
    }
    return list;
  }
  if (rest.empty()) {
    return {{"dtype", SnakeCase(type)}};
  }
  if (type == "ClassLabel" && rest.contains("names") && rest["names"].is_array()) {
    Value names = Value::object();
    for (std::size_t i = 0; i < rest["names"].size(); ++i) {
      names[std::to_string(i)] = rest["names"][i];
    }
    rest["names"] = std::move(names);
  }
  return {{"dtype", {{SnakeCase(type), std::move(rest)}}}};
}

// The Hub's classes of size.
std::string SizeCategory(std::int64_t rows) {
  constexpr std::pair<std::int64_t, const char*> kClasses[] = {{1'000, "n<1K"},
                                                               {10'000, "1K<n<10K"},
                                                               {100'000, "10K<n<100K"},
                                                               {1'000'000, "100K<n<1M"},
                                                               {10'000'000, "1M<n<10M"},
                                                               {100'000'000, "10M<n<100M"},
                                                               {1'000'000'000, "100M<n<1B"},
                                                               {10'000'000'000, "1B<n<10B"}};
  for (const auto& [end, name] : kClasses) {
    if (rows < end) {
      return name;
    }
  }
  return "10B<n<100B";
}

std::vector<CollectionSplit> SplitsOrTrain(const CollectionInfo& info) {
  if (!info.splits.empty()) {
    return info.splits;
  }
  return {{.name = "train", .num_samples = info.num_samples, .size_bytes = info.size_bytes}};
}

std::string DataGlob(const CollectionInfo& info, const std::string& split) {
  return info.splits.empty() ? "data-*.arrow" : split + "/data-*.arrow";
}

// A line of YAML whose value is JSON, which YAML 1.2 contains.
void AppendYaml(std::string& text, std::string_view key, const Value& value) {
  fmt::format_to(std::back_inserter(text), "{}: {}\n", key, json::DumpValue(value));
}

std::string LowerCase(std::string text) {
  for (char& c : text) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return text;
}

std::string CroissantType(const arrow::DataType& type) {
  using arrow::Type;
  if (arrow::is_integer(type.id())) {
    return "sc:Integer";
  }
  if (arrow::is_floating(type.id()) || arrow::is_decimal(type.id())) {
    return "sc:Float";
  }
  switch (type.id()) {
    case Type::BOOL:
      return "sc:Boolean";
    case Type::DATE32:
    case Type::DATE64:
    case Type::TIMESTAMP:
      return "sc:Date";
    default:
      return "sc:Text";
  }
}

bool IsList(const arrow::DataType& type) {
  return type.id() == arrow::Type::LIST || type.id() == arrow::Type::LARGE_LIST ||
         type.id() == arrow::Type::FIXED_SIZE_LIST;
}

// A field of the record set; structs have sub-fields, lists are `repeated`. The id of the inside
// of lists and structs is a path, which is unique.
Value CroissantField(const arrow::Field& field, const std::string& id, const Value& source) {
  Value made = {{"@type", "cr:Field"}, {"@id", id}, {"name", field.name()}};
  const arrow::DataType* type = field.type().get();
  if (IsList(*type)) {
    made["repeated"] = true;
    type = type->field(0)->type().get();
  }
  const bool is_nested = IsList(*type) || type->id() == arrow::Type::MAP;
  if (type->id() == arrow::Type::STRUCT && type->num_fields() > 0) {
    Value members = Value::array();
    for (const auto& member : type->fields()) {
      Value inner = source;
      inner["transform"] = {{"jsonPath", "$." + member->name()}};
      members.push_back(CroissantField(*member, id + "/" + member->name(), inner));
    }
    made["subField"] = std::move(members);
  } else {
    made["dataType"] = is_nested ? "sc:Text" : CroissantType(*type);
  }
  made["source"] = source;
  return made;
}

Value CroissantContext() {
  return {{"@language", "en"},
          {"@vocab", "https://schema.org/"},
          {"citeAs", "cr:citeAs"},
          {"column", "cr:column"},
          {"conformsTo", "dct:conformsTo"},
          {"cr", "http://mlcommons.org/croissant/"},
          {"rai", "http://mlcommons.org/croissant/RAI/"},
          {"data", {{"@id", "cr:data"}, {"@type", "@json"}}},
          {"dataType", {{"@id", "cr:dataType"}, {"@type", "@vocab"}}},
          {"dct", "http://purl.org/dc/terms/"},
          {"equivalentProperty", "cr:equivalentProperty"},
          {"examples", {{"@id", "cr:examples"}, {"@type", "@json"}}},
          {"extract", "cr:extract"},
          {"field", "cr:field"},
          {"fileProperty", "cr:fileProperty"},
          {"fileObject", "cr:fileObject"},
          {"fileSet", "cr:fileSet"},
          {"format", "cr:format"},
          {"includes", "cr:includes"},
          {"isLiveDataset", "cr:isLiveDataset"},
          {"jsonPath", "cr:jsonPath"},
          {"key", "cr:key"},
          {"md5", "cr:md5"},
          {"parentField", "cr:parentField"},
          {"path", "cr:path"},
          {"recordSet", "cr:recordSet"},
          {"references", "cr:references"},
          {"regex", "cr:regex"},
          {"repeated", "cr:repeated"},
          {"replace", "cr:replace"},
          {"samplingRate", "cr:samplingRate"},
          {"sc", "https://schema.org/"},
          {"separator", "cr:separator"},
          {"source", "cr:source"},
          {"subField", "cr:subField"},
          {"transform", "cr:transform"}};
}

constexpr std::string_view kArrowMediaType = "application/vnd.apache.arrow.stream";

}  // namespace

std::string EscapeMarkdown(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (std::string_view("\\`*_{}[]<>#|").find(c) != std::string_view::npos) {
      escaped += '\\';
    }
    escaped += c;
  }
  return escaped;
}

Result<std::string> DatasetCard(const CollectionInfo& info, const arrow::Schema& schema) {
  DATALAKE_TRY_ASSIGN(const auto stored, format::ToHfSchema(schema));
  DATALAKE_TRY_ASSIGN(const Value features, format::HfFeatures(*stored));
  Value files = Value::array();
  Value counts = Value::array();
  for (const CollectionSplit& split : SplitsOrTrain(info)) {
    if (split.num_samples > 0) {  // `datasets` refuses a split without rows
      files.push_back({{"split", split.name}, {"path", DataGlob(info, split.name)}});
      counts.push_back({{"name", split.name},
                        {"num_bytes", split.size_bytes},
                        {"num_examples", split.num_samples}});
    }
  }
  std::string text = "---\n";
  AppendYaml(text, "pretty_name", info.name + " " + info.version);
  if (!info.license.empty()) {
    // The Hub's list of licences has ids in lower case; others are "other" with a name.
    const bool is_id = info.license.find_first_of(" /:") == std::string::npos;
    AppendYaml(text, "license", is_id ? LowerCase(info.license) : "other");
    if (!is_id) {
      AppendYaml(text, "license_name", info.license);
    }
  }
  AppendYaml(text, "size_categories", Value::array({SizeCategory(info.num_samples)}));
  AppendYaml(text, "tags", Value::array({"datalake"}));
  AppendYaml(text, "configs",
             Value::array({{{"config_name", "default"}, {"data_files", std::move(files)}}}));
  AppendYaml(text, "dataset_info",
             {{"features", YamlMembers(features)},
              {"splits", std::move(counts)},
              {"dataset_size", info.size_bytes}});
  fmt::format_to(std::back_inserter(text), "---\n\n# {}, version {}\n\n", EscapeMarkdown(info.name),
                 EscapeMarkdown(info.version));
  if (!info.description.empty()) {
    text += EscapeMarkdown(info.description) + "\n\n";
  }
  fmt::format_to(std::back_inserter(text),
                 "{} rows, made {} by {}. This version never changes.\n\n", info.num_samples,
                 FormatTimestamp(info.created_at), EscapeMarkdown(info.created_by));
  if (!info.splits.empty()) {
    fmt::format_to(std::back_inserter(text), "| split | rows |\n|---|---|\n");
    for (const CollectionSplit& split : info.splits) {
      fmt::format_to(std::back_inserter(text), "| {} | {} |\n", EscapeMarkdown(split.name),
                     split.num_samples);
    }
    fmt::format_to(std::back_inserter(text),
                   "\nRows are divided by the hash of `{}`, so none changes sides between "
                   "versions.\n\n",
                   info.split_key);
  }
  text += "| column | type |\n|---|---|\n";
  for (const auto& field : schema.fields()) {
    fmt::format_to(std::back_inserter(text), "| {} | {} |\n", EscapeMarkdown(field->name()),
                   EscapeMarkdown(field->type()->ToString()));
  }
  if (!info.license.empty()) {
    fmt::format_to(std::back_inserter(text), "\n## Licence\n\n{}\n", EscapeMarkdown(info.license));
  }
  if (!info.notes.empty()) {
    text += "\n" + info.notes;
  }
  text += "\n## Where it is from\n\n";
  fmt::format_to(std::back_inserter(text), "{} {}\n", EscapeMarkdown(info.source.kind),
                 EscapeMarkdown(info.source.query));
  for (const TableVersion& input : info.source.inputs) {
    fmt::format_to(std::back_inserter(text), "- {}, version {}\n",
                   EscapeMarkdown(ToString(input.table)), input.version);
  }
  return text;
}

std::string CroissantJson(const CollectionInfo& info, const arrow::Schema& schema,
                          const std::vector<CollectionFile>& files) {
  Value distribution = Value::array();
  distribution.push_back({{"@type", "cr:FileSet"},
                          {"@id", "data"},
                          {"name", "data"},
                          {"encodingFormat", kArrowMediaType},
                          {"includes", info.splits.empty() ? "data-*.arrow" : "*/data-*.arrow"}});
  for (const CollectionFile& file : files) {
    distribution.push_back({{"@type", "cr:FileObject"},
                            {"@id", file.path},
                            {"name", file.path},
                            {"contentUrl", file.path},
                            {"contentSize", fmt::format("{} B", file.size_bytes)},
                            {"encodingFormat", kArrowMediaType},
                            {"sha256", file.sha256}});
  }
  Value fields = Value::array();
  for (const auto& field : schema.fields()) {
    fields.push_back(
        CroissantField(*field, "rows/" + field->name(),
                       {{"fileSet", {{"@id", "data"}}}, {"extract", {{"column", field->name()}}}}));
  }
  const Value rows = {
      {"@type", "cr:RecordSet"}, {"@id", "rows"}, {"name", "rows"}, {"field", std::move(fields)}};
  const std::string created = FormatTimestamp(info.created_at);
  Value value = {{"@context", CroissantContext()},
                 {"@type", "sc:Dataset"},
                 {"name", info.name},
                 {"description", info.description.empty()
                                     ? fmt::format("{} version {}", info.name, info.version)
                                     : info.description},
                 {"conformsTo", "http://mlcommons.org/croissant/1.0"},
                 {"url", fmt::format("collections/{}/{}", info.name, info.version)},
                 {"version", info.version},
                 {"creator", {{"@type", "Person"}, {"name", info.created_by}}},
                 {"dateCreated", created},
                 {"datePublished", created},
                 {"distribution", std::move(distribution)},
                 {"recordSet", Value::array({rows})}};
  if (!info.license.empty()) {
    value["license"] = info.license;
  }
  return json::DumpValueIndented(value) + "\n";
}

}  // namespace datalake::lake

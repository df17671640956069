#include "datalake/lake/schema_yaml.h"

#include <algorithm>
#include <array>
#include <exception>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "datalake/json/writer.h"

namespace datalake::lake {
namespace {

constexpr std::string_view kWhere = "config/schema.yaml";

Error YamlError(std::string_view where, const YAML::Mark& mark, std::string_view what) {
  return {ErrorCode::kInvalidArgument, mark.is_null()
                                           ? fmt::format("{}: {}", where, what)
                                           : fmt::format("{}:{}: {}", where, mark.line + 1, what)};
}

// Runs `work`, which calls yaml-cpp, and turns what it throws into an error.
template <typename Work>
auto GuardYaml(std::string_view where, const Work& work) -> decltype(work()) {
  try {
    return work();
  } catch (const YAML::Exception& exception) {
    return YamlError(where, exception.mark, exception.msg);
  } catch (const std::exception& exception) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("{}: {}", where, exception.what())};
  }
}

// The text of a scalar; null is "".
Result<std::string> TextOf(const YAML::Node& node, std::string_view where, std::string_view what) {
  if (node.IsNull()) {
    return std::string();
  }
  if (!node.IsScalar()) {
    return YamlError(where, node.Mark(), fmt::format("{} must be a text", what));
  }
  return node.Scalar();
}

Result<std::vector<std::string>> TextsOf(const YAML::Node& node, std::string_view where,
                                         std::string_view what) {
  std::vector<std::string> texts;
  if (node.IsNull()) {
    return texts;
  }
  if (!node.IsSequence()) {
    return YamlError(where, node.Mark(), fmt::format("{} must be a list", what));
  }
  for (const YAML::Node& item : node) {
    DATALAKE_TRY_ASSIGN(std::string text, TextOf(item, where, what));
    texts.push_back(std::move(text));
  }
  return texts;
}

// Calls `read` for each member of a mapping (null counts as an empty one).
Status ForEachEntry(const YAML::Node& node, std::string_view where, std::string_view what,
                    const std::function<Status(const std::string&, const YAML::Node&)>& read) {
  if (node.IsNull()) {
    return {};
  }
  if (!node.IsMap()) {
    return YamlError(where, node.Mark(), fmt::format("{} must be a mapping", what));
  }
  for (const auto& entry : node) {
    DATALAKE_TRY_ASSIGN(const std::string key, TextOf(entry.first, where, "a key"));
    DATALAKE_TRY(read(key, entry.second));
  }
  return {};
}

Error UnknownKey(std::string_view where, const YAML::Node& node, std::string_view key,
                 std::string_view known) {
  return YamlError(where, node.Mark(), fmt::format("unknown key: {}; known: {}", key, known));
}

template <typename Entry>
Status CheckNew(const std::vector<Entry>& entries, const YAML::Node& node, std::string_view where,
                std::string_view name) {
  for (const Entry& entry : entries) {
    if (entry.name == name) {
      return YamlError(where, node.Mark(), fmt::format("name is there twice: {}", name));
    }
  }
  return {};
}

Result<ProviderInfo> ReadProvider(const std::string& name, const YAML::Node& node,
                                  std::string_view where) {
  ProviderInfo provider{name, {}};
  const Status read =
      ForEachEntry(node, where, fmt::format("provider {}", name),
                   [&](const std::string& key, const YAML::Node& value) -> Status {
                     if (key != "description") {
                       return UnknownKey(where, value, key, "description");
                     }
                     DATALAKE_TRY_ASSIGN(provider.description, TextOf(value, where, key));
                     return {};
                   });
  DATALAKE_TRY(read);
  return provider;
}

Status ReadAllowedValues(const YAML::Node& node, std::string_view where, TaskInfo& task) {
  return ForEachEntry(node, where, "allowed_values",
                      [&](const std::string& field, const YAML::Node& values) -> Status {
                        DATALAKE_TRY_ASSIGN(task.allowed_values[field],
                                            TextsOf(values, where, field));
                        return {};
                      });
}

Status ReadTypes(const YAML::Node& node, std::string_view where, TaskInfo& task) {
  return ForEachEntry(node, where, "types",
                      [&](const std::string& field, const YAML::Node& value) -> Status {
                        DATALAKE_TRY_ASSIGN(const std::string word, TextOf(value, where, field));
                        const auto type = ParseFieldType(word);
                        if (!type) {
                          return YamlError(where, value.Mark(), type.error().message);
                        }
                        task.types[field] = *type;
                        return {};
                      });
}

Result<TaskInfo> ReadTask(const std::string& name, const YAML::Node& node, std::string_view where) {
  TaskInfo task;
  task.name = name;
  const Status read = ForEachEntry(
      node, where, fmt::format("task {}", name),
      [&](const std::string& key, const YAML::Node& value) -> Status {
        if (key == "description") {
          DATALAKE_TRY_ASSIGN(task.description, TextOf(value, where, key));
        } else if (key == "required_fields") {
          DATALAKE_TRY_ASSIGN(task.required_fields, TextsOf(value, where, key));
        } else if (key == "allowed_values") {
          return ReadAllowedValues(value, where, task);
        } else if (key == "optional_fields") {
          DATALAKE_TRY_ASSIGN(task.optional_fields, TextsOf(value, where, key));
        } else if (key == "types") {
          return ReadTypes(value, where, task);
        } else {
          return UnknownKey(where, value, key,
                            "description, required_fields, optional_fields, allowed_values, types");
        }
        return {};
      });
  DATALAKE_TRY(read);
  return task;
}

Status ReadEntry(const std::string& section, const std::string& name, const YAML::Node& node,
                 std::string_view where, SchemaConfig& config) {
  if (section == "providers") {
    DATALAKE_TRY(CheckNew(config.providers, node, where, name));
    DATALAKE_TRY_ASSIGN(ProviderInfo provider, ReadProvider(name, node, where));
    config.providers.push_back(std::move(provider));
    return {};
  }
  DATALAKE_TRY(CheckNew(config.tasks, node, where, name));
  DATALAKE_TRY_ASSIGN(TaskInfo task, ReadTask(name, node, where));
  config.tasks.push_back(std::move(task));
  return {};
}

Result<SchemaConfig> ReadConfig(const YAML::Node& root, std::string_view where) {
  SchemaConfig config;
  const Status read = ForEachEntry(
      root, where, "the file", [&](const std::string& key, const YAML::Node& section) -> Status {
        if (key != "providers" && key != "tasks") {
          return UnknownKey(where, section, key, "providers, tasks");
        }
        return ForEachEntry(section, where, key,
                            [&](const std::string& name, const YAML::Node& node) {
                              return ReadEntry(key, name, node, where, config);
                            });
      });
  DATALAKE_TRY(read);
  return config;
}

std::string Quoted(std::string_view text) {
  std::string out;
  json::AppendString(out, text);  // a JSON string is a double-quoted YAML scalar (YAML 1.2 §1.3)
  return out;
}

// A key as it is when every YAML reader takes it for text, else quoted.
std::string KeyText(std::string_view key) {
  constexpr std::array<std::string_view, 10> kWords = {"true", "false", "null", "yes", "no",
                                                       "on",   "off",   "y",    "n",   "nan"};
  std::string lower(key);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  });
  const bool word = std::find(kWords.begin(), kWords.end(), lower) != kWords.end();
  const bool letters = !key.empty() && std::all_of(lower.begin(), lower.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  return letters && !word && lower[0] >= 'a' ? std::string(key) : Quoted(key);
}

std::string ListText(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) {
    out += out.size() > 1 ? ", " : "";
    out += KeyText(text);
  }
  return out + "]";
}

std::string ProviderText(const ProviderInfo& provider, std::string_view indent) {
  return fmt::format("{0}{1}:\n{0}  description: {2}\n", indent, KeyText(provider.name),
                     Quoted(provider.description));
}

std::string TaskText(const TaskInfo& task, std::string_view indent) {
  std::string out = fmt::format("{0}{1}:\n{0}  description: {2}\n", indent, KeyText(task.name),
                                Quoted(task.description));
  out += fmt::format("{}  required_fields: {}\n", indent, ListText(task.required_fields));
  if (!task.optional_fields.empty()) {
    out += fmt::format("{}  optional_fields: {}\n", indent, ListText(task.optional_fields));
  }
  if (!task.types.empty()) {
    out += fmt::format("{}  types:\n", indent);
    for (const auto& [field, type] : task.types) {
      out += fmt::format("{}    {}: {}\n", indent, KeyText(field), ToString(type));
    }
  }
  if (!task.allowed_values.empty()) {
    out += fmt::format("{}  allowed_values:\n", indent);
    for (const auto& [field, values] : task.allowed_values) {
      out += fmt::format("{}    {}: {}\n", indent, KeyText(field), ListText(values));
    }
  }
  return out;
}

std::string WholeFile(const SchemaConfig& config) {
  std::string out = "providers:\n";
  for (const ProviderInfo& provider : config.providers) {
    out += ProviderText(provider, "  ");
  }
  out += "\ntasks:\n";
  for (const TaskInfo& task : config.tasks) {
    out += TaskText(task, "  ");
  }
  return out;
}

std::vector<std::string> SplitLines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

std::string JoinLines(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) {
    out += line;
    out += '\n';
  }
  return out;
}

bool IsBlankOrComment(std::string_view line) {
  const std::size_t at = line.find_first_not_of(" \t\r");
  return at == std::string_view::npos || line[at] == '#';
}

// The lines of one entry of a section, or of the place after its last one.
struct LineRange {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t indent = 2;
};

// Where the entries of a block-style section lie. Nothing when the section is not in block style.
std::optional<LineRange> SectionLines(const YAML::Node& root, std::string_view section,
                                      const std::vector<std::string>& lines) {
  std::optional<LineRange> range;
  for (const auto& entry : root) {
    const auto line = static_cast<std::size_t>(entry.first.Mark().line);
    if (range && line > range->begin && line < range->end) {
      range->end = line;
    }
    if (entry.first.Scalar() == section) {
      const YAML::Node value = entry.second;
      if (!value.IsMap() || value.size() == 0 || value.Style() == YAML::EmitterStyle::Flow) {
        return std::nullopt;
      }
      range = LineRange{line, lines.size(),
                        static_cast<std::size_t>(value.begin()->first.Mark().column)};
    }
  }
  return range;
}

// Comments and blank lines before the next thing belong to that.
std::size_t TrimmedEnd(const std::vector<std::string>& lines, std::size_t begin, std::size_t end) {
  while (end > begin + 1 && IsBlankOrComment(lines[end - 1])) {
    --end;
  }
  return end;
}

std::optional<std::string> InsertEntry(std::string_view yaml, std::string_view section,
                                       const std::function<std::string(std::string_view)>& text) {
  std::vector<std::string> lines = SplitLines(yaml);
  const std::optional<LineRange> range =
      SectionLines(YAML::Load(std::string(yaml)), section, lines);
  if (!range || range->end > lines.size()) {
    return std::nullopt;
  }
  const std::size_t at = TrimmedEnd(lines, range->begin, range->end);
  const std::vector<std::string> entry = SplitLines(text(std::string(range->indent, ' ')));
  lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(at), entry.begin(), entry.end());
  return JoinLines(lines);
}

std::optional<std::string> EraseEntry(std::string_view yaml, std::string_view section,
                                      std::string_view name) {
  std::vector<std::string> lines = SplitLines(yaml);
  const YAML::Node root = YAML::Load(std::string(yaml));
  const std::optional<LineRange> range = SectionLines(root, section, lines);
  if (!range) {
    return std::nullopt;
  }
  std::optional<std::size_t> begin;
  std::size_t end = range->end;
  for (const auto& entry : root[std::string(section)]) {
    const auto line = static_cast<std::size_t>(entry.first.Mark().line);
    if (entry.first.Scalar() == name) {
      begin = line;
    } else if (begin && line > *begin && line < end) {
      end = line;
    }
  }
  if (!begin || end > lines.size()) {
    return std::nullopt;
  }
  end = TrimmedEnd(lines, *begin, end);
  lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(*begin),
              lines.begin() + static_cast<std::ptrdiff_t>(end));
  return JoinLines(lines);
}

// Takes `edited` when it reads as `wanted`, else writes the whole file.
Result<std::string> Checked(const std::optional<std::string>& edited, const SchemaConfig& wanted) {
  if (edited) {
    const auto config = SchemaRegistry::Parse(*edited, kWhere);
    if (config && *config == wanted) {
      return *edited;
    }
  }
  std::string whole = WholeFile(wanted);
  DATALAKE_TRY_ASSIGN(const SchemaConfig config, SchemaRegistry::Parse(whole, kWhere));
  if (config != wanted) {
    return Error{ErrorCode::kInternal, fmt::format("cannot write what was read: {}", kWhere)};
  }
  return whole;
}

template <typename Entry>
void EraseName(std::vector<Entry>& entries, std::string_view name) {
  std::erase_if(entries, [name](const Entry& entry) { return entry.name == name; });
}

}  // namespace

Result<SchemaConfig> SchemaRegistry::Parse(std::string_view yaml, std::string_view where) {
  return GuardYaml(where, [&]() -> Result<SchemaConfig> {
    return ReadConfig(YAML::Load(std::string(yaml)), where);
  });
}

Result<std::string> YamlWithProvider(std::string_view yaml, const ProviderInfo& provider) {
  return GuardYaml(kWhere, [&]() -> Result<std::string> {
    DATALAKE_TRY_ASSIGN(SchemaConfig wanted, SchemaRegistry::Parse(yaml, kWhere));
    wanted.providers.push_back(provider);
    return Checked(
        InsertEntry(yaml, "providers",
                    [&](std::string_view indent) { return ProviderText(provider, indent); }),
        wanted);
  });
}

Result<std::string> YamlWithTask(std::string_view yaml, const TaskInfo& task) {
  return GuardYaml(kWhere, [&]() -> Result<std::string> {
    DATALAKE_TRY_ASSIGN(SchemaConfig wanted, SchemaRegistry::Parse(yaml, kWhere));
    wanted.tasks.push_back(task);
    return Checked(
        InsertEntry(yaml, "tasks", [&](std::string_view indent) { return TaskText(task, indent); }),
        wanted);
  });
}

Result<std::string> YamlWithoutProvider(std::string_view yaml, std::string_view name) {
  return GuardYaml(kWhere, [&]() -> Result<std::string> {
    DATALAKE_TRY_ASSIGN(SchemaConfig wanted, SchemaRegistry::Parse(yaml, kWhere));
    EraseName(wanted.providers, name);
    return Checked(EraseEntry(yaml, "providers", name), wanted);
  });
}

Result<std::string> YamlWithoutTask(std::string_view yaml, std::string_view name) {
  return GuardYaml(kWhere, [&]() -> Result<std::string> {
    DATALAKE_TRY_ASSIGN(SchemaConfig wanted, SchemaRegistry::Parse(yaml, kWhere));
    EraseName(wanted.tasks, name);
    return Checked(EraseEntry(yaml, "tasks", name), wanted);
  });
}

}  // namespace datalake::lake

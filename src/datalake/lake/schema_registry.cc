#include "datalake/lake/schema_registry.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "datalake/base/name.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/lake/schema_yaml.h"
#include "datalake/lake/wait_for_lock.h"

namespace datalake::lake {
namespace {

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{16} << 20;
constexpr std::string_view kRawTask = "raw";

constexpr std::string_view kDefaultYaml =
    R"(# Providers and tasks of this lake; edit it here or with `datalake config`.
# A provider names where data comes from. A task names a kind of derived data: what an upload of
# it must say (required_fields), and which values it may have (allowed_values; exact).
providers:
  aihub:
    description: AI Hub
  huggingface:
    description: Hugging Face Hub
  opensource:
    description: other open data
  inhouse:
    description: made in house
  test:
    description: for trials

tasks:
  ocr:
    description: text recognition
    required_fields: [lang, src]
    allowed_values:
      lang: [ko, en, ja, multi]
      src: [real, synthetic]
  kie:
    description: key information extraction
    required_fields: [lang, src]
    allowed_values:
      lang: [ko, en, ja, multi]
      src: [real, synthetic]
  vqa:
    description: visual question answering
    required_fields: [lang, src]
    allowed_values:
      lang: [ko, en, ja, multi]
      src: [real, synthetic]
  layout:
    description: document layout
    required_fields: [lang, src]
    allowed_values:
      lang: [ko, en, ja, multi]
      src: [real, synthetic]
  document_conversion:
    description: documents to markup
    required_fields: [lang, src, mod]
    allowed_values:
      lang: [ko, en, ja, multi]
      src: [real, synthetic]
      mod: [page, table, chart]
)";

template <typename Entry>
std::vector<std::string> NamesOf(const std::vector<Entry>& entries) {
  std::vector<std::string> names;
  for (const Entry& entry : entries) {
    names.push_back(entry.name);
  }
  return names;
}

template <typename Entry>
Result<Entry> FindEntry(const std::vector<Entry>& entries, std::string_view kind,
                        std::string_view name) {
  for (const Entry& entry : entries) {
    if (entry.name == name) {
      return entry;
    }
  }
  return UnknownNameError(kind, name, NamesOf(entries));
}

template <typename Entry>
bool Contains(const std::vector<Entry>& entries, std::string_view name) {
  return std::any_of(entries.begin(), entries.end(),
                     [name](const Entry& entry) { return entry.name == name; });
}

Result<std::string> ReadYaml(const LakeContext& context) {
  return io::ReadFile(context.fs, context.layout.schema_file(), kMaxFileBytes);
}

using Edit = std::function<Result<std::string>(const std::string& yaml, const SchemaConfig& now)>;

// Reads, changes and replaces the file, alone.
Status EditFile(const LakeContext& context, const Edit& edit) {
  DATALAKE_TRY_ASSIGN(const std::unique_ptr<io::FileLock> lock,
                      WaitForLock(context.fs, context.layout.schema_file() + ".lock"));
  DATALAKE_TRY_ASSIGN(const std::string yaml, ReadYaml(context));
  DATALAKE_TRY_ASSIGN(const SchemaConfig now,
                      SchemaRegistry::Parse(yaml, context.layout.schema_file()));
  DATALAKE_TRY_ASSIGN(const std::string changed, edit(yaml, now));
  return io::ReplaceFile(context.fs, context.layout.schema_file(), changed);
}

Error ReservedName(std::string_view kind, std::string_view name) {
  return {ErrorCode::kInvalidArgument, fmt::format("{} name is reserved: {}", kind, name)};
}

Error HaveAlready(std::string_view kind, std::string_view name) {
  return {ErrorCode::kAlreadyExists, fmt::format("{} is there already: {}", kind, name)};
}

constexpr std::array<std::pair<FieldType, std::string_view>, 5> kTypeWords = {
    {{FieldType::kText, "text"},
     {FieldType::kInteger, "integer"},
     {FieldType::kNumber, "number"},
     {FieldType::kBoolean, "boolean"},
     {FieldType::kDate, "date"}}};

// Required fields, then optional ones.
std::vector<std::string> FieldsOf(const TaskInfo& task) {
  std::vector<std::string> fields = task.required_fields;
  fields.insert(fields.end(), task.optional_fields.begin(), task.optional_fields.end());
  return fields;
}

bool HasField(const std::vector<std::string>& fields, std::string_view field) {
  return std::find(fields.begin(), fields.end(), field) != fields.end();
}

template <typename Number>
bool ParsesAs(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

// "2026-01-31", a day that there is.
bool IsDate(std::string_view text) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  return text.size() == 10 && text[4] == '-' && text[7] == '-' &&
         ParsesAs(text.substr(0, 4), year) && ParsesAs(text.substr(5, 2), month) &&
         ParsesAs(text.substr(8, 2), day) &&
         std::chrono::year_month_day(std::chrono::year(year), std::chrono::month(month),
                                     std::chrono::day(day))
             .ok();
}

bool IsOfType(FieldType type, std::string_view text) {
  std::int64_t integer = 0;
  double number = 0;
  switch (type) {
    case FieldType::kText:
      return true;
    case FieldType::kInteger:
      return ParsesAs(text, integer);
    case FieldType::kNumber:
      return ParsesAs(text, number) && std::isfinite(number);
    case FieldType::kBoolean:
      return text == "true" || text == "false";
    case FieldType::kDate:
      return IsDate(text);
  }
  return false;
}

Status CheckTask(const TaskInfo& task) {
  const std::vector<std::string> fields = FieldsOf(task);
  for (const std::string& field : fields) {
    DATALAKE_TRY(CheckName("field", field));
    if (std::count(fields.begin(), fields.end(), field) > 1) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("field is there twice: {}", field)};
    }
  }
  for (const auto& [field, type] : task.types) {
    if (!HasField(fields, field)) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("type of a field that the task does not have: {}", field)};
    }
  }
  for (const auto& [field, values] : task.allowed_values) {
    if (!HasField(fields, field)) {
      return Error{
          ErrorCode::kInvalidArgument,
          fmt::format("allowed values for a field that the task does not have: {}", field)};
    }
    const auto type = task.types.find(field);
    for (const std::string& value : values) {
      if (type != task.types.end() && !IsOfType(type->second, value)) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("allowed value of field {} is no {}: {}", field,
                                 ToString(type->second), value)};
      }
    }
  }
  return {};
}

}  // namespace

std::string_view ToString(FieldType type) {
  for (const auto& [known, word] : kTypeWords) {
    if (known == type) {
      return word;
    }
  }
  return "text";
}

Result<FieldType> ParseFieldType(std::string_view text) {
  for (const auto& [type, word] : kTypeWords) {
    if (word == text) {
      return type;
    }
  }
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("type must be text, integer, number, boolean or date, not: {}", text)};
}

SchemaRegistry::SchemaRegistry(const LakeContext& context) : context_(context) {}

std::string_view SchemaRegistry::DefaultYaml() {
  return kDefaultYaml;
}

Result<SchemaConfig> SchemaRegistry::Load() const {
  DATALAKE_TRY_ASSIGN(const std::string yaml, ReadYaml(context_));
  return Parse(yaml, context_.layout.schema_file());
}

Result<ProviderInfo> SchemaRegistry::FindProvider(std::string_view name) const {
  DATALAKE_TRY_ASSIGN(const SchemaConfig config, Load());
  return FindEntry(config.providers, "provider", name);
}

Result<TaskInfo> SchemaRegistry::FindTask(std::string_view name) const {
  DATALAKE_TRY_ASSIGN(const SchemaConfig config, Load());
  return FindEntry(config.tasks, "task", name);
}

Status SchemaRegistry::CheckFields(std::string_view task,
                                   const std::map<std::string, std::string>& fields) const {
  TaskInfo info;
  info.name = kRawTask;
  if (task != kRawTask) {
    DATALAKE_TRY_ASSIGN(info, FindTask(task));
  }
  const std::vector<std::string> known = FieldsOf(info);
  for (const auto& [field, value] : fields) {
    if (!HasField(known, field)) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("field is not one of task {}: {}; its fields: {}", task, field,
                               known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", ")))};
    }
  }
  for (const std::string& field : info.required_fields) {
    if (!fields.contains(field)) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("task {} needs the field: {}", task, field)};
    }
  }
  for (const auto& [field, value] : fields) {
    const auto allowed = info.allowed_values.find(field);
    if (allowed != info.allowed_values.end() &&
        std::find(allowed->second.begin(), allowed->second.end(), value) == allowed->second.end()) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("value of field {} is not allowed: {}; allowed: {}", field, value,
                               fmt::join(allowed->second, ", "))};
    }
    const auto type = info.types.find(field);
    if (type != info.types.end() && !IsOfType(type->second, value)) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("value of field {} is no {}: {}", field,
                                                            ToString(type->second), value)};
    }
  }
  return {};
}

Status SchemaRegistry::AddProvider(const ProviderInfo& provider) {
  DATALAKE_TRY(CheckName("provider", provider.name));
  if (provider.name == kFeedProvider) {
    return ReservedName("provider", provider.name);
  }
  return EditFile(context_,
                  [&](const std::string& yaml, const SchemaConfig& now) -> Result<std::string> {
                    if (Contains(now.providers, provider.name)) {
                      return HaveAlready("provider", provider.name);
                    }
                    return YamlWithProvider(yaml, provider);
                  });
}

Status SchemaRegistry::AddTask(const TaskInfo& task) {
  DATALAKE_TRY(CheckName("task", task.name));
  DATALAKE_TRY(CheckTask(task));
  if (task.name == kRawTask) {
    return ReservedName("task", task.name);
  }
  return EditFile(context_,
                  [&](const std::string& yaml, const SchemaConfig& now) -> Result<std::string> {
                    if (Contains(now.tasks, task.name)) {
                      return HaveAlready("task", task.name);
                    }
                    return YamlWithTask(yaml, task);
                  });
}

Status SchemaRegistry::RemoveProvider(std::string_view name) {
  return EditFile(context_,
                  [&](const std::string& yaml, const SchemaConfig& now) -> Result<std::string> {
                    DATALAKE_TRY(FindEntry(now.providers, "provider", name));
                    return YamlWithoutProvider(yaml, name);
                  });
}

Status SchemaRegistry::RemoveTask(std::string_view name) {
  return EditFile(context_,
                  [&](const std::string& yaml, const SchemaConfig& now) -> Result<std::string> {
                    DATALAKE_TRY(FindEntry(now.tasks, "task", name));
                    return YamlWithoutTask(yaml, name);
                  });
}

}  // namespace datalake::lake

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/lake/layout.h"

namespace datalake::lake {

/// A source of data, as schema.yaml names it.
struct ProviderInfo {
  std::string name;
  std::string description;

  friend bool operator==(const ProviderInfo&, const ProviderInfo&) = default;
};

/// What the values of a field are, and the column that they become.
enum class FieldType : std::uint8_t {
  kText = 1,     ///< any UTF-8 text: string
  kInteger = 2,  ///< decimal, int64: long
  kNumber = 3,   ///< finite: double
  kBoolean = 4,  ///< true, false: boolean
  kDate = 5,     ///< YYYY-MM-DD: date
};

/// "text", "integer", "number", "boolean", "date".
std::string_view ToString(FieldType type);

/// Errors: kInvalidArgument naming the five words.
Result<FieldType> ParseFieldType(std::string_view text);

/// A kind of derived data and what an upload of it must say.
struct TaskInfo {
  std::string name;
  std::string description;
  std::vector<std::string> required_fields;
  /// Field → the only values that it may have; a field without entry takes any text.
  std::map<std::string, std::vector<std::string>> allowed_values;
  std::vector<std::string> optional_fields = {};
  std::map<std::string, FieldType> types = {};  ///< of fields that are not text

  friend bool operator==(const TaskInfo&, const TaskInfo&) = default;
};

/// One reading of config/schema.yaml: providers and tasks in the order of the file.
struct SchemaConfig {
  std::vector<ProviderInfo> providers;
  std::vector<TaskInfo> tasks;

  friend bool operator==(const SchemaConfig&, const SchemaConfig&) = default;
};

/// The providers and tasks of a lake, kept in config/schema.yaml for people to edit as well.
/// Every call reads the file, so changes of other processes are seen. Changes are made under a
/// lock and published by rename: the file is whole at any time; comments and order of everything
/// else in it stay. Thread-safe.
class SchemaRegistry {
 public:
  explicit SchemaRegistry(const LakeContext& context);

  /// The text of the default file: providers aihub, huggingface, opensource, inhouse, test; tasks
  /// ocr, kie, vqa, layout, document_conversion.
  static std::string_view DefaultYaml();

  /// Parses and checks `yaml`; `where` names it in messages. Unknown keys are errors.
  /// Errors: kInvalidArgument naming the line.
  static Result<SchemaConfig> Parse(std::string_view yaml, std::string_view where);

  /// Errors: kNotFound, kInvalidArgument (broken file), kIo.
  Result<SchemaConfig> Load() const;

  /// The provider of that name. Errors: those of Load; kNotFound naming the nearest.
  Result<ProviderInfo> FindProvider(std::string_view name) const;

  /// The task of that name. Errors: those of Load; kNotFound naming the nearest.
  Result<TaskInfo> FindTask(std::string_view name) const;

  /// Checks the fields of a task upload, in this order: task known; no field beyond the required
  /// and optional ones; each required field there; each value allowed (exact) and of its type. Task
  /// "raw" takes no fields and need not be in the file. Errors: those of Load; kNotFound;
  /// kInvalidArgument naming field and allowed values.
  Status CheckFields(std::string_view task, const std::map<std::string, std::string>& fields) const;

  /// Durable when they return. Errors: kInvalidArgument (name, or provider "feeds", task "raw"),
  /// kAlreadyExists, kUnavailable (lock held for 10 s), those of Load.
  Status AddProvider(const ProviderInfo& provider);
  Status AddTask(const TaskInfo& task);

  /// Durable when they return; data of the provider or task stays. Errors: kNotFound naming the
  /// nearest, kUnavailable, those of Load.
  Status RemoveProvider(std::string_view name);
  Status RemoveTask(std::string_view name);

 private:
  LakeContext context_;
};

}  // namespace datalake::lake

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/json/value.h"

namespace datalake::json {

/// Reads one object of a config key by key: values of the wrong type, missing keys and keys that
/// nobody read are errors. The first error is kept and given by Finish, so that a reader of many
/// keys stays a plain list. `object` must outlive the reader. Single-threaded.
class ConfigReader {
 public:
  /// `where` names the object in messages: "mix.yaml: streams[0].output". An object that is null
  /// counts as empty.
  ConfigReader(const Value& object, std::string where);

  /// Reads `key` into `target`, which keeps its value when the key is absent or null.
  void Read(std::string_view key, std::string& target);
  void Read(std::string_view key, std::optional<std::string>& target);
  void Read(std::string_view key, std::uint64_t& target);
  void Read(std::string_view key, double& target);
  void Read(std::string_view key, std::optional<double>& target);
  void Read(std::string_view key, bool& target);

  /// A list of strings; one string alone is a list of one.
  void Read(std::string_view key, std::vector<std::string>& target);

  /// As Read, but the key must be there.
  template <typename T>
  void Require(std::string_view key, T& target) {
    if (Check(key)) {
      Read(key, target);
    }
  }

  /// The keys that are there, for an object whose keys are names of the user's.
  std::vector<std::string> Keys() const;

  /// The object under `key`, to be read by its own reader; nothing when it is absent.
  std::optional<ConfigReader> Object(std::string_view key);

  /// The objects of the list under `key`.
  std::vector<ConfigReader> Objects(std::string_view key);

  /// Takes over the first error of a reader that Object or Objects gave, once it was read.
  void Merge(const ConfigReader& part);

  /// Adds an error of the caller's own, as "<where>: <message>".
  void Fail(std::string_view message);

  /// From now on keys of the object that nobody read are no errors: one line each is added to
  /// `warnings`, with the nearest known one. Called after all reads, before Finish or Merge.
  void WarnOfUnknown(std::vector<std::string>& warnings);

  /// The first error, or one that names a key nobody read, and the nearest known one.
  /// Errors: kInvalidArgument.
  Status Finish() const;

 private:
  const Value* Take(std::string_view key);
  bool Check(std::string_view key);
  void Keep(Error error);
  std::vector<std::string> Unknown() const;
  std::string UnknownText(std::string_view key) const;

  const Value* object_;
  std::string where_;
  std::vector<std::string> known_;
  std::optional<Error> error_;
};

}  // namespace datalake::json

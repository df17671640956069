#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/curate/compatibility.h"
#include "datalake/json/jq.h"
#include "datalake/json/path.h"

namespace datalake::curate {

/// The language of a filter or of a selector of spans.
enum class SelectorSyntax : std::uint8_t { kJsonPath, kJq };

/// Buffers of evaluations: one a thread. Single-threaded.
struct SelectorScratch {
  json::PathScratch path;
  json::JqScratch jq;
};

/// A compiled JSONPath or jq program, with the meaning that the toolkit gives to it as a filter
/// and as a selector. Thread-safe.
class Selector {
 public:
  /// Errors: kInvalidArgument (syntax).
  static Result<Selector> Compile(std::string_view text, SelectorSyntax syntax,
                                  Compatibility compatibility);

  const std::string& text() const;

  /// As a pattern to include by: a path that selects anything; a program that has outputs, all of
  /// which count as true (json::Jq::AllTrue). Errors: kInvalidArgument (the program's own).
  Result<bool> Includes(const json::FlatNode& root, SelectorScratch& scratch) const;

  /// As a pattern to exclude by: a path that selects anything; a program of whose outputs any
  /// counts as true. Errors: as Includes.
  Result<bool> Excludes(const json::FlatNode& root, SelectorScratch& scratch) const;

  /// Appends what it selects; valid until the next use of `scratch`. Errors: as Includes.
  Status Select(const json::FlatNode& root, SelectorScratch& scratch,
                std::vector<const json::FlatNode*>& out) const;

  /// As json::Path has them.
  const std::optional<std::vector<std::string>>& root_keys() const;
  std::vector<std::string> MemberKeys(std::string_view root_key) const;

 private:
  explicit Selector(std::variant<json::Path, json::Jq> selector) : selector_(std::move(selector)) {}

  std::variant<json::Path, json::Jq> selector_;
};

}  // namespace datalake::curate

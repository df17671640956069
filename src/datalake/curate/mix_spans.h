#pragma once

#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/curate/mix_program.h"
#include "datalake/curate/mix_selector.h"
#include "datalake/curate/span_replacement.h"
#include "datalake/json/flat_tree.h"

namespace datalake::curate {

/// Finds what a program's span rules replace in a row. Keeps buffers: one a thread.
/// Single-threaded.
class MixSpans {
 public:
  /// `program` must outlive it.
  explicit MixSpans(const MixProgram& program) : program_(program) {}

  /// Programs of rows end with kCancelled soon after `stop` is requested.
  void StopBy(const std::stop_token& stop);

  /// Finds the spans of `row`, a document with its attributes. `scratch` holds what selectors make
  /// of it. Errors: kInvalidArgument (what is selected is no list of spans, a jq program); those of
  /// json::Jq.
  Status Collect(const json::FlatNode& row, SelectorScratch& scratch);

  /// Those found last, valid as long as the program and until the next Collect. They may be sorted.
  std::vector<Replacement>& found() { return replacements_; }

 private:
  Status CollectOf(std::size_t rule, const json::FlatNode& row, SelectorScratch& scratch);
  Status Add(const json::FlatNode& span, std::size_t rule, const json::FlatNode& row);
  Result<std::string_view> ReplacementOf(std::size_t rule, const json::FlatNode& row);

  const MixProgram& program_;
  SelectorScratch scratch_;  // of replacements, while the outputs of the selectors are in use
  std::vector<const json::FlatNode*> nodes_;
  std::vector<Replacement> replacements_;
  std::vector<std::optional<std::string>> made_replacements_;  // by jq, beside span_rules
};

}  // namespace datalake::curate

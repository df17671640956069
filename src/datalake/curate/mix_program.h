#pragma once

#include <optional>
#include <string>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/curate/mix.h"
#include "datalake/curate/mix_selector.h"

namespace datalake::curate {

/// A stream made ready to run: its paths and programs compiled. Immutable and thread-safe.
class MixProgram {
 public:
  /// Errors: kInvalidArgument (a path, a program).
  static Result<MixProgram> Compile(const MixStream& stream, Compatibility compatibility);

  const MixStream& stream() const { return *stream_; }

  bool is_compat() const { return is_compat_; }

  const std::vector<Selector>& include() const { return include_; }

  const std::vector<Selector>& exclude() const { return exclude_; }

  /// Beside the stream's span_rules.
  const std::vector<Selector>& spans() const { return spans_; }

  /// Beside the stream's span_rules; nothing for plain replacements.
  const std::vector<std::optional<json::Jq>>& replacements() const { return replacements_; }

  /// Members of a document that paths can look at, attributes left out; null: any.
  const std::vector<std::string>* wanted_keys() const {
    return wanted_keys_.has_value() ? &*wanted_keys_ : nullptr;
  }

 private:
  explicit MixProgram(const MixStream& stream, Compatibility compatibility)
      : stream_(&stream), is_compat_(compatibility == Compatibility::kDolma) {}

  void FindWantedKeys();

  const MixStream* stream_;
  bool is_compat_;
  std::vector<Selector> include_;
  std::vector<Selector> exclude_;
  std::vector<Selector> spans_;
  std::vector<std::optional<json::Jq>> replacements_;
  std::optional<std::vector<std::string>> wanted_keys_;
};

}  // namespace datalake::curate

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/curate/mix.h"
#include "datalake/curate/mix_selector.h"
#include "datalake/curate/run_costs.h"
#include "datalake/curate/span_replacement.h"
#include "datalake/json/flat_tree.h"

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

/// One row of input: the document's line and those of its attribute files.
struct MixRow {
  struct Attributes {
    std::string_view path;  ///< for messages
    std::string_view text;
  };

  std::string_view path;   ///< of the document file, for the provenance and messages
  std::uint64_t line = 0;  ///< 1-based
  std::string_view document;
  std::vector<Attributes> attributes;
  bool has_attribute_files = false;  ///< then the output always has `attributes`
};

/// Steps of mixing whose time is taken, in the order in which MixReport::costs has them.
enum class MixStep : std::uint8_t { kRead, kParse, kFilter, kReplace, kRender, kWrite };
inline constexpr std::size_t kMixSteps = 6;
using MixNanos = std::array<std::int64_t, kMixSteps>;

/// The time of a step.
inline std::int64_t& NanosOf(MixNanos& nanos, MixStep step) {
  return nanos[static_cast<std::size_t>(step)];
}

/// Applies a program to rows. Lines need FlatTreeParser::kPadding readable bytes behind them.
/// Errors name file and line. Single-threaded: one a thread.
class RowMixer {
 public:
  explicit RowMixer(const MixProgram& program) : program_(program) {}

  /// Programs of rows end with kCancelled soon after `stop` is requested.
  void StopBy(const std::stop_token& stop);

  /// Appends the output line of `row` to `out`, if it is kept, and counts; a row with an error
  /// leaves `out` as it was and is only counted as a document.
  /// Errors: kInvalidArgument (bad JSON, spans or text, an error of a jq program, a line that `tag`
  /// rejected), kCorruption (ids that differ), kResourceExhausted (a jq program that does not end),
  /// kCancelled.
  Status Mix(const MixRow& row, std::string& out, MixCounts& counts);

  /// CPU time of the rows so far, by some of them.
  const MixNanos& nanos() const { return nanos_; }

  void ClearNanos() { nanos_ = {}; }

 private:
  Status MixTimed(const MixRow& row, std::string& out, MixCounts& counts);
  Status Replace(MixCounts& counts);
  void Lap(MixStep step);
  Status Keep(const MixRow& row, std::string& out, MixCounts& counts);
  Status ReadRow(const MixRow& row);
  Status ReadAttributes(const MixRow& row);
  Status ReadAttributeRow(std::string_view text);
  Status CheckId(std::string_view attribute_id);
  Status CollectReplacementsOf(std::size_t rule);
  Result<std::string_view> ReplacementOf(std::size_t rule);
  Result<bool> IsKept();
  Status CollectReplacements();
  Status AddReplacement(const json::FlatNode& span, std::size_t rule);
  Result<std::string_view> Text();
  Status WriteRow(const MixRow& row, std::string& out);
  void WriteMetadata(std::string_view raw, const MixRow& row, std::string& out);
  void WriteAttributes(std::string& out) const;
  std::string_view RawOf(std::string_view key) const;
  bool IsDiscarded(std::string_view key) const;

  const MixProgram& program_;
  json::FlatTree tree_;
  json::FlatTreeParser parser_;
  SelectorScratch scratch_;
  SelectorScratch replacement_scratch_;  // while the outputs of scratch_ are in use
  std::vector<json::RawField> fields_;
  std::vector<json::RawField> attribute_fields_;
  std::vector<const json::FlatNode*> nodes_;
  std::vector<Replacement> replacements_;
  std::vector<std::optional<std::string>> made_replacements_;  // by jq, beside span_rules
  std::string new_text_;
  std::string row_text_;  // compat: the row before it is sorted
  std::size_t root_ = 0;
  std::size_t attributes_ = 0;       // node of the merged attributes
  std::string_view attributes_raw_;  // their text when they come from one place
  std::size_t attribute_sources_ = 0;
  bool has_new_text_ = false;
  MixNanos nanos_ = {};
  std::optional<Stopwatch> watch_;  // while a row is timed
  std::uint32_t untimed_ = 0;       // rows until one is
};

}  // namespace datalake::curate

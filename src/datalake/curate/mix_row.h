#pragma once

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
#include "datalake/curate/mix_program.h"
#include "datalake/curate/mix_selector.h"
#include "datalake/curate/mix_spans.h"
#include "datalake/curate/run_costs.h"
#include "datalake/json/flat_tree.h"

namespace datalake::curate {

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
using MixTimes = StepTimes<MixStep, kMixSteps>;

/// Applies a program to rows. Lines need FlatTreeParser::kPadding readable bytes behind them.
/// Errors name file and line. Single-threaded: one a thread.
class RowMixer {
 public:
  explicit RowMixer(const MixProgram& program) : program_(program), spans_(program) {}

  /// Programs of rows end with kCancelled soon after `stop` is requested.
  void StopBy(const std::stop_token& stop);

  /// Appends the output line of `row` to `out`, if it is kept, and counts; a row with an error
  /// leaves `out` as it was and is only counted as a document.
  /// Errors: kInvalidArgument (bad JSON, spans or text, an error of a jq program, a line that `tag`
  /// rejected), kCorruption (ids that differ), kResourceExhausted (a jq program that does not end),
  /// kCancelled.
  Status Mix(const MixRow& row, std::string& out, MixCounts& counts);

  /// CPU time of the rows so far, by some of them.
  const MixTimes& times() const { return times_; }

  void ClearTimes() { times_ = {}; }

 private:
  Status MixTimed(const MixRow& row, std::string& out, MixCounts& counts);
  Status Replace(MixCounts& counts);
  void Lap(MixStep step);
  Status Keep(const MixRow& row, std::string& out, MixCounts& counts);
  Status ReadRow(const MixRow& row);
  Status ReadAttributes(const MixRow& row);
  Status ReadAttributeRow(std::string_view text);
  Status CheckId(std::string_view attribute_id);
  Result<bool> IsKept();
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
  MixSpans spans_;
  std::vector<json::RawField> fields_;
  std::vector<json::RawField> attribute_fields_;
  std::string new_text_;
  std::string row_text_;  // compat: the row before it is sorted
  std::size_t root_ = 0;
  std::size_t attributes_ = 0;       // node of the merged attributes
  std::string_view attributes_raw_;  // their text when they come from one place
  std::size_t attribute_sources_ = 0;
  bool has_new_text_ = false;
  MixTimes times_;
  std::optional<Stopwatch> watch_;  // while a row is timed
  std::uint32_t untimed_ = 0;       // rows until one is
};

}  // namespace datalake::curate

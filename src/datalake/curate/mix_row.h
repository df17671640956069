#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/curate/mix.h"
#include "datalake/curate/span_replacement.h"
#include "datalake/json/flat_tree.h"
#include "datalake/json/path.h"

namespace datalake::curate {

/// A stream made ready to run: its paths compiled. Immutable and thread-safe.
class MixProgram {
 public:
  /// Errors: kInvalidArgument (a path).
  static Result<MixProgram> Compile(const MixStream& stream, Compatibility compatibility);

  const MixStream& stream() const { return *stream_; }

  bool is_compat() const { return is_compat_; }

  const std::vector<json::Path>& include() const { return include_; }

  const std::vector<json::Path>& exclude() const { return exclude_; }

  /// Beside the stream's span_rules.
  const std::vector<json::Path>& spans() const { return spans_; }

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
  std::vector<json::Path> include_;
  std::vector<json::Path> exclude_;
  std::vector<json::Path> spans_;
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

/// Applies a program to rows. Lines need FlatTreeParser::kPadding readable bytes behind them.
/// Errors name file and line. Single-threaded: one a thread.
class RowMixer {
 public:
  explicit RowMixer(const MixProgram& program) : program_(program) {}

  /// Appends the output line of `row` to `out`, if it is kept, and counts.
  /// Errors: kInvalidArgument (bad JSON, spans or text), kCorruption (ids that differ).
  Status Mix(const MixRow& row, std::string& out, MixCounts& counts);

 private:
  Status Keep(const MixRow& row, std::string& out, MixCounts& counts);
  Status ReadRow(const MixRow& row);
  Status ReadAttributes(const MixRow& row);
  Status ReadAttributeRow(std::string_view text);
  Status CheckId(std::string_view attribute_id);
  bool IsKept();
  Status CollectReplacements();
  Status AddReplacement(const json::FlatNode& span, const SpanRule& rule);
  Result<std::string_view> Text();
  Status WriteRow(const MixRow& row, std::string& out);
  void WriteMetadata(std::string_view raw, const MixRow& row, std::string& out);
  void WriteAttributes(std::string& out) const;
  std::string_view RawOf(std::string_view key) const;
  bool IsDiscarded(std::string_view key) const;

  const MixProgram& program_;
  json::FlatTree tree_;
  json::FlatTreeParser parser_;
  json::PathScratch scratch_;
  std::vector<json::RawField> fields_;
  std::vector<json::RawField> attribute_fields_;
  std::vector<const json::FlatNode*> nodes_;
  std::vector<Replacement> replacements_;
  std::string new_text_;
  std::string row_text_;  // compat: the row before it is sorted
  std::size_t root_ = 0;
  std::size_t attributes_ = 0;       // node of the merged attributes
  std::string_view attributes_raw_;  // their text when they come from one place
  std::size_t attribute_sources_ = 0;
  bool has_new_text_ = false;
};

}  // namespace datalake::curate

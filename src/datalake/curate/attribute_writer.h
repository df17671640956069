#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/curate/tagger.h"

namespace datalake::curate {

/// `name` as a part of an attribute key: every character outside [A-Za-z0-9_] becomes `_`.
/// Errors: kInvalidArgument (empty, or it would begin with a digit).
Result<std::string> AttributeKeyPart(std::string_view name);

/// Appends a score as the toolkit writes it: rounded to 5 decimals (correctly, ties of the binary
/// value to even, as Python's round), then the shortest digits of that with a decimal point: 1.0,
/// 0.33333, 0.00001; from 1e16 on with an exponent. `score` must be finite. Thread-safe.
void AppendScore(std::string& out, double score);

/// The double nearest to what AppendScore writes for it: what readers of lines get. Thread-safe.
double RoundScore(double score);

/// Writes attribute lines of one output: {"id":…,"attributes":{key:[[start,end,score],…]},
/// "source":…}. Keys are rendered once, at construction. Immutable and thread-safe.
class AttributeWriter {
 public:
  /// A tagger that writes here and the first two parts of its keys, "<experiment>__<tagger>__".
  struct Source {
    const Tagger& tagger;
    std::string key_prefix;
  };

  /// What a tagger gave for one document.
  struct Values {
    std::span<const Span> spans;
    const TaggerState* state = nullptr;  ///< names its learned types; null when there are none
  };

  explicit AttributeWriter(const std::vector<Source>& sources);

  /// Appends a line. `values` has those of each source, in their order; spans of one type come
  /// together under the key of the type, in order of the first of each type.
  void AppendLine(std::string_view id, std::string_view source, std::span<const Values> values,
                  std::string& out) const;

  /// Appends the line that stands for a rejected one, so that line numbers keep agreeing.
  static void AppendRejectedLine(std::string& out);

 private:
  // What a source's keys begin with and the keys of its own types: "\"key\":[".
  struct Keys {
    std::string prefix;
    std::vector<std::string> by_type;
  };

  void AppendSpans(const Keys& keys, std::span<const Span> spans, const TaggerState* state,
                   std::string& out) const;

  std::vector<Keys> keys_;  // by source
};

/// A key: `prefix` and `type`, every character of the type outside [A-Za-z0-9_] as `_`.
std::string AttributeKey(std::string_view prefix, std::string_view type);

/// The keys of a source's types, in their order: `<key_prefix><type>`, every character of the type
/// outside [A-Za-z0-9_] as `_`.
std::vector<std::string> AttributeKeys(const AttributeWriter::Source& source);

}  // namespace datalake::curate

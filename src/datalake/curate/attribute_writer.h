#pragma once

#include <cstddef>
#include <cstdint>
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

  explicit AttributeWriter(const std::vector<Source>& sources);

  /// Appends a line. `spans` has the spans of each source, in their order; spans of one type come
  /// together under the key of the type, in order of the first of each type.
  void AppendLine(std::string_view id, std::string_view source,
                  std::span<const std::vector<Span>* const> spans, std::string& out) const;

  /// Appends the line that stands for a rejected one, so that line numbers keep agreeing.
  static void AppendRejectedLine(std::string& out);

 private:
  void AppendSpans(std::size_t source, std::span<const Span> spans, std::string& out) const;

  std::vector<std::vector<std::string>> keys_;  // by source and type: "\"key\":["
};

/// The keys of a source's types, in their order: `<key_prefix><type>`, every character of the type
/// outside [A-Za-z0-9_] as `_`.
std::vector<std::string> AttributeKeys(const AttributeWriter::Source& source);

}  // namespace datalake::curate

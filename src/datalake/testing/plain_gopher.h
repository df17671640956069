#pragma once

#include <string>
#include <utility>
#include <vector>

namespace datalake::testing {

using GopherScores = std::vector<std::pair<std::string, double>>;

/// Whether a line ends at each newline (gopher_v1) or at a run of them (gopher_v2).
enum class PlainLineEnds { kNewlines, kRunsOfNewlines };

/// The rules of gopher_v1 and gopher_v2 said plainly, over maps of whole n-grams: slow, short and
/// without any of the tagger's tricks. Types and unrounded scores in the order of the results.
/// Thread-safe.
GopherScores PlainGopher(const std::string& text,
                         PlainLineEnds line_ends = PlainLineEnds::kRunsOfNewlines);

}  // namespace datalake::testing

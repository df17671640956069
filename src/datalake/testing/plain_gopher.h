#pragma once

#include <string>
#include <utility>
#include <vector>

namespace datalake::testing {

using GopherScores = std::vector<std::pair<std::string, double>>;

/// The rules of gopher_v2 said plainly, over maps of whole n-grams: slow, short and without any of
/// the tagger's tricks. Types and unrounded scores in the order of the results. Thread-safe.
GopherScores PlainGopher(const std::string& text);

}  // namespace datalake::testing

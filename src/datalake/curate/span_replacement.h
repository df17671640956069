#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace datalake::curate {

/// A part of a text, in code points [start, end), and what stands there afterwards.
struct Replacement {
  std::uint64_t start = 0;
  std::uint64_t end = 0;         ///< past the text: the end of the text
  std::string_view replacement;  ///< every `{}` in it stands for the replaced text
};

/// Appends `text` to `out` with the spans replaced. `spans` is sorted by start (stably, as rules
/// come in the order of the config) and applied from left to right: the first span wins, one that
/// starts inside an applied one is dropped whole, adjacent ones both apply. A span of no length
/// inserts; one that starts past the end inserts at the end. `text` must be valid UTF-8.
/// Thread-safe for different arguments.
void ReplaceSpans(std::string_view text, std::vector<Replacement>& spans, std::string& out);

/// The same as the Dolma toolkit does it: its walk leaves the same result but for spans of no
/// length and for those past the end, of which only one applies. Used for `--compat dolma`.
void ReplaceSpansAsToolkit(std::string_view text, std::vector<Replacement>& spans,
                           std::string& out);

}  // namespace datalake::curate

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "datalake/curate/tagger.h"

namespace datalake::curate {

/// The factory of a tagger.
using MakeTagger = Result<std::unique_ptr<const Tagger>> (*)(const TaggerSettings&);

/// Runs a tagger on one document: "type[start,end,score]" of each span in order, the score with 5
/// decimals; or "rejected: <reason>".
inline std::vector<std::string> SpansOf(const Tagger& tagger, std::string_view text,
                                        std::string_view metadata = {}) {
  const auto state = tagger.MakeState();
  DocumentView document;
  document.Reset(text, metadata);
  std::vector<Span> spans;
  tagger.Tag(document, state.get(), spans);
  if (!document.reject_reason().empty()) {
    return {fmt::format("rejected: {}", document.reject_reason())};
  }
  const std::span<const std::string_view> types = tagger.types();
  std::vector<std::string> out;
  for (const Span& span : spans) {
    const std::string_view type = span.type < types.size()
                                      ? types[span.type]
                                      : state->learned_types()[span.type - types.size()];
    out.push_back(fmt::format("{}[{},{},{:.5f}]", type, span.start, span.end, span.score));
  }
  return out;
}

/// The same from a factory that cannot fail.
inline std::vector<std::string> SpansOf(MakeTagger make, std::string_view text,
                                        const TaggerSettings& settings = {},
                                        std::string_view metadata = {}) {
  return SpansOf(**make(settings), text, metadata);
}

}  // namespace datalake::curate

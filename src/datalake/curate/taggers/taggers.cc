#include "datalake/curate/taggers/taggers.h"

namespace datalake::curate {

// By name, one line a tagger.
Status AddBuiltinTaggers(TaggerRegistry& registry) {
  DATALAKE_TRY(registry.Add("char_length_v1", "code points of the text", MakeCharLengthV1));
  DATALAKE_TRY(registry.Add("gopher_v2", "statistics of the Gopher quality and repetition rules",
                            MakeGopherV2));
  DATALAKE_TRY(registry.Add("pii_regex_v1", "e-mail addresses, phone numbers and IP addresses",
                            MakePiiRegexV1));
  DATALAKE_TRY(registry.Add("pii_regex_v2", "as pii_regex_v1; -1 for a text without a word",
                            MakePiiRegexV2));
  DATALAKE_TRY(registry.Add("pii_regex_with_counts_fast_v2",
                            "as pii_regex_v1 by paragraphs, with their number and part of the text",
                            MakePiiRegexWithCountsFastV2));
  DATALAKE_TRY(registry.Add("pii_regex_with_counts_v2", "as pii_regex_v1, with their number",
                            MakePiiRegexWithCountsV2));
  return {};
}

}  // namespace datalake::curate

#include "datalake/curate/taggers/taggers.h"

namespace datalake::curate {

// By name, one line a tagger.
Status AddBuiltinTaggers(TaggerRegistry& registry) {
  DATALAKE_TRY(registry.Add("char_length_v1", "code points of the text", MakeCharLengthV1));
  DATALAKE_TRY(registry.Add("gopher_v2", "statistics of the Gopher quality and repetition rules",
                            MakeGopherV2));
  return {};
}

}  // namespace datalake::curate

#include "datalake/curate/taggers/taggers.h"

namespace datalake::curate {

Status AddBuiltinTaggers(TaggerRegistry& registry) {
  DATALAKE_TRY(registry.Add("char_length_v1", MakeCharLengthV1));
  DATALAKE_TRY(registry.Add("gopher_v2", MakeGopherV2));
  return {};
}

}  // namespace datalake::curate

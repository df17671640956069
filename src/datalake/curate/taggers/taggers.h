#pragma once

#include <memory>

#include "datalake/base/result.h"
#include "datalake/curate/tagger.h"

namespace datalake::curate {

// One factory a file of this folder, one line in taggers.cc.
Result<std::unique_ptr<const Tagger>> MakeCharLengthV1(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeGopherV2(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakePiiRegexV1(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakePiiRegexV2(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakePiiRegexWithCountsFastV2(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakePiiRegexWithCountsV2(const TaggerSettings& settings);

}  // namespace datalake::curate

#pragma once

#include <memory>

#include "datalake/base/result.h"
#include "datalake/curate/tagger.h"

namespace datalake::curate {

// One factory a file of this folder, one line in taggers.cc.
Result<std::unique_ptr<const Tagger>> MakeBytesLengthV1(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeC4V1(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeC4V2(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeCcRe(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeCcReFast(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeCharLengthStripWsV1(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeCharLengthV1(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeCharLengthWithParagraphsV1(
    const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeCld2DocV2(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeCld2EnDocV2(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeCld2EnParagraphV2(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeCld2EnParagraphWithDocScoreV2(
    const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeCld2ParagraphV2(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeCodeCopyrightCommentsV1(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeCodeRedPajamaTaggersV1(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeCodeStarCoderTaggersV1(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeCodeStarCoderTaggersV2(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeDocCountV1(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeGopherV1(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeGopherV2(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeNotAlphanumParagraphV1(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeParagraphRepetitionsV1(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeOlmoPretokenizerV1(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeOlmoPretokenizerWithParagraphsV1(
    const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakePiiRegexV1(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakePiiRegexV2(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakePiiRegexWithCountsFastV2(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakePiiRegexWithCountsV2(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeRandomNumberV1(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeRepetitionsV1(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeUnisegLengthParagraphsV1(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeUnisegLengthParagraphsWithDocLengthV1(
    const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeUnisegLengthParagraphsWithEmptyV1(
    const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeUnisegLengthV1(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeWhitespaceTokenizerV1(const TaggerSettings& settings);
Result<std::unique_ptr<const Tagger>> MakeWhitespaceTokenizerWithParagraphsV1(
    const TaggerSettings& settings);

/// Adds the taggers that look metadata.url up in a list. Errors: kAlreadyExists.
Status AddUrlListTaggers(TaggerRegistry& registry);

}  // namespace datalake::curate

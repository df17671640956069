#include "datalake/curate/taggers/taggers.h"

namespace datalake::curate {

// By name, one line a tagger.
Status AddBuiltinTaggers(TaggerRegistry& registry) {
  DATALAKE_TRY(registry.Add("bytes_length_v1", "UTF-8 bytes of the text", MakeBytesLengthV1));
  DATALAKE_TRY(
      registry.Add("c4_v1", "line and word rules of C4; javascript as a whole word", MakeC4V1));
  DATALAKE_TRY(registry.Add("c4_v2", "line and word rules of C4; javascript anywhere", MakeC4V2));
  DATALAKE_TRY(
      registry.Add("cc_re", "links to Creative Commons licences in metadata.html", MakeCcRe));
  DATALAKE_TRY(registry.Add("cc_re_fast", "mentions of Creative Commons licences in metadata.html",
                            MakeCcReFast));
  DATALAKE_TRY(registry.Add("char_length_strip_ws_v1",
                            "code points of the text without white space at its ends",
                            MakeCharLengthStripWsV1));
  DATALAKE_TRY(registry.Add("char_length_v1", "code points of the text", MakeCharLengthV1));
  DATALAKE_TRY(registry.Add("char_length_with_paragraphs_v1",
                            "code points of the text and of each paragraph",
                            MakeCharLengthWithParagraphsV1));
  DATALAKE_TRY(registry.Add("cld2_doc_v2", "languages (CLD2) of the text", MakeCld2DocV2));
  DATALAKE_TRY(registry.Add("cld2_en_doc_v2", "how English (CLD2) the text is", MakeCld2EnDocV2));
  DATALAKE_TRY(registry.Add("cld2_en_paragraph_v2", "how English (CLD2) each paragraph is",
                            MakeCld2EnParagraphV2));
  DATALAKE_TRY(registry.Add("cld2_en_paragraph_with_doc_score_v2",
                            "how English (CLD2) each paragraph and the whole is",
                            MakeCld2EnParagraphWithDocScoreV2));
  DATALAKE_TRY(
      registry.Add("cld2_paragraph_v2", "languages (CLD2) of each paragraph", MakeCld2ParagraphV2));
  DATALAKE_TRY(registry.Add("code_copyright_comments_v1",
                            "copyright notice or comments that a program begins with",
                            MakeCodeCopyrightCommentsV1));
  DATALAKE_TRY(registry.Add("code_redpajama_taggers_v1",
                            "lengths of lines, shares of letters and digits",
                            MakeCodeRedPajamaTaggersV1));
  DATALAKE_TRY(registry.Add("code_starcoder_taggers_v1",
                            "stars, share of comments, share of visible text of HTML",
                            MakeCodeStarCoderTaggersV1));
  DATALAKE_TRY(registry.Add("code_starcoder_taggers_v2",
                            "as v1, comments of Python, Java and JavaScript only",
                            MakeCodeStarCoderTaggersV2));
  DATALAKE_TRY(registry.Add("doc_count_v1", "1 for each document", MakeDocCountV1));
  DATALAKE_TRY(registry.Add("gopher_v1", "statistics of the Gopher rules, empty lines counted",
                            MakeGopherV1));
  DATALAKE_TRY(registry.Add("gopher_v2", "statistics of the Gopher quality and repetition rules",
                            MakeGopherV2));
  DATALAKE_TRY(registry.Add("not_alphanum_paragraph_v1",
                            "paragraphs of punctuation, white space and emoji only",
                            MakeNotAlphanumParagraphV1));
  DATALAKE_TRY(registry.Add("olmo_pretokenizer_v1", "pieces of the text before tokenization",
                            MakeOlmoPretokenizerV1));
  DATALAKE_TRY(registry.Add("olmo_pretokenizer_with_paragraphs_v1",
                            "pieces of each paragraph before tokenization",
                            MakeOlmoPretokenizerWithParagraphsV1));
  DATALAKE_TRY(registry.Add("paragraph_repetitions_v1", "as repetitions_v1, in each paragraph",
                            MakeParagraphRepetitionsV1));
  DATALAKE_TRY(registry.Add("pii_regex_v1", "e-mail addresses, phone numbers and IP addresses",
                            MakePiiRegexV1));
  DATALAKE_TRY(registry.Add("pii_regex_v2", "as pii_regex_v1; -1 for a text without a word",
                            MakePiiRegexV2));
  DATALAKE_TRY(registry.Add("pii_regex_with_counts_fast_v2",
                            "as pii_regex_v1 by paragraphs, with their number and part of the text",
                            MakePiiRegexWithCountsFastV2));
  DATALAKE_TRY(registry.Add("pii_regex_with_counts_v2", "as pii_regex_v1, with their number",
                            MakePiiRegexWithCountsV2));
  DATALAKE_TRY(registry.Add("random_number_v1", "a number of [0, 1) that depends on the text alone",
                            MakeRandomNumberV1));
  DATALAKE_TRY(registry.Add("repetitions_v1", "units of text with three or more copies behind them",
                            MakeRepetitionsV1));
  DATALAKE_TRY(registry.Add("uniseg_length_paragraphs_v1", "words (UAX #29) of each paragraph",
                            MakeUnisegLengthParagraphsV1));
  DATALAKE_TRY(registry.Add("uniseg_length_paragraphs_with_doc_length_v1",
                            "words (UAX #29) of each paragraph and of all",
                            MakeUnisegLengthParagraphsWithDocLengthV1));
  DATALAKE_TRY(registry.Add("uniseg_length_paragraphs_with_empty_v1",
                            "words (UAX #29) of each paragraph, blank ones too",
                            MakeUnisegLengthParagraphsWithEmptyV1));
  DATALAKE_TRY(registry.Add("uniseg_length_v1",
                            "word segments (UAX #29) of the text, white space too",
                            MakeUnisegLengthV1));
  DATALAKE_TRY(registry.Add("whitespace_tokenizer_v1", "words and runs of symbols of the text",
                            MakeWhitespaceTokenizerV1));
  DATALAKE_TRY(registry.Add("whitespace_tokenizer_with_paragraphs_v1",
                            "words and runs of symbols of each paragraph",
                            MakeWhitespaceTokenizerWithParagraphsV1));
  return AddUrlListTaggers(registry);
}

}  // namespace datalake::curate

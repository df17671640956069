#pragma once

#include <cstdint>
#include <string_view>

namespace datalake::text {

/// Pieces of `text` (valid UTF-8) before it is tokenized for OLMo: each punctuation character and
/// each digit by itself, with a space in front if there is one; what is between them as GPT-2
/// splits it: runs of letters, of other numbers and of other symbols, each with a space in front,
/// and runs of white space. The character classes are those of Hugging Face's tokenizers 0.19
/// (tools/make_pretokenizer_tables.py). One pass. Thread-safe.
std::uint64_t CountPretokens(std::string_view text);

}  // namespace datalake::text

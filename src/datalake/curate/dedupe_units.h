#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "datalake/base/hash.h"
#include "datalake/curate/dedupe.h"
#include "datalake/curate/dedupe_block.h"
#include "datalake/text/words.h"

namespace datalake::curate {

/// Whose key it is when several runs share the keys: a share of the 128-bit hashes, the same on
/// every machine.
bool IsOwnKey(const Hash128& key, std::uint64_t num_partitions, std::uint64_t partition_index);

/// Splits documents into what is compared, and hashes it. Keys: XXH3-128 of a document's key or a
/// paragraph; of an n-gram, the 128-bit hashes of its words (non-blank segments of UAX #29) rolled
/// together. Keeps buffers: one a thread. Single-threaded.
class UnitMaker {
 public:
  /// `options` must outlive it.
  explicit UnitMaker(const DedupeOptions& options);

  /// Appends the units and keys of one document to the block, and says what its row is.
  /// `key`: the text, but in documents mode what options.key names. Valid UTF-8.
  RowForm Add(std::string_view key, DedupeBlock& block);

 private:
  // Words of a part of a text, as bytes of `base`.
  struct Words {
    std::string_view base;
    std::span<const text::Word> words;
  };

  RowForm AddDocument(std::string_view key, DedupeBlock& block);
  RowForm AddParagraphs(std::string_view text, DedupeBlock& block);
  void AddParagraph(std::string_view paragraph, const Words& words, DedupeUnit unit,
                    DedupeBlock& block);
  void AddNgrams(const Words& words, DedupeUnit& unit, DedupeBlock& block);
  Words WordsOf(std::string_view text, std::size_t begin, std::size_t end);
  bool IsLeftAlone(std::string_view text, std::uint64_t size) const;
  bool IsOwn(const Hash128& key) const;

  const DedupeOptions& options_;
  const bool is_dolma_;
  const bool has_words_;           // paragraphs are split into words
  const bool is_split_by_lines_;   // the words of a text are those of its paragraphs
  std::vector<text::Word> words_;  // of the text, or of the paragraph
  std::size_t next_word_ = 0;      // behind those of the last paragraph
  std::vector<Hash128> hashes_;    // of the words
  Hash128 leaving_;                // what a word is multiplied by when it leaves the n-gram
};

}  // namespace datalake::curate

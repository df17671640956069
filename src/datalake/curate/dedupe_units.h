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
/// together. Of a long text pieces are looked at, so its own memory stays bounded. Single-threaded.
class UnitMaker {
 public:
  /// `options` must outlive it.
  explicit UnitMaker(const DedupeOptions& options);

  /// Begins a document and says what its row is. `key`: the text, but in documents mode what
  /// options.key names; valid UTF-8; it must stay until More has returned true.
  RowForm Begin(std::string_view key, DedupeBlock& block);

  /// Appends the document's units and keys to the block until all are there (true), or until the
  /// block has about `max_units` of both: the others belong into the next block, and when a
  /// paragraph is cut there, its unit here is kOpen.
  bool More(DedupeBlock& block, std::size_t max_units);

  /// Begin and More without a limit.
  RowForm Add(std::string_view key, DedupeBlock& block);

 private:
  // Words of a part of a text, as bytes of `base`.
  struct Words {
    std::string_view base;
    std::span<const text::Word> words;
  };

  // Where the rolling of a paragraph's n-grams stands.
  struct Rolling {
    Hash128 hash;
    std::uint64_t words = 0;  // so far
    std::uint64_t last = 0;   // start of the last n-gram that was taken
  };

  RowForm AddDocument(std::string_view key, DedupeBlock& block);
  RowForm BeginParagraphs(std::string_view text);
  void NextParagraph(DedupeBlock& block);
  void AddParagraph(std::string_view paragraph, std::size_t begin, std::uint64_t chars,
                    DedupeUnit unit, DedupeBlock& block);
  void FinishParagraph(std::string_view paragraph, DedupeUnit unit, DedupeBlock& block);
  void ContinueLong(DedupeBlock& block);
  void LeaveOpen(DedupeBlock& block);
  void AddNgrams(const Words& words, DedupeUnit& unit, DedupeBlock& block);
  Words WordsOf(std::size_t begin, std::size_t end);
  bool HasMinWords(std::string_view text);
  bool IsLeftAlone(std::string_view text, std::uint64_t size) const;
  bool IsOwn(const Hash128& key) const;

  const DedupeOptions& options_;
  const bool is_dolma_;
  const bool has_words_;          // paragraphs are split into words
  const bool is_split_by_lines_;  // the words of a text are those of its paragraphs
  const std::uint64_t separator_chars_;
  Hash128 leaving_;  // what a word is multiplied by when it leaves the n-gram

  // Of the document.
  std::string_view text_;
  std::size_t begin_ = 0;  // of the next paragraph
  std::uint64_t chars_ = 0;
  bool is_ascii_ = false;
  bool is_done_ = true;  // no more paragraphs

  // Of a paragraph that is looked at in pieces.
  std::string_view long_;  // what is left of it
  std::string_view whole_long_;
  DedupeUnit long_unit_;
  bool is_long_ = false;
  bool is_left_open_ = false;  // some of its keys are in a unit that is kOpen

  Rolling rolling_;
  std::vector<Hash128> hashes_;    // of words, the last ones for the next piece
  std::vector<text::Word> words_;  // of the window, paragraph or piece
  std::size_t next_word_ = 0;      // behind those of the last paragraph
  std::size_t window_begin_ = 0;   // the part of the text whose words these are
  std::size_t window_end_ = 0;     // 0: of none
};

}  // namespace datalake::curate

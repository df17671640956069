#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/curate/dedupe_block.h"

namespace datalake::curate {

/// Documents or paragraphs, and how many were found twice.
struct DuplicateCounts {
  std::uint64_t documents = 0;
  std::uint64_t duplicate_documents = 0;  ///< kDocument rows only
  std::uint64_t left_alone = 0;           ///< documents without a key
  std::uint64_t units = 0;                ///< documents or paragraphs that were compared
  std::uint64_t duplicates = 0;           ///< of those
  std::uint64_t duplicate_chars = 0;      ///< what their spans cover
  std::uint64_t spans = 0;                ///< written, those with a score of 0 too

  void Add(const DuplicateCounts& other);
};

/// Turns blocks and their verdicts into rows of attributes, in the toolkit's form:
/// {"attributes":{name:[[begin,end,score],…]},"id":…}. A row that is cut by the end of a block
/// (kOpenList) is continued by the next call. Single-threaded.
class DedupeRowWriter {
 public:
  /// `threshold` of shares; `is_score_float`: n-grams, whose scores are written as 1.0.
  DedupeRowWriter(std::string_view attribute_name, float threshold, bool is_score_float);

  /// Appends the block's rows to `out`, and counts them: counts[i] is of the block's source i.
  /// A verdict other than 0 is "known".
  void Append(const DedupeBlock& block, std::span<const std::uint8_t> verdicts, std::string& out,
              std::span<DuplicateCounts* const> counts);

 private:
  struct Score {
    float value = 0;
    bool is_emitted = false;
  };

  // A row that is being written.
  struct OpenRow {
    bool is_begun = false;
    std::uint64_t keys = 0;
    std::uint64_t spans = 0;
    std::uint64_t unit_keys = 0;   // of the parts of a unit so far
    std::uint64_t unit_known = 0;  // of those
  };

  void BeginRow(const DedupeRow& row, std::string& out);
  void AppendUnit(const DedupeUnit& unit, std::span<const std::uint8_t> verdicts, std::string& out,
                  DuplicateCounts& count);
  Score ScoreOf(const DedupeUnit& unit, std::span<const std::uint8_t> verdicts) const;
  void AppendSpan(const DedupeUnit& unit, float score, std::string& out) const;

  std::string list_;  // {"attributes":{"name":[
  const float threshold_;
  const bool is_score_float_;
  OpenRow row_;
};

}  // namespace datalake::curate

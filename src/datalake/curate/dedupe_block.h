#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/hash.h"
#include "datalake/base/result.h"
#include "datalake/curate/run_costs.h"

namespace datalake::curate {

/// How the verdicts of a unit's keys become its score.
enum class UnitRule : std::uint8_t {
  kWhole = 0,  ///< its only key decides; without a key it is no duplicate
  kShare = 1,  ///< known keys by tested ones
  kLastKey =
      2,      ///< the last key decides: a paragraph too short for n-grams, which only leave theirs
  kOpen = 3,  ///< the next unit, of the next block, is the same paragraph: these are its first keys
};

/// A document, or one paragraph of it.
struct DedupeUnit {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  std::uint32_t keys = 0;    ///< how many of the block's keys, in order, are its own
  std::uint32_t tested = 0;  ///< kShare: n-grams, those of other partitions too
  UnitRule rule = UnitRule::kWhole;
};

/// What a row's attribute is.
enum class RowForm : std::uint8_t {
  kAbsent = 0,    ///< none at all
  kDocument = 1,  ///< one unit: none for a first copy, an empty list for what is left alone
  kList = 2,      ///< a list of the spans of its units, also when it is empty
  kOpenList = 3,  ///< as kList, and goes on with the first row of the next block; without id
};

struct DedupeRow {
  std::uint32_t id_end = 0;    ///< in DedupeBlock::ids
  std::uint32_t unit_end = 0;  ///< in DedupeBlock::units
  std::uint32_t source = 0;    ///< in DedupeBlock::sources
  RowForm form = RowForm::kAbsent;
};

/// Steps of dedupe whose time is taken, in the order in which DedupeReport::costs has them.
enum class DedupeStep : std::uint8_t { kRead, kParse, kHash, kLookUp, kWrite, kSave };
inline constexpr std::size_t kDedupeSteps = 6;
using DedupeTimes = StepTimes<DedupeStep, kDedupeSteps>;

/// What the keys' table and the writer need of one block of documents.
struct DedupeBlock {
  std::vector<DedupeRow> rows;
  std::vector<DedupeUnit> units;
  std::vector<Hash128> keys;
  std::string ids;                   ///< as JSON, one after the other
  std::vector<std::string> sources;  ///< each name once
  std::uint64_t bytes = 0;           ///< of uncompressed input
  DedupeTimes times;                 ///< CPU time of making it

  void Clear();
};

/// Appends the block without its keys, and with a verdict for each key.
void AppendBlock(const DedupeBlock& block, std::span<const std::uint8_t> verdicts,
                 std::string& out);

/// Reads what AppendBlock wrote. `block` has no keys then. Errors: kInternal (something else).
Status ParseBlock(std::string_view bytes, DedupeBlock& block, std::vector<std::uint8_t>& verdicts);

}  // namespace datalake::curate

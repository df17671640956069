#include "datalake/curate/dedupe_rows.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "datalake/json/writer.h"

namespace datalake::curate {
namespace {

constexpr std::string_view kNoAttribute = R"({"attributes":{},"id":)";

void AppendNumber(std::uint32_t value, std::string& out) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

std::uint64_t Known(std::span<const std::uint8_t> verdicts) {
  return verdicts.size() - static_cast<std::uint64_t>(std::ranges::count(verdicts, 0));
}

}  // namespace

void DuplicateCounts::Add(const DuplicateCounts& other) {
  documents += other.documents;
  duplicate_documents += other.duplicate_documents;
  left_alone += other.left_alone;
  units += other.units;
  duplicates += other.duplicates;
  duplicate_chars += other.duplicate_chars;
  spans += other.spans;
}

DedupeRowWriter::DedupeRowWriter(std::string_view attribute_name, float threshold,
                                 bool is_score_float)
    : threshold_(threshold), is_score_float_(is_score_float) {
  std::string name;
  json::AppendString(name, attribute_name);
  list_ = fmt::format(R"({{"attributes":{{{}:[)", name);
}

void DedupeRowWriter::Append(const DedupeBlock& block, std::span<const std::uint8_t> verdicts,
                             std::string& out, std::span<DuplicateCounts* const> counts) {
  std::size_t id_begin = 0;
  std::size_t unit_at = 0;
  std::size_t key_at = 0;
  for (const DedupeRow& row : block.rows) {
    DuplicateCounts& count = *counts[row.source];
    const std::size_t row_begin = out.size();
    if (!row_.is_begun) {
      BeginRow(row, out);
    }
    for (; unit_at < row.unit_end; ++unit_at) {
      const DedupeUnit& unit = block.units[unit_at];
      AppendUnit(unit, verdicts.subspan(key_at, unit.keys), out, count);
      key_at += unit.keys;
    }
    if (row.form == RowForm::kOpenList) {
      return;  // the last one of the block
    }
    ++count.documents;
    count.spans += row_.spans;
    count.left_alone += row_.keys == 0 ? 1 : 0;
    bool is_open = row.form != RowForm::kAbsent;
    if (row.form == RowForm::kDocument) {
      count.duplicate_documents += row_.spans;
      if (row_.keys > 0 && row_.spans == 0) {
        out.resize(row_begin);
        out.append(kNoAttribute);
        is_open = false;
      }
    }
    if (is_open) {
      out.append(R"(]},"id":)");
    }
    out.append(block.ids, id_begin, row.id_end - id_begin);
    out.append("}\n");
    id_begin = row.id_end;
    row_.is_begun = false;
  }
}

void DedupeRowWriter::BeginRow(const DedupeRow& row, std::string& out) {
  out.append(row.form == RowForm::kAbsent ? kNoAttribute : std::string_view(list_));
  row_ = {.is_begun = true};
}

void DedupeRowWriter::AppendUnit(const DedupeUnit& unit, std::span<const std::uint8_t> verdicts,
                                 std::string& out, DuplicateCounts& count) {
  row_.keys += unit.keys;
  if (unit.rule == UnitRule::kOpen) {
    row_.unit_keys += unit.keys;
    row_.unit_known += Known(verdicts);
    return;
  }
  const Score score = ScoreOf(unit, verdicts);
  count.units += unit.keys + row_.unit_keys > 0 ? 1 : 0;
  row_.unit_keys = 0;
  row_.unit_known = 0;
  if (score.is_emitted) {
    out.append(row_.spans++ == 0 ? "[" : ",[");
    AppendSpan(unit, score.value, out);
    count.duplicates += score.value > 0 ? 1 : 0;
    count.duplicate_chars += score.value > 0 ? unit.end - unit.begin : 0;
  }
}

DedupeRowWriter::Score DedupeRowWriter::ScoreOf(const DedupeUnit& unit,
                                                std::span<const std::uint8_t> verdicts) const {
  switch (unit.rule) {
    case UnitRule::kWhole:
      return {.value = 1, .is_emitted = !verdicts.empty() && verdicts.back() != 0};
    case UnitRule::kLastKey: {
      const float score = !verdicts.empty() && verdicts.back() != 0 ? 1.0F : 0.0F;
      return {.value = score, .is_emitted = score >= threshold_};
    }
    case UnitRule::kShare: {
      if (unit.tested == 0) {
        return {};
      }
      const std::uint64_t known = row_.unit_known + Known(verdicts);
      const float score = static_cast<float>(known) / static_cast<float>(unit.tested);
      return {.value = score, .is_emitted = score >= threshold_};
    }
    case UnitRule::kOpen:
      break;
  }
  return {};
}

void DedupeRowWriter::AppendSpan(const DedupeUnit& unit, float score, std::string& out) const {
  AppendNumber(unit.begin, out);
  out.push_back(',');
  AppendNumber(unit.end, out);
  out.push_back(',');
  if (is_score_float_) {
    json::AppendDouble(out, static_cast<double>(score));
  } else {
    out.push_back('1');
  }
  out.push_back(']');
}

}  // namespace datalake::curate

#include "datalake/curate/mix_manifest.h"

#include <array>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/curate/mix_outputs.h"
#include "datalake/json/value.h"

namespace datalake::curate {
namespace {

constexpr std::string_view kWhere = "unit manifest";

// Each member by its name, in both directions.
constexpr std::array<std::pair<std::string_view, std::uint64_t MixCounts::*>, 10> kCounts = {{
    {"documents", &MixCounts::documents},
    {"written", &MixCounts::written},
    {"filtered", &MixCounts::filtered},
    {"too_short", &MixCounts::too_short},
    {"missing", &MixCounts::missing},
    {"rejected", &MixCounts::rejected},
    {"replaced", &MixCounts::replaced},
    {"spans", &MixCounts::spans},
    {"bytes_read", &MixCounts::bytes_read},
    {"bytes_written", &MixCounts::bytes_written},
}};
static_assert(sizeof(MixCounts) == kCounts.size() * sizeof(std::uint64_t));

json::Value Describe(const SpanRule& rule) {
  // The compiler sees to it that a new member is thought of here.
  const auto& [span, min_score, max_score, replacement, syntax] = rule;
  json::Value out;
  out["span"] = span;
  out["min_score"] = fmt::format("{}", min_score);  // JSON has no infinity
  out["max_score"] = fmt::format("{}", max_score);
  out["replacement"] = replacement;
  out["syntax"] = static_cast<int>(syntax);
  return out;
}

// Without what is in the shard itself: its documents and its place.
json::Value Describe(const MixStream& stream) {
  const auto& [name, documents, attributes, include, exclude, span_rules, output_path,
               max_size_bytes, discard_fields, min_text_length, compression, filter_syntax, size_by,
               compression_level] = stream;
  json::Value out;
  out["attributes"] = attributes;
  out["include"] = include;
  out["exclude"] = exclude;
  out["filter_syntax"] = static_cast<int>(filter_syntax);
  out["span_rules"] = json::Value::array();
  for (const SpanRule& rule : span_rules) {
    out["span_rules"].push_back(Describe(rule));
  }
  out["discard_fields"] = discard_fields;
  out["min_text_length"] = min_text_length;
  out["compression"] = compression;
  out["compression_level"] = compression_level;
  return out;
}

}  // namespace

Result<UnitManifest> MakeMixManifest(io::FileSystem& fs, const MixOptions& options,
                                     const MixShard& shard) {
  json::Value described = Describe(options.streams[shard.stream]);
  described["on_missing"] = static_cast<int>(options.on_missing);
  if (IsCutByOutput(options, options.streams[shard.stream])) {
    described["max_size_bytes"] = options.streams[shard.stream].max_size_bytes;
    described["size_by"] = static_cast<int>(options.streams[shard.stream].size_by);
  }
  described["compat"] = options.compatibility == Compatibility::kDolma ? "dolma" : "none";
  UnitWork work{.command = "mix"};
  described["inputs"] = json::Value::array();
  for (const MixInput& input : shard.inputs) {
    described["inputs"].push_back(input.documents);
    work.inputs.push_back(input.documents);
    for (const std::string& path : input.attributes) {
      described["inputs"].push_back(path);  // "" where it is not there
      if (!path.empty()) {
        work.inputs.push_back(path);
      }
    }
  }
  work.options = json::DumpValue(described);
  return UnitManifest::Make(fs, work);
}

std::string MixFactsJson(const MixShardFacts& facts) {
  json::Value out;
  for (const auto& [name, member] : kCounts) {
    out[std::string(name)] = facts.counts.*member;
  }
  out["warnings"] = facts.warnings;
  if (facts.next.has_value()) {
    out["next"] = {
        {"input", facts.next->input}, {"line", facts.next->line}, {"bytes", facts.next->bytes}};
  }
  return json::DumpValue(out);
}

Result<MixShardFacts> ReadMixFacts(std::string_view json) {
  MixShardFacts facts;
  DATALAKE_TRY_ASSIGN(const json::Value value, json::ParseValue(json, kWhere));
  for (const auto& [name, member] : kCounts) {
    // A count that is younger than the note is not in it.
    DATALAKE_TRY_ASSIGN(const auto count, json::FindUint(value, name, kWhere));
    facts.counts.*member = count.value_or(0);
  }
  const auto warnings = value.find("warnings");
  if (warnings == value.end() || !warnings->is_array()) {
    return Error{ErrorCode::kCorruption, fmt::format("{}: no list of warnings", kWhere)};
  }
  for (const json::Value& warning : *warnings) {
    if (warning.is_string()) {
      facts.warnings.push_back(warning.get<std::string>());
    }
  }
  if (const json::Value* next = json::Find(value, "next"); next != nullptr) {
    facts.next.emplace();
    DATALAKE_TRY_ASSIGN(facts.next->input, json::GetUint(*next, "input", kWhere));
    DATALAKE_TRY_ASSIGN(facts.next->line, json::GetUint(*next, "line", kWhere));
    DATALAKE_TRY_ASSIGN(facts.next->bytes, json::GetUint(*next, "bytes", kWhere));
  }
  return facts;
}

}  // namespace datalake::curate

#include "datalake/curate/mix_spans.h"

#include <utility>

#include <fmt/format.h>

#include "datalake/json/writer.h"

namespace datalake::curate {
namespace {

Error Invalid(std::string message) {
  return Error{ErrorCode::kInvalidArgument, std::move(message)};
}

// For messages; values that a program made have no text of their own.
std::string TextOf(const json::FlatNode& node) {
  std::string text(node.raw);
  if (text.empty()) {
    json::AppendSorted(node, text);
  }
  return text.substr(0, 80);
}

bool IsWholeNumber(const json::FlatNode& node) {
  return (node.type == json::NodeType::kInt && node.integer >= 0) ||
         node.type == json::NodeType::kUint;
}

bool IsSpan(const json::FlatNode& node) {
  return node.type == json::NodeType::kArray && node.size >= 3 &&
         IsWholeNumber(*json::FindElement(node, 0)) && IsWholeNumber(*json::FindElement(node, 1)) &&
         json::IsNumber(*json::FindElement(node, 2));
}

}  // namespace

void MixSpans::StopBy(const std::stop_token& stop) {
  scratch_.jq.StopBy(stop);
}

Status MixSpans::Collect(const json::FlatNode& row, SelectorScratch& scratch) {
  replacements_.clear();
  made_replacements_.assign(program_.spans().size(), std::nullopt);
  for (std::size_t rule = 0; rule < program_.spans().size(); ++rule) {
    DATALAKE_TRY(CollectOf(rule, row, scratch));
  }
  return {};
}

// One match is the list of spans; several matches are the spans. A single span found by a path
// such as `[*]` is told by its form.
Status MixSpans::CollectOf(std::size_t rule, const json::FlatNode& row, SelectorScratch& scratch) {
  nodes_.clear();
  DATALAKE_TRY(program_.spans()[rule].Select(row, scratch, nodes_));
  if (nodes_.size() != 1 || IsSpan(*nodes_.front())) {
    for (const json::FlatNode* node : nodes_) {
      DATALAKE_TRY(Add(*node, rule, row));
    }
    return {};
  }
  const json::FlatNode& list = *nodes_.front();
  if (list.type == json::NodeType::kNull) {
    return {};
  }
  if (list.type != json::NodeType::kArray) {
    return Invalid(
        fmt::format("no list of spans at {}: {}", program_.spans()[rule].text(), TextOf(list)));
  }
  const json::FlatNode* child = &list + 1;
  for (std::uint32_t k = 0; k < list.size; ++k, child += child->span) {
    DATALAKE_TRY(Add(*child, rule, row));
  }
  return {};
}

Status MixSpans::Add(const json::FlatNode& span, std::size_t index, const json::FlatNode& row) {
  const SpanRule& rule = program_.stream().span_rules[index];
  if (!IsSpan(span)) {
    return Invalid(fmt::format("no span [start, end, score] at {}: {}", rule.span, TextOf(span)));
  }
  const double score = json::AsDouble(*json::FindElement(span, 2));
  const std::uint64_t start = json::FindElement(span, 0)->unsigned_integer;
  const std::uint64_t end = json::FindElement(span, 1)->unsigned_integer;
  if (end < start) {
    return Invalid(fmt::format("span ends before it starts at {}: {}", rule.span, TextOf(span)));
  }
  if (score >= rule.min_score && score < rule.max_score) {
    DATALAKE_TRY_ASSIGN(const std::string_view replacement, ReplacementOf(index, row));
    replacements_.push_back({start, end, replacement});
  }
  return {};
}

// A program is run once a document.
Result<std::string_view> MixSpans::ReplacementOf(std::size_t rule, const json::FlatNode& row) {
  const std::optional<json::Jq>& program = program_.replacements()[rule];
  if (!program.has_value()) {
    return std::string_view(program_.stream().span_rules[rule].replacement);
  }
  std::optional<std::string>& made = made_replacements_[rule];
  if (!made.has_value()) {
    std::vector<const json::FlatNode*> outputs;
    DATALAKE_TRY(program->Select(row, scratch_.jq, outputs));
    if (outputs.size() != 1 || outputs.front()->type != json::NodeType::kString) {
      return Invalid(fmt::format("replacement is not one string: {}: {}", program->text(),
                                 outputs.size() == 1 ? TextOf(*outputs.front())
                                                     : fmt::format("{} outputs", outputs.size())));
    }
    made = std::string(outputs.front()->text);
  }
  return std::string_view(*made);
}

}  // namespace datalake::curate

#include "datalake/curate/mix_program.h"

#include <algorithm>
#include <utility>

namespace datalake::curate {
namespace {

constexpr std::string_view kAttributes = "attributes";

Result<std::vector<Selector>> CompileAll(const std::vector<std::string>& texts,
                                         SelectorSyntax syntax, Compatibility compatibility) {
  std::vector<Selector> compiled;
  for (const std::string& text : texts) {
    DATALAKE_TRY_ASSIGN(Selector one, Selector::Compile(text, syntax, compatibility));
    compiled.push_back(std::move(one));
  }
  return compiled;
}

}  // namespace

Result<MixProgram> MixProgram::Compile(const MixStream& stream, Compatibility compatibility) {
  MixProgram program(stream, compatibility);
  DATALAKE_TRY_ASSIGN(program.include_,
                      CompileAll(stream.include, stream.filter_syntax, compatibility));
  DATALAKE_TRY_ASSIGN(program.exclude_,
                      CompileAll(stream.exclude, stream.filter_syntax, compatibility));
  for (const SpanRule& rule : stream.span_rules) {
    DATALAKE_TRY_ASSIGN(Selector span, Selector::Compile(rule.span, rule.syntax, compatibility));
    program.spans_.push_back(std::move(span));
    program.replacements_.emplace_back();
    if (rule.replacement.starts_with('$')) {
      const json::JqDialect dialect =
          compatibility == Compatibility::kDolma ? json::JqDialect::kJaq : json::JqDialect::kJq;
      DATALAKE_TRY_ASSIGN(program.replacements_.back(),
                          json::Jq::Compile(std::string_view(rule.replacement).substr(1), dialect));
    }
  }
  program.FindWantedKeys();
  return program;
}

void MixProgram::FindWantedKeys() {
  std::vector<std::string> keys;
  bool is_any = false;
  const auto add = [&](const std::optional<std::vector<std::string>>& root_keys) {
    is_any = is_any || !root_keys.has_value();
    for (const std::string& key : root_keys.value_or(std::vector<std::string>())) {
      if (key != kAttributes && std::find(keys.begin(), keys.end(), key) == keys.end()) {
        keys.push_back(key);
      }
    }
  };
  for (const std::vector<Selector>* selectors : {&include_, &exclude_, &spans_}) {
    for (const Selector& selector : *selectors) {
      add(selector.root_keys());
    }
  }
  for (const std::optional<json::Jq>& replacement : replacements_) {
    if (replacement.has_value()) {
      add(replacement->root_keys());
    }
  }
  if (!is_any) {
    wanted_keys_ = std::move(keys);
  }
}

}  // namespace datalake::curate

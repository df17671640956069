#include "apps/datalake/print_facts.h"

#include <algorithm>

#include <fmt/format.h>

#include "datalake/json/writer.h"

namespace datalake::apps {
namespace {

std::string Plain(const Fact& fact) {
  if (const auto* number = std::get_if<std::int64_t>(&fact.value)) {
    return std::to_string(*number);
  }
  if (const auto* flag = std::get_if<bool>(&fact.value)) {
    return *flag ? "yes" : "no";
  }
  return std::get<std::string>(fact.value);
}

}  // namespace

Status PrintFacts(const Context& context, const std::vector<Fact>& facts) {
  if (!context.options.json) {
    std::size_t width = 0;
    for (const Fact& fact : facts) {
      width = std::max(width, fact.name.size());
    }
    for (const Fact& fact : facts) {
      DATALAKE_TRY(context.Print(fmt::format("{:<{}}  {}", fact.name, width, Plain(fact))));
    }
    return {};
  }
  std::string text;
  json::Writer writer(text);
  writer.BeginObject();
  for (const Fact& fact : facts) {
    writer.Key(fact.name);
    if (const auto* number = std::get_if<std::int64_t>(&fact.value)) {
      writer.Int(*number);
    } else if (const auto* flag = std::get_if<bool>(&fact.value)) {
      writer.Bool(*flag);
    } else {
      writer.String(std::get<std::string>(fact.value));
    }
  }
  writer.EndObject();
  return context.Print(text);
}

}  // namespace datalake::apps

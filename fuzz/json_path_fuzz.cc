// Input: a JSONPath on the first line, a document behind it. Properties: nothing crashes; Matches
// says what Select finds; a text is taken by both JSON readers or by none; what AppendSorted writes
// reads back as the same value and is written the same again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "datalake/json/flat_tree.h"
#include "datalake/json/path.h"
#include "datalake/json/value.h"

namespace datalake::json {
namespace {

void Require(bool holds, const char* property, std::string_view input) {
  if (!holds) {
    std::fprintf(stderr, "broken: %s\n%.*s\n", property, static_cast<int>(input.size()),
                 input.data());
    std::abort();
  }
}

Status Parse(std::string_view text, std::string& buffer, FlatTree& tree) {
  buffer.assign(text);
  buffer.resize(text.size() + FlatTreeParser::kPadding);
  FlatTreeParser parser;
  tree.Clear();
  return parser.Append(std::string_view(buffer).substr(0, text.size()), "", tree);
}

void CheckRoundTrip(const FlatTree& tree, std::string_view text) {
  std::string written;
  AppendSorted(tree.root(), written);
  std::string buffer;
  FlatTree again;
  Require(Parse(written, buffer, again).has_value(), "what is written can be read", text);
  std::string twice;
  AppendSorted(again.root(), twice);
  Require(written == twice, "what is read is written the same", text);
  const Result<Value> value = ParseValue(text, "fuzz");
  const Result<Value> back = ParseValue(written, "fuzz");
  Require(value.has_value() && back.has_value(), "the other reader takes it too", text);
  // nlohmann's own maps are sorted and keep the last of a repeated name, as ours.
  Require(nlohmann::json(*value) == nlohmann::json(*back), "the value stays the same", text);
}

void CheckPath(std::string_view path_text, const FlatTree& tree, std::string_view text) {
  for (const NumberEquality numbers : {NumberEquality::kByValue, NumberEquality::kByType}) {
    const Result<Path> path = Path::Compile(path_text, numbers);
    if (!path) {
      return;
    }
    PathScratch scratch;
    std::vector<const FlatNode*> nodes;
    path->Select(tree.root(), scratch, nodes);
    Require(path->Matches(tree.root(), scratch) == !nodes.empty(), "Matches is Select", text);
  }
}

}  // namespace
}  // namespace datalake::json

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t newline = std::min(input.find('\n'), input.size());
  const std::string_view path = input.substr(0, newline);
  const std::string_view text = input.substr(std::min(newline + 1, input.size()));
  std::string buffer;
  datalake::json::FlatTree tree;
  if (!datalake::json::Parse(text, buffer, tree)) {
    const auto value = datalake::json::ParseValue(text, "fuzz");
    const bool is_container = value.has_value() && value->is_structured();
    datalake::json::Require(!is_container || text.starts_with("\xef\xbb\xbf"),
                            "both readers refuse it", input);
    static_cast<void>(datalake::json::Path::Compile(path));
    return 0;
  }
  datalake::json::CheckRoundTrip(tree, text);
  datalake::json::CheckPath(path, tree, input);
  return 0;
}

// Input: a jq program on the first line, a document behind it. Properties: nothing crashes; what
// the fast part accepts and runs has the outputs that libjq gives; root_keys says all that is
// looked at.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/json/flat_tree.h"
#include "datalake/json/jq_fast.h"
#include "datalake/json/jq_library.h"

namespace datalake::json {
namespace {

// Stand in for libjq 1.6's own, which lose errors and outputs over nested generators.
constexpr std::string_view kDefinitions =
    "def any(g; c): reduce (g | c) as $x (false; . or $x); def any(c): any(.[]; c);"
    "def any: any(.[]; .); def all(g; c): reduce (g | c) as $x (true; . and $x);"
    "def all(c): all(.[]; c); def all: all(.[]; .);"
    "def first(f): [f] | if length > 0 then .[0] else empty end;";

void Require(bool holds, const char* property, std::string_view input) {
  if (!holds) {
    std::fprintf(stderr, "broken: %s\n%.*s\n", property, static_cast<int>(input.size()),
                 input.data());
    std::abort();
  }
}

Status Parse(std::string_view text, const std::vector<std::string>* wanted, std::string& buffer,
             FlatTree& tree) {
  buffer.assign(text);
  buffer.resize(text.size() + FlatTreeParser::kPadding);
  const std::string_view padded = std::string_view(buffer).substr(0, text.size());
  FlatTreeParser parser;
  tree.Clear();
  if (wanted == nullptr) {
    return parser.Append(padded, {}, tree);
  }
  std::vector<RawField> fields;
  const std::size_t root = tree.Open(NodeType::kObject, {});
  const Status status = parser.AppendFields(padded, tree, wanted, fields);
  tree.Close(root);
  return status;
}

std::string Write(const std::vector<const FlatNode*>& outputs) {
  std::string list = "[";
  for (const FlatNode* output : outputs) {
    list += list.size() > 1 ? "," : "";
    AppendSorted(*output, list);
  }
  return list + "]";
}

bool Has(std::string_view program, std::string_view part) {
  return program.find(part) != program.npos;
}

// One that libjq reads as a double has no exact counterpart.
bool HasLargeNumber(const FlatNode& root) {
  for (const FlatNode* node = &root; node != &root + root.span; ++node) {
    if (IsNumber(*node) && !(AsDouble(*node) < 0x1p53 && AsDouble(*node) > -0x1p53)) {
      return true;
    }
  }
  return false;
}

void Compare(std::string_view program, JqMachine& machine, const FlatNode& root,
             const std::optional<std::string>& own, std::string_view input) {
  std::string list;
  const Status status = machine.Run(root, list);
  if (own.has_value() != status.has_value()) {
    const bool may_differ =
        own.has_value() ? Has(program, "any") || Has(program, "all") || Has(program, "first")
                        : Has(program, "?");
    Require(may_differ, "the same errors as libjq", input);
    return;
  }
  if (!own.has_value()) {
    return;
  }
  std::string left_buffer;
  std::string right_buffer;
  FlatTree left;
  FlatTree right;
  // A large number of the program comes out as it stands there: ours are exact, libjq's are not.
  if (Parse(*own, nullptr, left_buffer, left) && Parse(list, nullptr, right_buffer, right) &&
      !HasLargeNumber(left.root())) {
    Require(CompareJq(left.root(), right.root()) == 0, "the same outputs as libjq", input);
  }
}

// The machine of the last program: a mutation often changes the document alone.
JqMachine* MachineOf(std::string_view program) {
  static std::string text;
  static std::optional<Result<JqMachine>> machine;
  if (!machine.has_value() || text != program) {
    text = program;
    machine.emplace(JqMachine::Compile(std::string(kDefinitions) + text));
  }
  return machine->has_value() ? &**machine : nullptr;
}

void Check(std::string_view text, std::string_view document, std::string_view input) {
  std::string buffer;
  FlatTree tree;
  const auto program = ParseFastJq(text, JqDialect::kJq);
  if (program == nullptr || !Parse(document, nullptr, buffer, tree)) {
    return;
  }
  const FlatNode& root = tree.root();
  JqArena arena;
  std::vector<const FlatNode*> outputs;
  std::string error;
  const JqOutcome outcome = RunFastJq(*program, JqDialect::kJq, root, arena, outputs, error);
  if (outcome == JqOutcome::kBail) {
    return;
  }
  std::optional<std::string> own;
  if (outcome == JqOutcome::kDone) {
    own = Write(outputs);
  }
  if (const JqKeys keys = FindJqKeys(*program);
      keys.root_keys.has_value() && root.type == NodeType::kObject) {
    std::string part_buffer;
    FlatTree part;
    Require(Parse(document, &*keys.root_keys, part_buffer, part).has_value(), "a part is read",
            input);
    outputs.clear();
    JqArena part_arena;
    const JqOutcome again =
        RunFastJq(*program, JqDialect::kJq, part.root(), part_arena, outputs, error);
    Require(again == outcome && (!own.has_value() || Write(outputs) == *own),
            "root_keys are all that is looked at", input);
  }
  if (JqMachine* machine = MachineOf(text); machine != nullptr && !HasLargeNumber(root)) {
    Compare(text, *machine, root, own, input);
  }
}

}  // namespace
}  // namespace datalake::json

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t newline = std::min(input.find('\n'), input.size());
  datalake::json::Check(input.substr(0, newline), input.substr(std::min(newline + 1, input.size())),
                        input);
  return 0;
}

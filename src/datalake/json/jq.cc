#include "datalake/json/jq.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/mutex.h"
#include "datalake/json/jq_fast.h"
#include "datalake/json/jq_library.h"
#include "datalake/json/jq_watch.h"

namespace datalake::json {

struct JqScratchState {
  explicit JqScratchState(const JqLimits& limits) : watch(limits) {}

  JqArena arena;
  std::vector<const FlatNode*> outputs;
  std::string text;  // libjq's outputs
  FlatTree tree;     // of text
  FlatTreeParser parser;
  std::stop_token stop;
  JqWatch watch;
};

// Machines that no thread uses at the moment.
class IdleMachines {
 public:
  Result<JqMachine> Take(std::string_view text) {
    {
      MutexLock lock(mutex_);
      if (!machines_.empty()) {
        JqMachine machine = std::move(machines_.back());
        machines_.pop_back();
        return machine;
      }
    }
    return JqMachine::Compile(text);
  }

  void Give(JqMachine machine) {
    MutexLock lock(mutex_);
    machines_.push_back(std::move(machine));
  }

 private:
  Mutex mutex_;
  std::vector<JqMachine> machines_ DATALAKE_GUARDED_BY(mutex_);
};

struct JqProgram {
  std::string text;
  JqDialect dialect = JqDialect::kJq;
  std::unique_ptr<JqExpression> fast;
  JqKeys keys;
  IdleMachines machines;
};

namespace {

// Whether a filter takes an output for true.
bool CountsAsTrue(const FlatNode& node, JqDialect dialect) {
  switch (node.type) {
    case NodeType::kNull:
      return false;
    case NodeType::kBool:
      return node.boolean;
    case NodeType::kString:
      return !node.text.empty();
    case NodeType::kArray:
    case NodeType::kObject:
      return LiveSize(node) > 0;
    case NodeType::kDouble:
      // jaq keeps numbers of a document as they are written, and looks for the text 0.
      return node.number != 0 || (dialect == JqDialect::kJaq && !node.raw.empty());
    default:
      return node.integer != 0;
  }
}

Status RunLibrary(JqProgram& program, const FlatNode& root, JqScratchState& scratch) {
  DATALAKE_TRY_ASSIGN(JqMachine machine, program.machines.Take(program.text));
  scratch.text.clear();
  scratch.watch.Begin(scratch.stop, [&] { machine.Halt(); });
  const Status status = machine.Run(root, scratch.text);
  if (Status ended = scratch.watch.End(); !ended) {
    ended.error().message += fmt::format(": {}", program.text);
    return ended;
  }
  program.machines.Give(std::move(machine));
  DATALAKE_TRY(status);
  const std::size_t size = scratch.text.size();
  scratch.text.resize(size + FlatTreeParser::kPadding);
  scratch.tree.Clear();
  DATALAKE_TRY(
      scratch.parser.Append(std::string_view(scratch.text).substr(0, size), {}, scratch.tree));
  const FlatNode& list = scratch.tree.root();
  const FlatNode* child = &list + 1;
  for (std::uint32_t i = 0; i < list.size; ++i, child += child->span) {
    scratch.outputs.push_back(child);
  }
  return {};
}

// Puts the outputs into scratch.outputs.
Status RunProgram(JqProgram& program, const FlatNode& root, JqScratchState& scratch) {
  scratch.outputs.clear();
  if (program.fast == nullptr) {
    return RunLibrary(program, root, scratch);
  }
  scratch.arena.Clear();
  std::string error;
  switch (RunFastJq(*program.fast, program.dialect, root, scratch.arena, scratch.outputs, error)) {
    case JqOutcome::kDone:
      return {};
    case JqOutcome::kBail:
      return RunLibrary(program, root, scratch);
    case JqOutcome::kError:
      break;
  }
  return Error{ErrorCode::kInvalidArgument, fmt::format("jq: {}: {}", error, program.text)};
}

}  // namespace

JqScratch::JqScratch(const JqLimits& limits) : state_(std::make_unique<JqScratchState>(limits)) {}

JqScratch::~JqScratch() = default;
JqScratch::JqScratch(JqScratch&&) noexcept = default;
JqScratch& JqScratch::operator=(JqScratch&&) noexcept = default;

void JqScratch::StopBy(std::stop_token stop) {
  state_->stop = std::move(stop);
}

Result<Jq> Jq::Compile(std::string_view text, JqDialect dialect) {
  auto program = std::make_unique<JqProgram>();
  program->text = text;
  program->dialect = dialect;
  program->fast = ParseFastJq(program->text, dialect);
  if (program->fast != nullptr) {
    program->keys = FindJqKeys(*program->fast);
  } else {
    DATALAKE_TRY_ASSIGN(JqMachine machine, JqMachine::Compile(program->text));
    program->machines.Give(std::move(machine));
  }
  return Jq(std::move(program));
}

Jq::Jq(std::unique_ptr<JqProgram> program) : program_(std::move(program)) {}

Jq::~Jq() = default;
Jq::Jq(Jq&&) noexcept = default;
Jq& Jq::operator=(Jq&&) noexcept = default;

const std::string& Jq::text() const {
  return program_->text;
}

bool Jq::is_fast() const {
  return program_->fast != nullptr;
}

Result<bool> Jq::AllTrue(const FlatNode& root, JqScratch& scratch) const {
  JqScratchState& state = scratch.state();
  DATALAKE_TRY(RunProgram(*program_, root, state));
  return !state.outputs.empty() &&
         std::all_of(state.outputs.begin(), state.outputs.end(), [&](const FlatNode* output) {
           return CountsAsTrue(*output, program_->dialect);
         });
}

Result<bool> Jq::AnyTrue(const FlatNode& root, JqScratch& scratch) const {
  JqScratchState& state = scratch.state();
  DATALAKE_TRY(RunProgram(*program_, root, state));
  return std::any_of(state.outputs.begin(), state.outputs.end(), [&](const FlatNode* output) {
    return CountsAsTrue(*output, program_->dialect);
  });
}

Status Jq::Select(const FlatNode& root, JqScratch& scratch,
                  std::vector<const FlatNode*>& out) const {
  JqScratchState& state = scratch.state();
  DATALAKE_TRY(RunProgram(*program_, root, state));
  out.insert(out.end(), state.outputs.begin(), state.outputs.end());
  return {};
}

const std::optional<std::vector<std::string>>& Jq::root_keys() const {
  return program_->keys.root_keys;
}

std::vector<std::string> Jq::MemberKeys(std::string_view root_key) const {
  std::vector<std::string> keys;
  for (const auto& [member, key] : program_->keys.member_keys) {
    if (member == root_key) {
      keys.push_back(key);
    }
  }
  return keys;
}

}  // namespace datalake::json

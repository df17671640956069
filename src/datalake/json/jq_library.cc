#include "datalake/json/jq_library.h"

#include <cstdlib>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "datalake/json/jq.h"
#include "datalake/json/jq_home.h"
#include "datalake/json/jq_names.h"

extern "C" {
#include <jq.h>
#include <jv.h>
}

namespace datalake::json {
namespace {

constexpr std::size_t kMaxMessageBytes = 300;

Error Invalid(std::string message) {
  if (message.size() > kMaxMessageBytes) {
    message.resize(kMaxMessageBytes);
  }
  return Error{ErrorCode::kInvalidArgument, std::move(message)};
}

// One reference of a value.
class Value {
 public:
  explicit Value(jv value) : value_(value) {}

  ~Value() { jv_free(value_); }

  Value(const Value&) = delete;
  Value& operator=(const Value&) = delete;

  jv Copy() const { return jv_copy(value_); }

  jv_kind kind() const { return jv_get_kind(value_); }

 private:
  jv value_;
};

jv StringOf(std::string_view text) {
  return jv_string_sized(text.data(), static_cast<int>(text.size()));
}

// Depth is bounded by the parser's.
jv ToJv(const FlatNode& node) {
  switch (node.type) {
    case NodeType::kNull:
      return jv_null();
    case NodeType::kBool:
      return jv_bool(node.boolean ? 1 : 0);
    case NodeType::kString:
      return StringOf(node.text);
    case NodeType::kArray:
    case NodeType::kObject:
      break;
    default:
      return jv_number(AsDouble(node));
  }
  const bool is_array = node.type == NodeType::kArray;
  jv made = is_array ? jv_array() : jv_object();
  const FlatNode* child = &node + 1;
  for (std::uint32_t i = 0; i < node.size; ++i, child += child->span) {
    if (child->is_erased) {
      continue;
    }
    made = is_array ? jv_array_append(made, ToJv(*child))
                    : jv_object_set(made, StringOf(child->key), ToJv(*child));
  }
  return made;
}

// libjq counts in int.
bool IsTooLarge(const FlatNode& root) {
  const FlatNode* const end = &root + root.span;
  for (const FlatNode* node = &root; node != end; ++node) {
    if (node->text.size() > std::numeric_limits<int>::max() / 4) {
      return true;
    }
  }
  return false;
}

std::string TextOf(jv message) {
  const Value held(message);
  if (held.kind() == JV_KIND_STRING) {
    const jv copy = held.Copy();
    std::string text(jv_string_value(copy),
                     static_cast<std::size_t>(jv_string_length_bytes(jv_copy(copy))));
    jv_free(copy);
    return text;
  }
  return held.kind() == JV_KIND_INVALID ? "no message" : "an error that is no string";
}

// The first message of the compiler, on one line, without what it says of the program's origin.
struct CompilerMessages {
  std::string first;

  static void Take(void* self, jv message) {
    std::string text = TextOf(message);
    std::string& first = static_cast<CompilerMessages*>(self)->first;
    if (first.empty()) {
      constexpr std::string_view kPrefix = "jq: error: ";
      text.erase(0, text.starts_with(kPrefix) ? kPrefix.size() : 0);
      constexpr std::string_view kHint = " (Unix shell quoting issues?)";
      if (const std::size_t hint = text.find(kHint); hint != std::string::npos) {
        text.erase(hint, kHint.size());
      }
      first = text.substr(0, text.find('\n'));
      while (!first.empty() && (first.back() == ':' || first.back() == ' ')) {
        first.pop_back();
      }
    }
  }
};

}  // namespace

struct JqMachine::State {
  State() : jq(jq_init()) {}

  ~State() {
    if (jq != nullptr) {
      jq_teardown(&jq);
    }
  }

  State(const State&) = delete;
  State& operator=(const State&) = delete;

  jq_state* jq;
};

JqMachine::JqMachine(std::unique_ptr<State> state) : state_(std::move(state)) {}

JqMachine::JqMachine(JqMachine&&) noexcept = default;
JqMachine& JqMachine::operator=(JqMachine&&) noexcept = default;
JqMachine::~JqMachine() = default;

Result<JqMachine> JqMachine::Compile(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) {
    return Invalid("bad jq program: a NUL byte in it");
  }
  const JqNames names = FindJqNames(text);
  DATALAKE_TRY(CheckJqNames(names, text));
  const char* const home = std::getenv("HOME");
  DATALAKE_TRY(CheckJqHome(names, home == nullptr ? "" : home));
  auto state = std::make_unique<State>();
  if (state->jq == nullptr) {
    return Error{ErrorCode::kResourceExhausted, "jq does not start"};
  }
  CompilerMessages messages;
  jq_set_error_cb(state->jq, &CompilerMessages::Take, &messages);
  const bool is_compiled = jq_compile(state->jq, std::string(text).c_str()) != 0;
  jq_set_error_cb(state->jq, nullptr, nullptr);
  if (!is_compiled) {
    return Invalid(fmt::format("bad jq program: {}: {}", messages.first, text));
  }
  return JqMachine(std::move(state));
}

// libjq 1.6 looks before every instruction whether it is to halt. The names that would halt it from
// within are refused, so it is not halted twice, which it would take for a mistake of its own.
void JqMachine::Halt() {
  jq_halt(state_->jq, jv_invalid(), jv_invalid());
}

Status JqMachine::Run(const FlatNode& root, std::string& out) {
  if (IsTooLarge(root)) {
    return Error{ErrorCode::kResourceExhausted, "a string too long for jq"};
  }
  jq_state* const jq = state_->jq;
  jq_start(jq, ToJv(root), 0);
  out.push_back('[');
  std::size_t outputs = 0;
  while (true) {
    jv output = jq_next(jq);
    if (jv_get_kind(output) == JV_KIND_INVALID) {
      const bool has_message = jv_invalid_has_msg(jv_copy(output)) != 0;
      if (has_message) {
        return Invalid(fmt::format("jq: {}", TextOf(jv_invalid_get_msg(output))));
      }
      jv_free(output);
      break;
    }
    if (++outputs > Jq::kMaxOutputs) {
      jv_free(output);
      return Invalid(fmt::format("jq: more than {} outputs", Jq::kMaxOutputs));
    }
    if (outputs > 1) {
      out.push_back(',');
    }
    const jv text = jv_dump_string(output, 0);
    out.append(jv_string_value(text),
               static_cast<std::size_t>(jv_string_length_bytes(jv_copy(text))));
    jv_free(text);
  }
  if (jq_halted(jq) != 0) {
    return Error{ErrorCode::kCancelled, "jq: halted"};
  }
  out.push_back(']');
  return {};
}

}  // namespace datalake::json

#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "datalake/base/result.h"
#include "datalake/json/flat_tree.h"

namespace datalake::json {

/// A program compiled by libjq. Single-threaded; may move between threads.
class JqMachine {
 public:
  /// Errors: kInvalidArgument with libjq's message, or that it looks at something else than its
  /// document (CheckJqNames, CheckJqHome). Cost: some milliseconds, for libjq's own definitions.
  static Result<JqMachine> Compile(std::string_view text);

  JqMachine(JqMachine&&) noexcept;
  JqMachine& operator=(JqMachine&&) noexcept;
  ~JqMachine();

  /// Appends the outputs to `out` as the text of one JSON array. Cost: a copy of the whole root.
  /// Errors: kInvalidArgument (an error of the program; too many outputs).
  Status Run(const FlatNode& root, std::string& out);

  /// Ends Run, from another thread while it runs and once at most: behind the next instruction of
  /// the program. The machine is of no use then.
  void Halt();

 private:
  struct State;
  explicit JqMachine(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace datalake::json

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/json/flat_tree.h"

namespace datalake::json {

struct JqProgram;
struct JqScratchState;

/// Whose jq it is.
enum class JqDialect : std::uint8_t {
  kJq,   ///< jq: null has null at every key and index
  kJaq,  ///< jaq 1.2, in the Dolma toolkit: to index null is an error, members go by name, and a
         ///< 0.0 of the document counts as true where a program is a filter (0 does not)
};

/// What one evaluation in libjq may take, beside the copy of its document. Programs that end on
/// their own are far below it.
struct JqLimits {
  std::chrono::milliseconds time = std::chrono::seconds(60);
  /// By which the whole process may grow meanwhile: libjq has no account of its own.
  std::uint64_t memory_bytes = std::uint64_t{4} << 30;
};

/// Buffers of evaluations: one a thread, reused. Single-threaded.
class JqScratch {
 public:
  explicit JqScratch(const JqLimits& limits = {});
  ~JqScratch();
  JqScratch(JqScratch&&) noexcept;
  JqScratch& operator=(JqScratch&&) noexcept;

  /// Evaluations end with kCancelled soon after `stop` is requested.
  void StopBy(std::stop_token stop);

  JqScratchState& state() const { return *state_; }

 private:
  std::unique_ptr<JqScratchState> state_;
};

/// A compiled jq program. What filters of configs use (paths, comparisons, and/or/not, select, map,
/// any, all, length, arithmetic on numbers, …) runs on the flat tree itself; every other program
/// runs in libjq 1.6, to which the whole document is copied. Both give the same outputs, but for
/// these: integers beyond 2^53 are compared exactly by the former; libjq knows no kJaq; and in
/// libjq 1.6 `?` swallows errors from behind it, and any, all and first go wrong over nested
/// generators.
///
/// A program has its document alone: what would read files, the environment, the clock or other
/// inputs does not compile, nor does one that a definition of ~/.jq would change. One that never
/// ends is stopped at the limits of its JqScratch. Only within one single call of libjq (a text
/// repeated a billion times) can it not be. Thread-safe: threads that need libjq at the same time
/// have each their own.
class Jq {
 public:
  static constexpr std::size_t kMaxOutputs = 1'000'000;

  /// Errors: kInvalidArgument with libjq's message (syntax, unknown functions), or naming what it
  /// must not look at.
  static Result<Jq> Compile(std::string_view text, JqDialect dialect);

  ~Jq();
  Jq(Jq&&) noexcept;
  Jq& operator=(Jq&&) noexcept;

  /// The program as it was written.
  const std::string& text() const;

  /// True when it runs without libjq.
  bool is_fast() const;

  /// What a filter makes of the outputs, of which false, null, 0, "", [] and {} count as false:
  /// true when there is an output and none counts as false.
  /// Errors: kInvalidArgument (an error of the program, too many outputs), kResourceExhausted
  /// (JqLimits), kCancelled.
  Result<bool> AllTrue(const FlatNode& root, JqScratch& scratch) const;

  /// True when any output counts as true. Errors as AllTrue.
  Result<bool> AnyTrue(const FlatNode& root, JqScratch& scratch) const;

  /// Appends the outputs to `out`. Pointers live as long as the tree and until the next use of
  /// `scratch`. Errors as AllTrue.
  Status Select(const FlatNode& root, JqScratch& scratch, std::vector<const FlatNode*>& out) const;

  /// The members of the root that it can look at; nothing when it may look at any of them.
  const std::optional<std::vector<std::string>>& root_keys() const;

  /// As Path::MemberKeys; none are known of programs for libjq.
  std::vector<std::string> MemberKeys(std::string_view root_key) const;

 private:
  explicit Jq(std::unique_ptr<JqProgram> program);

  std::unique_ptr<JqProgram> program_;
};

}  // namespace datalake::json

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
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

/// Buffers of evaluations: one a thread, reused. Single-threaded.
class JqScratch {
 public:
  JqScratch();
  ~JqScratch();
  JqScratch(JqScratch&&) noexcept;
  JqScratch& operator=(JqScratch&&) noexcept;

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
/// Programs are their author's: one that never ends is not stopped between two outputs, one that
/// gives more than kMaxOutputs is. libjq reads ~/.jq, where there is one. Thread-safe: threads that
/// need libjq at the same time have each their own.
class Jq {
 public:
  static constexpr std::size_t kMaxOutputs = 1'000'000;

  /// Errors: kInvalidArgument with libjq's message (syntax, unknown functions).
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
  /// Errors: kInvalidArgument (an error of the program, too many outputs).
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

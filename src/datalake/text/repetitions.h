#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace datalake::text {

/// A unit and at least three more copies of it, each behind at most one white space.
struct Repetition {
  std::size_t begin = 0;  ///< bytes [begin, end) of the text
  std::size_t end = 0;
  std::uint64_t count = 0;  ///< how often the unit occurs in it, not overlapping

  friend bool operator==(const Repetition&, const Repetition&) = default;
};

/// Finds what Python's re.finditer(r"(.+?)(\s?\1){3,}") does: from the left, each with the shortest
/// unit that repeats there; no unit has a newline in it, but one may stand between copies. Keeps
/// its memory from text to text. Thread-compatible.
///
/// The pattern takes quadratic time on any text and more on hostile ones. This takes O(n log n):
/// units of up to 13 bytes by bit masks of equal bytes, longer ones by samples. A unit of p bytes
/// holds one of every p - 7 positions x with 8 bytes that are the same at x + d, where d is p or,
/// across a white space, up to p + 3; so n / (p - 7) samples for each p find all, and the sum over
/// p is n log n. Where a shorter unit repeats, longer ones are not looked for, so that the bytes
/// that are compared around samples add up to no more.
class RepetitionFinder {
 public:
  RepetitionFinder();
  ~RepetitionFinder();
  RepetitionFinder(RepetitionFinder&&) noexcept;
  RepetitionFinder& operator=(RepetitionFinder&&) noexcept;

  /// The repetitions of `text` (valid UTF-8), which do not overlap. Replaces what `out` held.
  void Find(std::string_view text, std::vector<Repetition>& out);

  /// 8-byte looks at the text that the last Find took beyond its masks: for tests of its cost.
  std::uint64_t work() const;

 private:
  class Search;

  std::unique_ptr<Search> search_;
};

}  // namespace datalake::text

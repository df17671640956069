#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace datalake::curate {

/// Bytes [begin, end) of a text.
struct ByteRange {
  std::size_t begin = 0;
  std::size_t end = 0;

  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

/// How far one match may reach: over the whole text, or not past a newline at either end.
enum class MatchScope : std::uint8_t { kText, kParagraph };

/// An e-mail address with what the pattern takes along on both sides.
struct EmailMatch {
  ByteRange range;
  std::size_t local_begin = 0;  ///< first byte of the part before the `@`
  std::size_t at = 0;           ///< the `@`
  std::size_t domain_end = 0;   ///< behind the domain

  friend bool operator==(const EmailMatch&, const EmailMatch&) = default;
};

// The finders give what Python's re.finditer gives for the pattern named, `\s` and `\d` those of
// Unicode, from left to right without overlaps, in place of what `out` held. Time is linear in the
// text, whatever is in it. `text` must be valid UTF-8. Thread-safe.

/// `[.\s@,?!;:)(]*([^\s@]+@[^\s@,?!;:)(]+?)[.\s@,?!;:)(]?\s`. About the speed of memchr where no
/// `@` is.
void FindEmails(std::string_view text, MatchScope scope, std::vector<EmailMatch>& out);

/// Numbers of telephones and of the internet, in one pass of several GB/s.
/// Phones: `\s+\(?(\d{3})\)?[-\. ]*(\d{3})[-. ]?(\d{4})`.
/// IP addresses: four of `25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?`, joined by dots.
void FindNumbers(std::string_view text, MatchScope scope, std::vector<ByteRange>& phones,
                 std::vector<ByteRange>& addresses);

}  // namespace datalake::curate

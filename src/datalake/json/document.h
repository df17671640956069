#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "datalake/base/result.h"

namespace datalake::json {

/// The fields of one document (docs of the Dolma format). Views into the line, or into the buffer
/// given to Parse where a string had escapes.
struct DocumentFields {
  std::string_view id;
  std::string_view text;
  std::string_view source;        ///< "" when absent
  std::string_view metadata_raw;  ///< the JSON text of `metadata`, "" when absent
  std::string_view id_raw;        ///< loose: the JSON text of an `id` that is no string, else ""
  bool has_text = true;           ///< loose: `text` is a string
};

/// What a document's fields may be. kStrict, as the Dolma toolkit's tagger: `id` and `text` are
/// required strings; `source`, `created` and `added` are strings, `version` a string or null, when
/// present. kLoose, as its deduper: any of them may be anything, or absent (an absent id is null).
enum class FieldTypes : std::uint8_t { kStrict, kLoose };

/// Reads documents from lines of JSON through simdjson, without a copy of what needs no unescaping.
/// The whole line is checked: syntax and UTF-8 everywhere, also in fields that nobody asked for.
/// Of a repeated key the last value counts. Keeps memory of about twice the longest line.
/// Single-threaded: one a thread.
class DocumentParser {
 public:
  /// Bytes that must be readable behind a line, and writable behind the room for its strings.
  static constexpr std::size_t kPadding = 64;

  /// Deepest nesting of arrays and objects in a line.
  static constexpr std::size_t kMaxDepth = 256;

  explicit DocumentParser(FieldTypes types = FieldTypes::kStrict);
  ~DocumentParser();
  DocumentParser(DocumentParser&&) noexcept;
  DocumentParser& operator=(DocumentParser&&) noexcept;

  /// Parses `line` (without its newline), which must be followed by kPadding readable bytes.
  /// Unescaped strings are written at `out`, which must have room for line.size() + kPadding bytes;
  /// `out` is advanced behind them. About 2 GB/s.
  /// Errors: kInvalidArgument with the reason, and the byte offset in the line where known;
  /// `fields` is then unspecified and `out` unchanged.
  Status Parse(std::string_view line, char*& out, DocumentFields& fields);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace datalake::json

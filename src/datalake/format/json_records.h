#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/io/stream.h"
#include "datalake/json/tree.h"

namespace datalake::format {

/// The objects of a JSON text, one a line; or the items of one array, when the text begins with '['
/// (which is then read whole, up to the line limit). Blank lines are passed over. Single-threaded.
class JsonRecords {
 public:
  /// `name` names the source in messages.
  JsonRecords(std::string name, std::unique_ptr<io::InputStream> stream,
              std::uint64_t max_line_bytes);

  /// Calls `visit` for the next objects until it returns false or the text ends.
  /// Errors: kInvalidArgument naming file and line, and those of the stream.
  Status ForEach(const std::function<Result<bool>(json::Node object)>& visit);

  /// Bytes of all lines given so far.
  std::uint64_t line_bytes() const { return line_bytes_; }

 private:
  Result<bool> NextLine(std::string_view& line);
  Result<bool> NextItem(json::Node& object);
  Status ReadArray();
  Error Bad(std::string_view what) const;

  std::string name_;
  std::unique_ptr<io::InputStream> stream_;
  std::uint64_t max_line_bytes_;
  std::string buffer_;
  std::size_t begin_ = 0;    // of what is not yet used in buffer_
  std::size_t scanned_ = 0;  // no newline between begin_ and here
  bool is_at_end_ = false;
  std::uint64_t number_ = 0;  // of the current line
  std::uint64_t line_bytes_ = 0;
  std::unique_ptr<json::Tree> tree_;
  std::vector<json::Node> items_;  // of the array form
  std::size_t next_item_ = 0;
  bool is_array_ = false;
};

}  // namespace datalake::format

#include "datalake/format/json_records.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/json/value.h"

namespace datalake::format {
namespace {

constexpr std::size_t kReadBytes = 1 << 20;
constexpr std::string_view kBlanks = " \t\r\n";

}  // namespace

JsonRecords::JsonRecords(std::string name, std::unique_ptr<io::InputStream> stream,
                         std::uint64_t max_line_bytes)
    : name_(std::move(name)), stream_(std::move(stream)), max_line_bytes_(max_line_bytes) {}

Error JsonRecords::Bad(std::string_view what) const {
  return Error{ErrorCode::kInvalidArgument, fmt::format("{}: {}:{}", what, name_, number_)};
}

// The next line without its newline; false at the end.
Result<bool> JsonRecords::NextLine(std::string_view& line) {
  while (true) {
    const std::size_t end = buffer_.find('\n', scanned_);
    if (end != std::string::npos || (is_at_end_ && begin_ < buffer_.size())) {
      line =
          std::string_view(buffer_).substr(begin_, end == std::string::npos ? end : end - begin_);
      begin_ = std::min(end, buffer_.size() - 1) + 1;
      scanned_ = begin_;
      ++number_;
      line_bytes_ += line.size();
      return true;
    }
    if (is_at_end_) {
      return false;
    }
    buffer_.erase(0, begin_);
    begin_ = 0;
    scanned_ = buffer_.size();
    if (buffer_.size() > max_line_bytes_) {
      ++number_;
      return Error{ErrorCode::kResourceExhausted, fmt::format("line longer than {} bytes: {}:{}",
                                                              max_line_bytes_, name_, number_)};
    }
    buffer_.resize(scanned_ + kReadBytes);
    DATALAKE_TRY_ASSIGN(
        const std::size_t read,
        stream_->Read(std::as_writable_bytes(std::span(buffer_).subspan(scanned_))));
    buffer_.resize(scanned_ + read);
    is_at_end_ = read == 0;
  }
}

// The whole text is one array: `buffer_` begins with it.
Status JsonRecords::ReadArray() {
  std::string_view line;
  std::string text;
  while (true) {
    DATALAKE_TRY_ASSIGN(const bool has_line, NextLine(line));
    if (!has_line) {
      break;
    }
    text.append(line).push_back('\n');
    if (text.size() > max_line_bytes_) {
      return Error{ErrorCode::kResourceExhausted,
                   fmt::format("json array longer than {} bytes, use one object a line: {}",
                               max_line_bytes_, name_)};
    }
  }
  auto tree = json::Tree::Parse(text);
  if (!tree) {
    const auto explained = json::ParseValue(text, name_);
    return explained ? std::move(tree).error() : explained.error();
  }
  tree_ = std::make_unique<json::Tree>(std::move(*tree));
  tree_->root().ForEachItem([&](json::Node item) { items_.push_back(item); });
  return {};
}

Result<bool> JsonRecords::NextItem(json::Node& object) {
  if (!is_array_) {
    std::string_view line;
    while (true) {
      DATALAKE_TRY_ASSIGN(const bool has_line, NextLine(line));
      if (!has_line) {
        return false;
      }
      const std::size_t start = line.find_first_not_of(kBlanks);
      if (start == std::string_view::npos) {
        continue;
      }
      if (number_ == 1 && line.starts_with("\xEF\xBB\xBF")) {
        line.remove_prefix(3);  // byte order mark
      }
      if (line[line.find_first_not_of(kBlanks)] == '[' && items_.empty() && tree_ == nullptr) {
        is_array_ = true;
        begin_ = static_cast<std::size_t>(line.data() - buffer_.data());
        scanned_ = begin_;
        --number_;
        DATALAKE_TRY(ReadArray());
        break;
      }
      auto tree = json::Tree::Parse(line);
      if (!tree) {
        const auto explained = json::ParseValue(line, fmt::format("{}:{}", name_, number_));
        return explained ? Bad(tree.error().message) : explained.error();
      }
      tree_ = std::make_unique<json::Tree>(std::move(*tree));
      object = tree_->root();
      return true;
    }
  }
  if (next_item_ == items_.size()) {
    return false;
  }
  object = items_[next_item_++];
  return true;
}

Status JsonRecords::ForEach(const std::function<Result<bool>(json::Node object)>& visit) {
  json::Node object;
  while (true) {
    DATALAKE_TRY_ASSIGN(const bool has_item, NextItem(object));
    if (!has_item) {
      return {};
    }
    if (object.type() != json::NodeType::kObject) {
      return Bad("row is no json object");
    }
    DATALAKE_TRY_ASSIGN(const bool goes_on, visit(object));
    if (!goes_on) {
      return {};
    }
  }
}

}  // namespace datalake::format

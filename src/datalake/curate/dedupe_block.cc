#include "datalake/curate/dedupe_block.h"

#include <cstring>
#include <type_traits>

namespace datalake::curate {
namespace {

template <typename T>
void AppendSpan(std::span<const T> values, std::string& out) {
  static_assert(std::is_trivially_copyable_v<T>);
  const std::uint64_t count = values.size();
  out.append(reinterpret_cast<const char*>(&count), sizeof(count));
  out.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}

// Takes pieces off the front; everything fails once the bytes are over.
class Pieces {
 public:
  explicit Pieces(std::string_view bytes) : left_(bytes) {}

  template <typename T, typename Container>
  bool Take(Container& out) {
    std::uint64_t count = 0;
    if (left_.size() < sizeof(count)) {
      return false;
    }
    std::memcpy(&count, left_.data(), sizeof(count));
    left_.remove_prefix(sizeof(count));
    if (count > left_.size() / sizeof(T)) {
      return false;
    }
    out.resize(count);
    if (count > 0) {
      std::memcpy(static_cast<void*>(out.data()), left_.data(), count * sizeof(T));
    }
    left_.remove_prefix(count * sizeof(T));
    return true;
  }

 private:
  std::string_view left_;
};

}  // namespace

void DedupeBlock::Clear() {
  rows.clear();
  units.clear();
  keys.clear();
  ids.clear();
  sources.clear();
  bytes = 0;
  times = {};
}

void AppendBlock(const DedupeBlock& block, std::span<const std::uint8_t> verdicts,
                 std::string& out) {
  AppendSpan(std::span(block.rows), out);
  AppendSpan(std::span(block.units), out);
  AppendSpan(std::span(block.ids), out);
  AppendSpan(verdicts, out);
  AppendSpan(std::span(&block.bytes, 1), out);
  for (const std::string& source : block.sources) {
    AppendSpan(std::span(source), out);
  }
}

Status ParseBlock(std::string_view bytes, DedupeBlock& block, std::vector<std::uint8_t>& verdicts) {
  block.Clear();
  Pieces pieces(bytes);
  std::vector<std::uint64_t> size;
  if (!pieces.Take<DedupeRow>(block.rows) || !pieces.Take<DedupeUnit>(block.units) ||
      !pieces.Take<char>(block.ids) || !pieces.Take<std::uint8_t>(verdicts) ||
      !pieces.Take<std::uint64_t>(size) || size.size() != 1) {
    return Error{ErrorCode::kInternal, "a block of our own came back damaged"};
  }
  block.bytes = size.front();
  for (std::string source; pieces.Take<char>(source);) {
    block.sources.push_back(source);
  }
  return {};
}

}  // namespace datalake::curate

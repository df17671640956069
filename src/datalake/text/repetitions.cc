#include "datalake/text/repetitions.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <queue>

#include "datalake/text/byte_masks.h"
#include "datalake/text/marks.h"
#include "datalake/text/unicode.h"
#include "datalake/text/utf8.h"

namespace datalake::text {
namespace {

constexpr std::size_t kSmall = 13;  // longest unit found by masks: 4 * 13 + 3 * 3 bytes < 64
constexpr std::size_t kWidestSpace = 3;
constexpr std::size_t kBlock = 64;
constexpr std::size_t kWindow = 8;
constexpr std::size_t kPadding = 3 * kBlock;  // what masks may read beyond a text

std::uint64_t Load8(const char* bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes, 8);
  return value;
}

struct Line {
  std::size_t begin = 0;
  std::size_t end = 0;  // without its newline
};

// Units of `unit` bytes repeat at each code point that begins in [begin, end).
struct Candidates {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t unit = 0;
};

}  // namespace

class RepetitionFinder::Search {
 public:
  void Run(std::string_view text, std::vector<Repetition>& out) {
    out.clear();
    work_ = 0;
    size_ = text.size();
    if (size_ < 4) {
      return;
    }
    bytes_.resize(std::max(bytes_.size(), size_ + kPadding));
    std::memcpy(bytes_.data(), text.data(), size_);
    std::memset(bytes_.data() + size_, 0, kPadding);
    candidates_.clear();
    found_.Reset(size_);
    FindLines();
    FindSmall();
    FindLarge();
    Choose(out);
  }

  std::uint64_t work() const { return work_; }

 private:
  // --- The text ---

  const char* At(std::size_t at) const { return bytes_.data() + at; }

  void FindLines() {
    lines_.clear();
    widest_space_ = 1;
    for (std::size_t begin = 0; begin <= size_;) {
      const void* newline = std::memchr(At(begin), '\n', size_ - begin);
      const std::size_t end =
          newline == nullptr ? size_
                             : static_cast<std::size_t>(static_cast<const char*>(newline) - At(0));
      lines_.push_back({begin, end});
      begin = end + 1;
    }
    if (CountCodePoints({At(0), size_}) != size_) {
      for (std::size_t at = 0; at < size_; ++at) {
        widest_space_ = std::max(widest_space_, SpaceAt(at));
      }
    }
  }

  // The bytes of a white space that begins at `at`; 0 for others.
  std::size_t SpaceAt(std::size_t at) const {
    const auto byte = static_cast<unsigned char>(bytes_[at]);
    if (at >= size_ || byte > 0xE3 || (byte > 0x20 && byte < 0xC2)) {
      return 0;
    }
    if (byte < 0x80) {
      return (byte >= 0x09 && byte <= 0x0D) || byte >= 0x1C ? 1 : 0;
    }
    if (byte != 0xC2 && byte < 0xE1) {
      return 0;
    }
    const DecodedCodePoint decoded = DecodeCodePoint({At(0), size_}, at);
    return IsSpace(decoded.value) ? decoded.bytes : 0;
  }

  bool IsCopy(std::size_t unit_begin, std::size_t unit, std::size_t at) {
    if (at + unit > size_) {
      return false;
    }
    work_ += unit / kWindow / 4;  // memcmp looks at 32 bytes at once
    return std::memcmp(At(unit_begin), At(at), unit) == 0;
  }

  // Whether `copies` more copies follow what ends at `at`.
  bool HasCopies(std::size_t unit_begin, std::size_t unit, std::size_t at, int copies) {
    if (copies <= 0) {
      return true;
    }
    const std::size_t space = SpaceAt(at);
    return (space > 0 && IsCopy(unit_begin, unit, at + space) &&
            HasCopies(unit_begin, unit, at + space + unit, copies - 1)) ||
           (IsCopy(unit_begin, unit, at) && HasCopies(unit_begin, unit, at + unit, copies - 1));
  }

  // --- Units of up to kSmall bytes: masks of equal bytes, 64 begins at a time ---

  struct BlockMasks {
    std::array<Mask, kSmall + kWidestSpace + 1> equal{};  // by distance
    std::array<Mask, kWidestSpace + 1> space{};           // by bytes of the white space
    Mask newline = 0;
  };

  BlockMasks MasksAt(std::size_t at) const {
    BlockMasks masks;
    if (at >= size_) {
      masks.newline = ~Mask{0};
      return masks;
    }
    const BlockBytes bytes(At(at));
    for (std::size_t distance = 1; distance <= kSmall + widest_space_; ++distance) {
      masks.equal[distance] = at + distance < size_ ? bytes.EqualTo(BlockBytes(At(at + distance))) &
                                                          FirstBits(size_ - distance - at)
                                                    : 0;
    }
    masks.newline = bytes.Equal('\n');
    masks.space[1] = AsciiSpaces(bytes);
    if (widest_space_ > 1) {
      for (std::size_t i = 0; i < kBlock && at + i < size_; ++i) {
        const std::size_t space = SpaceAt(at + i);
        masks.space[space] |= Mask{1} << i;
      }
    }
    return masks;
  }

  void FindSmall() {
    BlockMasks here = MasksAt(0);
    for (std::size_t at = 0; at < size_; at += kBlock) {
      const BlockMasks next = MasksAt(at + kBlock);
      FindSmallIn(at, here, next);
      here = next;
    }
  }

  static WideMask Wide(Mask here, Mask next) { return (WideMask{next} << 64) | here; }

  void FindSmallIn(std::size_t at, const BlockMasks& here, const BlockMasks& next) {
    const WideMask in_line = ~Wide(here.newline, next.newline);
    const Mask begins = ~BlockBytes(At(at)).Continuations() & FirstBits(size_ - at);
    for (std::size_t unit = 1; unit <= kSmall; ++unit) {
      bool may_have = false;
      for (std::size_t space = 0; space <= widest_space_; ++space) {
        may_have =
            may_have || MayHaveRuns(here.equal[unit + space] & static_cast<Mask>(in_line), unit);
      }
      if (!may_have) {
        continue;
      }
      // Begins of a unit that has a copy at once, or behind a space of so many bytes.
      std::array<WideMask, kWidestSpace + 1> copied{};
      WideMask any = 0;
      for (std::size_t space = 0; space <= widest_space_; ++space) {
        const std::size_t distance = unit + space;
        copied[space] = RunsOf(Wide(here.equal[distance], next.equal[distance]) & in_line, unit);
        if (space > 0) {
          copied[space] &= Wide(here.space[space], next.space[space]) >> unit;
        }
        any |= copied[space];
      }
      if (static_cast<Mask>(any) == 0) {
        continue;
      }
      WideMask chain = any;  // begins of a unit with one copy, then with two, then with three
      for (int copies = 2; copies <= 3; ++copies) {
        WideMask longer = 0;
        for (std::size_t space = 0; space <= widest_space_; ++space) {
          longer |= copied[space] & (chain >> (unit + space));
        }
        chain = longer;
      }
      const Mask found = static_cast<Mask>(chain) & begins & ~found_.Word(at / 64);
      AddSmall(at, found, unit);
    }
  }

  void AddSmall(std::size_t at, Mask found, std::size_t unit) {
    if (found == 0) {
      return;
    }
    found_.MarkWord(at / 64, found);
    while (found != 0) {
      const auto first = static_cast<std::size_t>(std::countr_zero(found));
      const auto length = static_cast<std::size_t>(std::countr_one(found >> first));
      candidates_.push_back({at + first, at + first + length, unit});
      found &= ~(FirstBits(length) << first);
    }
  }

  // --- Longer units: samples ---

  void FindLarge() {
    std::size_t longest = 0;
    pending_ = candidates_.size();  // those before have been marked
    for (const Line& line : lines_) {
      longest = std::max(longest, line.end - line.begin);
    }
    longest = std::min(longest, size_ / 4);
    for (std::size_t distance = kSmall + 1; distance <= longest + widest_space_; ++distance) {
      MarkPending(distance);
      const std::size_t shortest =
          std::max(kSmall + 1, distance - std::min(distance, widest_space_));
      std::erase_if(lines_, [&](const Line& line) { return line.end - line.begin < shortest; });
      for (const Line& line : lines_) {
        SampleLine(line, distance, shortest);
      }
    }
  }

  // Looks for units of `shortest` to `distance` bytes whose next copy is `distance` away. A sample
  // at x finds those that begin in [x - (shortest - kWindow), x].
  void SampleLine(const Line& line, std::size_t distance, std::size_t shortest) {
    if (4 * shortest > size_) {
      return;
    }
    std::size_t last = std::min(line.end - shortest, size_ - 4 * shortest);
    if (last < line.begin) {
      return;
    }
    for (std::size_t x = found_.LastFree(line.begin, last); x != std::string_view::npos;
         x = found_.LastFree(line.begin, last)) {
      ++work_;
      if (Load8(At(x)) == Load8(At(x + distance))) {
        LookAround(line, x, distance, shortest);
      }
      if (x < line.begin + (shortest - kWindow + 1)) {
        return;
      }
      last = x - (shortest - kWindow + 1);
    }
  }

  // The begin of the bytes up to `x` that are those `distance` behind them; not before `first`.
  std::size_t EqualFrom(std::size_t x, std::size_t distance, std::size_t first) {
    while (x >= first + 8) {
      ++work_;
      const std::uint64_t differ = Load8(At(x - 8)) ^ Load8(At(x - 8 + distance));
      if (differ != 0) {
        return x - static_cast<std::size_t>(std::countl_zero(differ)) / 8;
      }
      x -= 8;
    }
    while (x > first && bytes_[x - 1] == bytes_[x - 1 + distance]) {
      --x;
    }
    return x;
  }

  // The end of the bytes from `x` on that are those `distance` behind them; up to `last`.
  std::size_t EqualTo(std::size_t x, std::size_t distance, std::size_t last) {
    last = std::min(last, size_ - distance);
    while (x + 8 <= last) {
      ++work_;
      const std::uint64_t differ = Load8(At(x)) ^ Load8(At(x + distance));
      if (differ != 0) {
        return x + static_cast<std::size_t>(std::countr_zero(differ)) / 8;
      }
      x += 8;
    }
    while (x < last && bytes_[x] == bytes_[x + distance]) {
      ++x;
    }
    return x;
  }

  void LookAround(const Line& line, std::size_t x, std::size_t distance, std::size_t shortest) {
    const std::size_t reach = shortest - kWindow;
    const std::size_t first = std::max(line.begin, x - std::min(x, reach));
    const std::size_t low = EqualFrom(x, distance, first);
    const std::size_t high = EqualTo(x, distance, x + 4 * distance);
    for (std::size_t space = 0; space <= widest_space_; ++space) {
      const std::size_t unit = distance - space;
      if (unit < shortest || high < low + unit || line.end < low + unit) {
        continue;
      }
      const std::size_t last = std::min({x, high - unit, line.end - unit});
      if (low > last) {
        continue;
      }
      if (space == 0) {
        CheckTouching(low, last, unit, high);
      } else {
        CheckSpaced(low, last, unit, space);
      }
    }
  }

  // Begins of [low, last], whose next copy follows at once; copies go on up to `high` + `unit`.
  void CheckTouching(std::size_t low, std::size_t last, std::size_t unit, std::size_t high) {
    std::size_t begin = low;
    if (high >= low + 3 * unit) {
      const std::size_t end = std::min(last, high - 3 * unit) + 1;
      Add(low, end, unit);
      begin = end;
    }
    for (; begin <= last; ++begin) {  // a space may come between later copies
      if (SpaceAt(begin + 2 * unit) > 0 || SpaceAt(std::min(begin + 3 * unit, size_)) > 0) {
        Check(begin, unit);
      }
    }
  }

  // Begins of [low, last], whose next copy follows `space` bytes behind them.
  void CheckSpaced(std::size_t low, std::size_t last, std::size_t unit, std::size_t space) {
    for (std::size_t begin = low; begin <= last; ++begin) {
      if (SpaceAt(begin + unit) == space) {
        Check(begin, unit);
      }
    }
  }

  void Check(std::size_t begin, std::size_t unit) {
    if (!IsContinuation(bytes_[begin]) && !found_.Has(begin) &&
        HasCopies(begin, unit, begin + unit, 3)) {
      Add(begin, begin + 1, unit);
    }
  }

  void Add(std::size_t begin, std::size_t end, std::size_t unit) {
    candidates_.push_back({begin, end, unit});
  }

  // Where a unit repeats, longer ones need not be looked for; but units that are up to
  // widest_space_ shorter come at the same distances and later ones.
  void MarkPending(std::size_t distance) {
    for (; pending_ < candidates_.size() && candidates_[pending_].unit + widest_space_ < distance;
         ++pending_) {
      found_.Mark(candidates_[pending_].begin, candidates_[pending_].end);
    }
  }

  // --- The leftmost, then the shortest ---

  void Choose(std::vector<Repetition>& out) {
    std::sort(candidates_.begin(), candidates_.end(),
              [](const Candidates& a, const Candidates& b) { return a.begin < b.begin; });
    const auto longer = [](const Candidates& a, const Candidates& b) { return a.unit > b.unit; };
    std::priority_queue<Candidates, std::vector<Candidates>, decltype(longer)> open(longer);
    std::size_t next = 0;
    for (std::size_t at = 0;;) {
      for (; next < candidates_.size() && candidates_[next].begin <= at; ++next) {
        open.push(candidates_[next]);
      }
      while (!open.empty() && open.top().end <= at) {
        open.pop();
      }
      if (open.empty()) {
        if (next == candidates_.size()) {
          return;
        }
        at = std::max(at, candidates_[next].begin);
        continue;
      }
      if (IsContinuation(bytes_[at])) {
        ++at;
        continue;
      }
      out.push_back(Follow(at, open.top().unit));
      at = out.back().end;
    }
  }

  // As the pattern goes: a white space before a copy if it can, as many copies as it can.
  Repetition Follow(std::size_t begin, std::size_t unit) {
    std::size_t end = begin + unit;
    for (int copies = 1;; ++copies) {
      const int wanted = 3 - copies;
      const std::size_t space = SpaceAt(end);
      if (space > 0 && IsCopy(begin, unit, end + space) &&
          HasCopies(begin, unit, end + space + unit, wanted)) {
        end += space + unit;
      } else if (IsCopy(begin, unit, end) && HasCopies(begin, unit, end + unit, wanted)) {
        end += unit;
      } else {
        break;
      }
    }
    return {begin, end, Count(begin, unit, end)};
  }

  std::uint64_t Count(std::size_t begin, std::size_t unit, std::size_t end) const {
    const std::string_view all(At(begin), end - begin);
    const std::string_view one = all.substr(0, unit);
    std::uint64_t count = 0;
    for (std::size_t at = 0; at != std::string_view::npos; at = all.find(one, at + unit)) {
      ++count;
    }
    return count;
  }

  std::vector<char> bytes_;  // the text and kPadding
  std::size_t size_ = 0;
  std::size_t widest_space_ = 1;
  std::vector<Line> lines_;
  Marks found_;  // begins that have a candidate
  std::vector<Candidates> candidates_;
  std::size_t pending_ = 0;  // the first of them that is not in found_ yet
  std::uint64_t work_ = 0;
};

RepetitionFinder::RepetitionFinder() : search_(std::make_unique<Search>()) {}

RepetitionFinder::~RepetitionFinder() = default;
RepetitionFinder::RepetitionFinder(RepetitionFinder&&) noexcept = default;
RepetitionFinder& RepetitionFinder::operator=(RepetitionFinder&&) noexcept = default;

void RepetitionFinder::Find(std::string_view text, std::vector<Repetition>& out) {
  search_->Run(text, out);
}

std::uint64_t RepetitionFinder::work() const {
  return search_->work();
}

}  // namespace datalake::text

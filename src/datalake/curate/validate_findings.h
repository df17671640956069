#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace datalake::curate {

/// What can be wrong with a dataset.
enum class FindingKind : std::uint8_t {
  kLayout,
  kUnknownSuffix,
  kFolderLikeFile,
  kSymlink,
  kCompression,
  kUnreadable,
  kByteOrderMark,
  kBlankLine,
  kNotUtf8,
  kBadJson,
  kRepeatedKey,
  kMissingKey,
  kWrongType,
  kBadTimestamp,
  kRepeatedId,
  kMissingAttributes,
  kStrayAttributes,
  kAttributeRows,
  kAttributeIds,
  kAttributeForm,
};

inline constexpr std::size_t kNumFindingKinds = 20;

/// The name of a kind in reports ("not_utf8"), and what to do about it.
struct FindingFacts {
  std::string_view name;
  std::string_view advice;
};

const FindingFacts& FactsOf(FindingKind kind);

/// One thing that is wrong.
struct Finding {
  std::uint64_t line = 0;  ///< 1-based; 0: the file as a whole
  std::string what;
};

/// The findings of one kind in one file, in order of lines.
struct FindingGroup {
  std::string path;
  FindingKind kind = FindingKind::kLayout;
  std::uint64_t count = 0;
  std::vector<Finding> shown;  ///< the first ones
};

/// Takes the findings of one file, in order, and keeps the first few of each kind.
/// Single-threaded.
class FileFindings {
 public:
  FileFindings(std::string path, std::uint64_t max_shown);

  void Add(FindingKind kind, std::uint64_t line, std::string what);

  /// As Add with the text that `make` gives, which is called only when it will be kept.
  template <typename Make>
  void AddLazily(FindingKind kind, std::uint64_t line, Make make) {
    FindingGroup& group = groups_[static_cast<std::size_t>(kind)];
    ++group.count;
    if (group.shown.size() < max_shown_) {
      group.shown.push_back({line, make()});
    }
  }

  /// Adds what `later` found behind this; empties it.
  void Append(FileFindings& later);

  bool empty() const;

  const std::string& path() const { return path_; }

  /// Moves the groups that have something to the end of `out`.
  void MoveTo(std::vector<FindingGroup>& out);

 private:
  std::string path_;
  std::uint64_t max_shown_;
  std::array<FindingGroup, kNumFindingKinds> groups_;
};

}  // namespace datalake::curate

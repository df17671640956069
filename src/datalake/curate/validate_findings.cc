#include "datalake/curate/validate_findings.h"

#include <algorithm>
#include <utility>

namespace datalake::curate {
namespace {

// In the order of FindingKind.
constexpr std::array<FindingFacts, kNumFindingKinds> kFacts = {{
    {"layout", "put documents below documents/ and attributes below attributes/<name>/"},
    {"unknown_suffix",
     "name it .jsonl, .jsonl.gz, .jsonl.zst or .parquet, or move it out of the dataset"},
    {"folder_like_file", "rename the folder, or move it out of the dataset"},
    {"symlink", "put the file itself there, so that the dataset is whole when it is copied"},
    {"compression", "rename the file after its content"},
    {"unreadable", "write the file anew"},
    {"byte_order_mark", "write the file without it"},
    {"blank_line", "remove the line"},
    {"not_utf8", "write the text as UTF-8"},
    {"bad_json", "write one JSON object a line"},
    {"repeated_key", "keep one of them: readers differ in which one counts"},
    {"missing_key", "every document needs id, text and source"},
    {"wrong_type",
     "id, text, source, added, created and version are strings, metadata and attributes objects"},
    {"bad_timestamp", "write it as 2023-03-28T22:42:45Z"},
    {"repeated_id", "ids must be unique within their source"},
    {"missing_attributes", "run the tagger on this file too"},
    {"stray_attributes", "remove it, or put back its documents"},
    {"attribute_rows", "make the attributes of this file anew: row N belongs to row N"},
    {"attribute_ids", "make the attributes of this file anew: row N belongs to row N"},
    {"attribute_form",
     "a row is {\"id\": ..., \"attributes\": {...}}, a span [start, end, score] of its text"},
}};

}  // namespace

const FindingFacts& FactsOf(FindingKind kind) {
  return kFacts[static_cast<std::size_t>(kind)];
}

FileFindings::FileFindings(std::string path, std::uint64_t max_shown)
    : path_(std::move(path)), max_shown_(max_shown) {}

void FileFindings::Add(FindingKind kind, std::uint64_t line, std::string what) {
  AddLazily(kind, line, [&] { return std::move(what); });
}

void FileFindings::Append(FileFindings& later) {
  for (std::size_t kind = 0; kind < groups_.size(); ++kind) {
    FindingGroup& group = groups_[kind];
    FindingGroup more = std::exchange(later.groups_[kind], {});
    group.count += more.count;
    for (Finding& finding : more.shown) {
      if (group.shown.size() < max_shown_) {
        group.shown.push_back(std::move(finding));
      }
    }
  }
}

bool FileFindings::empty() const {
  return std::all_of(groups_.begin(), groups_.end(),
                     [](const FindingGroup& group) { return group.count == 0; });
}

void FileFindings::MoveTo(std::vector<FindingGroup>& out) {
  for (std::size_t kind = 0; kind < groups_.size(); ++kind) {
    FindingGroup& group = groups_[kind];
    if (group.count > 0) {
      group.path = path_;
      group.kind = static_cast<FindingKind>(kind);
      out.push_back(std::exchange(group, {}));
    }
  }
}

}  // namespace datalake::curate

#include "datalake/lake/feed_snapshot.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <utility>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/hash.h"
#include "datalake/base/hex.h"
#include "datalake/base/name.h"
#include "datalake/format/arrow_rows.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/watched_rows.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/value.h"
#include "datalake/lake/feed_definition.h"
#include "datalake/lake/feed_withdrawal.h"

namespace datalake::lake {
namespace {

constexpr std::string_view kManifestFile = kSnapshotManifestFile;
constexpr std::string_view kContributorsFile = "contributors.json";
constexpr std::string_view kReportFile = "report.json";
constexpr std::uint64_t kMaxTextBytes = std::uint64_t{64} << 20;
constexpr std::size_t kMaxNameBytes = 200;  // of a contributor
constexpr std::size_t kMaxCardNames = 100;  // contributors named in the card
constexpr int kManifestVersion = 1;

constexpr std::array<std::pair<std::string_view, SnapshotKind>, 3> kKinds = {
    {{"raw", SnapshotKind::kRaw},
     {"cleaned", SnapshotKind::kCleaned},
     {"curated", SnapshotKind::kCurated}}};

// What is published of every record, and of a chat: a list of what is let out, so that a column
// that is added to feeds stays inside until somebody thinks about it. Of other records also the
// fields of the feed's definition.
constexpr std::string_view kPublicColumns[] = {"ingest_id", "version", "received",
                                               "day",       "source",  "attribution"};
constexpr std::string_view kPublicChatColumns[] = {"agent_id", "prompt_template", "chat_template",
                                                   "conversation"};

// Files of a version that a download may name, beside those of the manifest.
constexpr std::string_view kPlainFiles[] = {"manifest.json", "README.md",    "croissant.json",
                                            "metadata.json", "lineage.json", "dataset_info.json",
                                            "state.json",    "report.json",  "contributors.json"};

// Who gave the rows.
struct Credits {
  std::map<std::string, std::int64_t> names;
  std::int64_t anonymous = 0;
};

// A name on one line, of bounded length: it goes into a card.
std::string CreditName(std::string_view text) {
  std::string name;
  for (const char c : text) {
    name += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  const std::size_t begin = std::min(name.find_first_not_of(' '), name.size());
  name = name.substr(begin, name.find_last_not_of(' ') + 1 - std::min(begin, name.size()));
  if (name.size() > kMaxNameBytes) {
    std::size_t end = kMaxNameBytes;
    while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) {
      --end;  // not inside a character
    }
    name.resize(end);
  }
  return name;
}

// Counts the rows of one data file and who gave them.
Result<std::int64_t> ReadCredits(io::FileSystem& fs, const std::string& path, Credits& credits) {
  DATALAKE_TRY_ASSIGN(const auto rows, format::OpenArrowRows(fs, path));
  std::int64_t count = 0;
  while (true) {
    DATALAKE_TRY_ASSIGN(const auto batch,
                        format::FromArrow(rows->Next(), "cannot read the rows of a snapshot"));
    if (batch == nullptr) {
      return count;
    }
    count += batch->num_rows();
    const auto column = batch->GetColumnByName("attribution");
    if (column == nullptr || column->type_id() != arrow::Type::STRING) {
      credits.anonymous += batch->num_rows();
      continue;
    }
    const auto& names = static_cast<const arrow::StringArray&>(*column);
    for (std::int64_t row = 0; row < names.length(); ++row) {
      const std::string name = names.IsNull(row) ? "" : CreditName(names.GetView(row));
      ++(name.empty() ? credits.anonymous : credits.names[name]);
    }
  }
}

std::vector<std::pair<std::string, std::int64_t>> ByRecords(const Credits& credits) {
  std::vector<std::pair<std::string, std::int64_t>> sorted(credits.names.begin(),
                                                           credits.names.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return sorted;
}

std::string ContributorsJson(const Credits& credits) {
  json::Value list = json::Value::array();
  for (const auto& [name, records] : ByRecords(credits)) {
    list.push_back({{"name", name}, {"records", records}});
  }
  const json::Value value = {{"contributors", std::move(list)},
                             {"anonymous_records", credits.anonymous}};
  return json::DumpValueIndented(value) + "\n";
}

std::string CardNotes(const Credits& credits) {
  std::string text = "## Contributors\n\n";
  const auto sorted = ByRecords(credits);
  for (std::size_t i = 0; i < std::min(sorted.size(), kMaxCardNames); ++i) {
    fmt::format_to(std::back_inserter(text), "- {} ({} records)\n", EscapeMarkdown(sorted[i].first),
                   sorted[i].second);
  }
  if (sorted.size() > kMaxCardNames) {
    fmt::format_to(std::back_inserter(text), "- and {} more: contributors.json\n",
                   sorted.size() - kMaxCardNames);
  }
  fmt::format_to(std::back_inserter(text),
                 "{}{} records were given without a name; nothing tells which of them are of one "
                 "person.\n\nFiles with their SHA-256: manifest.json.\n",
                 sorted.empty() ? "" : "\n", credits.anonymous);
  return text;
}

json::Value SchemaJson(const arrow::Schema& schema) {
  json::Value columns = json::Value::array();
  for (const auto& field : schema.fields()) {
    columns.push_back({{"name", field->name()}, {"type", field->type()->ToString()}});
  }
  return columns;
}

// What a manifest says of the files in `folder`; `value` has all else.
Status FinishManifest(io::FileSystem& fs, const std::string& folder,
                      const std::vector<CollectionFile>& files, CollectionInfo& info,
                      json::Value value) {
  Credits credits;
  json::Value listed = json::Value::array();
  std::int64_t total = 0;
  for (const CollectionFile& file : files) {
    DATALAKE_TRY_ASSIGN(const std::int64_t rows,
                        ReadCredits(fs, io::JoinPath(folder, file.path), credits));
    total += rows;
    listed.push_back(
        {{"path", file.path}, {"bytes", file.size_bytes}, {"sha256", file.sha256}, {"rows", rows}});
  }
  const std::string contributors = ContributorsJson(credits);
  DATALAKE_TRY(io::ReplaceFile(fs, io::JoinPath(folder, kContributorsFile), contributors));
  listed.push_back({{"path", kContributorsFile},
                    {"bytes", contributors.size()},
                    {"sha256", Sha256Hex(contributors)}});
  const auto report = io::ReadFile(fs, io::JoinPath(folder, kReportFile), kMaxTextBytes);
  if (report) {
    listed.push_back(
        {{"path", kReportFile}, {"bytes", report->size()}, {"sha256", Sha256Hex(*report)}});
  } else if (report.error().code != ErrorCode::kNotFound) {
    return report.error();
  }
  value["collection"] = info.name;
  value["version"] = info.version;
  value["rows"] = total;
  value["contributors"] = credits.names.size();
  value["anonymous_records"] = credits.anonymous;
  value["files"] = std::move(listed);
  info.notes = CardNotes(credits);
  return io::ReplaceFile(fs, io::JoinPath(folder, kManifestFile),
                         json::DumpValueIndented(value) + "\n");
}

json::Value NewManifest(const FeedSnapshotRequest& request, const FeedDefinition& definition,
                        const CollectionInfo& info, const arrow::Schema& schema,
                        std::int64_t table_version, std::int64_t records) {
  json::Value value = {{"format", "datalake-snapshot"},
                       {"format_version", kManifestVersion},
                       {"feed", request.feed},
                       {"kind", ToString(request.kind)},
                       {"collection", info.name},
                       {"version", info.version},
                       {"created_at", FormatTimestamp(info.created_at)},
                       {"license", info.license},
                       {"consent", definition.consent},
                       {"schema_version", definition.schema_version},
                       {"schema", SchemaJson(schema)},
                       {"rows", 0}};
  const auto filter = json::ParseValue(FeedFilterJson(request.filter), "filter");
  value["source"] = {{"table", ToString(FeedTableName(request.feed))},
                     {"table_version", table_version},
                     {"records", records},
                     {"filter", filter ? *filter : json::Value::object()}};
  return value;
}

std::vector<std::string> PublicColumns(const FeedDefinition& definition) {
  std::vector<std::string> names(std::begin(kPublicColumns), std::end(kPublicColumns));
  if (definition.shape == FeedShape::kChat) {
    names.insert(names.end(), std::begin(kPublicChatColumns), std::end(kPublicChatColumns));
  }
  for (const FeedField& field : definition.fields) {
    names.push_back(field.name);
  }
  return names;
}

Result<json::Value> ParseManifest(std::string_view text, const std::string& path) {
  DATALAKE_TRY_ASSIGN(json::Value value, json::ParseValue(text, path));
  const json::Value* files = json::Find(value, "files");
  if (files == nullptr || !files->is_array()) {
    return Error{ErrorCode::kCorruption, fmt::format("manifest without a list of files: {}", path)};
  }
  return value;
}

std::string MediaType(std::string_view name) {
  if (name.ends_with(".json")) {
    return "application/json";
  }
  return name.ends_with(".md") ? "text/markdown; charset=utf-8"
                               : "application/vnd.apache.arrow.stream";
}

Result<std::string> HashFile(io::FileSystem& fs, const std::string& path) {
  Sha256 hash;
  std::vector<std::byte> buffer(std::size_t{1} << 20);
  DATALAKE_TRY_ASSIGN(const auto input, fs.OpenInput(path));
  while (true) {
    DATALAKE_TRY_ASSIGN(const std::size_t read, input->Read(buffer));
    if (read == 0) {
      return ToHex(hash.Finish());
    }
    hash.Update(std::span(buffer).first(read));
  }
}

}  // namespace

std::string_view ToString(SnapshotKind kind) {
  for (const auto& [word, known] : kKinds) {
    if (known == kind) {
      return word;
    }
  }
  return "raw";
}

Result<SnapshotKind> ParseSnapshotKind(std::string_view text) {
  std::vector<std::string> words;
  for (const auto& [word, kind] : kKinds) {
    if (word == text) {
      return kind;
    }
    words.emplace_back(word);
  }
  return Error{ErrorCode::kInvalidArgument, UnknownNameError("kind", text, words).message};
}

std::string SnapshotCollection(std::string_view feed, SnapshotKind kind) {
  return fmt::format("{}-{}", feed, ToString(kind));
}

Result<CollectionInfo> MakeFeedSnapshot(Lake& lake, FeedQueries& queries,
                                        const FeedSnapshotRequest& request,
                                        const SnapshotControl& control) {
  DATALAKE_TRY_ASSIGN(const FeedDefinition definition,
                      FeedDefinitions(lake.context()).Find(request.feed));
  DATALAKE_TRY_ASSIGN(const auto lock, LockSnapshots(lake.context(), request.feed, control.stop));
  DATALAKE_TRY_ASSIGN(const std::int64_t records,
                      queries.Count(request.feed, request.filter, {}, control.stop));
  DATALAKE_TRY_ASSIGN(FeedRows found, queries.Rows(request.feed, request.filter,
                                                   PublicColumns(definition), control.stop));
  found.rows =
      format::WatchRows(std::move(found.rows), "snapshot", 0, control.progress, control.stop);
  return PublishSnapshot(lake, request, std::move(found), records);
}

Result<CollectionInfo> PublishSnapshot(Lake& lake, const FeedSnapshotRequest& request,
                                       FeedRows found, std::int64_t records) {
  DATALAKE_TRY_ASSIGN(const FeedDefinition definition,
                      FeedDefinitions(lake.context()).Find(request.feed));
  auto rows = std::move(found.rows);
  if (request.stage != nullptr) {
    DATALAKE_TRY_ASSIGN(rows, request.stage->Apply(std::move(rows)));
  }
  io::FileSystem& fs = lake.context().fs;
  const DescribeVersion describe = [&](const std::string& staged, const arrow::Schema& schema,
                                       const std::vector<CollectionFile>& files,
                                       CollectionInfo& info) -> Status {
    if (request.stage != nullptr) {
      DATALAKE_TRY(io::ReplaceFile(fs, io::JoinPath(staged, kReportFile),
                                   request.stage->ReportJson() + "\n"));
    }
    info.license = request.license.empty() ? definition.licence : request.license;
    return FinishManifest(
        fs, staged, files, info,
        NewManifest(request, definition, info, schema, found.table_version, records));
  };
  SaveCollectionRequest save{.name = SnapshotCollection(request.feed, request.kind),
                             .description = request.description,
                             .created_by = request.created_by,
                             .source = {.kind = "feed",
                                        .query = FeedFilterJson(request.filter),
                                        .inputs = {{.table = FeedTableName(request.feed),
                                                    .version = found.table_version}}},
                             .describe = describe};
  return Collections(lake).Save(*rows, save);
}

Result<std::vector<SnapshotInfo>> ListFeedSnapshots(Lake& lake, std::string_view feed) {
  std::vector<SnapshotInfo> snapshots;
  const Collections collections(lake);
  for (const auto& [word, kind] : kKinds) {
    auto found = collections.Versions(SnapshotCollection(feed, kind));
    if (!found) {
      if (found.error().code == ErrorCode::kNotFound) {
        continue;
      }
      return found.error();
    }
    for (CollectionInfo& info : found->versions) {
      snapshots.push_back({.feed = std::string(feed), .kind = kind, .collection = std::move(info)});
    }
  }
  return snapshots;
}

Result<SnapshotInfo> FindFeedSnapshot(Lake& lake, std::string_view feed, SnapshotKind kind,
                                      std::string_view version) {
  auto info = Collections(lake).Find(SnapshotCollection(feed, kind), version);
  if (!info && info.error().code == ErrorCode::kNotFound) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("no such snapshot: {}, {}, {}", feed, ToString(kind), version)};
  }
  if (!info) {
    return info.error();
  }
  return SnapshotInfo{
      .feed = std::string(feed), .kind = kind, .collection = std::move(info).value()};
}

Result<std::string> ReadSnapshotManifest(Lake& lake, const SnapshotInfo& snapshot) {
  return io::ReadFile(lake.context().fs, io::JoinPath(snapshot.collection.path, kManifestFile),
                      kMaxTextBytes);
}

Result<SnapshotDownload> FindSnapshotFile(Lake& lake, const SnapshotInfo& snapshot,
                                          std::string_view name) {
  io::FileSystem& fs = lake.context().fs;
  DATALAKE_TRY_ASSIGN(const std::string text, ReadSnapshotManifest(lake, snapshot));
  DATALAKE_TRY_ASSIGN(const json::Value manifest,
                      ParseManifest(text, io::JoinPath(snapshot.collection.path, kManifestFile)));
  SnapshotDownload found;
  found.media_type = MediaType(name);
  std::vector<std::string> names(std::begin(kPlainFiles), std::end(kPlainFiles));
  for (const json::Value& file : manifest["files"]) {
    const std::string path = file.value("path", std::string());
    if (path == name) {
      found.sha256 = file.value("sha256", std::string());
    }
    names.push_back(path);
  }
  // The name is one that we know, so it is no path of the client's making.
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    return UnknownNameError("file of the snapshot", name, names);
  }
  found.path = io::JoinPath(snapshot.collection.path, name);
  DATALAKE_TRY_ASSIGN(const io::FileInfo facts, fs.Stat(found.path));
  found.size_bytes = facts.size_bytes;
  if (found.sha256.empty()) {
    DATALAKE_TRY_ASSIGN(found.sha256, HashFile(fs, found.path));
  }
  return found;
}

Status RenewSnapshotFiles(io::FileSystem& fs, const std::string& folder,
                          const std::string& old_manifest, const std::vector<CollectionFile>& files,
                          CollectionInfo& info, std::string_view amended_at) {
  DATALAKE_TRY_ASSIGN(json::Value value, ParseManifest(old_manifest, folder));
  json::Value& amended = value["amended"];
  if (!amended.is_array()) {
    amended = json::Value::array();
  }
  amended.push_back({{"at", amended_at}});
  return FinishManifest(fs, folder, files, info, std::move(value));
}

}  // namespace datalake::lake

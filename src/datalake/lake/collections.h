#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/clock.h"
#include "datalake/base/result.h"
#include "datalake/lake/collection_splits.h"
#include "datalake/lake/lake.h"

namespace datalake::lake {

/// One version of one table: what an answer was computed from.
struct TableVersion {
  TableName table;
  std::int64_t version = 0;

  friend bool operator==(const TableVersion&, const TableVersion&) = default;
};

/// Where the rows of a collection come from; kept with it for ever.
struct CollectionSource {
  std::string kind = {};   ///< "search", "sql", "import", "rows"
  std::string query = {};  ///< the request as text or JSON; the path of an import
  std::vector<TableVersion> inputs = {};
};

/// One part of a collection.
struct CollectionSplit {
  std::string name;
  std::int64_t num_samples = 0;
  std::uint64_t size_bytes = 0;  ///< of its data files

  friend bool operator==(const CollectionSplit&, const CollectionSplit&) = default;
};

/// One version of a collection; its metadata.json (docs/formats/collection.md).
struct CollectionInfo {
  std::string name;
  std::string version;
  std::string description;
  Timestamp created_at;
  std::string created_by;
  std::int64_t num_samples = 0;
  std::uint64_t size_bytes = 0;  ///< of the data files
  /// SHA-256 of the data files' bytes, one after the other; empty in collections of other programs.
  std::string content_sha256;
  CollectionSource source;
  std::vector<CollectionSplit> splits;  ///< in the order of their files; empty: none
  std::string split_key;                ///< the column that divides them
  std::string path;                     ///< its folder
  std::string license;                  ///< an SPDX id, or a text; empty: none was said
  std::string notes;                    ///< a section of its card in Markdown, beside metadata.json
};

struct CollectionFile;

/// Adds files to a version before it appears (in its hidden folder `staged`) and says more of it in
/// `info` (license, notes). Called once the data files are there; again when another writer took
/// the version.
using DescribeVersion =
    std::function<Status(const std::string& staged, const arrow::Schema& schema,
                         const std::vector<CollectionFile>& files, CollectionInfo& info)>;

struct SaveCollectionRequest {
  std::string name;
  std::string version = {};  ///< as given; empty: the next of v1, v2, …
  std::string description = {};
  std::string created_by = {};
  CollectionSource source = {};
  SplitPlan splits = {};          ///< without shares: one set of rows
  DescribeVersion describe = {};  ///< may be empty
};

/// A collection and its versions, oldest first.
struct CollectionVersions {
  std::string name;
  std::vector<CollectionInfo> versions;
  std::vector<std::string> problems;  ///< folders that are no readable version, and why
  std::string damage;                 ///< the first of them that is a version and was damaged
};

/// The collections of a lake: folders collections/<name>/<version>/ in the form of HF
/// `save_to_disk` (of a `DatasetDict` when it has splits) with metadata.json, lineage.json, a
/// dataset card README.md and croissant.json. A version appears whole, by one rename, and
/// never changes. `latest` is a relative symbolic link to the newest version, for other programs;
/// here "latest", and no version, mean the newest by `created_at` whatever the link says.
/// Thread-safe; any number of processes may save and delete at once.
class Collections {
 public:
  /// `lake` must outlive it.
  explicit Collections(Lake& lake);

  /// Writes all of `rows` as a new version; durable when it returns. Writers that choose the same
  /// next version at the same time get different ones. Errors: kInvalidArgument (names; "latest"),
  /// kAlreadyExists (the version given), kUnsupported (types), kResourceExhausted, kIo, those of
  /// `rows`; nothing stays then.
  Result<CollectionInfo> Save(arrow::RecordBatchReader& rows, const SaveCollectionRequest& request);

  /// All collections with at least one version, readable or not, by name. Errors: kIo.
  Result<std::vector<CollectionVersions>> List() const;

  /// The versions of one collection. Errors: kInvalidArgument, kNotFound naming the nearest, kIo.
  Result<CollectionVersions> Versions(std::string_view name) const;

  /// One version; "" and "latest" mean the newest. Errors: as Versions, also for the version;
  /// kCorruption (its metadata was changed; of the newest: that of any version).
  Result<CollectionInfo> Find(std::string_view name, std::string_view version) const;

  /// The rows of one version; see format::OpenHfDataset. Errors: as Find; kCorruption, kIo.
  /// Without `split` those of all splits, one after the other.
  Result<std::shared_ptr<arrow::RecordBatchReader>> Open(std::string_view name,
                                                         std::string_view version,
                                                         std::string_view split = "") const;

  /// Removes one version ("latest": the newest) and returns its name; with the last one the folder
  /// of the collection goes. Durable. Errors: as Find; kInvalidArgument (no version given), kIo.
  Result<std::string> Delete(std::string_view name, std::string_view version);

 private:
  std::string Folder(std::string_view name) const;
  Result<CollectionInfo> Publish(const std::string& staged, CollectionInfo info,
                                 const arrow::Schema& schema,
                                 const std::vector<CollectionFile>& files,
                                 const DescribeVersion& describe);
  Status UpdateLatest(std::string_view name, std::string_view except);

  Lake& lake_;
};

/// Order of versions: by time of creation, then v2 before v10, then by text.
bool IsOlder(const CollectionInfo& a, const CollectionInfo& b);

}  // namespace datalake::lake

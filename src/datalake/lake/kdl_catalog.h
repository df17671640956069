#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/clock.h"
#include "datalake/base/mutex.h"
#include "datalake/base/random.h"
#include "datalake/base/result.h"
#include "datalake/lake/layout.h"

namespace datalake::assets {
class AssetStore;
}  // namespace datalake::assets

namespace datalake::table {
class Table;
}  // namespace datalake::table

namespace datalake::lake {

/// One leaf of a KDL catalog: catalog/provider=P/dataset=D/task=T/variant=V/.
struct KdlPartition {
  TableName table;  ///< names as the folders have them: any text
  std::string variant;
  std::vector<std::string> files;  ///< Parquet files, usually data.parquet alone
  std::string metadata_file;       ///< _metadata.json; may not exist
};

/// A lake of the KDL program (specs/kdl.md §0 and §4), read as it is: its folders are the truth,
/// each table is one version made of the files that are there. Nothing is ever written.
/// Thread-safe.
class KdlCatalog {
 public:
  /// True when the folder is laid out so and holds anything: no lake.json, but catalog/, assets/
  /// and collections/.
  static Result<bool> IsKdlLake(io::FileSystem& fs, std::string_view root);

  /// `context` must outlive it.
  explicit KdlCatalog(const LakeContext& context);
  ~KdlCatalog();

  /// All leaves with at least one Parquet file, sorted. Errors: kIo.
  Result<std::vector<KdlPartition>> Partitions() const;

  /// Tables with at least one readable file, sorted.
  Result<std::vector<TableName>> ListTables() const;

  /// Opens one: version 0, whose files are those that are there now and go together; partition
  /// columns provider, dataset, task, variant. Files that cannot be read, or whose columns
  /// contradict those of the others, are left out and among Problems(). Errors: kNotFound, kIo.
  Result<std::unique_ptr<table::Table>> OpenTable(const TableName& name) const;

  /// What was left out by the tables opened so far, each once.
  std::vector<std::string> Problems() const;

 private:
  const LakeContext& context_;
  mutable Mutex mutex_;
  mutable std::vector<std::string> problems_ DATALAKE_GUARDED_BY(mutex_);
};

/// The assets of a KDL lake: assets/provider=P/dataset=D/[ab/[cd/]]<sha256>.jpg, in all three
/// depths at once, found by one walk at first use. Read-only: whatever changes it gives
/// kPermissionDenied. `fs` must outlive the store.
std::unique_ptr<assets::AssetStore> OpenKdlAssets(io::FileSystem& fs, std::string root);

}  // namespace datalake::lake

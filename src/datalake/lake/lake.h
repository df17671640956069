#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/lake/layout.h"
#include "datalake/lake/schema_registry.h"

namespace datalake::assets {
class AssetStore;
}  // namespace datalake::assets

namespace datalake::table {
class Table;
}  // namespace datalake::table

namespace datalake::lake {

/// What lake.json says (docs/formats/lake.md).
struct LakeInfo {
  std::string id;  ///< UUID, made by Init
  int format_version = 0;
  Timestamp created;
};

struct InitResult {
  LakeInfo info;
  bool created = false;  ///< false: the lake was there already and nothing was changed
};

/// The newest format of lake.json that this program reads and the one that it writes.
inline constexpr int kLakeFormatVersion = 1;

/// Makes a lake at `root`: all folders, config/schema.yaml, then lake.json, which makes it one; a
/// half-made lake is completed by the next call. An existing lake is left as it is.
/// Durable when it returns. Errors: kConflict (`root` holds other files), kUnsupported (a newer
/// lake is there), kCorruption, kIo, kPermissionDenied.
Result<InitResult> InitLake(io::FileSystem& fs, const Clock& clock, Random& random,
                            std::string_view root);

/// The nearest folder at or above `start` that holds lake.json, for commands without --lake.
/// Errors: kNotFound saying how to make a lake or name one.
Result<std::string> FindLake(io::FileSystem& fs, std::string_view start);

class KdlCatalog;

/// One lake: its names, its tables, its assets, its schema. Uploads are in upload.h, feeds in
/// feed.h. Holds no lock: any number of processes may open the same lake. Thread-safe.
class Lake {
 public:
  /// Opens the lake at `root`; all arguments must outlive it. A lake of the KDL program opens too,
  /// read-only: its file system refuses whatever would change it (see kdl_catalog.h).
  /// Errors: kNotFound (no lake.json), kUnsupported (newer format), kCorruption (lake.json
  /// unreadable, or folders missing, all named), kIo.
  static Result<std::unique_ptr<Lake>> Open(io::FileSystem& fs, const Clock& clock, Random& random,
                                            std::string_view root);
  ~Lake();
  Lake(const Lake&) = delete;
  Lake& operator=(const Lake&) = delete;

  const LakeInfo& info() const { return info_; }

  const Layout& layout() const { return layout_; }

  /// Valid as long as the lake.
  const LakeContext& context() const { return context_; }

  SchemaRegistry& schema() { return schema_; }

  assets::AssetStore& assets() { return *assets_; }

  /// kPermissionDenied for a lake of the KDL program; for work that also writes past the lake's own
  /// file system, such as records of jobs.
  Status CheckWritable() const;

  /// The catalog of a lake of the KDL program; nullptr when this is one of ours.
  const KdlCatalog* kdl() const { return kdl_.get(); }

  /// Opens a table. Errors: kInvalidArgument (names), kNotFound naming the nearest, kCorruption,
  /// kIo.
  Result<std::unique_ptr<table::Table>> OpenTable(const TableName& name);

  /// All tables with at least one version, feeds' included, sorted. Cost: lists three levels of
  /// folders. Folders that are no tables are left out. Errors: kIo.
  Result<std::vector<TableName>> ListTables();

 private:
  Lake(io::FileSystem& fs, const Clock& clock, Random& random, std::string_view root);

  Layout layout_;
  LakeContext context_;
  LakeInfo info_;
  SchemaRegistry schema_;
  std::unique_ptr<io::FileSystem> read_only_;  // of a lake of the KDL program
  std::unique_ptr<assets::AssetStore> assets_;
  std::unique_ptr<KdlCatalog> kdl_;
};

}  // namespace datalake::lake

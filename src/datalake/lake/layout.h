#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "datalake/base/clock.h"
#include "datalake/base/random.h"
#include "datalake/base/result.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::lake {

/// The name of one table: three of the four levels of the hierarchy (variant is its partition).
struct TableName {
  std::string provider;
  std::string dataset;
  std::string task;

  friend bool operator==(const TableName&, const TableName&) = default;
  friend auto operator<=>(const TableName&, const TableName&) = default;
};

/// "provider/dataset/task", as in messages and SQL view names.
std::string ToString(const TableName& name);

/// The name written so; its parts are checked. Errors: kInvalidArgument.
Result<TableName> ParseTableName(std::string_view text);

/// Checks the three parts with CheckName. Errors: kInvalidArgument.
Status CheckTableName(const TableName& name);

/// The provider under which the tables of all feeds live; not usable for uploads.
inline constexpr std::string_view kFeedProvider = "feeds";

/// The table of a feed: feeds/<feed>/raw, partitioned by day.
TableName FeedTableName(std::string_view feed);

/// Where an upload is on its way in; the folder below staging/ has the same name.
enum class UploadState : std::uint8_t { kPending = 1, kProcessing = 2, kFailed = 3 };

/// "pending", "processing", "failed".
std::string_view ToString(UploadState state);

/// The paths of a lake (docs/formats/lake.md). Pure arithmetic: it checks no name and touches no
/// disk; callers check names at the door. Immutable, Thread-safe.
class Layout {
 public:
  explicit Layout(std::string root);

  const std::string& root() const { return root_; }

  std::string lake_file() const;    ///< lake.json
  std::string schema_file() const;  ///< config/schema.yaml
  std::string catalog() const;
  std::string assets() const;
  std::string collections() const;
  std::string jobs() const;
  std::string log() const;
  std::string index() const;
  std::string Staging(UploadState state) const;                      ///< staging/<state>
  std::string Upload(UploadState state, std::string_view id) const;  ///< staging/<state>/<id>
  std::string Table(const TableName& name) const;  ///< catalog/provider=P/dataset=D/task=T
  std::string Wal(std::string_view shard) const;   ///< wal/<shard>

 private:
  std::string root_;
};

/// What every part of a lake works with. All four must outlive whoever holds the context.
struct LakeContext {
  io::FileSystem& fs;
  const Clock& clock;
  Random& random;
  const Layout& layout;
};

}  // namespace datalake::lake

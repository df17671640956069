#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/base/thread_pool.h"
#include "datalake/lake/kdl_import.h"
#include "datalake/lake/lake.h"

// Internal to lake/.
namespace datalake::assets {
class AssetBatch;
class AssetLease;
struct AssetInfo;
}  // namespace datalake::assets

namespace datalake::lake {

/// Copies the assets that rows of a KDL lake link, and turns their columns `path` and `hash` into
/// ours. Single-threaded; works on `pool` inside. Keep it until the rows are committed.
class KdlLinker {
 public:
  /// `source_rows`: the columns of the source. `link_name`: the link column to add; empty: none (a
  /// collection). All arguments must outlive it.
  KdlLinker(Lake& source, Lake& target, const arrow::Schema& source_rows, std::string link_name,
            ThreadPool& pool, std::stop_token stop);
  ~KdlLinker();

  /// Gives links the form that `table`, the columns of the target, has already. Before Link.
  Status FitTo(const arrow::Schema& table);

  /// Columns of the rows given out.
  const std::shared_ptr<arrow::Schema>& schema() const { return schema_; }

  /// `where` names the rows in the report. Errors: kIo, kCancelled, kResourceExhausted.
  Result<std::shared_ptr<arrow::RecordBatch>> Link(const arrow::RecordBatch& rows,
                                                   KdlImported& counts,
                                                   std::vector<KdlDanglingLink>& links);

  /// Makes what was copied durable. Call before the rows become visible.
  Status Commit();

 private:
  struct Cell;

  Status EnsureBatch();
  Status Copy(const std::string& hash, const std::string& path, Cell& cell);
  Result<std::string> FindFile(const std::string& hash, const std::string& path, Cell& cell);
  void Report(const std::vector<Cell>& cells, KdlImported& counts,
              std::vector<KdlDanglingLink>& links);

  Lake& source_;
  Lake& target_;
  const std::string link_name_;
  std::shared_ptr<arrow::DataType> link_type_;
  ThreadPool& pool_;
  std::stop_token stop_;
  std::shared_ptr<arrow::Schema> schema_;
  bool has_links_ = false;
  std::unique_ptr<assets::AssetLease> lease_;
  std::unique_ptr<assets::AssetBatch> batch_;
  std::uint64_t batch_puts_ = 0;
  std::int64_t next_row_ = 0;
};

}  // namespace datalake::lake

#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/base/thread_pool.h"
#include "datalake/lake/lake.h"
#include "datalake/lake/picture_deriver.h"
#include "datalake/lake/source_folder.h"
#include "datalake/lake/upload.h"

namespace datalake::assets {
class AssetBatch;
struct AssetInfo;
}  // namespace datalake::assets

namespace datalake::lake {

class AssetPuts;

struct LinkCounts {
  std::uint64_t rows = 0;  ///< given out
  std::uint64_t rejected_rows = 0;
  std::uint64_t problem_assets = 0;
  std::uint64_t assets = 0;
  std::uint64_t new_assets = 0;
};

/// A row that OnBadAsset::kReject left out, as one line of the rejects file.
struct RejectedRow {
  std::string json;
};

/// Turns staged rows into rows of the table: puts their assets and links them. Assets are durable
/// only after Commit(), and safe from collection as long as the linker lives: keep it until the
/// rows are committed. Single-threaded; works on `pool` inside.
class AssetLinker {
 public:
  /// `folder` is that of the upload in staging/processing; `table` are the columns that the table
  /// has already, null when it is new. All arguments but `table` must outlive it.
  AssetLinker(Lake& lake, const UploadInfo& info, const std::string& folder,
              const arrow::Schema& staged, const arrow::Schema* table, ThreadPool& pool,
              std::stop_token stop);
  ~AssetLinker();

  /// Columns of the rows given out, without partition columns.
  const std::shared_ptr<arrow::Schema>& schema() const { return schema_; }

  /// Links the rows of one staged batch, in batches without the rejected rows. Errors: kCorruption
  /// (staged columns of another form), kCancelled, kIo, kResourceExhausted.
  Result<std::vector<std::shared_ptr<arrow::RecordBatch>>> Link(const arrow::RecordBatch& staged);

  /// Makes all assets put so far durable. Call before the rows become visible.
  Status Commit();

  const LinkCounts& counts() const { return counts_; }

  /// Takes what Link has rejected since the last call.
  std::vector<RejectedRow> TakeRejected();

 private:
  struct Cell;
  struct Column;

  Result<Column> LinkColumn(const arrow::Array& column, const AssetColumn& asset);
  Status LocateFiles(const AssetColumn& asset, Column& links);
  std::string_view ProblemOfRow(const Column& links, std::int64_t row) const;
  Status LinkCell(const arrow::Array& column, AssetColumnKind kind, std::int64_t row, Cell& cell);
  Status LinkStaged(const arrow::Array& column, AssetColumnKind kind, std::int64_t row, Cell& cell);
  Status LinkKnown(const arrow::Array& column, std::int64_t row, Cell& cell);
  Status LinkAsset(std::string_view sha256, AssetColumnKind kind, Cell& cell);
  Status LinkPut(const arrow::StructArray& staged, AssetColumnKind kind, std::int64_t row,
                 Cell& cell);
  Status TakeReference(Result<assets::AssetInfo> info, AssetColumnKind kind, Cell& cell);
  Result<std::string> ProblemBeforePut(const arrow::Array& bytes, std::int64_t row,
                                       const Cell& cell, AssetColumnKind kind);
  void Reject(const arrow::RecordBatch& staged, std::int64_t row, std::string_view column,
              std::string_view reason);
  static Result<std::shared_ptr<arrow::Array>> BuildLinks(const Column& links,
                                                          const arrow::DataType& type);
  static Result<std::shared_ptr<arrow::Array>> ListsOf(const Column& links,
                                                       const arrow::Array& cells);
  Status Derive(const arrow::Array& column, std::int64_t row, Cell& cell);
  Status AppendDerived(const Column& links, const AssetColumn& asset,
                       std::vector<std::shared_ptr<arrow::Array>>& columns);
  static Status AppendFirst(const Column& links,
                            std::vector<std::shared_ptr<arrow::Array>>& columns);
  Result<std::shared_ptr<arrow::RecordBatch>> Assemble(const arrow::RecordBatch& staged,
                                                       const std::vector<Column>& links);

  Lake& lake_;
  const UploadInfo& info_;
  SourceFolder files_;
  ThreadPool& pool_;
  std::stop_token stop_;
  PictureDeriver deriver_;
  std::shared_ptr<arrow::Schema> schema_;
  std::unique_ptr<AssetPuts> puts_;
  assets::AssetBatch* batch_ = nullptr;  // of puts_, while a column is linked
  LinkCounts counts_;
  std::uint64_t next_row_ = 0;
  std::vector<RejectedRow> rejected_;
};

}  // namespace datalake::lake

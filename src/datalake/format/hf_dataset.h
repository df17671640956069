#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/random.h"
#include "datalake/base/result.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::format {

/// How a Hugging Face dataset folder is written.
struct HfDatasetOptions {
  std::uint64_t shard_bytes = 500ULL << 20;  ///< Arrow bytes of a data file, about (HF's default)
  std::int64_t batch_rows = 1000;            ///< most rows of a record batch (HF's writer batch)
  std::string description = {};
  std::string split = {};  ///< "train" …; empty: none
  /// Files of the caller's own to stand in the folder from its first moment: name → bytes.
  std::map<std::string, std::string> extra_files = {};
};

/// What a written folder holds.
struct WrittenDataset {
  std::int64_t num_rows = 0;
  std::uint64_t size_bytes = 0;    ///< of the data files
  std::vector<std::string> files;  ///< data-00000-of-0000n.arrow …
  std::string fingerprint;         ///< 16 hex digits, a function of schema and rows
};

/// Writes one dataset folder from batches as they come; see WriteHfDataset. Single-threaded.
/// Destroyed before Publish, it leaves nothing behind.
class HfDatasetWriter {
 public:
  /// Begins the folder `directory`, whose parent exists. `fs` must outlive the writer.
  /// Errors: those of WriteHfDataset.
  static Result<std::unique_ptr<HfDatasetWriter>> Make(io::FileSystem& fs, Random& random,
                                                       std::string_view directory,
                                                       const arrow::Schema& schema,
                                                       const HfDatasetOptions& options = {});
  virtual ~HfDatasetWriter() = default;

  /// Appends rows of the schema of Make. After an error only destruction is left.
  virtual Status Write(const arrow::RecordBatch& batch) = 0;

  /// Makes the folder appear, whole and durable; call once.
  virtual Result<WrittenDataset> Publish() = 0;
};

/// Writes the folder `directory` in the form of `datasets.Dataset.save_to_disk`, which
/// `datasets.load_from_disk` reads (versions 2 to 5): data-0000i-of-0000n.arrow as IPC streams,
/// dataset_info.json with the features, state.json. Dictionary columns are decoded; every other
/// type is kept. The folder is built under a temporary name beside it and appears by one rename,
/// whole and durable; on an error nothing of it stays. A reader's schema metadata `huggingface`
/// (features such as Image) is kept when it fits the columns. Errors: kAlreadyExists (`directory`
/// exists), kUnsupported (type without an HF feature, naming the column), kIo, kResourceExhausted,
/// and those of `rows`.
Result<WrittenDataset> WriteHfDataset(io::FileSystem& fs, Random& random,
                                      std::string_view directory, arrow::RecordBatchReader& rows,
                                      const HfDatasetOptions& options = {});

/// Makes `directory`, which holds one dataset folder for each of `splits`, a `DatasetDict` folder:
/// writes dataset_dict.json. Durable. Errors: kIo, kResourceExhausted.
Status WriteHfSplits(io::FileSystem& fs, std::string_view directory,
                     const std::vector<std::string>& splits);

/// True when `directory` is a dataset folder of `save_to_disk` (state.json and dataset_info.json).
/// Errors: kIo.
Result<bool> IsHfDataset(io::FileSystem& fs, std::string_view directory);

/// The splits of a `DatasetDict` folder (dataset_dict.json), in its order: names of subfolders,
/// each a dataset; empty when `directory` is none. Errors: kCorruption, kIo.
Result<std::vector<std::string>> HfDatasetSplits(io::FileSystem& fs, std::string_view directory);

/// Rows of a dataset folder written by us or by `datasets`, in the order of its data files; memory
/// is about one record batch. The features, where kept, are in the schema's metadata `huggingface`.
/// `fs` must outlive the reader. An indices mapping (`select` before an old save) is kUnsupported.
/// Errors: kNotFound (no such folder, or no dataset in it), kCorruption (names the file), kIo.
Result<std::shared_ptr<arrow::RecordBatchReader>> OpenHfDataset(io::FileSystem& fs,
                                                                std::string_view directory);

/// The rows of all `splits` of a `DatasetDict` folder, one after the other. Errors: as
/// OpenHfDataset; kInvalidArgument (splits that disagree on a type).
Result<std::shared_ptr<arrow::RecordBatchReader>> OpenHfSplits(
    io::FileSystem& fs, std::string_view directory, const std::vector<std::string>& splits);

}  // namespace datalake::format
